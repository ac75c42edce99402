#!/usr/bin/env bash
# Is the forecast of tengen plan right? Measures this machine's cores, plays a few iterations to see what games are
# like, plans a run, runs it, and compares wall time and disk: both within 20 % is success.
# usage: benchmarks/plan_check.sh [MINUTES]     (10: the length of the run; a quiet machine, please)
# Where other programs take the cores from it the time is longer: core time says how much was used all the same.
#   CONFIG=configs/quickstart.lua, NET=b3c32, SIZE=9, RANKS=2, TENGEN=build/release/tengen
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../jobs/env.sh"
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_btl=self,vader TENGEN_LOG=warn
minutes=${1:-10} config=${CONFIG:-configs/quickstart.lua} net=${NET:-b3c32} size=${SIZE:-9} ranks=${RANKS:-2}
export TENGEN=${TENGEN:-$root/build/release/tengen}
work=$(mktemp -d /tmp/tengen-plan-check-XXXXXX)
trap 'rm -rf "$work"' EXIT
figure() { grep -o "\"$1\":[-0-9.e+]*" "$work/plan.json" | head -n 1 | cut -d: -f2; }
train() { mpirun --oversubscribe --bind-to none -n "$ranks" "$TENGEN" train "$config" "$@" >>"$work/log" 2>&1 || { tail "$work/log" >&2; exit 1; }; }
plan() { "$TENGEN" plan "$config" --ranks "$ranks" --device "$work/table" --run "$work/probe" --json "$@" >"$work/plan.json"; }

benchmarks/device_cpu.sh "$net" "$size" "$ranks" >"$work/table"
cat "$work/table"
train --run "$work/probe" --iterations 3
plan --iterations 20
iterations=$(awk -v s="$(figure wall_sec)" -v m="$minutes" 'BEGIN { n = int(20 * 60 * m / s + 0.5); print n < 1 ? 1 : n }')
plan --iterations "$iterations"
echo "load before: $(cut -d' ' -f1-3 /proc/loadavg)"
TIMEFORMAT='%R %U %S'
used=$({ time train --run "$work/run" --iterations "$iterations"; } 2>&1 | tail -n 1)
echo "load after: $(cut -d' ' -f1-3 /proc/loadavg)"
bytes=$(find "$work/run" -type f -printf '%s\n' | awk '{ s += $1 } END { print s }')
inodes=$(find "$work/run" | wc -l)
echo "$config, $iterations iterations on $ranks ranks, $("$TENGEN" version | head -n 1)"
awk -v t="$(figure wall_sec)" -v used="$used" -v n="$ranks" -v b="$(figure disk_bytes)" -v B="$bytes" -v i="$(figure inodes)" -v I="$inodes" 'BEGIN {
  split(used, u, " "); T = u[1]; C = u[2] + u[3]
  printf "| | planned | measured | planned / measured |\n|---|---|---|---|\n"
  printf "| wall time | %.0f s | %.0f s | %.2f |\n| core time | %.0f s | %.0f s | %.2f |\n| disk | %.2f MB | %.2f MB | %.2f |\n| inodes | %d | %d | %.2f |\n", t, T, t / T, n * t, C, n * t / C, b / 1e6, B / 1e6, b / B, i, I, i / I
  exit !(t / T > 0.8 && t / T < 1.2 && b / B > 0.8 && b / B < 1.2) }' && echo "within 20 %" || { echo "NOT within 20 %"; exit 1; }
