#!/usr/bin/env bash
# How fast a run stops, on two ranks and a real network:
# - SIGUSR1 in the middle of self-play with 64 games in flight, 9x9, b6c96: seconds until mpirun is back with 75;
# - --walltime of LIMIT to LIMIT + 10 s, each stop at another point: by how much every rank ends before its limit.
# usage: [LIMIT=10] [MARGIN=3] benchmarks/stops.sh [SIGNALS [CLOCKS]]     (5 and 20; every status but 75 ends it)
# MARGIN is cluster.stop_margin_sec, whose default is 20.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../jobs/env.sh"
tengen=${TENGEN:-$root/build/release/tengen}
signals=${1:-5} clocks=${2:-20}
work=$(mktemp -d /tmp/tengen-stops-XXXXXX)
trap 'rm -rf "$work"' EXIT
export TIMED=$tengen TIMES=$work/times

# Each rank notes when its process begins and ends: mpirun takes a second more.
cat >"$work/timed" <<'END'
#!/usr/bin/env bash
date +%s%N >"$TIMES.begin.$OMPI_COMM_WORLD_RANK"
"$TIMED" "$@"
status=$?
date +%s%N >"$TIMES.end.$OMPI_COMM_WORLD_RANK"
exit $status
END
chmod +x "$work/timed"

# launch PROGRAM ARGS..: in the background.
launch() {
  mpirun --oversubscribe --bind-to none -n 2 "$1" train configs/go9-b6c96.lua --set net.backend=cpu "${@:2}" \
    >"$work/log" 2>&1 &
  pid=$!
}
ends_with_75() {
  local status=0
  wait "$pid" || status=$?
  [ $status -eq 75 ] || { echo "status $status, not 75:"; tail -n 20 "$work/log"; exit 1; }
}
seconds() { awk "BEGIN {printf \"%.2f\", ($2 - $1) / 1e9}"; }
left_open() { sed -n 's/.*iteration \([0-9]*\) is left open: /\1: /p' "$work/log" | tail -n 1; }
kept() { local text; text=$(left_open); echo "${text:-between iterations}"; }

echo "| SIGUSR1 | to exit 75, s | iteration left open |"
echo "|---|---|---|"
max=0
for i in $(seq "$signals"); do
  launch "$tengen" --run "$work/signal-$i" --set selfplay.parallel_games=32 --set selfplay.threads=1 --seed "$i"
  for _ in $(seq 600); do [ -e "$work/signal-$i/manifest.json" ] && break || sleep 0.1; done
  sleep "$((3 + RANDOM % 8)).$((RANDOM % 10))"
  from=$(date +%s%N)
  kill -USR1 "$pid"
  ends_with_75
  took=$(seconds "$from" "$(date +%s%N)")
  echo "| $i | $took | $(kept) |"
  max=$(awk "BEGIN {print ($took > $max ? $took : $max)}")
done
echo
echo "At most $max s over $signals runs."
echo

echo "| walltime, s | slack of rank 0, s | rank 1 | iteration left open |"
echo "|---|---|---|---|"
min=1000
for i in $(seq "$clocks"); do
  limit=$((${LIMIT:-10} + RANDOM % 11))
  launch "$work/timed" --run "$work/clock-$i" --seed "$i" --walltime $limit --set cluster.stop_margin_sec="${MARGIN:-3}" --set net=b2c16 \
    --set selfplay.games=24 --set selfplay.parallel_games=12 --set selfplay.threads=1 --set search.visits=24 \
    --set selfplay.max_plies=40 --set train.min_rows=50 --set train.batch=32 --set train.rows_per_new_row=3 \
    --set gate.every=1 --set gate.games=6 --set gate.visits=24
  ends_with_75
  slack=()
  for rank in 0 1; do
    slack+=("$(awk "BEGIN {printf \"%.2f\", $limit - $(seconds "$(cat "$TIMES.begin.$rank")" "$(cat "$TIMES.end.$rank")")}")")
    min=$(awk "BEGIN {print (${slack[rank]} < $min ? ${slack[rank]} : $min)}")
  done
  echo "| $limit | ${slack[0]} | ${slack[1]} | $(kept) |"
  rm -rf "$work/clock-$i"
done
echo
echo "Least slack $min s over $clocks runs."
