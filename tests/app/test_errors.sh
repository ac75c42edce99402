#!/usr/bin/env bash
# Bad input: one clear error that names the cause, the right exit status, no hang, nothing lost.
. "$(dirname "$0")/lib.sh"
base=$configs/tictactoe.lua
opts=(--set selfplay.games=20 --set train.min_rows=50 --set selfplay.threads=1 "${short[@]}")
n_checks=0

# refused STATUS WORD.. -- N ARGS..: exit status, and every word in the output.
refused() {
  local status=$1 words=()
  shift
  while [ "$1" != -- ]; do words+=("$1"); shift; done
  shift
  ranks "$@"
  local got=$?
  [ $got -eq "$status" ] || fail "status $got, expected $status: tengen ${*:2}"
  for word in "${words[@]}"; do
    grep -qF -- "$word" "$work/out" || fail "no \"$word\" in the output of: tengen ${*:2}"
  done
  [ "$(grep -c 'error:' "$work/out")" -eq 1 ] || fail "not exactly one error line: tengen ${*:2}"
  n_checks=$((n_checks + 1))
}
config() { printf '%s\n' "$1" >"$work/bad.lua"; }

# --- the config
refused 2 missing.lua -- 2 train "$work/missing.lua" --run "$work/x"
config 'return { game = { kind = "gomoku", size = 3 }, serch = { visits = 4 } }'
refused 2 bad.lua serch search -- 2 train "$work/bad.lua" --run "$work/x"
config 'return { search = { visits = "many" } }'
refused 2 bad.lua search.visits -- 2 train "$work/bad.lua" --run "$work/x"
config 'return { search = { visits = -4 } }'
refused 2 bad.lua search.visits -4 -- 2 train "$work/bad.lua" --run "$work/x"
config 'return { game = '
refused 2 bad.lua -- 2 train "$work/bad.lua" --run "$work/x"
config 'while true do end'
refused 2 bad.lua instruction -- 2 train "$work/bad.lua" --run "$work/x"
config 'os.execute("true") return {}'
refused 2 bad.lua os -- 2 train "$work/bad.lua" --run "$work/x"
refused 2 selfplay.games 0 -- 2 train "$base" --run "$work/x" --set selfplay.games=0
refused 2 search.visit search.visits -- 2 train "$base" --run "$work/x" --set search.visit=3
refused 2 cluster.trainers 2 ranks -- 2 train "$base" --run "$work/x" --set cluster.trainers=2
refused 2 nosuch -- 2 train "$base" --run "$work/x" --set net.backend=nosuch
refused 2 nosuch.bin.gz -- 2 train "$base" --run "$work/x" --set net.start_from=nosuch.bin.gz
[ ! -e "$work/x/manifest.json" ] || fail "a refused config left a manifest"

# --- a device that is not there
echo rubbish >"$work/rubbish.so"
on_cuda=(2 train "$base" --run "$work/y" --set net.backend=cuda)
TENGEN_CUDA_PLUGIN=$work/missing.so refused 1 "no CUDA plugin" missing.so -- "${on_cuda[@]}"
TENGEN_CUDA_PLUGIN=$work/rubbish.so refused 1 "CUDA plugin does not load" rubbish.so -- "${on_cuda[@]}"
if [ -e "$(dirname "$tengen")/libtengen_cuda.so" ]; then
  CUDA_VISIBLE_DEVICES= refused 1 "no CUDA device" -- "${on_cuda[@]}"
fi

# --- the command line
refused 2 "unknown option --nosuch" -- 2 train "$base" --nosuch
refused 2 --iterations 12x -- 1 train "$base" --iterations 12x
refused 2 --games -- 1 match --a x --b random --games 0
refused 2 missing.tgn -- 2 match --a "$work/missing.tgn" --b random
refused 2 unknown nosuch -- 1 nosuch

# --- a run directory
ok 2 train "$base" --run "$work/run" --iterations 2 "${opts[@]}"
cp -r "$work/run" "$work/good"
restore() { rm -rf "$work/run"; cp -r "$work/good" "$work/run"; }
go_on=(2 train "$base" --run "$work/run" --iterations 3 "${opts[@]}")
flip() { # flip FILE: one bit in its middle
  local at=$(($(stat -c %s "$1") / 2)) byte
  byte=$(od -An -tu1 -j "$at" -N 1 "$1")
  printf "\\x$(printf %x $((byte ^ 4)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}

refused 2 "another game" "$work/run" -- 2 train "$configs/gomoku15.lua" --run "$work/run" "${short[@]}"
refused 2 "seed" -- 2 train "$base" --run "$work/run" --seed 99 "${opts[@]}"
flip "$work/run/manifest.json"
refused 1 manifest.json -- "${go_on[@]}"
restore
truncate -s 100 "$work/run/manifest.json"
refused 1 manifest.json -- "${go_on[@]}"
cmp -s "$work/good/net/net-000001.tgn" "$work/run/net/net-000001.tgn" || fail "a damaged manifest lost a network"
restore
flip "$work/run/checkpoint/checkpoint-000001.tgc"
refused 1 checkpoint-000001.tgc -- "${go_on[@]}"
restore
truncate -s 1000 "$work/run/checkpoint/checkpoint-000001.tgc"
refused 1 checkpoint-000001.tgc -- "${go_on[@]}"
restore
rm "$work/run/checkpoint/checkpoint-000001.tgc"
refused 1 checkpoint-000001.tgc -- "${go_on[@]}"

# A damaged shard is set aside, named, counted, and the run goes on.
for damage in flip "truncate -s 3000" rm; do
  restore
  $damage "$work/run/replay/shard-00000000.h5"
  ok "${go_on[@]}"
  grep -q "shard-00000000.h5: set aside" "$work/out" || fail "the damaged shard was not named ($damage)"
  grep -q shard-00000000.h5 "$work/run/manifest.json" || fail "the manifest does not name it"
  n_checks=$((n_checks + 1))
done

# A network file that is damaged where it is needed.
restore
flip "$work/run/net/net-000002.tgn"
refused 1 net-000002.tgn -- "${go_on[@]}"
refused 1 net-000002.tgn -- 2 match --a "$work/run/net/net-000002.tgn" --b random

# A board larger than the network's tensor; a network of another game.
config 'return { game = { kind = "go", size = 5, sizes = {9} }, net = "b2c16" }'
refused 2 "9 x 9" tensor -- 2 train "$work/bad.lua" --run "$work/x"
refused 2 gomoku "not go" -- 1 match --a "$work/good/net/net-000001.tgn" --b random --config "$configs/quickstart.lua"

# What the gate does in lockstep alone is refused where it would not be done.
for option in gate.rollback=true gate.min_baseline_score=0.5; do
  refused 2 "${option%=*}" lockstep -- 2 train "$base" --run "$work/y" --set cluster.mode=continuous \
    --set cluster.trainers=1 --set "$option" "${opts[@]}"
done

# A full disk, at the shard, at the network, at the checkpoint. What was there before stays, and when there is
# room again the run goes on as if nothing had been.
for phase in commit publish checkpoint; do
  restore
  refused 1 "File too large" -- "${go_on[@]}" --inject "disk-full@0:$phase:3"
done
ok "${go_on[@]}"
ok 2 train "$base" --run "$work/good" --iterations 3 "${opts[@]}"
same "$work/run/net/net-000003.tgn" "$work/good/net/net-000003.tgn"
n_checks=$((n_checks + 1))
echo "$n_checks passed, 0 failed"
