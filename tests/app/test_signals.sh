#!/usr/bin/env bash
# Signals, the stop file and the clock reach a run in the middle of long self-play, training or a match. With 64
# games in flight it exits with 75 in under 10 seconds; the clock's stop is never late. A simulated device takes
# the time that a network would.
. "$(dirname "$0")/lib.sh"
config=$configs/quickstart.lua
base=(--set net.backend=simulated --set selfplay.parallel_games=32 --set selfplay.threads=1 --set gate.enabled=false
      --set cluster.stop_margin_sec=2 "${short[@]}" --set report.log_level=info)
long_play=(--set selfplay.games=100000)
long_train=(--set selfplay.games=4 --set selfplay.max_plies=10 --set train.min_rows=1 --set train.rows_per_new_row=900
            --set train.batch=1 --set cluster.lag=0)
long_match=(--set selfplay.games=4 --set selfplay.max_plies=10 --set train.min_rows=1 --set gate.every=1 --set gate.games=100000
            --set gate.enabled=true)

# start DIR ARGS..: a run on two ranks, in the background; $pid is mpirun's.
start() {
  local dir=$1
  shift
  mpirun --oversubscribe --bind-to none -n 2 "$tengen" train "$config" --run "$dir" "${base[@]}" "$@" >"$work/out" 2>&1 &
  pid=$!
  for _ in $(seq 300); do # until it works
    [ -s "$dir/manifest.json" ] && sleep 1 && return
    sleep 0.1
  done
  fail "the run does not start"
}
# ends STATUS SECONDS: it ends with this status within that time.
ends() {
  local from=$SECONDS status
  for _ in $(seq $((10 * $2))); do
    kill -0 $pid 2>/dev/null || break
    sleep 0.1
  done
  kill -0 $pid 2>/dev/null && { kill -KILL $pid; fail "still there after $2 s"; }
  wait $pid
  status=$?
  [ $status = "$1" ] || fail "status $status, not $1"
}

for phase in play train match; do
  name=long_$phase[@]
  start "$work/$phase" "${!name}"
  kill -USR2 $pid
  sleep 1.2
  kill -0 $pid || fail "SIGUSR2 ended it"
  grep -q "status: iteration 1 of" "$work/out" || fail "no status line in $phase"
  kill -USR1 $pid
  ends 75 10
  grep -q "iteration 1 is left open" "$work/out" || fail "$phase was not left open"
done

start "$work/file" "${long_play[@]}"
touch "$work/file/stop"
ends 75 10
grep -q "stopping: the file stop" "$work/out" || fail "no word of the stop file"
[ ! -e "$work/file/stop" ] || fail "the stop file is still there"

# A signal that asks for a checkpoint: all is saved, the run goes on, and ends with the bits of one left alone.
few=(--set selfplay.games=200 --set selfplay.max_plies=30 --set search.visits=40 --set train.min_rows=100 --iterations 1
     --set cluster.on_usr1=checkpoint)
start "$work/save" "${few[@]}"
kill -USR1 $pid
ends 0 120
grep -q "saving all" "$work/out" || fail "no word of the checkpoint"
grep -q "is left open" "$work/out" || fail "nothing was saved"
ok 2 train "$config" --run "$work/alone" "${base[@]}" "${few[@]}"
same "$work/save/replay/shard-00000000.h5" "$work/alone/replay/shard-00000000.h5"

# The clock. Measured around the process: mpirun takes its second to see that a rank has ended with 75.
cat >"$work/timed" <<'END'
#!/usr/bin/env bash
echo $(($(date +%s%N) / 1000000)) >"$TIMES.begin.$OMPI_COMM_WORLD_RANK"
"$TIMED" "$@"
status=$?
echo $(($(date +%s%N) / 1000000)) >"$TIMES.end.$OMPI_COMM_WORLD_RANK"
exit $status
END
chmod +x "$work/timed"
export TIMED=$tengen TIMES=$work/times
tengen=$work/timed
start "$work/clock" "${long_play[@]}" --walltime 0:06
ends 75 30
for rank in 0 1; do
  took=$(($(cat "$TIMES.end.$rank") - $(cat "$TIMES.begin.$rank")))
  [ $took -le 6000 ] || fail "--walltime 0:06: rank $rank took $took ms"
done
grep -q "stopping: --walltime" "$work/out" || fail "no word of the walltime"
export SLURM_JOB_END_TIME=$(($(date +%s) + 6))
start "$work/slurm" "${long_play[@]}"
ends 75 30
for rank in 0 1; do
  late=$(($(cat "$TIMES.end.$rank") - 1000 * SLURM_JOB_END_TIME))
  [ $late -le 0 ] || fail "rank $rank stopped $late ms behind the end of the job"
done
unset SLURM_JOB_END_TIME
grep -q "stopping: end of the Slurm job" "$work/out" || fail "no word of the job's end"
grep -q '"stop_reason": "end of the Slurm job"' "$work/slurm/manifest.json" || fail "the manifest does not say why"
echo "1 passed, 0 failed"
