#!/usr/bin/env bash
# Does the protocol between ranks scale? Continuous mode on 2 .. 256 ranks of this machine, with a device that only
# takes time; and real games on 1 and 2 ranks. Writes scaling-*.md, .dat and, with gnuplot, .svg.
# usage: benchmarks/scaling.sh [weak|strong|cpu]...     (without an argument: all three)
#   RANKS="2 4 .."   which numbers of ranks
#   SLOW=2000        the device's times are stretched by this, so that a few cores carry all ranks
#   TABLE=..         the device table; TENGEN=.. the program; ROUNDS=8 of training a run, the first three not counted
#   OUT=..           the folder for results
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../jobs/env.sh"
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_btl=self,vader TENGEN_LOG=warn
tengen=${TENGEN:-$root/build/release/tengen}
table=${TABLE:-benchmarks/devices/h100-b10c128-assumed.txt}
slow=${SLOW:-2000} rounds=${ROUNDS:-8}
out=${OUT:-benchmarks/results}
work=$(mktemp -d /tmp/tengen-scaling-XXXXXX)
trap 'rm -rf "$work"' EXIT
launch() { mpirun --oversubscribe --bind-to none -n "$@"; }

# Means over the rounds from the fourth on, by time; $1 log.jsonl.
figures() {
  awk '
    function get(tag) { return match($0, "\"" tag "\":[-0-9.e+]+") ? substr($0, RSTART + length(tag) + 3, RLENGTH - length(tag) - 3) : 0 }
    get("step") > 3 { sec = get("time/selfplay_sec"); t += sec; n++
      games += sec * get("selfplay/games_per_sec"); evals += sec * get("selfplay/evals_per_sec"); idle += sec * get("selfplay/idle_share")
      wait += sec * get("train/wait_share"); row += sec * get("selfplay/row_age"); drawn += sec * get("train/sample_age")
      commit += get("time/commit_sec") }
    END { if (n == 0) exit 1
          print games / t, evals / t, 100 * idle / t, 100 * wait / t, row / t, drawn / t, commit / n, t / n, evals }' "$1"
}

# One run: ranks, trainers, games a round, rows a step.
simulate() {
  local n=$1 trainers=$2 games=$3 batch=$4 dir=$work/$1
  rm -rf "$dir"
  launch "$n" "$tengen" train benchmarks/scaling.lua --run "$dir" --iterations "$rounds" --set cluster.trainers="$trainers" \
    --set net.backend_option="$table,slow=$slow" --set selfplay.games="$games" --set train.batch="$batch" \
    --set replay.window_max=$((games * 30)) >"$work/log" 2>&1 || { tail "$work/log" >&2; return 1; }
  figures "$dir/log.jsonl"
  rm -rf "$dir"
}

# A rank has 16 games in two groups: batches of 8 rows, one after the other. It counts the evaluations of a pass over both
# when the pass ends: at either end of the time that is measured up to 16 of each rank are on one side or the other.
ideal() { awk -v s="$slow" '$1 == "infer" && $2 == 8 { print 8 / ($3 * 1e-6 * s) }' "$table"; }

table_of() { # table_of KIND: a line per number of ranks, and the data for the plot
  local kind=$1 n trainers games batch line load
  : >"$out/scaling-$kind.dat"
  echo "| ranks | play | train | games/s | evaluations/s | of ideal | self-play waits | trainers wait | row age | sample age | a commit | a round | load before |"
  echo "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
  for n in ${RANKS:-2 4 8 16 32 64 128 256}; do
    trainers=$(((n + 15) / 16))
    games=$((15 * (n - trainers))) batch=$((264 * trainers))
    if [ "$kind" = strong ]; then games=240 batch=1024; fi
    load=$(cut -d' ' -f1 /proc/loadavg)
    line=$(simulate "$n" "$trainers" "$games" "$batch") || { echo "| $n | did not end |"; continue; }
    awk -v n="$n" -v t="$trainers" -v ideal="$(ideal)" -v load="$load" -v dat="$out/scaling-$kind.dat" '
      { e = 100 * $2 / (ideal * (n - t)); noise = e * 16 * (n - t) / $9
        printf "| %d | %d | %d | %.2f | %.0f | %.1f +- %.1f %% | %.2f %% | %.2f %% | %.2f | %.2f | %.2f s | %.1f s | %s |\n", n, n - t, t, $1, $2, e, noise, $3, $4, $5, $6, $7, $8, load
        print n, $1, $2, ideal * (n - t), e >> dat }' <<<"$line"
  done
}

plot() { # plot KIND TITLE
  command -v gnuplot >/dev/null || return 0
  gnuplot <<EOF
set terminal svg size 640,420 font "sans,12" background "white"
set output "$out/scaling-$1.svg"
set title "$2"
set logscale xy 2
set xlabel "ranks"
set ylabel "evaluations/s"
set key left top
plot "$out/scaling-$1.dat" using 1:4 with lines title "ideal: the device alone", "" using 1:3 with linespoints title "measured"
EOF
}

section() { # section KIND TITLE TEXT: what comes in, under a title
  { echo "# $2: \`benchmarks/scaling.sh $1\`"; echo "$3"; echo; cat; } | tee "$out/scaling-$1.md"
}

describe="\`$table\`, slowed $slow times, $(grep -m1 ^source "$table" | cut -c8-). $(nproc) cores of $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $("$tengen" version | head -n 1), $(date -u +%F)."
for kind in ${*:-weak strong cpu}; do
  case $kind in
  weak)
    table_of weak | section weak "Weak scaling, simulated device" "15 games a self-play rank and round, 264 rows a trainer and step, a trainer for 16 ranks. $describe"
    plot weak "Weak scaling, simulated device slowed $slow times" ;;
  strong)
    table_of strong | section strong "Strong scaling, simulated device" "240 games a round and 1024 rows a step, whatever the ranks: beyond 15 self-play ranks there are fewer games a round than are played at once, and \`selfplay.max_age\` holds them back. $describe"
    plot strong "Strong scaling, simulated device slowed $slow times" ;;
  cpu)
    { echo "| ranks | games/s | evaluations/s |"; echo "|---|---|---|"
      for n in 1 2; do
        launch "$n" "$tengen" train configs/quickstart.lua --run "$work/cpu$n" --iterations 3 --set selfplay.threads=1 --set selfplay.games=48 >"$work/log" 2>&1
        awk -v n="$n" '
          function get(tag) { return match($0, "\"" tag "\":[-0-9.e+]+") ? substr($0, RSTART + length(tag) + 3, RLENGTH - length(tag) - 3) : 0 }
          { t += get("time/selfplay_sec"); g += get("time/selfplay_sec") * get("selfplay/games_per_sec"); e += get("time/selfplay_sec") * get("selfplay/evals_per_sec") }
          END { printf "| %d | %.2f | %.0f |\n", n, g / t, e / t }' "$work/cpu$n/log.jsonl"
      done; } | section cpu "Real games, 1 and 2 ranks of one thread" "\`configs/quickstart.lua\`, 3 iterations of 48 games: self-play's rates. $(nproc) cores, $("$tengen" version | head -n 1), $(date -u +%F); load before: $(cut -d' ' -f1-3 /proc/loadavg)." ;;
  *) echo "scaling.sh: $kind: weak, strong or cpu" >&2; exit 2 ;;
  esac
done
