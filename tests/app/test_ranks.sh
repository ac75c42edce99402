#!/usr/bin/env bash
# Two lockstep iterations leave the same shards and networks, bit for bit, for any number of ranks; any number
# of threads and games at once; and with trainers of their own.
. "$(dirname "$0")/lib.sh"
opts=(--iterations 2 --set selfplay.random_bot_share=0.1
      --set selfplay.previous_share=0.2 --set train.min_rows=50 "${short[@]}")

for config in tictactoe quickstart; do
  extra=(--set selfplay.games=37)
  [ "$config" = quickstart ] &&
    extra=(--set selfplay.games=9 --set net.preset=b2c16 --set search.visits=8 --set selfplay.max_plies=40)
  for n in 1 2 3 7; do
    ok "$n" train "$configs/$config.lua" --run "$work/$config-$n" "${opts[@]}" "${extra[@]}" --set selfplay.threads=1
    for file in replay/shard-00000000.h5 replay/shard-00000001.h5 net/net-000002.tgn; do
      same "$work/$config-1/$file" "$work/$config-$n/$file"
    done
  done
  # The shards name the config's hash, which --set changes: the networks trained on their rows are compared.
  ok 2 train "$configs/$config.lua" --run "$work/$config-t" "${opts[@]}" "${extra[@]}" \
    --set selfplay.threads=3 --set selfplay.parallel_games=5
  ok 4 train "$configs/$config.lua" --run "$work/$config-r" "${opts[@]}" "${extra[@]}" \
    --set cluster.trainers=2 --set cluster.lag=0
  same "$work/$config-1/net/net-000002.tgn" "$work/$config-t/net/net-000002.tgn"
  same "$work/$config-1/net/net-000002.tgn" "$work/$config-r/net/net-000002.tgn"
done
echo "1 passed, 0 failed"
