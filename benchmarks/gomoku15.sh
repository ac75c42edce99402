#!/usr/bin/env bash
# configs/gomoku15.lua cut to fit two cores and some minutes: is the last network stronger than the first?
# usage: benchmarks/gomoku15.sh [RUN_DIR]     (the run resumes if it is there)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../jobs/env.sh"
tengen=${TENGEN:-$root/build/release/tengen}
run=${1:-runs/gomoku15-cut}
launch=(mpirun --oversubscribe --bind-to none -n 2)
start=$SECONDS
"${launch[@]}" "$tengen" train configs/gomoku15.lua --run "$run" --iterations 15 --set net.preset=b3c32 \
  --set selfplay.games=80 --set selfplay.parallel_games=40 --set search.visits=64 --set selfplay.cheap_visits=16 \
  --set train.batch=128 --set train.min_rows=1000 --set train.rows_per_new_row=8 --set train.learning_rate=2e-3 \
  --set replay.window_min=5000 --set gate.every=5 --set gate.games=20
echo "trained in $((SECONDS - start)) s"
"${launch[@]}" "$tengen" match --a "$run/net/net-000015.tgn" --b "$run/net/net-000000.tgn" --games 40 --visits 64 \
  --config configs/gomoku15.lua --json
