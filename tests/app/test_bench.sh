#!/usr/bin/env bash
# tengen bench: the figures of the CPU, and of a device, for which one stands that computes nothing in a known time.
. "$(dirname "$0")/lib.sh"
n_checks=0
bench() { ok 1 bench "$@" --json; n_checks=$((n_checks + 1)); }
figure() { grep -o "\"$1\":[^,}]*" "$work/out" | cut -d: -f2; }
keys() { # keys NAMES: these and no others
  local got
  got=$(grep -o '"[a-z_]*":' "$work/out" | tr -d '":' | tr '\n' ' ')
  [ "$got" = "$* " ] || fail "keys: $got"
}
between() { # between KEY LOW HIGH
  awk -v x="$(figure "$1")" -v low="$2" -v high="$3" 'BEGIN { exit !(x >= low && x <= high) }' ||
    fail "$1 is $(figure "$1"), not in $2..$3"
}
small=(--net b2c16 --seconds 0.3 --batch 16)
head=(bench net size batch threads)

bench infer "${small[@]}"
keys "${head[@]}" evals_per_sec gflops onednn_direct_gflops ratio
bench train "${small[@]}"
keys "${head[@]}" rows_per_sec step_sec forward_sec ratio
between ratio 0.5 30
bench selfplay "${small[@]}"
play=(games_per_sec plies_per_sec searches_per_sec evals_per_sec batch_rows outside_share outside_us_per_eval)
keys "${head[@]}" "${play[@]}"

# A batch of 16 rows takes 20 ms, one of any size less: 800 evaluations a second at most.
# A table of latencies: "ROWS MICROSECONDS".. > file
table() { printf 'device test\nsource assumed: for this test\nnet b2c16\nsize 9\n'; printf 'infer %s\n' "$@"; }
table '1 1000' '16 20000' >"$work/slow"
device=(--backend simulated --backend-option "$work/slow")
bench infer "${small[@]}" "${device[@]}"
keys "${head[@]}" backend ranks params evals_per_sec one_by_one_evals_per_sec batch_sec tflops
between evals_per_sec 1 801 # no lower bound that a busy machine would break
between batch_sec 0.02 10
bench train "${small[@]}" "${device[@]}"
keys "${head[@]}" backend ranks params rows_per_sec step_sec forward_sec ratio tflops
between step_sec 0.06 10
# The games wait for this device all the time; a device that takes no time waits for the games.
bench selfplay "${small[@]}" "${device[@]}" --games 32
keys "${head[@]}" backend ranks params "${play[@]}" device_idle_share
between batch_rows 15 16
between device_idle_share 0 0.95
table '1 1' '16 1' >"$work/fast"
bench selfplay "${small[@]}" --backend simulated --backend-option "$work/fast" --games 32
between device_idle_share 0.6 1

# Two ranks on one slow device each: twice the rows.
ok 2 bench infer "${small[@]}" "${device[@]}" --json
between ranks 2 2
between evals_per_sec 1 1602
echo "$((n_checks + 1)) passed, 0 failed"
