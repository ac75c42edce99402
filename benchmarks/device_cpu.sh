#!/usr/bin/env bash
# Measure this machine's cores for a network: a device table on standard output, for tengen plan and the simulated
# backend. usage: benchmarks/device_cpu.sh NET SIZE [RANKS]     e.g. benchmarks/device_cpu.sh b3c32 9 2
# RANKS copies of each benchmark run at once (default 1), so that what they take from each other is in the figures.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../jobs/env.sh"
net=$1 size=$2 ranks=${3:-1}
tengen=${TENGEN:-$root/build/release/tengen}
seconds=${SECONDS_EACH:-3}

figure() { sed -n "s/.*\"$2\":\([0-9.e+-]*\).*/\1/p" <<<"$1"; }
# The mean of a figure over the copies.
mean() { # mean FIGURE ARGS..
  local key=$1 i
  shift
  for ((i = 0; i < ranks; i++)); do "$tengen" bench "$@" --net "$net" --size "$size" --seconds "$seconds" --json & done |
    while read -r line; do figure "$line" "$key"; done | awk '{ s += $1; n++ } END { print s / n }'
}

echo "# Written by benchmarks/device_cpu.sh $net $size $ranks"
echo "device one core of $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
echo "source measured: tengen bench, $ranks at once on $(nproc) cores, $(date -u +%F), $("$tengen" version | head -n 1 | tr -d '#')"
echo "net    $net"
echo "size   $size"
echo "unit   thread"
for batch in 1 4 16 32 64; do
  rate=$(mean evals_per_sec infer --batch $batch)
  awk -v n=$batch -v r="$rate" 'BEGIN { printf "infer  %d %.1f\n", n, 1e6 * n / r }'
done
for batch in 64 256; do
  sec=$(mean step_sec train --batch $batch)
  awk -v n=$batch -v s="$sec" 'BEGIN { printf "train  %d %.1f\n", n, 1e6 * s }'
done
echo "host   $(mean outside_us_per_eval selfplay --games 32 --visits 48)"
