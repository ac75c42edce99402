#!/usr/bin/env bash
# Several hosts (two ranks each are taken for one) that write shards of their own: the manifest names all of them, and
# what reads shards takes them together. Stopped or killed and started again a run ends in the same bits.
. "$(dirname "$0")/lib.sh"
export TENGEN_HOST_RANKS=2
config=$configs/tictactoe.lua
opts=(--iterations 4 --set selfplay.games=40 --set search.visits=20 --set train.min_rows=100 --set gate.every=4
      --set gate.games=4 --set selfplay.threads=1 --set cluster.pulse_sec=0.02 --set cluster.watchdog_sec=60
      --set replay.priority_alpha=0.6 --set replay.capacity=700 --set replay.align=4096 "${short[@]}")
hosts=(--set replay.layout=per_host)
field() { sed -n "s/^ *\"$2\": \"\?\([^\",]*\)\"\?,\?$/\1/p" "$1/manifest.json" | head -n 1; }
sound() { "$tengen" inspect "$1" --verify >"$work/out" 2>&1 || fail "$1 is not sound"; }
rows_of() { grep -o "\"iteration\": $2, \"rows\": [0-9]*, \"games\": [0-9]*" "$1/manifest.json" | awk '{r += $4; g += $6} END {print r, g}'; }

ok 5 train "$config" --run "$work/hosts" "${opts[@]}" "${hosts[@]}"
sound "$work/hosts"
[ "$(ls "$work/hosts/replay" | wc -l)" = 12 ] || fail "not 3 shards of 4 iterations"
[ "$(grep -c '{"name": "shard-' "$work/hosts/manifest.json")" = 12 ] || fail "the manifest does not name 12 shards"
[ "$(field "$work/hosts" games)" = 160 ] || fail "$(field "$work/hosts" games) games, not 160"

# The first iteration's network is the same everywhere, and so are its games; only where they lie differs.
ok 2 train "$config" --run "$work/shared" "${opts[@]}" --iterations 1
[ "$(ls "$work/shared/replay" | wc -l)" = 1 ] || fail "more than one shared shard"
[ "$(rows_of "$work/shared" 0)" = "$(rows_of "$work/hosts" 0)" ] || fail "other rows than in a shared shard"

# Killed after the commit, stopped within the games: all of an iteration's shards count, or none.
for at in kill@0:train:2 kill@4:commit:3 stop@1:self-play:3 stop@2:train:4; do
  rm -rf "$work/again"
  ranks 5 train "$config" --run "$work/again" "${opts[@]}" "${hosts[@]}" --inject "$at"
  [ -e "$work/again/manifest.json" ] && sound "$work/again"
  ok 5 train "$config" --run "$work/again" "${opts[@]}" "${hosts[@]}"
  sound "$work/again"
  same "$work/hosts/checkpoint/checkpoint-000003.tgc" "$work/again/checkpoint/checkpoint-000003.tgc"
done

# Trainers of their own on each host, lag 1, then continuous mode, then all in one file again.
more=(--set cluster.trainers=1/host)
ok 5 train "$config" --run "$work/lag" "${opts[@]}" "${hosts[@]}" "${more[@]}"
ok 4 train "$config" --run "$work/lag" "${opts[@]}" "${hosts[@]}" "${more[@]}" --set cluster.mode=continuous --set train.max_steps=20 --iterations 6
sound "$work/lag"
ok 3 train "$config" --run "$work/lag" "${opts[@]}" "${more[@]}" --set train.max_steps=20 --iterations 7
sound "$work/lag"
[ "$(field "$work/lag" iterations)" = 7 ] || fail "not complete"
echo "1 passed, 0 failed"
