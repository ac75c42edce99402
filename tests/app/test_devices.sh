#!/usr/bin/env bash
# A run whose networks compute on (emulated) CUDA devices: a device for each rank, then all ranks on one. It plays,
# trains, publishes, is judged, stops and goes on; its ranks hold the same parameters.
plugin=${2:?the emulated plugin}
. "$(dirname "$0")/lib.sh"
mkdir "$work/mps" # no daemon's
export CUDA_MPS_PIPE_DIRECTORY=$work/mps
export TENGEN_CUDA_PLUGIN=$plugin TENGEN_LOG=info XDG_CACHE_HOME=$work/cache
opts=(--set net.backend=cuda --set selfplay.games=8 --set selfplay.parallel_games=4 --set selfplay.threads=1
      --set search.visits=8 --set train.min_rows=20 --set train.batch=16 --set train.max_steps=4
      --set gate.every=2 --set gate.games=2)
says() { grep -q -- "$1" "$work/out" || fail "the log does not say \"$1\""; }

ok 2 train "$configs/tictactoe.lua" --run "$work/run" --iterations 1 "${opts[@]}"
says 'rank 0: GPU 0 (emulated) at FFFF:00:00.0'
says 'rank 1: GPU 0 (emulated)'
[ "$(grep -c 'of "train" exchange device memory from device to device' "$work/out")" -eq 1 ] ||
  fail "not said once how gradients go"
grep -q "MPS" "$work/out" && fail "ranks with a device each were told to share"
[ "$(grep -c 'of "selfplay" exchange device memory from device to device' "$work/out")" -eq 1 ] ||
  fail "not said once how parameters go"

ok 2 train "$configs/tictactoe.lua" --run "$work/run" --iterations 2 "${opts[@]}"
says 'resuming'
ok 1 inspect "$work/run" --verify

TENGEN_EMULATE_SHARED=1 ok 2 train "$configs/tictactoe.lua" --run "$work/run" --iterations 3 "${opts[@]}"
says 'of "train" exchange device memory through host memory, because ranks share a device'
[ "$(grep -c "warn: ranks share a GPU on 1 of 1 hosts, and no NVIDIA MPS daemon runs (there is no $work/mps/control)" \
  "$work/out")" -eq 1 ] || fail "not said once that MPS is missing"
[ -e "$work/run/net/net-000003.tgn" ] || fail "three iterations left no third network"

# Training alone on a rank of its own, in fp16, on a device that both share with MPS; the network plays there.
touch "$work/mps/control"
TENGEN_EMULATE_SHARED=1 ok 2 train "$configs/tictactoe.lua" --run "$work/apart" --iterations 2 "${opts[@]}" --set cluster.trainers=1 \
  --set net.backend_option=fp16
[ -e "$work/apart/net/net-000001.tgn" ] || fail "no network of a rank that trains alone"
grep -q "MPS" "$work/out" && fail "MPS runs, and is said to be missing"
printf 'genmove b\nquit\n' | timeout 100 "$tengen" gtp --net "$work/run/net/net-000003.tgn" --game gomoku \
  --backend cuda --visits 4 >"$work/out" 2>&1 || fail "gtp on the device"
grep -q '^= [A-C][1-3]' "$work/out" || fail "no move from the device"
echo "passed"
