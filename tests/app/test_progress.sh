#!/usr/bin/env bash
# On a terminal one line says where the run is while it plays and learns; in a file each iteration has one line.
. "$(dirname "$0")/lib.sh"
command -v script >/dev/null || { echo "skipped: no script(1)"; exit 77; }
# Enough games for several redraws (0.25 s) however fast the machine is.
opts=(--iterations 2 --set selfplay.games=4000 --set train.min_rows=50 --set selfplay.threads=1 --set gate.enabled=false
      --set cluster.pulse_sec=0.05)

run="mpirun --oversubscribe --bind-to none -n 2 $tengen train $configs/tictactoe.lua --run $work/terminal ${opts[*]}"
TENGEN_LOG='' timeout 200 script -qec "$run" /dev/null </dev/null 2>&1 | tr '\r' '\n' >"$work/out"
line='[1-9][0-9.]*k? ev/s [0-9.k]+ rows'
grep -Eq "^1/2 self-play .*[0-9]% [0-9.]+ g/s $line|^iteration 1/2 self-play .*games/s.*evals/s" "$work/out" ||
  fail "no games/s and evals/s while the first games were played"
grep -Eq "2/2 self-play .* g/s $line p [0-9.]+ v [0-9.]+ [0-9]+:[0-9]+ left" "$work/out" ||
  fail "no losses and time left while the second games were played"
grep -Eq "2/2 training .* g/s $line p [0-9.]+ v [0-9.]+ [0-9]+:[0-9]+ left" "$work/out" ||
  fail "no line of the training"

start=$SECONDS
TENGEN_LOG='' ok 2 train "$configs/tictactoe.lua" --run "$work/file" "${opts[@]}"
[ "$(grep -c 'iteration [12] of 2: ' "$work/out")" -eq 2 ] || fail "not one line an iteration"
[ "$(grep -c 'iteration [12]/2 ' "$work/out")" -le $(((SECONDS - start) / 60)) ] || fail "more than one line a minute"
echo "5 passed, 0 failed"
