#!/usr/bin/env bash
# Under a real Slurm (one's own, on this machine): jobs/train.sbatch is submitted, gets SIGUSR1, is requeued, goes on, and
# ends in the very parameters of a run that was left alone. A failure is not requeued, nor is a job that was cancelled.
. "$(dirname "$0")/lib.sh"
. "$source_dir/tests/support/slurm.sh"
trap 'slurm_close; rm -rf "$work"' EXIT
chmod 711 "$work"
cd "$work" || exit 1
touch out

slurm_open "$work/slurm" 1 || { echo "skipped: $slurm_why"; exit 77; }
export TENGEN_SITE=$work/site TENGEN_LOG=info
unset SLURM_JOB_END_TIME
echo "tengen=$tengen" >site
config=$configs/tictactoe.lua
opts=(--iterations 4 --set selfplay.games=300 --set selfplay.threads=1 --set train.min_rows=100 --set cluster.stop_margin_sec=10)

# submit LOG ARGS..: the number of the job that trains on two ranks.
submit() {
  local log=$1
  shift
  sbatch --parsable -n 2 -t 10 -o "$work/$log" "$source_dir/jobs/train.sbatch" "$config" "$@" 2>out || fail "sbatch"
}
state() { squeue -h -t all -j "$1" -o %T; }
# until_true SECONDS COMMAND..
until_true() {
  local n=$((5 * $1))
  shift
  for _ in $(seq $n); do
    "$@" && return
    sleep 0.2
  done
  cat "$work"/*.log >out 2>/dev/null
  fail "in vain: $*; $(squeue -h -t all -o '%i %T %r')"
}
is() { [ "$(state "$1")" = "$2" ]; }
iterations_of() { [ "$(sed -n 's/^"iterations": \([0-9]*\),/\1/p' "$1/manifest.json" 2>/dev/null)" -ge "$2" ] 2>/dev/null; }

job=$(submit run.log --run "$work/run" "${opts[@]}") || exit 1
until_true 180 iterations_of run 1
scancel --batch --signal=USR1 "$job"
until_true 180 is "$job" COMPLETED
grep -q "SIGUSR1 reached the job script" run.log || fail "no SIGUSR1"
grep -q "is left open" run.log || fail "nothing was left open: $(cat run.log)"
grep -q "start 2: " run.log || fail "not requeued: $(cat run.log)"
grep -q "resuming .* of 4 iterations are done" run.log || fail "not resumed"
"$tengen" inspect run --verify >out 2>&1 || fail "inspect --verify"
grep -q "sound " out || fail "not sound"

# A failure ends it, a cancelled job stays away.
bad=$(submit bad.log --run "$work/bad" --set selfplay.games=minus) || exit 1
until_true 180 is "$bad" FAILED
grep -q "selfplay.games" bad.log && grep -q "status 2: not submitted again" bad.log || fail "the failure is not told: $(cat bad.log)"
gone=$(submit gone.log --run "$work/gone" --iterations 1000) || exit 1
until_true 180 iterations_of gone 1
scancel "$gone"
until_true 180 is "$gone" CANCELLED
"$tengen" inspect gone --verify >out 2>&1 || fail "a cancelled job leaves a damaged run"

ok 2 train "$config" --run "$work/alone" "${opts[@]}"
for file in net/net-000004.tgn checkpoint/checkpoint-000003.tgc replay/shard-00000001.h5 replay/shard-00000003.h5; do
  same "run/$file" "alone/$file"
done
slurm_close
[ -z "$(slurm_processes)" ] || fail "processes are left: $(slurm_processes)"
echo "1 passed, 0 failed"
