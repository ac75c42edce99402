#!/usr/bin/env bash
# Two whole games on 9x9 between tengen gtp, with a KataGo network and one visit, and GNU Go, under an arbiter that
# accepts nothing but the protocol: every answer begins with = and the command's id, and ends with an empty line.
. "$(dirname "$0")/lib.sh"
net=${TENGEN_SHARED:-$source_dir/../shared}/nets/g170-b6c96-s175395328-d26788732.bin.gz
gnugo=$(command -v gnugo || ls /usr/games/gnugo 2>/dev/null)
[ -f "$net" ] || { echo "skipped: no $net"; exit 77; }
[ -n "$gnugo" ] || { echo "skipped: no gnugo"; exit 77; }

coproc US { exec "$tengen" gtp --net "$net" --visits 1 --size 9 --rules chinese --threads 1 2>"$work/us.log"; }
us_in=${US[1]} us_out=${US[0]}
{ coproc THEM { exec "$gnugo" --mode gtp --level 1 --chinese-rules 2>"$work/them.log"; }; } 2>/dev/null # (two coprocs)
them_in=${THEM[1]} them_out=${THEM[0]}
id=0

# ask us|them COMMAND..: the answer's text in $answer; anything that is no success ends the test.
ask() {
  local in=${1}_in out=${1}_out line
  shift
  id=$((id + 1))
  echo "$id $*" >&"${!in}"
  echo "$in $id $*" >>"$work/out"
  IFS= read -r -t 60 line <&"${!out}" || fail "no answer to: $*"
  echo "  $line" >>"$work/out"
  case $line in "=$id") answer= ;; "=$id "*) answer=${line#"=$id "} ;; *) fail "$*: $line" ;; esac
  while IFS= read -r -t 60 line <&"${!out}" && [ -n "$line" ]; do answer+=$'\n'$line; done
}

play_game() { # BLACK WHITE
  local mover=$1 waiting=$2 color=b passes=0 n=0
  for engine in us them; do
    ask $engine boardsize 9
    ask $engine clear_board
    ask $engine komi 7
    ask $engine time_settings 600 0 0
  done
  while [ $passes -lt 2 ]; do
    ask $mover time_left $color 300 0
    ask $mover genmove $color
    local move=${answer,,}
    [ "$move" = resign ] && break
    [[ $move =~ ^(pass|[a-hj][1-9])$ ]] || fail "no vertex: $answer"
    ask $waiting play $color "$move"
    passes=$([ "$move" = pass ] && echo $((passes + 1)) || echo 0)
    n=$((n + 1))
    [ $n -lt 400 ] || fail "an endless game"
    local next=$waiting
    waiting=$mover mover=$next
    color=$([ $color = b ] && echo w || echo b)
  done
  [ $n -gt 20 ] || fail "a game of $n moves"
  ask them final_score
  local theirs=$answer
  ask us final_score
  [[ $answer =~ ^([BW]\+[0-9.]+|0)$ ]] || fail "no score: $answer"
  echo "$1 (Black) against $2: $n moves, tengen says $answer, GNU Go $theirs"
  [[ $move == resign || ${answer:0:1} == "${theirs:0:1}" ]] || fail "the engines disagree about the winner"
  ask us final_status_list dead
  ask us printsgf
  ask us showboard
}

play_game us them
play_game them us
ask us quit
ask them quit
grep -q . "$work/us.log" && ! grep -qE '^[0-9:]+ (info|warn)' "$work/us.log" && fail "unexpected log: $(head -n 3 "$work/us.log")"
echo "1 passed, 0 failed"
