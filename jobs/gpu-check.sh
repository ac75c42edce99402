#!/usr/bin/env bash
# What this machine's GPU does, in under eight minutes: tests on the device, then its speed beside PyTorch's and
# beside the largest matrix product's. Builds first, or is run from an unpacked bundle (jobs/bundle.sh).
#   jobs/gpu-check.sh [--out DIR] [--nets A,B] [--batches N,M] [--tables A,B] [--seconds S] [--limit S] [--no-torch]
#                     [--sanitizer] [--train [--minutes M]] [--build DIR] [--backend NAME] [--option TEXT]
# Writes gpu-DEVICE.json, .md (a table) and .log to DIR: default $OUT, else benchmarks/results; and gpu-DEVICE-NET.txt,
# the device's table for tengen plan and the simulated backend (benchmarks/devices).
#   --nets, --batches  default b6c96,b10c128,b18c384nbt,b40c256 and 64,256,1024, on 19x19
#   --tables A,B   those of the networks that get a device table; default b10c128. Small batches are measured for it
#   --seconds S    of each measurement; default 1
#   --limit S      of all together, from the end of the build; default 460. What no time is left for is recorded so
#   --no-torch     leave PyTorch out (it is left out where python3, or $PYTHON, has none)
#   --sanitizer    the tests again under compute-sanitizer, with 20 minutes more
#   --train        instead of all that: configs/go9-b6c96.lua for --minutes M (8), then its last network against its
#                  first; also writes the run's log.jsonl and report.html
#   --build DIR    what is built there, rather than build/release
#   --backend NAME default cuda; "simulated" tries this script where there is no GPU
#   --option TEXT  as net.backend_option, for the speed: "fp16"; a device table of "simulated"
# Exit status: 0 all parts passed, 1 some did not (the others were run), 77 no GPU, 2 wrong usage.
set -uo pipefail
here=$PWD
script=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/$(basename "${BASH_SOURCE[0]}")
root=$(cd "$(dirname "$script")/.." && pwd)
cores=$(nproc)

nets=b6c96,b10c128,b18c384nbt,b40c256 batches=64,256,1024 tables=b10c128 seconds=1 limit=460 backend=cuda minutes=8
option='' torch=1 sanitizer=0 train=0 build='' out=${OUT:-$root/benchmarks/results}
usage() { sed -n '2,20s/^# \{0,1\}//p' "$script"; }
while [ $# -gt 0 ]; do
  case $1 in
    --no-torch) torch=0; shift; continue ;;
    --sanitizer) sanitizer=1; shift; continue ;;
    --train) train=1; shift; continue ;;
    --help) usage; exit 0 ;;
    --out | --nets | --batches | --tables | --seconds | --limit | --build | --backend | --option | --minutes)
      [ $# -ge 2 ] || { echo "gpu-check: $1 needs a value" >&2; exit 2; }
      printf -v "${1#--}" %s "$2"; shift 2 ;;
    *) echo "gpu-check: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
done
case $limit in '' | *[!0-9]*) echo "gpu-check: --limit $limit: not a whole number" >&2; exit 2 ;; esac
case $minutes$seconds in *[!0-9.]*) echo "gpu-check: --minutes and --seconds are numbers" >&2; exit 2 ;; esac
mkdir -p "$out" && out=$(cd "$here" && cd "$out" && pwd) || exit 2

# --- is there a GPU?
gpu_name() { nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -n 1; }
if [ "$backend" = cuda ] && [ -z "$(gpu_name)" ] && ! ls /dev/nvidia[0-9]* >/dev/null 2>&1; then
  echo "gpu-check: no GPU here: nvidia-smi names none, and there is no /dev/nvidia0. Nothing was measured."
  exit 77
fi

# --- the programs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log
if [ -x "$root/libexec/tengen" ]; then # a bundle
  tengen=$root/bin/tengen mpirun=$root/bin/mpirun tests=$root/libexec/tests
  export TENGEN_CUDA_PLUGIN=$root/lib/libtengen_cuda.so
else
  . "$root/jobs/env.sh"
  if [ -z "$build" ]; then
    build=$root/build/release
    { cmake --preset release "${generator[@]}" && cmake --build "$build" -j "$cores"; } >"$log" 2>&1 ||
      { tail -n 20 "$log"; echo "gpu-check: the build failed" >&2; exit 1; }
  fi
  build=$(cd "$here" && cd "$build" && pwd) || exit 2
  tengen=$build/tengen mpirun=mpirun tests=$build/tests
  export TENGEN_CUDA_PLUGIN=$build/libtengen_cuda.so
fi
cd "$root" || exit 1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
program() { # program NAME: of the tests; in a bundle they lie in one folder
  local path
  path=$(find "$tests" -name "$1" -type f -perm -u+x 2>/dev/null | head -n 1)
  echo "${path:-$tests/$1}"
}
python=${PYTHON:-python3}

# CUDA's libraries may be those of Python's wheels.
state() { "$tengen" version 2>&1 | sed -n "s/^backend $backend: //p"; }
ready=$(state)
if [ "$ready" != ready ] && [ -z "${TENGEN_CUDA_PATH-}" ]; then
  TENGEN_CUDA_PATH=$("$python" -c 'import glob, sys
print(":".join(d for p in sys.path for d in sorted(glob.glob(p + "/nvidia/*/lib"))))' 2>/dev/null)
  export TENGEN_CUDA_PATH
  ready=$(state)
fi

# --- parts: each has its limit, and none ends the others
start=$SECONDS
left() { echo $((limit - (SECONDS - start))); }
: >"$work/parts" && : >"$work/results"
text() { printf %s "$1" | tr -d '\000-\037' | sed 's/\\/\\\\/g; s/"/\\"/g'; }
n_failed=0 also_fine=0
record() { # record NAME STATUS SEC [WHY]
  local word=failed
  case $2 in 0 | "$also_fine") word=passed ;; 77) word=skipped ;; 124 | 137) word="out of time" ;; esac
  [ "$word" = passed ] || [ "$word" = skipped ] || n_failed=$((n_failed + 1))
  printf '{"part":"%s","result":"%s","status":%d,"sec":%d,"why":"%s"}\n' "$(text "$1")" "$word" "$2" "$3" \
    "$(text "${4-}")" >>"$work/parts"
  printf '%-34s %s%s\n' "$1" "$word" "${4:+: $4}"
}
part() { # part NAME LIMIT BY COMMAND..: lines of JSON that it prints are results, by BY
  local name=$1 time=$2 by=$3 status then=$SECONDS why=''
  shift 3
  [ "$(left)" -lt "$time" ] && time=$(left)
  if [ "$time" -lt 1 ]; then
    record "$name" 124 0 "no time was left for it"
    return 1
  fi
  printf '== %s: %s\n' "$name" "$*" >>"$log"
  timeout -k 5 "$time" "$@" >"$work/part.out" 2>"$work/part.err" </dev/null
  status=$?
  cat "$work/part.out" "$work/part.err" >>"$log"
  sed -n "s/^{\"/{\"by\":\"$by\",\"/p" "$work/part.out" >>"$work/results"
  [ $status -eq 0 ] || why=$(cat "$work/part.out" "$work/part.err" | grep -v '^ *$' | tail -n 1 | cut -c1-200)
  record "$name" $status $((SECONDS - then)) "$why"
  return $status
}
each() { printf %s "$1" | tr , ' '; }

tests_on_device() { # tests_on_device [SANITIZER'S TOOL]
  local run test option only name command time
  # Of the fused convolutions some: each shape's are compiled, for a second or more, and there are hundreds.
  for run in "test_backend fp32" "test_backend bf16-plain" "test_backend fp16-plain" "test_backend bf16 a_*" \
    "test_backend fp16 each_loss*" "test_update fp32" "test_update bf16" "test_update fp16-plain"; do
    read -r test option only <<<"$run"
    time=120 name="$test $option${only:+ $only}" command=("$(program nn.$test)" cuda $option ${only:+"$only"})
    if [ $# -gt 0 ]; then
      case $option in bf16*) ;; *) continue ;; esac
      time=300 name="$1: $name" command=(compute-sanitizer --tool "$1" --error-exitcode 1 "${command[@]}")
    fi
    part "$name" $time tests "${command[@]}"
  done
}

bench() { # bench NAME LIMIT WHAT NET ARGS..
  local name=$1 time=$2 what=$3 net=$4
  shift 4
  part "$name" "$time" tengen "$tengen" bench "$what" --backend "$backend" ${option:+--backend-option "$option"} \
    --net "$net" --size 19 --json "$@"
}
has_table() { case ,$tables, in *,"$1",*) return 0 ;; *) return 1 ;; esac; }
batches_of() { # batches_of WHAT NET: a device table also wants small ones
  { each "$batches"; has_table "$2" && case $1 in infer) echo " 1 8" ;; train) echo " 1" ;; esac; } |
    tr ' ' '\n' | sort -nu
}

# Network by network, Tengen then PyTorch, so that each has its turn and both meet the device in the same state.
speed() {
  local net batch what share then n_left
  n_left=$(each "$nets" | wc -w)
  [ "$backend" != cuda ] || part "matrix peak (cublasLt)" 40 cublasLt env LD_LIBRARY_PATH="$(wheels)" \
    "$(program bench_matrix)" "$seconds"
  [ $torch -eq 0 ] || has_pytorch || torch=0
  for net in $(each "$nets"); do
    then=$SECONDS share=$((($(left) - 40) / n_left))
    for what in infer train; do
      for batch in $(batches_of $what "$net"); do
        bench "$what $net $batch" 75 $what "$net" --batch "$batch" --seconds "$seconds"
      done
    done
    [ $torch -eq 0 ] || pytorch "$net" $((share - (SECONDS - then)))
    n_left=$((n_left - 1))
  done
}
selfplay() { # of the small networks, for which a CPU may be too slow
  local net threads=$((cores > 17 ? 16 : cores > 2 ? cores - 1 : 1))
  for net in $(each "$nets"); do
    case $net in b2c16 | b6c96 | b10c128)
      bench "selfplay $net" 60 selfplay "$net" --threads $threads --games $((threads * 256)) --visits 100 \
        --seconds "$(awk -v s="$seconds" 'BEGIN { print 8 * s }')" ;;
    esac
  done
}
# Where the linker finds cublasLt, if it is only in Python's wheels.
wheels() { printf %s "${TENGEN_CUDA_PATH:+$TENGEN_CUDA_PATH:}${LD_LIBRARY_PATH-}"; }

has_pytorch() {
  [ "$backend" = cuda ] || return 1
  "$python" -c 'import torch' 2>/dev/null && return
  record "PyTorch" 77 0 "$python has none"
  return 1
}
pytorch() { # pytorch NET SECONDS
  local only=infer,train
  [ $peak_measured -eq 1 ] || only=peak,$only
  peak_measured=1
  part "PyTorch $1" $(($2 > 1 ? $2 : 1)) pytorch "$python" benchmarks/torch_baseline.py --nets "$1" --only $only \
    --batches "$batches" --seconds "$seconds" --limit $(($2 > 20 ? $2 - 20 : 0))
}
peak_measured=0

sanitize() {
  local tool
  if ! command -v compute-sanitizer >/dev/null; then
    record "compute-sanitizer" 77 0 "it is not installed"
    return
  fi
  limit=$((limit + 1200))
  for tool in memcheck racecheck initcheck; do tests_on_device $tool; done
}

train_run() {
  local run=$work/run first last wall
  wall=$(awk -v m="$minutes" 'BEGIN { print int(60 * m) }')
  limit=$((wall + 480)) also_fine=75 # cut by its wall time: that is how it is to end
  part "train configs/go9-b6c96.lua" $((wall + 60)) tengen "$mpirun" -n 1 "$tengen" train configs/go9-b6c96.lua \
    --run "$run" --walltime "$wall" --set net.backend="$backend"
  also_fine=0
  "$tengen" status "$run" >"$work/status" 2>&1
  cp "$run/log.jsonl" "$out/run-log.jsonl" 2>/dev/null
  "$tengen" report "$run" >>"$log" 2>&1 && cp "$run/report.html" "$out/run-report.html"
  first=$(ls "$run"/net/*.tgn 2>/dev/null | sort | head -n 1)
  last=$(ls "$run"/net/*.tgn 2>/dev/null | sort | tail -n 1)
  if [ -z "$last" ] || [ "$first" = "$last" ]; then
    record "last network against the first" 1 0 "the run published no network"
    return
  fi
  part "last network against the first" 240 tengen "$tengen" match --a "$last" --b "$first" --games 100 --visits 100 \
    --backend "$backend" --threads "$cores" --json
}

# --- what comes out
get='function get(key,   s) { # of a line of JSON
      if (!match($0, "\"" key "\":(\"[^\"]*\"|[^,}]*)")) return ""
      s = substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3); gsub(/"/, "", s); return s
    }'
table() { # one line a measurement: Tengen's rate, PyTorch's, their ratio, share of the matrix peak
  awk "$get"'
    function cell(x, format) { return x == "" ? "-" : sprintf(format, x) }
    { what = get("bench"); by = get("by"); at = what " | " get("net") " | " get("batch")
      rate = get(what == "train" ? "rows_per_sec" : "evals_per_sec") }
    what == "peak" { if (get("matrix_tflops") + 0 > peak) peak = get("matrix_tflops") + 0; next }
    what == "selfplay" { play = play sprintf("| selfplay | %s | %.0f | %.0f | %s | %s |\n", get("net"), rate,
                         get("batch_rows"), get("games_per_sec"), get("device_idle_share")); next }
    what != "infer" && what != "train" { next }
    !(at in seen) { seen[at] = 1; order[++n] = at }
    { params = get("params"); net = get("net") }
    params != "" && net in count && count[net] != params { odd = odd net ": " count[net] " and " params "; " }
    params != "" { count[net] = params }
    by == "tengen" { ours[at] = rate; tflops[at] = get("tflops") }
    by == "pytorch" { theirs[at] = rate }
    END {
      printf "Matrix peak, bf16: %s.\n\n", (peak > 0 ? sprintf("%.0f TFLOP/s", peak) : "not measured")
      print "| what | network | batch | Tengen, rows/s | PyTorch, rows/s | ratio | TFLOP/s | of the peak |"
      print "|---|---|---|---|---|---|---|---|"
      for (i = 1; i <= n; i++) { at = order[i]
        printf "| %s | %s | %s | %s | %s | %s |\n", at, cell(ours[at], "%.0f"), cell(theirs[at], "%.0f"),
          (theirs[at] + 0 ? cell(ours[at] / theirs[at], "%.2f") : "-"), cell(tflops[at], "%.1f"),
          (peak + 0 && tflops[at] != "" ? cell(100 * tflops[at] / peak, "%.1f %%") : "-") }
      if (odd != "") printf "\nNot the same networks, by their numbers of parameters: %s\n", odd
      if (play != "")
        printf "\n%s\n|---|---|---|---|---|---|\n%s",
          "| what | network | evaluations/s | rows a batch | games/s | device idle share |", play
    }' "$work/results"
}
# device_table NET DEVICE: what it was measured to take, as include/tengen/nn.h describes it; fails without measurements.
device_table() {
  echo "# Written by jobs/gpu-check.sh: batches of tengen bench infer with two under way, steps of tengen bench train."
  echo "device $(printf %s "$2" | tr -d '#' | cut -c1-127)"
  echo "source measured: jobs/gpu-check.sh${option:+ --option $option}, $(date -u +%F), $("$tengen" version | head -n 1)" |
    tr -d '#' | cut -c1-500
  printf 'net    %s\nsize   19\nunit   %s\n' "$1" "$([ "$backend" = cpu ] && echo thread || echo rank)"
  awk -v net="$1" "$get"'
    function row(key, rows, usec) { printf "%-6s %-4s %.*f\n", key, rows, (usec < 10 ? 3 : 1), usec }
    get("by") != "tengen" || get("net") != net { next }
    { what = get("bench"); n = get("batch") }
    what == "infer" && get("evals_per_sec") > 0 { row(what, n, 1e6 * n / get("evals_per_sec")); n_infer++ }
    what == "train" && get("step_sec") > 0 { row(what, n, 1e6 * get("step_sec")) }
    what == "selfplay" && get("outside_us_per_eval") > 0 { row("host", "", get("outside_us_per_eval")) }
    END { exit !n_infer }' "$work/results"
}
device_tables() { # device_tables SLUG DEVICE
  local net
  for net in $(each "$tables"); do
    if device_table "$net" "$2" >"$work/table"; then
      cp "$work/table" "$out/gpu-$1-$net.txt" && echo "written: $out/gpu-$1-$net.txt"
    fi
  done
}
list() { sed '$!s/$/,/; s/^/  /' "$1"; }
write() {
  local name slug
  name=$([ "$backend" = cuda ] && gpu_name)
  name=${name:-$(sed -n 's/.*"device":"\([^"]*\)".*/\1/p' "$work/results" | head -n 1)}
  [ "$backend" = cuda ] || name=$backend
  name=${name:-unknown}
  slug=$(printf %s "$name" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9-')
  [ $train -eq 0 ] || slug=$slug-train
  {
    printf '{\n "device": "%s",\n "driver": "%s",\n "date": "%s",\n "build": "%s",\n "cpu_cores": %d,\n' \
      "$(text "$name")" "$(text "$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1)")" \
      "$(date -u +%FT%TZ)" "$(text "$("$tengen" version 2>/dev/null | head -n 1)")" "$cores"
    printf ' "backend": "%s",\n "parts": [\n%s\n ],\n "results": [\n%s\n ]\n}\n' "$(text "$ready")" \
      "$(list "$work/parts")" "$(list "$work/results")"
  } >"$out/gpu-$slug.json"
  {
    printf '# %s\n%s, driver %s, %d cores; `jobs/gpu-check.sh`, %s.\n\n' "$name" "$("$tengen" version 2>/dev/null | head -n 1)" \
      "$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1)" "$cores" "$(date -u +%F)"
    if [ $train -eq 1 ]; then printf '```\n%s\n```\n' "$(cat "$work/status" 2>/dev/null)"; else table; fi
    printf '\n%d parts passed, %d failed, %d were skipped.\n' "$(grep -c '"passed"' "$work/parts")" $n_failed \
      "$(grep -c '"skipped"' "$work/parts")"
    sed -n 's/.*"part":"\(.*\)","result":"\(failed\|out of time\|skipped\)".*"why":"\(.*\)"}$/- \1: \2. \3/p' "$work/parts" |
      sed 's/\\\(.\)/\1/g'
  } >"$out/gpu-$slug.md"
  cp "$log" "$out/gpu-$slug.log" 2>/dev/null
  echo "written: $out/gpu-$slug.json, .md, .log"
  [ $train -eq 1 ] || device_tables "$slug" "$name"
}

if [ "$ready" != ready ]; then
  record "backend $backend" 1 0 "$ready"
elif [ $train -eq 1 ]; then
  train_run
else
  tests_on_device
  speed
  selfplay
  [ $sanitizer -eq 0 ] || sanitize
fi
write
[ $n_failed -eq 0 ]
