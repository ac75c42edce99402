#!/usr/bin/env bash
# Search for inputs that break a reader of foreign data: libFuzzer with ASan and UBSan (clang).
# usage: jobs/fuzz.sh [SECONDS [TARGET..]]     (default: 60 model; targets: model script sgf gtp gomocup analyze)
# What it finds is left in build/fuzz; tests/fuzz/README.md says how to replay it. Exit status 77: no clang here.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
seconds=${1:-60}
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] || targets=(model)
if ! echo 'int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return p && n ? 0 : 0; }' |
  clang -x c - -fsanitize=fuzzer,address -o /dev/null 2>/dev/null; then
  echo "no fuzzing: clang with libFuzzer is not here (Debian: clang and its libclang-rt-dev)"
  exit 77
fi
flags="-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined"
cmake -S . -B build/fuzz "${generator[@]}" -DCMAKE_C_COMPILER=clang -DTENGEN_FUZZ=ON -DTENGEN_CUDA=off \
  -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS="$flags" >/dev/null
cmake --build build/fuzz -j "$cores" --target "${targets[@]/#/fuzz_}" seeds_model >/dev/null
programs=build/fuzz/tests/fuzz
for target in "${targets[@]}"; do
  corpus=build/fuzz/corpus/$target
  mkdir -p "$corpus"
  [ "$target" != model ] || "$programs/seeds_model" "$corpus"
  [ ! -d "tests/fuzz/corpus/$target" ] || cp -r "tests/fuzz/corpus/$target/." "$corpus/"
  echo "== fuzzing $target for $seconds s =="
  "$programs/fuzz_$target" -max_total_time="$seconds" -max_len=40000 -timeout=20 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="build/fuzz/$target-" "$corpus" 2>&1 | tail -n 12
done
