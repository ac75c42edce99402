#!/usr/bin/env bash
# A run that is stopped in any phase exits with 75 within seconds, and started again, on another number of ranks
# too, it ends in the very bits of the run that was not stopped. Nothing is lost but batches under way.
. "$(dirname "$0")/lib.sh"
opts=(--iterations 3 --set selfplay.games=120 --set train.min_rows=100 --set gate.every=2 --set gate.games=20
      --set gate.visits=200 --set replay.priority_alpha=0.6 --set selfplay.previous_share=0.3
      --set replay.capacity=1500 --set selfplay.threads=1 --set search.visits=60
      --set selfplay.cheap_share=0.3 --set cluster.pulse_sec=0.02 "${short[@]}")
config=$configs/tictactoe.lua
n_kept=0
files=(replay/shard-00000000.h5 replay/shard-00000001.h5 replay/shard-00000002.h5 checkpoint/checkpoint-000002.tgc)

for kind in both lag; do
  extra=()
  [ $kind = lag ] && extra=(--set cluster.trainers=1)
  ok 3 train "$config" --run "$work/$kind" "${opts[@]}" "${extra[@]}"
  last=$(cd "$work/$kind/net" && ls | tail -n 1)
  for at in 1:self-play:2 2:train:2 0:match:2 0:commit:1 0:checkpoint:2; do
    dir=$work/$kind-stopped
    rm -rf "$dir"
    ranks 3 train "$config" --run "$dir" "${opts[@]}" "${extra[@]}" --inject "stop@$at"
    status=$?
    [ $status = 75 ] || fail "stop@$at ($kind): status $status, not 75"
    case $at in # what was not lost
      1:self-play:2) kept="replay/open-00000001.h5 checkpoint/open-000001.tgg" ;;
      2:train:2) kept=checkpoint/open-000001.tgc ;;
      *) kept= ;; # a match this short may be over before the stop is heard
    esac
    # A phase this short may be over before the stop is heard: then there is nothing to keep.
    for file in $kept; do [ -s "$dir/$file" ] && n_kept=$((n_kept + 1)); done
    ok 2 train "$config" --run "$dir" "${opts[@]}" "${extra[@]}"
    for file in "${files[@]}" "net/$last"; do same "$work/$kind/$file" "$dir/$file"; done
    [ -z "$(find "$dir" -name 'open-*')" ] || fail "stop@$at ($kind) leaves files behind"
  done
done

# Games in flight cannot be written: those that are finished are kept all the same.
for again in 1 2 3 4 5; do
  dir=$work/unwritten
  rm -rf "$dir"
  ok 3 train "$config" --run "$dir" "${opts[@]}" --iterations 1
  mkdir "$dir/checkpoint/open-000001.tgg.tmp"
  ranks 3 train "$config" --run "$dir" "${opts[@]}" --inject stop@1:self-play:2
  status=$?
  [ $status = 75 ] || fail "games in flight that cannot be written: status $status, not 75"
  [ -s "$dir/replay/open-00000001.h5" ] && grep -q "games in flight are not kept" "$work/out" && break
  [ $again -lt 5 ] || fail "no finished games are kept, or no word of the others"
done
rmdir "$dir/checkpoint/open-000001.tgg.tmp"
ok 2 train "$config" --run "$dir" "${opts[@]}"
for file in "${files[@]}"; do same "$work/both/$file" "$dir/$file"; done
[ "$n_kept" -gt 0 ] || fail "no stop was heard within its phase"
echo "1 passed, 0 failed"
