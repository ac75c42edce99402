#!/usr/bin/env bash
# Is the forecast of tengen plan right? Measures this machine's cores, makes a run of the first iterations to see what
# games are like, plans a run of ten minutes, runs it, and compares time and disk part by part, as tables for
# results/plan.md. Success: wall time and disk are both within 20 %. Takes a quarter of an hour; a quiet machine, please.
# Where other programs take the cores from it the time is longer: core time says how much was used all the same.
# usage: benchmarks/plan_check.sh
#   MINUTES=10              the planned length
#   PROBE=30                iterations of the run before; the forecast takes them as they were, and further ones like
#                           its newest third. Games of the quickstart go through all lengths in the first twenty.
#   TABLE=FILE              a device table of these cores; made where it is not there, or none is named
#   CONFIG=configs/quickstart.lua NET=b3c32 SIZE=9 RANKS=2 TENGEN=build/release/tengen TMPDIR=/tmp
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../jobs/env.sh"
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_btl=self,vader TENGEN_LOG=warn
minutes=${MINUTES:-10} probe=${PROBE:-30} ranks=${RANKS:-2}
config=${CONFIG:-configs/quickstart.lua} net=${NET:-b3c32} size=${SIZE:-9}
export TENGEN=${TENGEN:-$root/build/release/tengen}
work=$(mktemp -d "${TMPDIR:-/tmp}/tengen-plan-check-XXXXXX")
trap 'rm -rf "$work"' EXIT
table=${TABLE:-$work/table} run=$work/run

train() { mpirun --oversubscribe --bind-to none -n "$ranks" "$TENGEN" train "$config" "$@" >>"$work/log" 2>&1 || { tail "$work/log" >&2; return 1; }; }
plan() { "$TENGEN" plan "$config" --ranks "$ranks" --device "$table" --run "$work/probe" --json "$@" >"$work/plan.json"; }
planned() { # planned FIGURE..: their sum
  local key
  for key; do grep -o "\"$key\":[-0-9.e+]*" "$work/plan.json" | head -n 1 | cut -d: -f2; done | awk '{ s += $1 } END { print s }'
}
noted() { # noted FIGURE: in the run's manifest
  grep -o "\"$1\": [-0-9.e+]*" "$run/manifest.json" | head -n 1 | cut -d' ' -f2
}
logged() { awk -v key="\"$1\":" 'at = index($0, key) { s += substr($0, at + length(key)) } END { print s + 0 }' "$run/log.jsonl"; } # all iterations' sum
bytes() { (cd "$run" && cat $1 | wc -c); } # of the files that match the words of $1
row() { # row WHAT PLANNED MEASURED [FORMAT]
  awk -v what="$1" -v p="$2" -v m="$3" -v f="${4:-%.1f}" 'BEGIN { printf "| %s | " f " | " f " | %s |\n", what, p, m, (m > 0 ? sprintf("%.2f", p / m) : "") }'
}
mb() { awk -v b="$1" 'BEGIN { print b / 1e6 }'; }
within() { awk -v p="$1" -v m="$2" 'BEGIN { exit !(p > 0.8 * m && p < 1.2 * m) }'; }

[ -s "$table" ] || benchmarks/device_cpu.sh "$net" "$size" "$ranks" >"$table"
train --run "$work/probe" --iterations "$probe"
iterations=100
for _ in 1 2; do # not quite proportional: the first iterations are as they were
  plan --iterations "$iterations"
  iterations=$(awk -v n="$iterations" -v s="$(planned wall_sec)" -v m="$minutes" 'BEGIN { n = int(n * 60 * m / s + 0.5); print n < 1 ? 1 : n }')
done
plan --iterations "$iterations"

before=$(cut -d' ' -f1-3 /proc/loadavg)
TIMEFORMAT='%R %U %S'
if ! { time train --run "$run" --iterations "$iterations"; } 2>"$work/time"; then
  cat "$work/time" >&2
  exit 1
fi
read -r wall user system <"$work/time"
after=$(cut -d' ' -f1-3 /proc/loadavg)
core=$(awk -v u="$user" -v s="$system" 'BEGIN { print u + s }')
parts=$(awk -v a="$(noted selfplay_sec)" -v b="$(noted train_sec)" -v c="$(noted match_sec)" -v d="$(logged time/commit_sec)" 'BEGIN { print a + b + c + d }')
disk=$(find "$run" -type f -printf '%s\n' | awk '{ s += $1 } END { print s }')

echo "$config, $iterations iterations on $ranks ranks, planned on a run of the first $probe;"
echo "$("$TENGEN" version | head -n 1), $(date -u +%F), load $before before, $after after"
printf '\n```\n%s\n```\n' "$(cat "$table")"
printf '\n| time, s | planned | measured | planned / measured |\n|---|---|---|---|\n'
row "self-play" "$(planned selfplay_sec last_games_sec)" "$(noted selfplay_sec)"
row "training" "$(planned train_sec)" "$(noted train_sec)"
row "matches" "$(planned match_sec)" "$(noted match_sec)"
row "commits" "$(planned commit_sec)" "$(logged time/commit_sec)"
row "networks, checkpoints, manifest" "$(planned save_sec)" "$(awk -v e="$(noted elapsed_sec)" -v p="$parts" 'BEGIN { print e - p }')"
row "start and end" "$(planned start_sec)" "$(awk -v w="$wall" -v e="$(noted elapsed_sec)" 'BEGIN { print w - e }')"
row "**all**" "$(planned wall_sec)" "$wall"
row "core time" "$(awk -v w="$(planned wall_sec)" -v n="$ranks" 'BEGIN { print n * w }')" "$core"
printf '\n| disk, MB | planned | measured | planned / measured |\n|---|---|---|---|\n'
row "shards" "$(mb "$(planned shard_bytes)")" "$(mb "$(bytes 'replay/*')")" %.3f
row "networks" "$(mb "$(planned net_bytes)")" "$(mb "$(bytes 'net/*')")" %.3f
row "checkpoints" "$(mb "$(planned checkpoint_bytes)")" "$(mb "$(bytes 'checkpoint/*')")" %.3f
row "games (SGF)" "$(mb "$(planned sgf_bytes)")" "$(mb "$(bytes 'games/*')")" %.3f
row "logs, events, manifest, config" "$(mb "$(planned log_bytes)")" "$(mb "$(bytes 'log.jsonl events* manifest.json* config.lua ranks')")" %.3f
row "**all**" "$(mb "$(planned disk_bytes)")" "$(mb "$disk")" %.3f
row "inodes" "$(planned inodes)" "$(find "$run" | wc -l)" %.0f
printf '\n| work | planned | measured | planned / measured |\n|---|---|---|---|\n'
row "games" "$(planned games)" "$(noted games)" %.0f
row "rows" "$(planned rows)" "$(noted rows)" %.0f
row "steps" "$(planned steps)" "$(noted steps)" %.0f

if within "$(planned wall_sec)" "$wall" && within "$(planned disk_bytes)" "$disk"; then
  printf '\nTime and disk are within 20 %%.\n'
else
  printf '\nNOT within 20 %%.\n'
  exit 1
fi
