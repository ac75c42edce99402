#!/usr/bin/env bash
# The job scripts do what tengen's exit status asks for, with commands that stand in for Slurm's: 0 ends the job, 75
# requeues it unless it was cancelled or does not get on, a failure ends it. Signals and the job's end reach tengen.
. "$(dirname "$0")/lib.sh"
jobs=$source_dir/jobs
mkdir -p "$work/bin"
cd "$work" || exit 1

cat >bin/squeue <<'END'
#!/bin/sh
case $5 in %T) cat state ;; %e) cat end ;; esac
END
cat >bin/scontrol <<'END'
#!/bin/sh
[ "$1" = requeue ] || exit 1
echo "$2" >>requeued
kill -TERM $PPID
END
cat >bin/sbatch <<'END'
#!/bin/sh
echo "$TENGEN_AGAIN $*" >>submitted
wc -l <submitted
END
# A program that does what $work/do says: it gets its run directory as --run DIR.
cat >bin/program <<'END'
#!/bin/bash
while [ "$1" != --run ]; do shift; done
run=$2
echo "${SLURM_JOB_END_TIME:-unset}" >heard_end
. ./do
END
echo "launcher=(env) tengen=$work/bin/program max_idle=3" >site
chmod +x bin/*
export PATH=$work/bin:$PATH TENGEN_SITE=$work/site TENGEN_JOBS=$jobs SLURM_JOB_ID=17 SLURM_JOB_NODELIST=n1
unset SLURM_JOB_END_TIME SLURM_RESTART_COUNT TENGEN_AGAIN

# job STATUS WHAT-TENGEN-DOES: jobs/train.sbatch ends with this status.
job() {
  rm -f requeued
  echo "$2" >do
  timeout 60 bash "$jobs/train.sbatch" game.lua --run "$work/run" >out 2>&1
  local status=$?
  [ $status = "$1" ] || fail "train.sbatch ends with $status, not $1, where tengen does: $2"
}
requeued() { [ "$(cat requeued 2>/dev/null)" = 17 ]; }
advance() { echo "\"iterations\": $1," >"$work/run/manifest.json"; }
complete='mkdir -p "$run"; echo "\"status\": \"completed\"," >"$run/manifest.json"; exit 0'
echo RUNNING >state
echo N/A >end

job 0 "$complete"
requeued && fail "a run that is done is requeued"
[ "$(cat heard_end)" = unset ] || fail "a job without limit gets an end: $(cat heard_end)"
job 143 "exit 75"
requeued || fail "status 75 is not requeued"
job 3 "echo bad luck >&2; exit 3"
requeued && fail "a failure is requeued"
grep -q "bad luck" out && grep -q "status 3: not submitted again" out || fail "the failure is not shown"
for status in 137 138 143; do
  job 143 "exit $status"
  requeued || fail "ranks that were killed ($status) are not requeued"
done
job 143 'rm "$run/manifest.json"; exit 0'
requeued || fail "srun's 0 is taken for the end of a run that is not completed"
job 139 "exit 139"
requeued && fail "a crash is requeued"
for state in CANCELLED COMPLETING PREEMPTED; do
  echo $state >state
  job 75 "exit 75"
  requeued && fail "a job that is $state is requeued"
done
echo RUNNING >state
TENGEN_AGAIN=chain job 0 "exit 75"
requeued && fail "a job of a chain is requeued"
TENGEN_AGAIN=no job 75 "exit 75"
requeued && fail "requeued against the site's will"

# The end of the job: Slurm 22.05 says it to squeue only.
echo 2031-05-06T07:08:09 >end
job 0 "$complete"
[ "$(cat heard_end)" = "$(date -d 2031-05-06T07:08:09 +%s)" ] || fail "the job ends at $(cat heard_end)?"
SLURM_JOB_END_TIME=1234 job 0 "$complete"
[ "$(cat heard_end)" = 1234 ] || fail "Slurm's own word is not taken"

# No progress: three starts that find nothing new, and it is over. Progress begins the count anew.
export SLURM_RESTART_COUNT
rm -rf run
mkdir run
advance 1
for SLURM_RESTART_COUNT in 0 1 2; do
  job 143 "exit 75"
  requeued || fail "start $SLURM_RESTART_COUNT is the last"
done
advance 2
for SLURM_RESTART_COUNT in 3 4 5; do job 143 "exit 75"; done
SLURM_RESTART_COUNT=6 job 1 "touch started; exit 75"
requeued && fail "requeued for ever"
[ ! -e started ] || fail "started once more"
grep -q "3 starts in a row brought nothing new" out || fail "no word of why"
SLURM_RESTART_COUNT=0 job 143 "exit 75" # submitted by hand: it may try again
for SLURM_RESTART_COUNT in 1 2 3 4 5 6; do # starts that leave a shard each, and finish no iteration
  job 143 "printf '  {\"name\": \"shard-0000000$SLURM_RESTART_COUNT.h5\"},\n' >>\"\$run/manifest.json\"; exit 75"
  requeued || fail "start $SLURM_RESTART_COUNT is the last, though each leaves a shard"
done
unset SLURM_RESTART_COUNT

# A signal to the script goes on to tengen, whose status still counts.
for signal in USR1 TERM; do
  rm -f requeued ready
  echo 'trap "sleep 0.5; exit 75" USR1; touch ready; while :; do sleep 0.1; done' >do
  bash "$jobs/train.sbatch" game.lua --run "$work/run" >out 2>&1 &
  pid=$!
  for _ in $(seq 100); do [ -e ready ] && break || sleep 0.1; done
  kill -$signal $pid
  for _ in $(seq 100); do [ -e requeued ] && break || sleep 0.1; done
  kill -KILL $pid 2>/dev/null
  wait $pid 2>/dev/null
  requeued || fail "SIG$signal does not end in a requeue: $(cat out)"
done

# A chain: each job waits for the one before.
bash "$jobs/chain.sh" 3 -N 2 jobs/train.sbatch game.lua >out 2>&1 || fail "chain.sh"
[ "$(wc -l <submitted)" = 3 ] || fail "not three jobs"
sed -n 3p submitted | grep -q "^chain .*--dependency=afterok:2 .*-N 2 jobs/train.sbatch game.lua" || fail "$(sed -n 3p submitted)"

# scaling.sbatch and match.sbatch with the real program.
echo "launcher=(mpirun --oversubscribe --bind-to none) tengen=$tengen" >site
export SLURM_NTASKS=2 SLURM_JOB_NUM_NODES=1
ITERATIONS=1 GAMES=20 bash "$jobs/scaling.sbatch" "$configs/tictactoe.lua" --set train.min_rows=50 --set search.visits=10 \
  >out 2>&1 || fail "scaling.sbatch"
[ "$(awk '($1 == 1 || $1 == 2) && $2 > 0 {n++} END {print n}' runs/scaling-17/scaling.tsv)" = 2 ] ||
  fail "no speeds: $(cat runs/scaling-17/scaling.tsv)"
grep -q '"games": 40' runs/scaling-17/2/manifest.json || fail "games per rank do not stay the same"
net=runs/scaling-17/2/net/net-000001.tgn
bash "$jobs/match.sbatch" --a $net --b random --games 10 --visits 5 --config "$configs/tictactoe.lua" >out 2>&1 || fail "match.sbatch"
grep -q '"games"' out || fail "no result of the match"
cat runs/scaling-17/scaling.tsv
echo "1 passed, 0 failed"
