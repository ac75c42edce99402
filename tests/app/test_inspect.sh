#!/usr/bin/env bash
# inspect, status and report on a real run; --verify finds each kind of damage and says which file it is in.
. "$(dirname "$0")/lib.sh"
run=$work/run
ok 1 train "$configs/tictactoe.lua" --run "$run" --iterations 3 --set selfplay.games=20 --set train.min_rows=50 \
  --set gate.every=1 --set gate.games=4 "${short[@]}"

status() { # status N ARGS..: exit status N
  local expect=$1 got
  shift
  "$tengen" "$@" >"$work/out" 2>&1
  got=$?
  [ $got -eq "$expect" ] || fail "status $got instead of $expect of: tengen $*"
}
says() { # says TEXT..
  for text; do grep -qF -- "$text" "$work/out" || fail "it does not say: $text"; done
}
number() { grep -o "\"$1\":[0-9]*" "$work/out" | cut -d: -f2; }

status 0 inspect "$run" --verify
says "3 shards, 4 networks, 1 checkpoint, 1 configs, 3 matches"
status 0 inspect "$run" --verify --json
says '{"kind":"run"' '"n_faults":0,' '"faults":[]}' '"sound_shards":3,' '"sound_matches":3,' '"iterations":3,' '"games":60,'
# No opponent, no opening, no cheap search: every ply is a row.
[ "$(number rows)" -gt 0 ] && [ "$(number rows)" = "$(number plies)" ] || fail "rows are not plies"
status 0 inspect "$run/replay/shard-00000001.h5" --verify --json
says '{"kind":"shard"' '"games":20,' '"iteration":1,' '"verified":true'
[ $(($(number black_wins) + $(number white_wins) + $(number draws))) -eq 20 ] || fail "results of 20 games"
status 0 inspect "$run/net/net-000002.tgn" --json
says '{"kind":"network"' '"game":"gomoku"' '"size":3,'
[ "$(number step)" -gt 0 ] || fail "a step"
grep -q '"hardware": "..*"' "$run/manifest.json" || fail "no hardware"
grep -q '"elapsed_sec": [0-9.]*[1-9]' "$run/manifest.json" || fail "no time"
grep -q '"text": "tengen config .*tictactoe.lua.*return {' "$run/manifest.json" || fail "no config in full"
status 0 status "$run"
says "3 iterations: 60 games" "Matches: 3"
status 0 report "$run"
grep -q "<svg" "$run/report.html" || fail "no curve in the page"
status 2 inspect "$run/nothing"
says "no such file"
status 2 inspect "$run/checkpoint/checkpoint-000002.tgc"
says "is a checkpoint"
status 2 status "$work"
says "there is no run"

flip() { # flip FILE OFFSET: change the byte there; from the end if negative
  local at=$2 byte
  [ "$at" -ge 0 ] || at=$(($(stat -c %s "$1") + at))
  byte=$(od -An -tu1 -j "$at" -N 1 "$1")
  printf "\\$(printf %03o $((byte ^ 16)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}
damaged() { # damaged FILE OFFSET: in a copy of the run; --verify must name the file
  rm -rf "$work/copy"
  cp -r "$run" "$work/copy"
  flip "$work/copy/$1" "$2"
  status 1 inspect "$work/copy" --verify
  says "$(basename "$1")"
}
damaged replay/shard-00000001.h5 -1000
damaged replay/shard-00000002.h5 5000
damaged net/net-000001.tgn -100
damaged net/net-000003.tgn 20
damaged checkpoint/checkpoint-000002.tgc 3000
damaged manifest.json 900
status 1 status "$work/copy"
says "Copy manifest.json.bak over it"

# A match whose games do not say what the manifest says.
rm -rf "$work/copy"
cp -r "$run" "$work/copy"
sed -i '0,/RE\[B+[^]]*\]/s//RE[W+R]/;t;0,/RE\[W+[^]]*\]/s//RE[0]/;t;0,/RE\[0\]/s//RE[B+R]/' "$work/copy/games/match-000002.sgf"
status 1 inspect "$work/copy" --verify
says match-000002.sgf

rm -rf "$work/copy"
cp -r "$run" "$work/copy"
rm "$work/copy/replay/shard-00000000.h5"
cp "$work/copy/net/net-000001.tgn" "$work/copy/net/net-000002.tgn" # whole, but not what the manifest says
status 1 inspect "$work/copy" --verify --json
says '"n_faults":2,' shard-00000000.h5 'net-000002.tgn: hash' '"sound_shards":2,' '"sound_nets":3,'
echo "1 passed, 0 failed"
