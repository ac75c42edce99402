#!/usr/bin/env bash
# Ranks change sides: a run with far too many trainers ends with fewer, in both modes, with every game and hash in its
# place; in lockstep mode it ends in the bits of a run without moves, also when it is killed while ranks change.
. "$(dirname "$0")/lib.sh"
config=$configs/tictactoe.lua
opts=(--set selfplay.games=30 --set search.visits=200 --set train.min_rows=100 --set gate.every=3 --set gate.games=4 --set selfplay.threads=1
      --set cluster.pulse_sec=0.02 --set cluster.watchdog_sec=60 --set selfplay.previous_share=0.2
      --set replay.priority_alpha=0.6 --set replay.capacity=1000 --set train.rows_per_new_row=0.3 "${short[@]}")
moving=(--set cluster.rebalance=true --set cluster.rebalance_patience=1 --set cluster.rebalance_margin=0.05)
field() { sed -n "s/^ *\"$2\": \"\?\([^\",]*\)\"\?,\?$/\1/p" "$1/manifest.json" | head -n 1; }
trainers() { grep -o '"cluster/trainers":[0-9]*' "$1/log.jsonl" | cut -d: -f2; } # of each iteration
sound() { "$tengen" inspect "$1" --verify >"$work/out" 2>&1 || fail "$1 is not sound"; }
moved() { # moved DIR FROM: fewer trainers than that at the end, and said so
  [ "$(trainers "$1" | head -n 1)" = "$2" ] || fail "$1 did not begin with $2 trainers"
  [ "$(trainers "$1" | tail -n 1)" -lt "$2" ] || fail "$1 ended with $(trainers "$1" | tail -n 1) trainers"
  grep -q "\"kind\":\"roles\",\"text\":\"trainers waited for .* $2 trainers become [0-9]" "$1/log.jsonl" || fail "$1: no reason in the log"
  grep -q "\"trainers\": [0-9]*, \"configured\": \"$2\", \"reason\": \"trainers waited" "$1/manifest.json" || fail "$1: no reason in the manifest"
}

bits() { # bits A B CHECKPOINT: shards are left out, since they name their config
  for file in $(cd "$work/$1" && ls net/*.tgn) "checkpoint/$3"; do
    same "$work/$1/$file" "$work/$2/$file"
  done
}

# Lockstep, on a simulated device whose games take far longer than its training.
printf '%s\n' "device made up" "source assumed: slow at games" "net b2c16" "size 3" "unit rank" \
  "infer 1 5000" "infer 64 5100" "train 1 2000" "train 64 2100" >"$work/latency"
slow=(--set net.backend=simulated --set "net.backend_option='$work/latency'" --set search.visits=20)
ok 5 train "$config" --run "$work/lockstep" --iterations 5 "${opts[@]}" "${slow[@]}" "${moving[@]}" --set cluster.trainers=3
moved "$work/lockstep" 3
sound "$work/lockstep"
[ "$(field "$work/lockstep" iterations)" = 5 ] || fail "not complete"

# Killed while ranks change: the same bits.
for at in 3 4 5 none; do # where they change first depends on the machine
  rm -rf "$work/killed"
  ranks 5 train "$config" --run "$work/killed" --iterations 5 "${opts[@]}" "${slow[@]}" "${moving[@]}" --set cluster.trainers=3 --inject "kill@1:roles:$at"
  [ $? = 0 ] || break
done
[ $at = none ] && fail "no kill while ranks changed"
ok 5 train "$config" --run "$work/killed" --iterations 5 "${opts[@]}" "${slow[@]}" "${moving[@]}" --set cluster.trainers=3
sound "$work/killed"
bits lockstep killed checkpoint-000004.tgc

# Really trained: the bits of a run without moves.
ok 2 train "$config" --run "$work/calm" --iterations 6 "${opts[@]}" --set cluster.trainers=1
ok 4 train "$config" --run "$work/moved" --iterations 6 "${opts[@]}" "${moving[@]}" --set cluster.trainers=3
moved "$work/moved" 3
sound "$work/moved"
bits calm moved checkpoint-000005.tgc

# A run that is started again goes on with the roles it had; on another number of ranks, as the config says.
before=$(trainers "$work/moved" | tail -n 1) # or less: the last iteration's figures may have called for it
ok 4 train "$config" --run "$work/moved" --iterations 7 "${opts[@]}" "${moving[@]}" --set cluster.trainers=3
[ "$(trainers "$work/moved" | tail -n 1)" -le "$before" ] || fail "$before trainers became more by a start"
ok 5 train "$config" --run "$work/moved" --iterations 8 "${opts[@]}" --set cluster.trainers=3
[ "$(trainers "$work/moved" | tail -n 1)" = 3 ] || fail "without cluster.rebalance: not as the config says"

# Limits.
ok 4 train "$config" --run "$work/limits" --iterations 4 "${opts[@]}" "${moving[@]}" --set cluster.trainers=3 --set cluster.trainers_min=2
[ "$(trainers "$work/limits" | sort -n | head -n 1)" = 2 ] || fail "not down to trainers_min = 2, or below it"

# Continuous: games in flight of ranks on either side are taken up by those that play then.
ok 5 train "$config" --run "$work/continuous" --iterations 8 "${opts[@]}" "${slow[@]}" "${moving[@]}" --set cluster.trainers=3 --set cluster.mode=continuous
grep -q "played again" "$work/out" && fail "games in flight were not taken up"
moved "$work/continuous" 3
sound "$work/continuous"
[ "$(field "$work/continuous" iterations)" = 8 ] || fail "not complete"

# What it cannot do it says.
for wrong in "cluster.trainers=all" "cluster.lag=0"; do
  ranks 2 train "$config" --run "$work/wrong" "${opts[@]}" "${moving[@]}" --set cluster.trainers=1 --set "$wrong"
  [ $? = 2 ] || fail "rebalance with $wrong is not refused"
  grep -q "cluster.rebalance" "$work/out" || fail "rebalance with $wrong is not explained"
done
echo "1 passed, 0 failed"
