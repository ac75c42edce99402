#!/usr/bin/env bash
# jobs/gpu-check.sh: says that there is no GPU where there is none; with a device that computes nothing in its place
# each part is recorded, those that fail too, and JSON and table come out whole; what a device table says is measured so.
. "$(dirname "$0")/lib.sh"
check=$source_dir/jobs/gpu-check.sh
unset OUT TENGEN_CUDA_PATH
status() { # status N ARGS..
  local expect=$1 got
  shift
  bash "$check" "$@" >"$work/out" 2>&1
  got=$?
  [ $got -eq "$expect" ] || fail "status $got instead of $expect of: gpu-check.sh $*"
}
says() { for text in "${@:2}"; do grep -qF -- "$text" "$1" || fail "$1 does not say: $text"; done; }

if ! ls /dev/nvidia[0-9]* >/dev/null 2>&1; then
  status 77 --out "$work/none"
  says "$work/out" "no GPU here"
  [ -z "$(ls "$work/none")" ] || fail "it wrote something"
fi
status 2 --nosuch
says "$work/out" "unknown option --nosuch" "--sanitizer"

built=$(dirname "$tengen")
status 1 --backend simulated --build "$built" --out "$work/some" --nets b2c16,nosuch --batches 8 --seconds 0.1
json=$work/some/gpu-simulated.json table=$work/some/gpu-simulated.md
says "$json" '"part":"infer b2c16 8","result":"passed","status":0' '"part":"train nosuch 8","result":"failed","status":2' \
  'no network preset \"nosuch\"' '"by":"tengen","bench":"selfplay"' '"part":"test_backend bf16-plain","result":"'
says "$table" "| infer | b2c16 | 8 |" "| train | b2c16 | 8 |" "| selfplay | b2c16 |" 'no network preset "nosuch"'
[ -s "$work/some/gpu-simulated.log" ] || fail "no log"
if command -v python3 >/dev/null; then
  python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
assert len(r["parts"]) == 13 and len(r["results"]) == 3, (len(r["parts"]), len(r["results"]))' "$json" ||
    fail "$json is not what it should be"
fi

[ -z "$(ls "$work"/some/*.txt 2>/dev/null)" ] || fail "a device table of a network that wants none"

# A device of known times in its place: the table that is written says the same.
cat >"$work/known.txt" <<'END'
device nothing
source assumed: for a test
net    b2c16
size   19
unit   rank
infer  1  20000
infer  8  30000
infer  16 60000
train  1  90000
train  16 150000
update 20000
END
status 0 --backend simulated --option "$work/known.txt" --build "$built" --out "$work/known" --nets b2c16 --tables b2c16 \
  --batches 16 --seconds 0.3
written=$work/known/gpu-simulated-b2c16.txt
says "$work/out" "written: $written"
says "$written" "device simulated" "source measured: jobs/gpu-check.sh --option" "net    b2c16" "size   19" "unit   rank"
near() { # near KEY ROWS USEC: no less, and not much more on a machine that does other things, too
  awk -v key="$1" -v rows="$2" -v want="$3" '$1 == key && (key == "host" || $2 == rows) { n++; got = $NF }
    END { exit !(n == 1 && got > 0.97 * want && got < 1.5 * want + 20000) }' "$written" ||
    { cp "$written" "$work/out"; fail "$1 $2: not $3 us"; }
}
near infer 1 20000
near infer 8 30000
near infer 16 60000
near train 1 110000 # and the update
near train 16 170000
grep -q '^host  *[0-9]' "$written" || fail "no host's time"
"$tengen" plan "$configs/go19-b10c128.lua" --ranks 4 --device "$written" >"$work/out" 2>&1 || fail "tengen plan does not take the table"
says "$work/out" "source: measured: jobs/gpu-check.sh"

status 1 --backend simulated --build "$built" --out "$work/late" --nets b2c16 --batches 8 --limit 0
says "$work/late/gpu-simulated.json" '"part":"infer b2c16 8","result":"out of time"' "no time was left"
echo "1 passed, 0 failed"
