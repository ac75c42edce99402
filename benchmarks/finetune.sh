#!/usr/bin/env bash
# Does a run that starts from a network of KataGo's start at its strength, and keep it?
# usage: benchmarks/finetune.sh NET.bin.gz [RUN_DIR]     (a b6c96 with a 5x5 stem, such as g170's; the run resumes)
# Prints two JSON lines: iteration 0 against a fresh network (want 40:0), iteration 3 against iteration 0
# (want a score of 0.45 or more). GAMES, VISITS and TRAIN_SET (more --set for the run) cut it short for a try.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,5s/^# //p' "$0"; exit 2; }
net=$(realpath "$1")
run=$(realpath -m "${2:-runs/finetune9}")
. "$(dirname "${BASH_SOURCE[0]}")/../jobs/env.sh"
tengen=${TENGEN:-$root/build/release/tengen}
games=${GAMES:-40}
visits=${VISITS:-64}
read -ra more <<<"${TRAIN_SET:-}"
config=configs/finetune9.lua
launch=(mpirun --oversubscribe --bind-to none -n 2)
start=$SECONDS

# LABEL A B: a's result against b, as one JSON line that says which match it was.
meet() {
  "${launch[@]}" "$tengen" match --a "$2" --b "$3" --games "$games" --visits "$visits" --config "$config" --json |
    tail -n 1 | sed "s/^{/{\"match\":\"$1\",/"
}

# The fresh network is number 0 of a run that starts from nothing.
"${launch[@]}" "$tengen" train "$config" --run "$run-fresh" --iterations 1 --set selfplay.games=2 \
  --set search.visits=1 --set selfplay.cheap_visits=1 --set selfplay.max_plies=4 --set report.log_level=warn
"${launch[@]}" "$tengen" train "$config" --run "$run" --set "net.start_from=$net" "${more[@]}"
echo "trained in $((SECONDS - start)) s" >&2
meet "iteration 0 against fresh" "$run/net/net-000000.tgn" "$run-fresh/net/net-000000.tgn"
last=$(ls "$run"/net/*.tgn | sort | tail -n 1)
meet "iteration 3 against iteration 0" "$last" "$run/net/net-000000.tgn"
