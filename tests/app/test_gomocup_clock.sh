#!/usr/bin/env bash
# A game under the Gomocup protocol with a clock for each move: no answer is late and none illegal. From the
# environment: TURN_MS=500, MOVES=20 (of the engine, at most), NET=FILE (else a fresh one
# of configs/gomoku15.lua). With 30 seconds a move:
#   TURN_MS=30000 MOVES=15 bash tests/app/test_gomocup_clock.sh build/release/tengen
. "$(dirname "$0")/lib.sh"
turn_ms=${TURN_MS:-500} moves=${MOVES:-20} net=${NET:-}
if [ -z "$net" ]; then
  ok 1 train "$configs/gomoku15.lua" --run "$work/run" --iterations 1 --set selfplay.games=1 --set search.visits=2 \
    --set selfplay.max_plies=4 --set gate.games=2 --set gate.every=9 "${short[@]}"
  net=$work/run/net/net-000000.tgn
fi

# Two engines: ours under the clock, and one with few visits that answers it.
for side in ours other; do mkfifo "$work/$side.in" "$work/$side.out"; done
"$tengen" gomocup --net "$net" --threads 1 <"$work/ours.in" >"$work/ours.out" 2>"$work/out" &
"$tengen" gomocup --net "$net" --threads 1 --visits 150 --seed 7 <"$work/other.in" >"$work/other.out" 2>/dev/null &
exec 3>"$work/ours.in" 4<"$work/ours.out" 5>"$work/other.in" 6<"$work/other.out"

answer=
ask() { # ask ours|other LINE: $answer, and how long it took in $took_ms
  local in=3 out=4 start=${EPOCHREALTIME/./}
  [ "$1" = other ] && in=5 out=6
  echo "$2" >&$in
  read -r -t 300 answer <&$out || fail "$1: no answer to $2"
  took_ms=$(((${EPOCHREALTIME/./} - start) / 1000))
}
declare -A taken
note() { # note WHO: $answer is a free point of the board
  [[ $answer =~ ^([0-9]+),([0-9]+)$ ]] || fail "$1: \"$answer\" is no move"
  [ "${BASH_REMATCH[1]}" -lt 15 ] && [ "${BASH_REMATCH[2]}" -lt 15 ] || fail "$1: $answer is off the board"
  [ -z "${taken[$answer]:-}" ] || fail "$1: $answer is taken"
  taken[$answer]=1
}

for side in ours other; do
  ask $side "START 15"
  [ "$answer" = OK ] || fail "$side: START: $answer"
done
echo "INFO timeout_turn $turn_ms" >&3
echo "INFO timeout_match $((turn_ms * 200))" >&3

longest=0 total=0 n=0
line=BEGIN
while [ "$n" -lt "$moves" ]; do
  ask ours "$line"
  [[ $answer == "ERROR the game is over"* ]] && break
  note ours
  n=$((n + 1)) total=$((total + took_ms))
  [ $took_ms -gt $longest ] && longest=$took_ms
  [ $took_ms -le "$turn_ms" ] || fail "move $n took $took_ms of $turn_ms ms"
  ask other "TURN $answer"
  [[ $answer == "ERROR the game is over"* ]] && break
  note other
  line="TURN $answer"
done
echo END >&3
echo END >&5
wait
[ "$n" -ge 5 ] || fail "the game was over after $n moves"
echo "$n moves of at most $turn_ms ms: the longest took $longest ms, $((total / n)) on average"
echo "1 passed, 0 failed"
