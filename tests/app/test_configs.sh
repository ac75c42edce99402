#!/usr/bin/env bash
# Every shipped config runs two iterations, cut to a few short games, and resumes for a third.
. "$(dirname "$0")/lib.sh"
cut=(--set search.visits=2 --set selfplay.games=2 --set selfplay.parallel_games=2 --set selfplay.max_plies=6
     --set selfplay.threads=1 --set selfplay.cheap_share=0 --set train.batch=8 --set train.min_rows=1
     --set train.max_steps=1 --set gate.every=1 --set gate.games=2 --set gate.visits=2 --set replay.capacity=1000
     --set cluster.trainers=all "${short[@]}")
for config in "$configs"/*.lua; do
  name=$(basename "$config" .lua)
  ok 2 train "$config" --run "$work/$name" --iterations 2 "${cut[@]}"
  [ -s "$work/$name/net/net-000002.tgn" ] || fail "$name: no third network"
  [ "$name" = tictactoe ] && { ok 2 train "$config" --run "$work/$name" --iterations 3 "${cut[@]}"; }
  rm -rf "${work:?}/$name"
  echo "$name: ok"
done
echo "1 passed, 0 failed"
