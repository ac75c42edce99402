#!/usr/bin/env bash
# The life of a run under Slurm, on a Slurm of our own: two nodes on this machine (needs root), loopback only.
# - Slurm's own walltime signal: requeue, resume;
# - a node dies with all that runs there: Slurm requeues, the run resumes from what was committed;
# - the job's time limit, with no signal at all: tengen ends before it by its own clock;
# - it finishes, with the very parameters of a run that nothing has disturbed.
# usage: [ITERATIONS=N] benchmarks/slurm_story.sh       prints the story as Markdown
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../jobs/env.sh"
. "$root/tests/support/slurm.sh"
tengen=${TENGEN:-$root/build/release/tengen}
work=$(mktemp -d /tmp/tengen-story-XXXXXX)
chmod 711 "$work"
trap 'slurm_close; rm -rf "$work"' EXIT
from=$SECONDS
tell() { printf '%4d s  %s\n' $((SECONDS - from)) "$*"; }
die() { tell "FAILED: $*"; tail -n 30 "$work"/*.log; exit 1; }

export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_btl=self,vader,tcp OMPI_MCA_pml=ob1 OMPI_MCA_btl_tcp_if_include=lo
export OMPI_MCA_oob_tcp_if_include=lo TENGEN_SITE=$work/site
unset SLURM_JOB_END_TIME
echo "tengen=$tengen" >"$work/site"
slurm_open "$work/slurm" 2 || { echo "no Slurm: $slurm_why"; exit 77; }
config=$root/configs/tictactoe.lua
opts=(--set selfplay.games=300 --set selfplay.threads=1)

# alone DIR: the same config without Slurm, undisturbed.
alone() {
  OMPI_MCA_btl=self,vader mpirun --oversubscribe --bind-to none -n 2 "$tengen" train "$config" --run "$work/$1" "${opts[@]}" "${@:2}" \
    >"$work/$1.log" 2>&1 || die "the run without Slurm"
}
# So many iterations that the work is about three minutes' on this machine, as busy as it is.
if [ -z "${ITERATIONS:-}" ]; then
  began=$SECONDS
  alone probe --iterations 3
  per_iteration=$(((SECONDS - began) / 3))
  ITERATIONS=$((180 / (per_iteration > 0 ? per_iteration : 1)))
fi
opts+=(--iterations $((ITERATIONS < 6 ? 6 : ITERATIONS)))
from=$SECONDS

state() { squeue -h -t all -j "$job" -o %T; }
life() { grep -c "^== .* start [0-9]*: " "$work/run.log" 2>/dev/null; }
iterations() { sed -n 's/^"iterations": \([0-9]*\),/\1/p' "$work/run/manifest.json" 2>/dev/null; }
# wait_for SECONDS WHAT COMMAND..
wait_for() {
  local n=$((2 * $1)) what=$2
  shift 2
  for _ in $(seq $n); do
    "$@" && { tell "$what; $(iterations) iterations are done"; return; }
    sleep 0.5
  done
  die "in vain: $what; the job is $(state)"
}
is() { [ "$(state)" = "$1" ]; }
life_is() { [ "$(life)" = "$1" ]; }
has_iterations() { [ "$(iterations)" -ge "$1" ] 2>/dev/null; }
logged() { grep -q "$1" "$work/run.log"; }
set_limit() { scontrol update JobId="$job" TimeLimit="$1" && tell "the job's limit is now $1 minutes"; }

echo '```'
tell "submit: two nodes, a rank on each; limit 2 minutes, SIGUSR1 90 s before it"
submit() { # submit MINUTES SIGNAL
  job=$(sbatch --parsable -N 2 --ntasks-per-node=1 -t "$1" --signal="$2" -o "$work/run.log" "$root/jobs/train.sbatch" "$config" \
    --run "$work/run" "${opts[@]}") || die sbatch
}
submit 2 B:USR1@90
wait_for 60 "job $job: its first life begins" life_is 1
wait_for 150 "Slurm's walltime signal is handed on" logged "SIGUSR1 reached"
wait_for 60 "tengen left the iteration open, status 75" logged "to be continued"
set_limit 60
wait_for 120 "second life" life_is 2
before=$(iterations)
wait_for 300 "an iteration later" has_iterations $((before + 1))
slurm_fail n2
tell "node n2 dies: its daemon and all that ran there"
scontrol update NodeName=n2 State=RESUME 2>/dev/null
slurm_start_node n2
tell "and is started again"
wait_for 200 "the job was requeued: third life" life_is 3
before=$(iterations)
wait_for 300 "an iteration later" has_iterations $((before + 1))
set_limit 60
scancel --batch --signal=USR1 "$job"
wait_for 90 "SIGUSR1 by hand: requeued" is PENDING
scancel "$job"
submit 1 B:USR1@1
tell "cancelled while it waits; job $job goes on in the same folder: 1 minute, no signal in time, so tengen's own clock is next"
wait_for 120 "fourth life" life_is 4
wait_for 100 "tengen stopped by its own clock" logged "stopping: end of the Slurm job"
wait_for 60 "requeued before the limit" is PENDING
set_limit 60
wait_for 120 "fifth life" life_is 5
wait_for 1200 "the job has completed" is COMPLETED
"$tengen" inspect "$work/run" --verify >"$work/verify" || die "inspect --verify"
tell "inspect --verify:$(sed -n 's/^ *sound */ /p' "$work/verify")"
tell "the same config without Slurm, undisturbed"
alone alone
for dir in net checkpoint replay; do
  last=$(find "$work/alone/$dir" -type f | sort | tail -n 1)
  cmp "$last" "$work/run/${last#"$work"/alone/}" || die "other bits: $last"
  tell "the same bits: ${last#"$work"/alone/}"
done
echo '```'
echo
echo "The job's log, without its iterations and matches:"
echo '```'
sed -e "s|$work/||g; s|$root/||g" "$work/run.log" | grep -vE "%  |^$|^-+$|iteration [0-9]+(/| of )[0-9]+|match: |match games differ"
echo '```'
slurm_close
[ -z "$(slurm_processes)" ] || die "processes are left"
