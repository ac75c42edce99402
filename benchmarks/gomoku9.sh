#!/usr/bin/env bash
# configs/gomoku9-captures.lua for 20 minutes on two ranks: is the last network stronger than the first?
# usage: benchmarks/gomoku9.sh [RUN_DIR [MINUTES]]     (the run resumes if it is there)
# From the environment: TENGEN=PROGRAM, EXTRA="--set KEY=VALUE ..." for the run.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../jobs/env.sh"
tengen=${TENGEN:-$root/build/release/tengen}
run=${1:-runs/gomoku9-captures}
minutes=${2:-20}
launch=(mpirun --oversubscribe --bind-to none -n 2)
start=$SECONDS

"${launch[@]}" "$tengen" train configs/gomoku9-captures.lua --run "$run" --walltime $((minutes * 60)) ${EXTRA:-} \
  || [ $? -eq 75 ] # the time was over before the last iteration
last=$(ls "$run"/net/net-*.tgn | sort | tail -n 1)
echo "trained for $((SECONDS - start)) s: $last"
"${launch[@]}" "$tengen" match --a "$last" --b "$run/net/net-000000.tgn" --games 40 --visits 64 \
  --config configs/gomoku9-captures.lua --json
