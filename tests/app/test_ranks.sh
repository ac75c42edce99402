#!/usr/bin/env bash
# Two lockstep iterations leave the same shards and networks, bit for bit, for any number of ranks; any number
# of threads and games at once; and with trainers of their own.
. "$(dirname "$0")/lib.sh"
opts=(--iterations 2 --set report.sgf_games=40 --set selfplay.random_bot_share=0.1
      --set selfplay.previous_share=0.2 --set train.min_rows=50 "${short[@]}")

for config in tictactoe quickstart; do
  extra=(--set selfplay.games=40)
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

# Opponents: 0.1 and 0.2 of 40 games, half of them Black; the same games on any number of ranks, as was shown.
for count in "2 1 PB[random bot]" "2 1 PW[random bot]" "2 2 PB[random bot]" "2 2 PW[random bot]" \
             "4 2 PB[network 0]" "4 2 PW[network 0]"; do
  read -r n iteration player <<<"$count"
  got=$(grep -oF -- "$player" "$work/tictactoe-1/games/iteration-00000$iteration.sgf" | wc -l)
  [ "$got" = "$n" ] || fail "$player in $got games of iteration $iteration, not $n"
done

# Each game of self-play has an opening of its own.
ok 1 train "$configs/quickstart.lua" --run "$work/openings" --iterations 1 "${short[@]}" --set net.preset=b2c16 --set selfplay.games=8 \
  --set search.visits=2 --set selfplay.max_plies=9 --set selfplay.opening_plies=8 --set selfplay.opening_exact=true --set report.sgf_games=8
got=$(grep 'random opening move' "$work/openings/games/iteration-000001.sgf" | sort -u | wc -l) # a line has eight moves
[ "$got" = 8 ] || fail "$got different openings of 8 games"
echo "1 passed, 0 failed"
