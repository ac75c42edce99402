#!/usr/bin/env bash
# Where jobs may not be requeued: N jobs of the same run, each of which begins when the one before has ended well.
#   jobs/chain.sh N [sbatch's options] jobs/train.sbatch CONFIG [options of tengen train]
# A failure ends the chain; jobs that come after the run is done have nothing to do and end at once.
set -euo pipefail
[[ $# -ge 3 && $1 =~ ^[1-9][0-9]*$ ]] || { echo "usage: jobs/chain.sh N [sbatch's options] jobs/train.sbatch CONFIG .." >&2; exit 2; }
n=$1
shift
export TENGEN_AGAIN=chain
after=()
for ((i = 0; i < n; i++)); do
  id=$(sbatch --parsable --no-requeue "${after[@]}" "$@")
  after=(--dependency="afterok:${id%%;*}" --kill-on-invalid-dep=yes)
  echo "${id%%;*}"
done
