#!/usr/bin/env bash
# Games of a fixed pattern become rows, and a run that learns from them first plays the pattern: its policy loss
# falls below that of knowing nothing. The same bits on any number of ranks, and when it is stopped meanwhile.
. "$(dirname "$0")/lib.sh"

# Forty games on 9x9 that fill the board row by row, from another row each; and what cannot be used.
letters=abcdefghi
mkdir -p "$work/games/more"
for k in $(seq 0 39); do
  {
    printf '(;FF[4]GM[1]SZ[9]KM[7.5]RE[%s]' "$([ $((k % 2)) = 0 ] && echo B+R || echo W+12.5)"
    for i in $(seq 0 39); do
      at=$(((i + 9 * (k % 4)) % 81))
      printf ';%s[%s%s]' "$([ $((i % 2)) = 0 ] && echo B || echo W)" "${letters:$((at % 9)):1}" "${letters:$((at / 9)):1}"
    done
    echo ')'
  } >"$work/games/game-$k.sgf"
done
cat "$work"/games/game-1*.sgf >"$work/games/more/collection.sgf"
rm "$work"/games/game-1*.sgf
echo '(;GM[1]SZ[9];B[aa];W[aa])' >"$work/games/illegal.sgf"
echo 'no game' >"$work/games/noise.sgf"
echo '(;GM[1]SZ[19];B[aa])' >"$work/games/large.sgf"

for n in 1 3; do
  ok $n import "$work/games" --out "$work/rows-$n" --size 9 --shard-rows 600
  grep -q '40 games, 1600 rows' "$work/out" || fail "not 40 games"
  grep -q '3 games or files left out' "$work/out" || fail "not three left out"
  for bad in illegal noise large; do grep -q "$bad.sgf" "$work/out" || fail "$bad.sgf is not named"; done
done
for shard in "$work"/rows-1/*; do same "$shard" "$work/rows-3/${shard##*/}"; done
ok 1 inspect --verify "$work/rows-1/shard-00000000.h5"
ok 1 import "$work/games/game-2.sgf" --out="$work/rows-1" --size 9 # a shard more
ls "$work/rows-1" | grep -q shard-00000001.h5 || fail "the second import has no shard of its own"
rm "$work/rows-1/shard-00000001.h5"

# Networks are imported as ever, without MPI.
opts=(train "$configs/quickstart.lua" --set net.preset=b2c16 --set search.visits=4 --set selfplay.games=4
      --set selfplay.max_plies=20 --set replay.pretrain_steps=150 --set train.batch=64 --set train.warmup_steps=0
      --set train.learning_rate=0.01 --set "replay.pretrain=$work/rows-1" --set gate.enabled=false
      --set cluster.pulse_sec=0.02 "${short[@]}")
loss() { # of the first iteration
  grep -o '"loss/policy":[0-9.e-]*' "$1/log.jsonl" | head -n 1 | cut -d: -f2
}
ok 1 "${opts[@]}" --run "$work/a" --iterations 2
ok 1 inspect --verify "$work/a"
awk -v loss="$(loss "$work/a")" 'BEGIN { exit !(loss < 2.5) }' ||
  fail "policy loss $(loss "$work/a") over the first 150 steps: log 82 is 4.4"
ok 3 "${opts[@]}" --run "$work/b" --iterations 2
same "$work/a/net/net-000001.tgn" "$work/b/net/net-000001.tgn"
same "$work/a/net/net-000002.tgn" "$work/b/net/net-000002.tgn"
ok 3 "${opts[@]}" --run "$work/c" --iterations 2 --set cluster.trainers=1
same "$work/a/net/net-000001.tgn" "$work/c/net/net-000001.tgn"
ranks 2 "${opts[@]}" --run "$work/d" --iterations 2 --inject stop@0:train:1
code=$?; [ $code = 75 ] || fail "status $code: a stop while pre-training: not status 75"
[ -s "$work/d/checkpoint/open-000000.tgc" ] || fail "a stop while pre-training keeps nothing of it"
ok 2 "${opts[@]}" --run "$work/d" --iterations 2
same "$work/a/net/net-000002.tgn" "$work/d/net/net-000002.tgn"

ranks 1 "${opts[@]}" --run "$work/e" --set "replay.pretrain=$work/games" && fail "a directory without shards was no error"
grep -q 'no shards there' "$work/out" || fail "the directory without shards is not named"
ranks 1 "${opts[@]}" --run "$work/f" --set game.size=7 && fail "rows of another board were no error"
grep -q 'board side 9' "$work/out" || fail "the other board is not named"
echo "1 passed, 0 failed"
