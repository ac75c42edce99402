# Sourced by the job scripts (*.sbatch): the site's settings, the end of the job, a launch that hands signals on, and
# what follows an exit status of tengen: 0 done, 75 submit again, anything else stop.

say() { echo "== $(date '+%F %T') $*"; }
stop() {
  local status=$1
  shift
  say "$*" >&2
  exit "$status"
}

# What the scripts use where the site file does not say. Slurm runs a copy of the script: $jobs is the real folder.
root=$(cd "$jobs/.." && pwd)
launcher=(srun --mpi=pmix --kill-on-bad-exit=1)
again=requeue max_idle=3
tengen=
site=${TENGEN_SITE:-$jobs/site}
[ ! -e "$site" ] || . "$site"
again=${TENGEN_AGAIN:-$again}
for program in "$root/build/release/tengen" "$root/../../bin/tengen"; do # the latter: installed in share/tengen/jobs
  [ -n "$tengen" ] || [ ! -x "$program" ] || tengen=$program
done
[ -n "$tengen" ] || stop 2 "which tengen? Neither $root/build/release/tengen nor one that is installed: set tengen in $site"

# tengen ends before the job does where it knows when that is. Slurm 22.05 does not say it in the environment.
tell_end() {
  local end
  [ -z "${SLURM_JOB_END_TIME:-}" ] || return 0
  end=$(squeue -h -j "$SLURM_JOB_ID" -o %e)
  [[ $end =~ ^[0-9]{4}- ]] || return 0 # no limit
  SLURM_JOB_END_TIME=$(date -d "$end" +%s)
  export SLURM_JOB_END_TIME
  say "the job ends at ${end#*T}"
}

# Since 22.05 srun does not take the job's --cpus-per-task by itself.
[ -z "${SLURM_CPUS_PER_TASK:-}" ] || export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK

# Slurm's signals reach this shell; the ranks get them as SIGUSR1: srun and mpirun hand that on, but take SIGTERM as
# an order to kill.
on_signal() {
  signalled=1
  say "SIG$1 reached the job script: the ranks are asked to stop"
  [ -z "${child:-}" ] || kill -USR1 "$child" 2>/dev/null
}

# launch ARGS..: tengen on all ranks; its exit status. `wait` returns early at a signal, hence the loop.
launch() {
  local status=0 rc
  trap 'on_signal USR1' USR1
  trap 'on_signal TERM' TERM
  "${launcher[@]}" "$tengen" "$@" &
  child=$!
  while :; do
    signalled=
    wait "$child"
    rc=$?
    [ $rc -eq 127 ] || status=$rc
    [ -n "$signalled" ] || break
  done
  child=
  return $status
}

# srun has been seen to end with 0 when a node of its job had failed: the manifest knows better.
is_completed() { grep -qs '^"status": "completed"' "$1/manifest.json"; }

# What changes in a manifest when a run gets on, as one number. In continuous mode a start may leave nothing but shards.
progress_of() {
  grep -sE '^"(iterations|rows|steps|open_iteration|open_shard_rows|open_checkpoint_hash)"|^  \{"name": "shard-' \
    "$1/manifest.json" | cksum
}

# A job that is started again and again, by a requeue or by Slurm after a node has failed, must get the run on:
# RUN/starts keeps how many starts in a row found it as the one before had, and as what.
note_start() {
  local run=$1 now before='' idle=0
  now=$(progress_of "$run")
  if [ "${SLURM_RESTART_COUNT:-0}" -gt 0 ] && [ -e "$run/starts" ]; then
    { read -r idle && read -r before; } <"$run/starts"
    if [ "$now" = "$before" ]; then idle=$((idle + 1)); else idle=0; fi
  fi
  [ "$idle" -lt "$max_idle" ] || stop 1 "$run: $idle starts in a row brought nothing new: not started again (max_idle)"
  mkdir -p "$run" && printf '%s\n%s\n' "$idle" "$now" >"$run/starts"
}

# After status 75: this job once more, or room for the next of the chain.
submit_again() {
  local run=$1 state
  state=$(squeue -h -j "$SLURM_JOB_ID" -o %T 2>/dev/null)
  [ "$state" = RUNNING ] || stop 75 "$run can go on, but its job is ${state:-gone}: not submitted again from here"
  case $again in
    requeue)
      say "$run: to be continued: job $SLURM_JOB_ID is requeued"
      trap - TERM # Slurm ends this script; if it went by itself the job might count as completed
      scontrol requeue "$SLURM_JOB_ID" || stop 75 "the requeue was refused: submit it again by hand"
      sleep 600 &
      wait $!
      stop 75 "requeued, but still here"
      ;;
    chain)
      say "$run: to be continued by the next job of the chain"
      exit 0
      ;;
    *) stop 75 "$run can go on: submit it again" ;;
  esac
}
