#!/usr/bin/env bash
# A run killed with SIGKILL in any phase and started again ends in the very parameters and shards of the run
# that was not; with both ranks in both roles, and with a trainer of its own (lag 1).
. "$(dirname "$0")/lib.sh"
opts=(--iterations 4 --set selfplay.games=30 --set train.min_rows=100 --set gate.every=2 --set gate.games=8
      --set 'replay.priority_alpha={{upto=1,value=0.6},{upto=2,value=0},{upto=9,value=0.3}}' --set selfplay.previous_share=0.3 --set replay.capacity=500
      --set selfplay.threads=1 "${short[@]}")

check() { # check NAME RANKS EXTRA..
  local name=$1 n=$2
  shift 2
  ok "$n" train "$configs/tictactoe.lua" --run "$work/$name" "${opts[@]}" "$@"
  for at in 0:self-play:3 1:self-play:1 0:commit:2 1:train:2 0:train:3 0:publish:1 0:match:4 1:checkpoint:3 0:manifest:2; do
    local dir=$work/$name-killed
    rm -rf "$dir"
    # A rank without a part in the phase is not killed there: then the run just completes.
    ranks "$n" train "$configs/tictactoe.lua" --run "$dir" "${opts[@]}" "$@" --inject "kill@$at"
    ok "$n" train "$configs/tictactoe.lua" --run "$dir" "${opts[@]}" "$@"
    for file in replay/shard-00000000.h5 replay/shard-00000001.h5 replay/shard-00000002.h5 replay/shard-00000003.h5; do
      same "$work/$name/$file" "$dir/$file"
    done
    same "$work/$name/checkpoint/checkpoint-000003.tgc" "$dir/checkpoint/checkpoint-000003.tgc"
    local last
    last=$(cd "$work/$name/net" && ls | tail -n 1)
    same "$work/$name/net/$last" "$dir/net/$last"
  done
}
check both 2
# The schedule of priority_alpha is followed: another value in the last iteration is another network.
ok 2 train "$configs/tictactoe.lua" --run "$work/alpha" "${opts[@]}" \
  --set 'replay.priority_alpha={{upto=1,value=0.6},{upto=2,value=0},{upto=3,value=0.3},{upto=9,value=0}}'
same "$work/both/net/net-000003.tgn" "$work/alpha/net/net-000003.tgn"
cmp -s "$work/both/net/net-000004.tgn" "$work/alpha/net/net-000004.tgn" && fail "network 4 is the same by another priority_alpha"

# Put back by hand, manifest.json.bak finds the checkpoint that it names, however few are kept.
dir=$work/back
ranks 2 train "$configs/tictactoe.lua" --run "$dir" "${opts[@]}" --set report.keep_checkpoints=2 --inject kill@0:self-play:4
[ "$(ls "$dir/checkpoint" | wc -l)" = 2 ] || fail "not 2 checkpoints"
cmp -s "$dir/manifest.json" "$dir/manifest.json.bak" && fail "manifest.json.bak is no older one"
mv "$dir/manifest.json.bak" "$dir/manifest.json"
ok 2 train "$configs/tictactoe.lua" --run "$dir" "${opts[@]}"
same "$work/both/checkpoint/checkpoint-000003.tgc" "$dir/checkpoint/checkpoint-000003.tgc"
ranks 1 train "$configs/tictactoe.lua" --run "$work/few" "${opts[@]}" --set report.keep_checkpoints=1
[ $? = 2 ] || fail "keep_checkpoints = 1 is not refused"
check lag 3 --set cluster.trainers=1
echo "1 passed, 0 failed"
