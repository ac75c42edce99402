#!/usr/bin/env bash
# tengen analyze as a client runs it: JSON alone on standard output, every query answered before the end, any bytes
# survived, wrong arguments named.
. "$(dirname "$0")/lib.sh"
ok 1 train "$configs/quickstart.lua" --run "$work/run" --iterations 0 --set net.preset=b2c16 "${short[@]}"
net=$work/run/net/net-000000.tgn

query='"rules":"chinese","komi":7.5,"boardXSize":9,"boardYSize":9,"moves":[["B","E5"],["W","C3"]]'
{
  echo '{"id":"v","action":"query_version"}'
  for k in $(seq 1 30); do echo "{\"id\":\"$k\",$query,\"analyzeTurns\":[0,1,2],\"maxVisits\":30}"; done
  head -c 300000 "$tengen"
  printf '\n{"id":"last",%s}\n' "$query"
  head -c 3000000 /dev/zero | tr '\0' '['
} | "$tengen" analyze --net "$net" --threads 2 --visits 10 >"$work/out" 2>"$work/log" || fail "status $?"
grep -avqE '^\{"(id|error|warning)":.*\}$' "$work/out" && fail "more than JSON on standard output"
[ "$(grep -ac '"turnNumber"' "$work/out")" = 91 ] || fail "not 91 analyses"
[ "$(grep -a '"turnNumber"' "$work/out" | grep -ac '"visits":30,"winrate"')" -ge 90 ] || fail "not 30 visits"
grep -aq '"error":"Request line is longer' "$work/out" || fail "the longest line is not refused"
grep -aq '^{"id":"last","turnNumber":2,"isDuringSearch":false,.*"visits":10' "$work/out" || fail "it did not live"

# The input's end is the end, waiting or not.
echo "{\"id\":\"x\",$query,\"maxVisits\":100000000}" |
  timeout 20 "$tengen" analyze --net "$net" --quit-without-waiting >"$work/out" 2>"$work/log" || fail "status $?"

# Settings of a config; the view.
echo "{\"id\":\"x\",$query,\"maxVisits\":20}" | "$tengen" analyze --net "$net" --report-as SIDETOMOVE --config \
  "$configs/quickstart.lua" --set search.c_puct=3 >"$work/out" 2>"$work/log" || fail "status $?"
grep -q '"currentPlayer":"B"' "$work/out" || fail "no analysis with a config"

for wrong in "--report-as RED" "--visits 0" "--net $work/none.tgn" "--threads 1000" "--set search.c_puct=1"; do
  "$tengen" analyze --net "$net" $wrong </dev/null >"$work/out" 2>&1
  [ $? = 2 ] || [[ $wrong == --net* ]] || fail "$wrong: not status 2"
  grep -q error "$work/out" || fail "$wrong: no error"
done
echo "1 passed, 0 failed"
