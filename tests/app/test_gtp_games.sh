#!/usr/bin/env bash
# The program as other programs see it: whole games under an arbiter (tengen match), a dialogue of nothing but
# protocol on standard output, and input that is no text at all.
. "$(dirname "$0")/lib.sh"

# Whole games: every move of either side must be accepted by the other.
ok 1 match --a random --b "gtp:$tengen gtp --size 9 --rules chinese" --games 2 --size 9 --rules chinese --visits 1
grep -q illegal "$work/out" && fail "an illegal move in a game of Go"
ok 2 match --a random --b "gtp:$tengen gtp --game gomoku --rules captures-subject" --games 4 --visits 1 \
  --game gomoku --rules captures-subject --size 15
grep -q illegal "$work/out" && fail "an illegal move in a game of Gomoku"

# Debug text goes to standard error.
printf '1 boardsize 7\nkomi x\ngenmove b\n2 quit\n' | TENGEN_LOG=debug "$tengen" gtp >"$work/out" 2>/dev/null ||
  fail "gtp: status $?"
grep -qvE '^([=?][0-9]*( .*)?)?$' "$work/out" && fail "more than protocol on standard output"
[ "$(grep -c '^[=?]' "$work/out")" = 4 ] || fail "not four answers to four commands"

# The end of the input is the end of the program, and bytes are no harm: our own binary as input.
{ head -c 400000 "$tengen"; printf '\n77 name\n'; } | "$tengen" gtp >"$work/out" 2>/dev/null || fail "gtp: status $?"
grep -aq '^=77 Tengen$' "$work/out" || fail "gtp did not survive"
{ head -c 400000 "$tengen"; printf '\nDONE\nSTART 15\nTURN 7,7\nEND\n'; } | "$tengen" gomocup >"$work/out" 2>/dev/null ||
  fail "gomocup: status $?"
tail -n 1 "$work/out" | grep -qE '^[0-9]+,[0-9]+$' || fail "gomocup did not survive"

# A line longer than any other.
{ head -c 10000000 /dev/zero | tr '\0' 'x'; printf '\n5 name\nquit\n'; } | "$tengen" gtp >"$work/out" || fail "gtp: status $?"
[ "$(tr '\n' '|' <"$work/out")" = "? line too long||=5 Tengen||=||" ] || fail "over-long line"

"$tengen" gtp --net "$work/none.tgn" >"$work/out" 2>&1 && fail "a missing network was no error"
grep -q none.tgn "$work/out" || fail "the missing network is not named"
echo "1 passed, 0 failed"
