#!/usr/bin/env bash
# tengen plan: what it says, that it follows its options, and what it refuses.
. "$(dirname "$0")/lib.sh"
table=$source_dir/benchmarks/devices/h100-b10c128-assumed.txt

plan() { # plan STATUS ARGS..
  local expect=$1 got
  shift
  "$tengen" plan "$@" >"$work/out" 2>&1
  got=$?
  [ $got -eq "$expect" ] || fail "status $got instead of $expect of: tengen plan $*"
}
says() { for text; do grep -qF -- "$text" "$work/out" || fail "it does not say: $text"; done; }
number() { grep -o "\"$1\":[0-9.e+-]*" "$work/out" | head -n 1 | cut -d: -f2; }
above() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }' || fail "$3: $1 is not above $2"; }

# Every shipped config can be planned.
for config in "$configs"/*.lua; do
  plan 0 "$config" --ranks 16 --hosts 2 --cores 32 --device "$table"
  says "wall time" "GPU-hours" "disk" "inodes" "memory" "sample age" "Twice the ranks" "source: assumed:"
done

# Schedules by iteration, in ranges; a fixed option is none.
plan 0 "$configs/gomoku19-v4.lua" --ranks 8 --device "$table" --iterations 200 --set search.visits=100
says "schedules, by iteration" "search.noise_alpha" "  1-150: 0.15" "  151-200: 0.03"
grep -q "^  search.visits" "$work/out" && fail "a fixed option among the schedules"

# It follows its arguments.
config=$configs/quickstart.lua
plan 0 "$config" --ranks 2 --device "$table" --json
[ "$(number iterations)" = 30 ] && [ "$(number games)" = 1920 ] || fail "iterations and games"
parts=$(for part in selfplay last_games train match commit save start; do number ${part}_sec; done | awk '{ s += $1 } END { printf "%.9g", s }')
awk -v a="$(number wall_sec)" -v b="$parts" 'BEGIN { exit !(a > 0.9999 * b && a < 1.0001 * b) }' || fail "the parts of the time make $parts, not $(number wall_sec)"
sec=$(number wall_sec) play=$(number selfplay_sec) disk=$(number disk_bytes)
plan 0 "$config" --ranks 2 --device "$table,slow=100" --json
above "$(number selfplay_sec)" "$(awk "BEGIN { print 90 * $play }")" "slow=100"
plan 0 "$config" --ranks 2 --device "$table" --json --set search.visits=480 --iterations 60
[ "$(number iterations)" = 60 ] || fail "--iterations"
above "$(number wall_sec)" "$sec" "more visits and iterations"
above "$(number disk_bytes)" "$disk" "more iterations"
plan 0 "$config" --ranks 2 --device "$table" --json --plies 20 --rows-per-ply 0.5
[ "$(number rows)" = $((1920 * 10)) ] || fail "--plies, --rows-per-ply: $(number rows) rows"

# A run's own figures: its iterations as they were, one after the other, further ones like its last.
run_args=(--set selfplay.games=40 --set train.min_rows=50)
ok 1 train "$configs/tictactoe.lua" --run "$work/run" --iterations 3 "${run_args[@]}" "${short[@]}"
"$tengen" inspect "$work/run" --json >"$work/out"
rows=$(number rows)
sum_log() { # sum_log TAG..: over the iterations, the product of these
  local line product total=0 tag
  while read -r line; do
    product=1
    for tag; do product="$product * $(grep -o "\"$tag\":[0-9.e+-]*" <<<"$line" | cut -d: -f2)"; done
    total="$total + $product"
  done <"$work/run/log.jsonl"
  awk "BEGIN { printf \"%.9g\", $total }"
}
near() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > 0.999 * b && a < 1.001 * b) }' || fail "$3: $1, the run has $2"; }
run_plan() { plan 0 "$configs/tictactoe.lua" --ranks 1 --device "$table" --run "$work/run" --iterations "$1" "${run_args[@]}" --json; }
run_plan 3
near "$(number rows)" "$rows" rows
near "$(number evaluations)" "$(sum_log time/selfplay_sec selfplay/evals_per_sec)" evaluations
last=$(number plies)
near "$last" "$(tail -n 1 "$work/run/log.jsonl" | grep -o '"selfplay/plies_per_game":[0-9.e+-]*' | cut -d: -f2)" "plies of its last"
run_plan 2
two=$(number rows)
run_plan 4
near "$(number rows)" "$(awk "BEGIN { print $rows + $rows - $two }")" "rows of one more iteration"

# A core's time beside the network: as large a multiple of the network's as in the run, of its last iteration here.
printf 'device d\nsource measured\nnet b2c16\nsize 3\nunit thread\ninfer 1 10\ninfer 64 640\nhost 1\n' >"$work/core"
plan 0 "$configs/tictactoe.lua" --ranks 1 --device "$work/core" --run "$work/run" --iterations 3 "${run_args[@]}" --set net=b2c16 --json
share() { tail -n 1 "$work/run/log.jsonl" | grep -o "\"selfplay/$1\":[0-9.e+-]*" | cut -d: -f2; }
near "$(number host_us)" "$(awk "BEGIN { i = $(share infer_share); print 10 * (1 - i - $(share idle_share)) / i }")" "time beside the network"
plan 0 "$configs/tictactoe.lua" --ranks 1 --device "$work/core" --json --set net=b2c16
[ "$(number host_us)" = 1 ] || fail "without a run the table's: $(number host_us)"

# What it says of each part of the run's disk is what is there: two checkpoints of the three that could be kept, among others.
ok 1 train "$configs/tictactoe.lua" --run "$work/two" --iterations 2 --set selfplay.games=40 --set train.min_rows=50 \
  --set gate.every=1 --set gate.games=10 --set report.sgf_games=4 "${short[@]}"
plan 0 "$configs/tictactoe.lua" --ranks 1 --device "$table" --run "$work/two" --iterations 2 --set selfplay.games=40 \
  --set train.min_rows=50 --set gate.every=1 --set gate.games=10 --set report.sgf_games=4 "${short[@]}" --json
part() { # part FIGURE SHARE FILE..
  local figure=$1 share=$2 bytes
  shift 2
  bytes=$(cat "$@" | wc -c)
  awk -v a="$(number "$figure")" -v b="$bytes" -v e="$share" 'BEGIN { exit !(a > (1 - e) * b && a < (1 + e) * b) }' ||
    fail "$figure: $(number "$figure"), the run has $bytes"
}
cd "$work/two" || exit 1
part shard_bytes 0.01 replay/*
part net_bytes 0.01 net/*
part checkpoint_bytes 0.01 checkpoint/*
part sgf_bytes 0.1 games/*
part log_bytes 0.1 log.jsonl events* manifest.json* config.lua ranks
[ "$(number inodes)" = "$(find . | wc -l)" ] || fail "$(number inodes) inodes, the run has $(find . | wc -l)"
cd - >/dev/null || exit 1

# Bad input: status 2 or 1, and the cause.
plan 2 "$config" --ranks 2
says "--device TABLE"
plan 2 "$config" --device "$table"
says "--ranks N"
plan 2 "$config" --ranks 2 --hosts 3 --device "$table"
says "--hosts"
plan 2 "$config" --ranks 2 --device "$table,slow=0"
says "slow"
plan 2 "$config" --ranks 2 --device "$table" --plies 99999
says "--plies"
plan 2 "$work/none.lua" --ranks 2 --device "$table"
says "none.lua"
plan 2 "$config" --ranks 2 --device "$table" --set cluster.trainers=2
says "leaves 0 for self-play"
plan 2 "$config" --ranks 2 --device "$table" --run "$work"
says "is no run"
plan 2 "$config" --ranks 2 --device "$table" --run "$work/run"
says "is a run of"
plan 2 "$config" --ranks 2 --device "$table" --iterations 0
says "iterations"
plan 1 "$config" --ranks 2 --device "$work/none"
says "cannot open the device table"
printf 'device x\nnet b2c16\nsize 9\ninfer 1 5\n' >"$work/table"
plan 1 "$config" --ranks 2 --device "$work/table"
says "source"
echo "1 passed, 0 failed"
