#!/usr/bin/env bash
# Measure this machine's cores for a network: a device table on standard output, for tengen plan and the simulated
# backend. usage: benchmarks/device_cpu.sh NET SIZE [RANKS]     e.g. benchmarks/device_cpu.sh b3c32 9 2
# RANKS copies of each benchmark run at once (default 1), so that what they take from each other is in the figures.
# Inference is timed in games, between two walks of their trees: a tenth more than the same batch again and again.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../jobs/env.sh"
net=$1 size=$2 ranks=${3:-1}
tengen=${TENGEN:-$root/build/release/tengen}
seconds=${SECONDS_EACH:-3}

copies() { # copies BENCHMARK ARGS..: a line of JSON from each
  local i
  for ((i = 0; i < ranks; i++)); do "$tengen" bench "$@" --net "$net" --size "$size" --seconds "$seconds" --json & done
  wait
}
# Microseconds of a thread for an evaluation in so many games at once: in the network, and beside it.
in_games() {
  copies selfplay --games "$1" --visits 48 | sed -n 's/.*"outside_share":\([0-9.e+-]*\),"outside_us_per_eval":\([0-9.e+-]*\).*/\1 \2/p' |
    awk '{ inside += $2 * (1 - $1) / $1; outside += $2 } END { print inside / NR, outside / NR }'
}

echo "# Written by benchmarks/device_cpu.sh $net $size $ranks"
echo "device one core of $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
echo "source measured: tengen bench, $ranks at once on $(nproc) cores, $(date -u +%F), $("$tengen" version | head -n 1 | tr -d '#')"
echo "net    $net"
echo "size   $size"
echo "unit   thread"
for games in 1 4 16 32 64; do
  read -r inside outside < <(in_games $games)
  awk -v n=$games -v us="$inside" 'BEGIN { printf "infer  %d %.1f\n", n, n * us }'
  [ $games != 32 ] || host=$outside
done
for batch in 64 256; do
  copies train --batch $batch | sed -n 's/.*"step_sec":\([0-9.e+-]*\).*/\1/p' |
    awk -v n=$batch '{ s += $1 } END { printf "train  %d %.1f\n", n, 1e6 * s / NR }'
done
printf 'host   %.1f\n' "$host"
