#!/usr/bin/env bash
# Random SIGKILLs: any rank, any phase or any moment, in three layouts. Every start goes on from what is on disk; no
# committed row is lost or doubled; no completed iteration is done twice; the deterministic runs end in the bits of an
# undisturbed one. KILLS (default 10), PER_RUN (kills a run, default 20) and SEED come from the environment.
. "$(dirname "$0")/lib.sh"
kills=${KILLS:-10} per_run=${PER_RUN:-20}
RANDOM=${SEED:-1}
opts=(--set selfplay.games=30 --set search.visits=16 --set train.min_rows=100 --set gate.every=2 --set gate.games=4
      --set selfplay.threads=1 --set replay.priority_alpha=0.6 --set selfplay.previous_share=0.2
      --set replay.capacity=1000 --set cluster.pulse_sec=0.02 "${short[@]}")
config=$configs/tictactoe.lua
phases=(self-play commit train publish match checkpoint manifest)
layouts=(lag all continuous)
declare -A n_ranks=([lag]=3 [all]=2 [continuous]=3)
declare -A more=([lag]="--set cluster.trainers=1" [all]="--set cluster.trainers=all"
                 [continuous]="--set cluster.trainers=1 --set cluster.mode=continuous --set train.max_steps=20")
field() { sed -n "s/^ *\"$2\": \"\?\([^\",]*\)\"\?,\?$/\1/p" "$1/manifest.json" | head -n 1; }
shards() { grep '^  {"name": "shard-' "$1/manifest.json" 2>/dev/null | sed 's/[],]*$//'; }

# at_phase N DIR ARGS..: SIGKILL as a random rank begins a random phase soon. at_moment: some time after the start.
at_phase() {
  local n=$1 dir=$2 done
  shift 2
  done=$(field "$dir" iterations 2>/dev/null)
  ranks "$n" train "$config" --run "$dir" "${opts[@]}" "$@" --iterations $((${done:-0} + 4)) \
    --inject "kill@$((RANDOM % n)):${phases[RANDOM % ${#phases[@]}]}:$((${done:-0} + 1 + RANDOM % 2))"
  [ $? != 0 ]
}
at_moment() {
  local n=$1 dir=$2 pid victims killed
  shift 2
  rm -f "$dir/ranks"
  mpirun --oversubscribe --bind-to none -n "$n" "$tengen" train "$config" --run "$dir" "${opts[@]}" "$@" --iterations 100000 >"$work/out" 2>&1 &
  pid=$!
  for ((w = 0; w < 600; w++)); do
    [ -s "$dir/ranks" ] && break
    sleep 0.02
  done
  sleep "0.$((RANDOM % 1000 + 1000))"
  mapfile -t victims < <(ps -o pid= --ppid $pid)
  [ ${#victims[@]} -gt 0 ] && kill -KILL "${victims[RANDOM % ${#victims[@]}]}" 2>/dev/null
  killed=$?
  wait $pid 2>/dev/null
  return $killed
}

n_kills=0 n_resumed=0 n_same=0 n_calm=0 n_iterations=0 n_rows=0 left=$kills
# campaign LAYOUT KILLS: one run, killed so often, then completed.
campaign() {
  local layout=$1 todo=$2 n=${n_ranks[$1]} dir=$work/$1 how now before=0 alive=0
  read -ra extra <<<"${more[$1]}"
  rm -rf "$dir" "$work/calm"
  : >"$work/shards"
  for ((k = 0; k < todo;)); do
    how=$([ $((RANDOM % 2)) = 0 ] && echo at_phase || echo at_moment)
    $how "$n" "$dir" "${extra[@]}" && k=$((k + 1))
    [ -e "$dir/manifest.json" ] || continue
    cp "$work/out" "$work/killed"
    "$tengen" inspect "$dir" --verify >"$work/out" 2>&1 || fail "$layout, kill $k: not sound; before: $(tail -n 3 "$work/killed")"
    shards "$dir" >"$work/now"
    cmp -s "$work/shards" <(head -n "$(wc -l <"$work/shards")" "$work/now") || fail "$layout, kill $k: a committed shard is gone or changed"
    mv "$work/now" "$work/shards"
    now=$(field "$dir" iterations)
    [ "$now" -ge "$before" ] || fail "$layout, kill $k: from iteration $before back to $now"
    [ "$now" -gt "$before" ] && alive=1
    before=$now
  done
  ok "$n" train "$config" --run "$dir" "${opts[@]}" "${extra[@]}" --iterations $((before + 1))
  "$tengen" inspect "$dir" --verify >"$work/out" 2>&1 || fail "$layout: not sound at its end"
  n_kills=$((n_kills + todo)) n_resumed=$((n_resumed + todo)) n_iterations=$((n_iterations + before + 1))
  n_rows=$((n_rows + $(field "$dir" rows)))
  [ "$layout" = continuous ] && return
  [ $alive = 1 ] || [ "$todo" -lt 4 ] || fail "$layout: no iteration was done between $todo kills"
  n_calm=$((n_calm + 1))
  ok $((n < 3 ? 1 : 2)) train "$config" --run "$work/calm" "${opts[@]}" "${extra[@]}" --iterations $((before + 1))
  for file in $(cd "$work/calm" && ls net/*.tgn replay/*.h5) checkpoint/checkpoint-$(printf %06d "$before").tgc; do
    same "$work/calm/$file" "$dir/$file"
  done
  n_same=$((n_same + 1))
}

start=$SECONDS
for ((c = 0; left > 0; c++)); do
  todo=$(((kills + 2) / 3))
  [ $todo -gt "$per_run" ] && todo=$per_run
  [ $todo -gt $left ] && todo=$left
  campaign "${layouts[c % 3]}" $todo
  left=$((left - todo))
done
echo "$n_kills kills in $((SECONDS - start)) s: $n_resumed resumed, $n_iterations iterations and $n_rows rows made, none of them lost" \
  "or doubled, no completed iteration done again; $n_same of $n_calm deterministic runs end bit-identical"
echo "1 passed, 0 failed"
