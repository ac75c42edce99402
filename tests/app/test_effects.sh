#!/usr/bin/env bash
# Every option of a config reaches what it is for: a run that says it leaves other files than one that does not.
# A line of the table: OPTION=VALUE, and behind a bar the options (of both runs) without which it has no say.
. "$(dirname "$0")/lib.sh"
cat >"$work/base.lua" <<'LUA'
return {
    name = "effects",
    iterations = 1,
    game = { size = 5 },
    net = "b2c16",
    selfplay = { games = 12, threads = 1, cheap_share = 0.5, cheap_visits = 6, max_plies = 40 },
    search = { visits = 20, temp_early = 1, score_weight = 0.5 },
    replay = { window_min = 20, window_alpha = 0.75 },
    train = { batch = 32, min_rows = 1, warmup_steps = 0, learning_rate = 0.01 },
    gate = { enabled = false, every = 100, games = 4, visits = 8, min_score = 0 },
    cluster = { pulse_sec = 0.01 },
    report = { log_level = "error" },
}
LUA
lines='
game.kind=gomoku
game.size=4
game.history=2 | game.kind=gomoku
game.sizes={5,4}
game.komi=-3.5
game.komi_stdev=2
game.random_rules_share=0.5
game.rules.name=japanese
game.rules.ko=simple
game.rules.scoring=territory
game.rules.tax=all
game.rules.suicide=false
game.rules.button=true
game.rules.goal=4 | game.kind=gomoku
game.rules.exact_five=true | game.kind=gomoku game.rules.goal=3
game.rules.captures=true | game.kind=gomoku
game.rules.capture_goal=1 | game.kind=gomoku game.rules.captures=true
game.rules.double_three=renju | game.kind=gomoku game.size=9
game.rules.capture_exempts=true | game.kind=gomoku game.size=9 game.rules.captures=true game.rules.double_three=renju
game.rules.breakable_five=true | game.kind=gomoku game.rules.goal=3 game.rules.captures=true
game.rules.black_pairs=2 | game.kind=gomoku game.rules=captures-engine
game.rules.white_pairs=2 | game.kind=gomoku game.rules=captures-engine
selfplay.games=11
selfplay.cheap_share=0.2
selfplay.cheap_visits=9
selfplay.record_cheap=true
selfplay.opening_plies=4
selfplay.opening_exact=true | selfplay.opening_plies=4
selfplay.random_move_share=0.3
selfplay.resign_value=0.001 | selfplay.resign_min_ply=4
selfplay.resign_min_ply=4 | selfplay.resign_value=0.001
selfplay.resign_holdout=1 | selfplay.resign_value=0.001 selfplay.resign_min_ply=4
selfplay.max_plies=20
selfplay.end_when_decided=false | game.size=3
selfplay.policy_surprise=0
selfplay.random_bot_share=0.5
selfplay.previous_share=0.5 | iterations=2
selfplay.past_window=1 | iterations=4 selfplay.previous_share=1 train.max_steps=1
selfplay.use_candidate=false | iterations=2 gate.enabled=true
search.visits=30
search.c_puct=2
search.c_puct_log=1
search.c_puct_base=20 | search.c_puct_log=1
search.fpu_reduction=0.6
search.root_fpu_reduction=0.5
search.noise_weight=0.5
search.noise_alpha=0.03
search.noise_total=3
search.noise_shaped=false | search.root_temp_early=0.1 search.root_temp_late=0.1
search.root_temp_early=2
search.root_temp_late=0.8
search.forced_k=8
search.prune_targets=false
search.gumbel=true
search.gumbel_considered=4 | search.gumbel=true
search.gumbel_c_visit=5 | search.gumbel=true
search.gumbel_c_scale=0.1 | search.gumbel=true
search.temp_early=0.3
search.temp_late=1
search.temp_halflife=5
search.temp_plies=3
search.move_prune_visits=3
search.score_weight=0
search.no_result_utility=0.5 | game.rules.ko=simple
search.draw_value=0.5 | game.kind=gomoku game.size=3
search.proven=false | game.kind=gomoku game.size=3
search.reuse_tree=false
search.avoid_early_pass=false
replay.capacity=40
replay.window_max=40
replay.window_alpha=0
replay.window_beta=0.1
replay.window_min=30
replay.priority_alpha=0.6
replay.priority_epsilon=0.9 | replay.priority_alpha=0.6
replay.chunk_rows=16
replay.align=65536
replay.deflate=0
train.batch=16
train.rows_per_new_row=2
train.epochs=1
train.max_steps=3
train.min_rows=100000
train.optimiser=sgd
train.learning_rate=0.02
train.warmup_steps=10
train.momentum=0.5
train.beta2=0.9
train.epsilon=0.01
train.weight_decay=0.1
train.decoupled=true | train.optimiser=sgd train.weight_decay=0.1
train.clip_norm=0.1
train.max_norm=0.001 | train.max_skipped=1000
train.max_skipped=1000 | train.max_norm=0.001
train.ema=0.5
train.value_mix=0.5
train.importance_beta=1 | replay.priority_alpha=0.6
train.symmetries=false
train.loss.preset=classic
train.loss.policy=2
train.loss.reply=1
train.loss.soft_policy=1
train.loss.value=2
train.loss.ownership=0.5
train.loss.score_mean=0.1
train.loss.score_stdev=0.1
train.loss.lead=0.1
train.loss.value_kind=mse
train.loss.ownership_kind=mse
gate.enabled=true | gate.every=1 gate.min_score=1
gate.every=1 | gate.enabled=true
gate.games=6 | gate.enabled=true gate.every=1
gate.visits=20 | gate.enabled=true gate.every=1
gate.opening_plies=0 | gate.enabled=true gate.every=1
gate.min_score=1 | gate.enabled=true gate.every=1
gate.min_baseline_score=0.1 | gate.enabled=true gate.every=1
gate.max_blunder_increase=0 | gate.enabled=true gate.every=1 gate.blunder_threshold=0.01
gate.blunder_threshold=0.01 | gate.enabled=true gate.every=1
gate.rollback=true | gate.enabled=true gate.every=1 gate.min_score=1
gate.sprt=true | gate.enabled=true gate.every=1
gate.sprt_elo0=-100 | gate.enabled=true gate.every=1 gate.sprt=true
gate.sprt_elo1=100 | gate.enabled=true gate.every=1 gate.sprt=true
'
# Shown elsewhere: replay.pretrain and its steps by app.pretrain, the layout for several hosts by app.hosts, selfplay.max_age by
# app.continuous, virtual loss (of which a search with one leaf at a time has none) by search.test_flight, SPRT's error
# rates by match.test_elo; how much is played at once is to change nothing.
elsewhere=' replay.pretrain replay.pretrain_steps replay.layout selfplay.max_age search.virtual_loss gate.sprt_alpha '
elsewhere+=' gate.sprt_beta selfplay.parallel_games selfplay.threads '

# traces SETTINGS..: what a run with them leaves, without times, the order in which games ended, and what names its config.
traces() {
  local args=() dir=$work/run setting file
  for setting; do args+=(--set "$setting"); done
  rm -rf "$dir"
  timeout 300 "$tengen" train "$work/base.lua" --run "$dir" "${args[@]}" >"$work/out" 2>&1
  echo "status $?"
  for file in "$dir"/games/*; do echo "${file##*/} $(tr -d '\n' <"$file" | sed 's/)(;/)\n(;/g' | sort | cksum)"; done
  (cd "$dir" && cksum net/* && wc -c replay/* && grep -oE '"(champion|a|b|llr|decision|blunder_rate_.)": "?[-0-9a-z.]*' manifest.json) 2>&1
}
# Has OPTION an effect where the settings after it hold? What a gate decides may be the same by chance: several seeds.
declare -A base
has_effect() {
  local seed with=$*
  with=${with#"$1"}
  for seed in 1 2 3 4 5; do
    [ -n "${base[$seed$with]:-}" ] || base[$seed$with]=$(traces seed=$seed "${@:2}")
    [[ ${base[$seed$with]} == "status 2"* ]] && fail "it is refused:$with"
    local got
    got=$(traces seed=$seed "${@:2}" "$1")
    [[ $got == "status 2"* ]] && fail "it is refused: $1 with$with"
    [ "$got" = "${base[$seed$with]}" ] || return 0
  done
  return 1
}
n=0 same=
while IFS='|' read -r option with; do
  [ -n "$option" ] || continue
  read -ra words <<<"$option $with"
  has_effect "${words[@]}" || same+=" ${words[0]}"
  n=$((n + 1))
done <<<"$lines"
[ -z "$same" ] || fail "without effect:$same"
for key in $("$tengen" help config | grep -oE '^  (game|selfplay|search|replay|train|gate)\.[a-z_0-9.]+'); do
  [[ $lines == *$'\n'"$key="* || $elsewhere == *" $key "* ]] || fail "$key is not among those that are tried"
done
echo "$n options: each has an effect"
echo "1 passed, 0 failed"
