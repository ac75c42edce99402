#!/usr/bin/env bash
# Does prioritised replay learn faster? configs/gomoku9-captures.lua cut to some minutes, with and without it, three
# seeds each. Networks of all runs meet one anchor: a network halfway through a seventh run, with a seed of its own.
# usage: benchmarks/priority_curves.sh [DIR [ITERATIONS [GAMES [SEEDS]]]]
#   DIR         of the runs, build/priority_curves; what is there is not made again
#   ITERATIONS  of each run, 16
#   GAMES       of each match against the anchor, 40
#   SEEDS       "1 2 3"
# Leaves priority_curves.tsv, .md and .svg in benchmarks/results. From the environment: RESULTS=DIR for them, TENGEN=PROGRAM,
# EXTRA="--set KEY=VALUE ..." for all runs.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../jobs/env.sh"
tengen=${TENGEN:-$root/build/release/tengen}
dir=${1:-build/priority_curves}
iterations=${2:-16}
games=${3:-40}
seeds=${4:-1 2 3}
results=${RESULTS:-benchmarks/results}
config=configs/gomoku9-captures.lua
every=$((iterations < 4 ? 1 : iterations / 4)) # networks so far apart are rated
alpha=0.6                                      # as the yardstick's own runs asked for
launch=(mpirun --oversubscribe --bind-to none -n 2)
mkdir -p "$dir" "$results"

# train NAME SEED ALPHA: a run without matches of its own
train() {
  "${launch[@]}" "$tengen" train "$config" --run "$dir/$1" --seed "$2" --iterations "$iterations" \
    --set replay.priority_alpha="$3" --set gate.enabled=false --set gate.every=1000000 \
    ${EXTRA:-}
}

# number KEY LINE: a figure of one JSON object
number() { sed -n "s,.*\"$1\":\([-+0-9.e]*\).*,\1,p" <<<"$2"; }

# rate NAME NUMBER: the network against the anchor, one JSON object
rate() {
  local kept=$dir/$1/anchor-$2.json
  if [ ! -s "$kept" ]; then
    "${launch[@]}" "$tengen" match --a "$(printf '%s/net/net-%06d.tgn' "$dir/$1" "$2")" --b "$anchor" \
      --games "$games" --visits 64 --config "$config" --json | tail -n 1 >"$kept.part"
    mv "$kept.part" "$kept"
  fi
  cat "$kept"
}

# point KIND SEED NUMBER: a line of the table; a loss is that of the iteration which made the network
point() {
  local name=$1-$2 result figures
  result=$(rate "$name" "$3")
  figures=$(grep "\"kind\":\"iteration\",\"step\":$3," "$dir/$name/log.jsonl" | tail -n 1 || true)
  printf '%s\t%s\t%s' "$1" "$2" "$3"
  printf '\t%s' "$(number score "$result")" "$(number elo "$result")" "$(number elo_stderr "$result")" \
    "$(number loss/policy "$figures")" "$(number loss/value "$figures")"
  echo
}

start=$SECONDS
train anchor 100 0
for seed in $seeds; do
  train "uniform-$seed" "$seed" 0
  train "priority-$seed" "$seed" $alpha
done
echo "trained in $((SECONDS - start)) s"
n=$(ls "$dir/anchor/net" | wc -l)
anchor=$(printf '%s/anchor/net/net-%06d.tgn' "$dir" $((n / 2)))

table=$results/priority_curves.tsv
{
  printf 'draws\tseed\tnetwork\tscore\telo\telo_stderr\tpolicy_loss\tvalue_loss\n'
  for kind in uniform priority; do
    for seed in $seeds; do
      for number in $(seq 0 "$every" "$iterations"); do
        point $kind "$seed" "$number"
      done
    done
  done
} >"$table.part"
mv "$table.part" "$table"
echo "trained and rated in $((SECONDS - start)) s"

# Means over the seeds, with the standard error that the seeds themselves show.
means=$dir/means.tsv
awk -F '\t' 'NR > 1 { key = $1 "\t" $3; if (!(key in n)) order[++k] = key
  n[key]++; s[key] += $5; q[key] += $5 * $5; p[key] += $7; v[key] += $8 }
  END { for (i = 1; i <= k; i++) { key = order[i]; m = s[key] / n[key]; var = q[key] / n[key] - m * m
    se = n[key] > 1 && var > 0 ? sqrt(var / (n[key] - 1)) : 0
    printf "%s\t%.1f\t%.1f\t%.4f\t%.4f\t%d\n", key, m, se, p[key] / n[key], v[key] / n[key], n[key] } }' \
  "$table" >"$means"

{
  echo "# Prioritised replay against uniform draws: $config"
  echo "\`benchmarks/priority_curves.sh DIR $iterations $games \"$seeds\"\`: $iterations iterations, seeds $seeds;" \
    "\`priority_alpha\` $alpha against 0. Elo"
  echo "against network $((n / 2)) of a run with seed 100, $games games a point: the mean over the seeds, and its standard error"
  echo "as the seeds show it. Losses are means over the rows drawn, with their importance weights: not of the same rows in"
  echo "both, so Elo is what compares. Every match stands in priority_curves.tsv."
  echo
  echo "| network | uniform: Elo | prioritised: Elo | policy loss | prioritised | value loss | prioritised |"
  echo "|---|---|---|---|---|---|---|"
  awk -F '\t' '$1 == "uniform" { u[$2] = $3 " +- " $4; up[$2] = $5; uv[$2] = $6; order[++k] = $2 }
    $1 == "priority" { e[$2] = $3 " +- " $4; ep[$2] = $5; ev[$2] = $6 }
    END { for (i = 1; i <= k; i++) { x = order[i]
      if (x == 0) up[x] = ep[x] = uv[x] = ev[x] = "-"
      printf "| %d | %s | %s | %s | %s | %s | %s |\n", x, u[x], e[x], up[x], ep[x], uv[x], ev[x] } }' "$means"
} >"$results/priority_curves.md"

gnuplot <<PLOT
set terminal svg size 760,420 font "sans-serif,12"
set output "$results/priority_curves.svg"
set datafile separator "\t"
set title "Gomoku with captures 9x9: draws from the window, seeds $seeds"
set xlabel "network (iteration)"
set ylabel "Elo against the anchor ($games games a point)"
set key bottom right
set grid lc rgb "#dddddd"
of(kind, x) = strcol(1) eq kind ? x : NaN
plot "$table" using (of("uniform", \$3)):5:6 with yerrorbars lc rgb "#aac4f5" pt 7 ps 0.4 notitle, \
     "$table" using (of("priority", \$3)):5:6 with yerrorbars lc rgb "#f2cf9b" pt 7 ps 0.4 notitle, \
     "<grep ^uniform $means" using 2:3 with linespoints lw 2 pt 7 ps 0.6 lc rgb "#2563eb" title "uniform", \
     "<grep ^priority $means" using 2:3 with linespoints lw 2 pt 7 ps 0.6 lc rgb "#d97706" title "prioritised ($alpha)"
PLOT
cat "$results/priority_curves.md"
