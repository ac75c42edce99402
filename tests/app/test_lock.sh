#!/usr/bin/env bash
# Two jobs in one run directory: the second is refused and spoils nothing, on file systems with locks and without; a job
# that was killed, or whose lock outlives it without a sign of life, keeps nobody out for long.
. "$(dirname "$0")/lib.sh"
opts=(--set selfplay.games=60 --set search.visits=16 --set train.min_rows=100 --set gate.enabled=false --set selfplay.threads=1
      --set cluster.watchdog_sec=10 --set cluster.pulse_sec=0.05 "${short[@]}")
config=$configs/tictactoe.lua
dir=$work/run
first=
trap '[ -z "$first" ] || kill -KILL $first 2>/dev/null; rm -rf "$work"' EXIT
begin() { # a job that goes on and on, and is at work
  "$tengen" train "$config" --run "$dir" --iterations 1000000 "${opts[@]}" >"$work/first" 2>&1 &
  first=$!
  for ((i = 0; i < 200; i++)); do
    grep -q '"status": "running"' "$dir/manifest.json" 2>/dev/null && grep -q '"iterations": [1-9]' "$dir/manifest.json" && return
    sleep 0.1
  done
  fail "the first job does not run"
}

for locks in yes no; do
  if [ $locks = no ]; then export TENGEN_NO_LOCKS=1; fi
  begin
  "$tengen" status "$dir" | grep -q ', running; last heard of' || fail "a job that works is not said to run"
  ranks 2 train "$config" --run "$dir" --iterations 1000000 "${opts[@]}"
  status=$?
  [ $status = 1 ] || fail "locks $locks: the second job: status $status, not 1"
  grep -q "another job works in this directory (rank 0: host $(hostname), process $first)" "$work/out" || fail "locks $locks: not explained"
  SLURM_NTASKS=2 ranks 1 train "$config" --run "$dir" --iterations 1000000 "${opts[@]}"
  grep -q "needs srun --mpi=pmix" "$work/out" || fail "locks $locks: ranks that do not know each other are not told why"
  kill -0 $first || fail "locks $locks: the first job has ended"
  if [ $locks = yes ]; then kill -KILL $first; else kill -TERM $first; fi
  wait $first
  "$tengen" inspect "$dir" --verify >"$work/out" 2>&1 || fail "locks $locks: not sound"
  done=$(sed -n 's/^"iterations": \([0-9]*\),/\1/p' "$dir/manifest.json") from=$SECONDS
  ok 1 train "$config" --run "$dir" --iterations $((done + 2)) "${opts[@]}"
  [ $((SECONDS - from)) -le 15 ] || fail "locks $locks: the next start took $((SECONDS - from)) s"
done

# A file "stop" that came too late does not end the next start before it has begun.
touch "$dir/stop"
ok 1 train "$config" --run "$dir" --iterations $((done + 2)) "${opts[@]}"
ok 1 train "$config" --run "$dir" --iterations $((done + 3)) "${opts[@]}"

# Without locks, behind a job that was killed: nobody writes, so it goes on.
begin
kill -KILL $first
wait $first
done=$(sed -n 's/^"iterations": \([0-9]*\),/\1/p' "$dir/manifest.json")

# Its last sign of life is what any rank said last, not the end of its last iteration.
sleep 3
touch "$dir/ranks"
"$tengen" status "$dir" >"$work/out" 2>&1 || fail "no status"
grep -q "running; last heard of 00:00:0[01] ago" "$work/out" || fail "the file ranks is no sign of life"
ok 1 train "$config" --run "$dir" --iterations $((done + 2)) "${opts[@]}"

# With locks: held by what says nothing, then let go; it waits for that.
unset TENGEN_NO_LOCKS
flock "$dir/lock" sleep 4 &
sleep 0.5
ok 1 train "$config" --run "$dir" --iterations $((done + 3)) "${opts[@]}"
"$tengen" inspect "$dir" --verify >"$work/out" 2>&1 || fail "not sound"
echo "1 passed, 0 failed"
