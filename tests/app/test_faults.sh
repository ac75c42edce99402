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

# Where one host does not see a shard, or the file system gives an error for it, no shard is set aside: the run ends, says
# which file, and goes on once that is mended. The file is a link that leads on from each rank's own directory.
dir=$work/unseen
apart=(--iterations 4 "${opts[@]}" --set cluster.trainers=1)
ok 2 train "$config" --run "$dir" "${apart[@]}" --iterations 3
mkdir "$work/sees" "$work/blind"
shard=$dir/replay/shard-00000001.h5
mv "$shard" "$work/sees/"
ln -s /proc/self/cwd/shard-00000001.h5 "$shard"
refused() { # refused WHAT STATUS
  [ "$2" = 1 ] || fail "$1: status $2, not 1"
  grep -q "shard-00000001.h5" "$work/out" || fail "$1: the shard is not named"
  grep -qi "nothing is set aside" "$work/out" || fail "$1: not explained"
  [ "$(ls "$dir/replay" | grep -c damaged)" = 0 ] && grep -q '"quarantined": \[\]' "$dir/manifest.json" || fail "$1: a shard was set aside"
}
timeout 300 mpirun --oversubscribe --bind-to none -n 1 --wdir "$work/sees" "$tengen" train "$config" --run "$dir" "${apart[@]}" : \
  -n 1 --wdir "$work/blind" "$tengen" train "$config" --run "$dir" "${apart[@]}" >"$work/out" 2>&1
refused "a host that does not see it" $?
ln -sf "$shard" "$shard" # a loop: neither there nor gone
ranks 2 train "$config" --run "$dir" "${apart[@]}"
refused "an error of the file system" $?
mv "$work/sees/shard-00000001.h5" "$shard"
ok 2 train "$config" --run "$dir" "${apart[@]}"
grep -q '"quarantined": \[\]' "$dir/manifest.json" || fail "a shard was set aside"

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
