#!/usr/bin/env bash
# Continuous mode: games go on while networks come. Runs complete, stop within seconds, are killed in any phase and
# started again on another number of ranks: no game is lost from a shard or written twice, no shard is trained on
# twice, and rows stay young.
. "$(dirname "$0")/lib.sh"
opts=(--set cluster.mode=continuous --set cluster.trainers=1 --set selfplay.games=60 --set train.min_rows=100 --set train.max_steps=30
      --set gate.every=2 --set gate.games=8 --set selfplay.threads=1 --set cluster.pulse_sec=0.02
      --set cluster.watchdog_sec=60 --set selfplay.previous_share=0.2 --set selfplay.random_bot_share=0.1 "${short[@]}")
config=$configs/tictactoe.lua

sound() { # sound DIR: every hash, count and row; no game twice
  "$tengen" inspect "$1" --verify >"$work/out" 2>&1 || fail "$1 is not sound"
}
field() { sed -n "s/^ *\"$2\": \"\?\([^\",]*\)\"\?,\?$/\1/p" "$1/manifest.json" | head -n 1; }
# stop RANKS DIR ITERATIONS INJECT: begun and stopped, with games in flight; where all of them ended meanwhile (the machine
# is busy), once more.
stop() {
  local again status
  for again in 1 2 3 4 5; do
    rm -rf "$2"
    ranks "$1" train "$config" --run "$2" --iterations "$3" "${opts[@]}" --inject "$4"
    status=$?
    [ $status = 75 ] || fail "status $status, not 75"
    [ "$(field "$2" open_games)" -gt 0 ] && return
  done
  fail "no games in flight were kept"
}

# Whole runs, one trainer and two.
for trainers in 1 2; do
  ok 4 train "$config" --run "$work/whole$trainers" --iterations 6 "${opts[@]}" --set cluster.trainers=$trainers
  sound "$work/whole$trainers"
  [ "$(field "$work/whole$trainers" iterations)" = 6 ] || fail "not 6 iterations"
  [ "$(ls "$work/whole$trainers/net" | wc -l)" = 7 ] || fail "not 7 networks"
done

# Games are kept all along, not only the first ones: of each iteration with a commit, as many as sgf_games at most.
kept=$(ls "$work"/whole1/games/iteration-*.sgf | wc -l)
[ "$kept" -ge 3 ] || fail "games of $kept iterations are kept"
for file in "$work"/whole1/games/iteration-*.sgf; do
  n=$(grep -c '^(;FF' "$file")
  [ "$n" -ge 1 ] && [ "$n" -le 4 ] || fail "$file holds $n games"
done

# Rows drawn per new row stay within their bound.
steps=$(field "$work/whole1" steps) rows=$(field "$work/whole1" rows)
[ $((steps * 64)) -le $((rows * 4 + 6 * 64)) ] || fail "$steps steps of 64 on $rows rows: more than 4 draws a row"

# Opponents have their shares and both colours on each rank: the games of one of two players are kept as SGF. No network
# but the first becomes champion, so the older opponent is network 0.
ok 3 train "$config" --run "$work/mixed" --iterations 10 "${opts[@]}" --set gate.every=100 --set report.sgf_games=100000 \
  --set selfplay.opening_plies=2 --set selfplay.opening_exact=true
kept() { cat "$work"/mixed/games/iteration-*.sgf | grep -oE -- "$1" | wc -l; } # games whose head is like this
all=$(kept '\(;')
bots=$(kept 'random bot')
[ $((bots * 100)) -ge $((all * 4)) ] && [ $((bots * 100)) -le $((all * 20)) ] || fail "$bots of $all games of a rank against the bot"
for players in 'PB\[random bot\]PW\[network' 'PB\[network [0-9]+\]PW\[random bot' 'PB\[network 0\]PW\[network [2-9]' \
  'PB\[network [2-9]\]PW\[network 0'; do
  [ "$(kept "$players")" -gt 0 ] || fail "no game of a rank has $players"
done
[ "$(kept 'random opening move')" = $((2 * all)) ] || fail "$(kept 'random opening move') random moves in the openings of $all games"

# Where rows get older than they should, fewer games are played at once.
ok 3 train "$config" --run "$work/young" --iterations 6 "${opts[@]}" --set selfplay.games=10 --set selfplay.max_age=0.1
grep -q '"selfplay/games_at_once":[1-9][0-9]\?[,.}]' "$work/young/log.jsonl" || fail "no games_at_once"
at_once=$(grep -o '"selfplay/games_at_once":[0-9]*' "$work/young/log.jsonl" | tail -n 1 | cut -d: -f2)
[ "$at_once" -lt 64 ] || fail "$at_once games at once, as many as at the start"

# Stopped, and on with another number of ranks: games in flight go on.
stop 4 "$work/stopped" 8 stop@1:commit:3
sound "$work/stopped"
ranks 3 train "$config" --run "$work/stopped" --iterations 8 "${opts[@]}" --inject stop@2:train:6
status=$?
[ $status = 75 ] || fail "status $status, not 75"
sound "$work/stopped"
ok 5 train "$config" --run "$work/stopped" --iterations 8 "${opts[@]}" --set cluster.trainers=2
sound "$work/stopped"
[ "$(field "$work/stopped" iterations)" = 8 ] || fail "not complete"

# Killed, and on.
dir=$work/killed
for at in 0:self-play:1 1:commit:2 2:train:3 0:publish:4 2:checkpoint:5 1:publish:6; do
  ranks 3 train "$config" --run "$dir" --iterations 7 "${opts[@]}" --inject "kill@$at"
  [ $? = 0 ] && fail "kill@$at did not kill"
  [ -e "$dir/manifest.json" ] && sound "$dir"
done
ok 3 train "$config" --run "$dir" --iterations 7 "${opts[@]}"
sound "$dir"
[ "$(field "$dir" iterations)" = 7 ] || fail "not complete"

# Games that a stop has kept are written once, also where a start that took them up is killed after its first commit.
dir=$work/twice
stop 3 "$dir" 6 stop@1:commit:2
at=$(field "$dir" iterations) shards=$(grep -c '"shard-' "$dir/manifest.json")
ranks 3 train "$config" --run "$dir" --iterations 6 "${opts[@]}" --inject "kill@2:checkpoint:$((at + 1))"
if [ "$(grep -c '"shard-' "$dir/manifest.json")" -gt "$shards" ] && [ "$(field "$dir" open_games)" != 0 ]; then
  fail "games that were committed since are still to be taken up"
fi
ok 3 train "$config" --run "$dir" --iterations 6 "${opts[@]}"
sound "$dir"

# Modes change where an iteration was left: games that lockstep mode finished are committed, those in flight go on, new
# ones have ids of their own; and so they have where lockstep mode goes on, in one start or in several.
dir=$work/modes
lockstep=(--set cluster.mode=lockstep --set search.visits=600)
committed() { sed -n 's/.*"name": "shard-.*"games": \([0-9]*\),.*/\1/p' "$1/manifest.json" | awk '{ n += $1 } END { print n + 0 }'; }
for again in 1 2 3 4 5; do
  rm -rf "$dir"
  ranks 3 train "$config" --run "$dir" --iterations 4 "${opts[@]}" "${lockstep[@]}" --inject stop@0:self-play:2
  finished=$(field "$dir" open_shard_games)
  [ "$finished" -gt 0 ] && [ "$(field "$dir" open_games)" -gt 0 ] && break
  [ $again -lt 5 ] || fail "no start left games finished and in flight"
done
cp -r "$dir" "$work/modes-on"
ok 3 train "$config" --run "$work/modes-on" --iterations 4 "${opts[@]}"
sound "$work/modes-on"
ranks 3 train "$config" --run "$dir" --iterations 4 "${opts[@]}" --inject stop@0:self-play:2
[ "$(committed "$dir")" -ge $((60 + finished)) ] || fail "of $finished finished games $(($(committed "$dir") - 60)) were committed"
sound "$dir"
ok 3 train "$config" --run "$dir" --iterations 4 "${opts[@]}"
for iterations in 5 6 8; do ok 2 train "$config" --run "$dir" --iterations $iterations "${opts[@]}" "${lockstep[@]}"; done
sound "$dir"

# A rank that fails (a full disk) ends all of them with its text.
ranks 3 train "$config" --run "$work/full" --iterations 3 "${opts[@]}" --inject disk-full@0:commit:1
status=$?
[ $status = 1 ] || fail "a full disk: status $status, not 1"
ok 3 train "$config" --run "$work/full" --iterations 3 "${opts[@]}"
sound "$work/full"

# Figures of rounds add up: no round has none, and all after the first together have no more evaluations than two ranks make
# with 8 rows in 200 ms, but for a pass of 16 on each, which is counted when it ends.
printf 'device x\nsource assumed: made up\nnet b2c16\nsize 3\ninfer 1 200000\ninfer 8 200000\ntrain 1 100\ntrain 64 100\n' >"$work/table"
ok 3 train "$config" --run "$work/rates" --iterations 7 "${opts[@]}" --set net.backend=simulated --set selfplay.parallel_games=16 \
  --set net.backend_option="$work/table" --set selfplay.games=6 --set search.visits=2 --set train.min_rows=1 --set gate.enabled=false --set gate.every=100
sed -n 's/.*"selfplay\/evals_per_sec":\([0-9.]*\).*"time\/selfplay_sec":\([0-9.]*\).*/\1 \2/p' "$work/rates/log.jsonl" >"$work/rates.txt"
awk '$1 == 0 { bad = 1 } NR > 1 { sec += $2; evals += $1 * $2 } END { exit bad || NR != 7 || evals > 80 * sec + 32 }' "$work/rates.txt" ||
  fail "evaluations a second, and seconds: $(tr '\n' ',' <"$work/rates.txt")"

# A sequential test that any result decides ends each match after its first 20 games; one that nothing decides has all of
# them played, and the score decides. The manifest has the games that the files have.
matches() { # matches NAME GAMES: each kept match of the run has so many, and there are some
  local file n found=0
  for file in "$work/$1"/games/match-*.sgf; do
    n=$(grep -o '(;FF' "$file" 2>/dev/null | wc -l)
    [ "$n" = "$2" ] || fail "$file holds $n games, not $2"
    found=$((found + 1))
  done
  [ $found = "$(grep -c '"distinct_games"' "$work/$1/manifest.json")" ] || fail "$found files, not one for each match"
  sound "$work/$1"
}
sequential=(--iterations 16 --set gate.sprt=true --set gate.games=40 --set gate.visits=2 --set gate.opening_plies=3
            --set train.max_steps=60 --set selfplay.parallel_games=8)
ok 3 train "$config" --run "$work/decided" "${opts[@]}" "${sequential[@]}" --set gate.sprt_elo1=1000 --set gate.sprt_alpha=0.4999 \
  --set gate.sprt_beta=0.4999
matches decided 20
ok 3 train "$config" --run "$work/undecided" "${opts[@]}" "${sequential[@]}" --set gate.sprt_elo0=-1 --set gate.sprt_elo1=1
matches undecided 40

# What it cannot do it says.
ranks 2 train "$config" --run "$work/all" "${opts[@]}" --set cluster.trainers=all
status=$?
[ $status = 2 ] || fail "trainers = all: status $status, not 2"
grep -q "needs trainers of its own" "$work/out" || fail "trainers = all is not explained"
echo "1 passed, 0 failed"
