#!/usr/bin/env bash
# A rank that is stopped (SIGSTOP) in any phase is named within the watchdog's limit; the job ends with status 1 on
# every rank and leaves no process behind. A rank that only takes long, training or playing, may take as long as it likes.
. "$(dirname "$0")/lib.sh"
opts=(--iterations 3 --set selfplay.games=60 --set train.min_rows=50 --set selfplay.threads=1 --set gate.every=1
      --set cluster.watchdog_sec=3 "${short[@]}")

for at in 1:train:1 0:self-play:2 2:commit:1 1:match:2; do
  dir=$work/run-${at//:/-}
  from=$SECONDS
  ranks 3 train "$configs/tictactoe.lua" --run "$dir" "${opts[@]}" --inject "hang@$at"
  status=$?
  took=$((SECONDS - from))
  [ $status = 1 ] || fail "hang@$at: status $status, not 1"
  [ $took -le 20 ] || fail "hang@$at: ended after $took s"
  grep -q "rank ${at%%:*} (host .* has not been heard of .* last in phase $(echo "$at" | cut -d: -f2)" "$work/out" ||
    fail "hang@$at: the rank is not named"
  grep -q "on \".*\" has waited [34] s, limit 3 s: ending the job" "$work/out" || fail "hang@$at: no word of the collective"
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    ps -eo args | grep -F -- "$dir" | grep -qv grep || break
    sleep 0.3
  done
  ps -eo args | grep -F -- "$dir" | grep -v grep && fail "hang@$at: processes are left behind"
  [ "$(wc -l <"$dir/ranks")" = 3 ] || fail "hang@$at: the file ranks does not have a line for each"
done

few=(--iterations 2 --set selfplay.games=120 --set train.min_rows=50 --set train.batch=16 --set selfplay.threads=1
     --set cluster.trainers=1 --set cluster.watchdog_sec=2 --set report.log_level=info)
for at in 2:train:2 1:self-play:2; do
  TENGEN_LOG=info ok 3 train "$configs/tictactoe.lua" --run "$work/slow-${at//:/-}" "${few[@]}" --inject "slow-rank@$at"
  grep -q "has waited [23] s; it goes on, for others do: rank ${at%%:*} in phase $(echo "$at" | cut -d: -f2)" "$work/out" ||
    fail "slow-rank@$at: no word of the long wait"
done
echo "1 passed, 0 failed"
