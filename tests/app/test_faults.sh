#!/usr/bin/env bash
# Torn and damaged files, bad gradients, slow ranks: every start goes on from what is on disk or says which file is at
# fault.
. "$(dirname "$0")/lib.sh"
opts=(--set selfplay.games=60 --set search.visits=16 --set train.min_rows=100 --set gate.every=2 --set gate.games=6 --set selfplay.threads=1
      --set replay.priority_alpha=0.6 --set selfplay.previous_share=0.2 --set replay.capacity=1000
      --set cluster.pulse_sec=0.05 "${short[@]}")
config=$configs/tictactoe.lua
field() { sed -n "s/^ *\"$2\": \"\?\([^\",]*\)\"\?,\?$/\1/p" "$1/manifest.json" | head -n 1; }

# What the disk made of the newest file: detected, and the iteration done again, or an end that names the file.
few=(--iterations 4 "${opts[@]}")
alone() { timeout 300 "$tengen" "$@" >"$work/out" 2>&1; } # one rank: no other is needed to damage a file
ok 2 train "$config" --run "$work/whole" "${few[@]}"
for kind in torn-write bit-flip; do
  for at in 0:train:3 0:publish:3 0:match:4 0:manifest:3 0:self-play:4; do
    dir=$work/$kind
    rm -rf "$dir"
    alone train "$config" --run "$dir" "${few[@]}" --inject "$kind@$at"
    damaged=$(sed -n 's/.*damaging \(.*\)$/\1/p' "$work/out" | head -n 1)
    [ -n "$damaged" ] || fail "$kind@$at damaged nothing"
    ranks 2 train "$config" --run "$dir" "${few[@]}"
    status=$?
    if [ $status = 0 ]; then
      [ "$(field "$dir" iterations)" = 4 ] || fail "$kind@$at: not complete"
    else
      [ $status -le 2 ] || fail "$kind@$at: status $status"
      grep -q "$(basename "$damaged")" "$work/out" || fail "$kind@$at: $damaged is not named"
    fi
  done
done

# Gradients that are no numbers are skipped and counted; too many in a row send training back to its checkpoint.
ok 2 train "$config" --run "$work/nan" "${few[@]}" --inject nan-gradient@0:train:2
[ "$(field "$work/nan" skipped_steps)" = 3 ] || fail "$(field "$work/nan" skipped_steps) skipped steps, not 3"
TENGEN_LOG=warn ranks 2 train "$config" --run "$work/back" "${few[@]}" --set train.max_skipped=2 --inject nan-gradient@0:train:2 ||
  fail "a run that diverged once does not go on"
grep -q "training goes back to the checkpoint after iteration 1" "$work/out" || fail "no word of going back"
[ "$(field "$work/back" iterations)" = 4 ] || fail "not complete"

# A slow rank changes nothing.
ok 2 train "$config" --run "$work/slow" "${few[@]}" --inject slow-rank@1:self-play:2
same "$work/whole/replay/shard-00000003.h5" "$work/slow/replay/shard-00000003.h5"
echo "1 passed, 0 failed"
