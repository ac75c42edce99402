#!/usr/bin/env bash
# The gate in a real run: what judges a candidate, what becomes of one that fails, what is kept of it; and that
# matches change nothing else.
. "$(dirname "$0")/lib.sh"
cat >"$work/gate.lua" <<'LUA'
return {
    name = "gate",
    iterations = 2,
    game = { kind = "gomoku", size = 3 },
    net = "b2c16",
    selfplay = { games = 20, threads = 1, cheap_share = 0, policy_surprise = 0 },
    search = { visits = 16 },
    -- The trained parameters themselves are published; the second iteration does not change them.
    train = { batch = 32, min_rows = 20, rows_per_new_row = 2, ema = 0, warmup_steps = 0,
              learning_rate = { { upto = 1, value = 0.01 }, { upto = 9, value = 0 } } },
    gate = { every = 1, games = { { upto = 1, value = 10 }, { upto = 9, value = 20 } }, visits = 16,
             min_score = 1, opening_plies = 2, blunder_threshold = 0.1 },
    report = { sgf_games = 20, log_level = "warn" },
}
LUA
run() { # run NAME RANKS ARGS..
  local name=$1 n=$2
  shift 2
  ok "$n" train "$work/gate.lua" --run "$work/$name" "$@"
}
count() { # count N WORD FILE: lines of the file that have the word
  local got
  got=$(grep -cF -- "$2" "$work/$3")
  [ "$got" = "$1" ] || fail "$got lines of $3 say $2, not $1"
}
games() { # games N WORD FILE: of the SGF collection
  local got
  got=$(grep -oF -- "$2" "$work/$3" | wc -l)
  [ "$got" = "$1" ] || fail "$2 stands $got times in $3, not $1"
}
hash_of() { "$tengen" inspect "$work/$1/net/net-00000$2.tgn" --json | grep -o '"hash":"[0-9a-f]*"'; }
decisions() { grep -o '"decision": "[a-z ]*"' "$work/$1/manifest.json" | cut -d'"' -f4 | paste -sd' '; }

# A candidate that wins its match is rejected for its result against the baseline, on two ranks as on one.
# Both results and all games are kept.
run baseline 2 --set gate.min_score=0 --set gate.min_baseline_score=1
[ "$(decisions baseline)" = "baseline rejected baseline rejected" ] || fail "decisions: $(decisions baseline)"
count 1 '"champion": 0,' baseline/manifest.json
for kind in match baseline; do
  games 10 '(;' "baseline/games/$kind-000001.sgf"
  games 20 '(;' "baseline/games/$kind-000002.sgf"
  games 10 'PB[network 2]' "baseline/games/$kind-000002.sgf" # ten with each colour
done
"$tengen" inspect "$work/baseline" --verify >"$work/out" || fail "it does not verify"
grep -q ' 4 matches: every' "$work/out" || fail "not four matches"
"$tengen" status "$work/baseline" >"$work/out"
grep -q 'network 2 : network 0 .* baseline$' "$work/out" || fail "status does not tell of the baseline"
grep -q '"blunder_rate_a": 0\.' "$work/baseline/manifest.json" || fail "nobody blundered"
# Options of the gate follow their schedules.
games 10 '(;' baseline/games/match-000001.sgf
games 20 '(;' baseline/games/match-000002.sgf

# A match's games stand in the order of their numbers: the same bytes for any number of ranks and threads, in a run and from
# tengen match. Games of which many end in another order than they began.
for n in 1 2 3; do
  run "ranks$n" $n --iterations 1 --set gate.games=40 --set gate.visits=4 --set gate.opening_plies=4 --set selfplay.threads=$n
  same "$work/ranks1/games/match-000001.sgf" "$work/ranks$n/games/match-000001.sgf"
  ok $n match --a "$work/ranks1/net/net-000001.tgn" --b random --games 40 --visits 4 --opening-plies 4 --threads $n --sgf "$work/match$n.sgf"
  same "$work/match1.sgf" "$work/match$n.sgf"
done
for file in ranks1/games/match-000001.sgf match1.sgf; do
  grep -o 'GN\[game [0-9]*' "$work/$file" | grep -o '[0-9]*$' >"$work/numbers"
  [ "$(wc -l <"$work/numbers")" = 40 ] || fail "$file does not hold 40 games"
  sort -n -c "$work/numbers" 2>"$work/out" || fail "games of $file are not in order"
done

# Rejected, training goes on from the candidate; rolled back, from the champion.
run on 1
[ "$(decisions on)" = "rejected rejected" ] || fail "decisions: $(decisions on)"
[ "$(hash_of on 1)" != "$(hash_of on 0)" ] || fail "nothing was learned"
[ "$(hash_of on 2)" = "$(hash_of on 1)" ] || fail "a rejected candidate was not gone on from"
run back 2 --set gate.rollback=true
[ "$(decisions back)" = "rolled back rolled back" ] || fail "decisions: $(decisions back)"
[ "$(hash_of back 1)" = "$(hash_of on 1)" ] || fail "the first candidates differ"
[ "$(hash_of back 2)" = "$(hash_of back 0)" ] || fail "training did not go back to the champion"

# A sequential test that any result decides ends the match after its first round.
run sequential 1 --iterations 1 --set gate.games=60 --set gate.sprt=true --set gate.sprt_elo1=1000 --set gate.sprt_alpha=0.4999 \
  --set gate.sprt_beta=0.4999
games 20 '(;' sequential/games/match-000001.sgf

# The newest network plays, or the champion.
games 20 'PB[network 1]' on/games/iteration-000002.sgf
run champion 1 --set selfplay.use_candidate=false
games 20 'PB[network 0]' champion/games/iteration-000002.sgf

# Older opponents are champions, the last so many of them, whatever came between.
run never 1 --iterations 3 --set selfplay.previous_share=0.5 --set selfplay.past_window=1
games 10 '[network 0]' never/games/iteration-000003.sgf
run always 1 --iterations 3 --set selfplay.previous_share=0.5 --set selfplay.past_window=1 --set gate.min_score=0
games 10 '[network 1]' always/games/iteration-000003.sgf # network 2 plays: 0 is no longer among them

# A run of rejections that stops goes on from its last iteration, not from its champion; and matches change
# nothing of what is played or learned.
run through 1 --iterations 4 --set train.learning_rate=0.002
run resumed 1 --iterations 2 --set train.learning_rate=0.002
run resumed 2 --iterations 4 --set train.learning_rate=0.002
[ "$(decisions resumed)" = "rejected rejected rejected rejected" ] || fail "decisions: $(decisions resumed)"
same "$work/through/net/net-000004.tgn" "$work/resumed/net/net-000004.tgn"
run unmatched 1 --iterations 4 --set train.learning_rate=0.002 --set gate.every=100
same "$work/through/net/net-000004.tgn" "$work/unmatched/net/net-000004.tgn"
echo "1 passed, 0 failed"
