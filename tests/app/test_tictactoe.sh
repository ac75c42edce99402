#!/usr/bin/env bash
# The whole cycle on the smallest game: after configs/tictactoe.lua the network with 50 visits never loses to a
# perfect player, 100 games, both colours.
. "$(dirname "$0")/lib.sh"
start=$SECONDS
ok 2 train "$configs/tictactoe.lua" --run "$work/run" "${short[@]}"
echo "trained in $((SECONDS - start)) s"
"$(dirname "$tengen")/tests/app/app.perfect" "$(ls "$work"/run/net/*.tgn | tail -n 1)" >"$work/out" 2>&1 || fail "it lost"
cat "$work/out"
echo "1 passed, 0 failed"
