#!/usr/bin/env bash
# Install, build with warnings as errors, run every test.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
./jobs/install-deps.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh" # ninja may be here only now
cmake --preset ci "${generator[@]}" >/dev/null
cmake --build --preset ci -j "$cores"
# Hundreds of small runs sync thousands of files: where memory has room for them no disk is waited for.
if [ -z "${TENGEN_TEST_DIR:-}" ] && [ -w /dev/shm ] && [ "$(df --output=avail -k /dev/shm | tail -n 1)" -gt 6000000 ]; then
  export TENGEN_TEST_DIR=/dev/shm
fi
# A test that sends signals to a running job can meet it a moment too late: one more try, which the output shows.
ctest --preset ci -j "$cores" --repeat until-pass:2 "$@"
