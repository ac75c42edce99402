#!/usr/bin/env bash
# From a bare checkout to a trained network: install, build, train 9x9 Go on this machine, show what came of it.
# usage: jobs/quickstart.sh [RUN_DIR]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
start=$SECONDS
run=${1:-runs/quickstart}
./jobs/install-deps.sh
. "$root/jobs/env.sh"
cmake --preset release "${generator[@]}" >/dev/null
cmake --build --preset release -j "$cores" --target tengen
tengen=$root/build/release/tengen
ranks=$((cores < 2 ? 1 : 2))
launch=(mpirun --oversubscribe --bind-to none -n "$ranks")

echo "== training (2 ranks, one network, $(date +%H:%M)) =="
"${launch[@]}" "$tengen" train configs/quickstart.lua --run "$run"

last=$(ls "$run"/net/*.tgn | sort | tail -n 1)
first=$(ls "$run"/net/*.tgn | sort | head -n 1)
echo "== the last network against the first, 40 games =="
"${launch[@]}" "$tengen" match --a "$last" --b "$first" --games 40 --visits 32 --config configs/quickstart.lua
echo "== the last network against the uniform-random bot, 40 games =="
"${launch[@]}" "$tengen" match --a "$last" --b random --games 40 --visits 32 --config configs/quickstart.lua

cat <<EOF

Done in $(((SECONDS - start) / 60)) min $(((SECONDS - start) % 60)) s. What next?
  watch it           tensorboard --logdir $run
  its story          $tengen status $run
  look at a game     any SGF viewer: $(ls "$run"/games/*.sgf | tail -n 1)
  play it            $tengen gtp --net $last --visits 200     (in Sabaki or GoGui: add it as an engine)
  go on training     mpirun -n $ranks $tengen train configs/quickstart.lua --run $run --iterations 100
EOF
