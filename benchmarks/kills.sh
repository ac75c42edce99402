#!/usr/bin/env bash
# kills.sh [TENGEN] - 200 random kills and 1,000 random corruptions, the tests app.kills and app.corruption at full
# length; a line of figures of each. KILLS, DAMAGES and SEED come from the environment.
set -eu
cd "$(dirname "$0")/.."
export TENGEN_TEST_DIR=${TENGEN_TEST_DIR:-/dev/shm} # what a killed process has written stays, on no disk too, and there is no fsync to wait for
tengen=$(realpath "${1:-build/release/tengen}")
KILLS=${KILLS:-200} bash tests/app/test_kills.sh "$tengen"
DAMAGES=${DAMAGES:-1000} bash tests/app/test_corruption.sh "$tengen"
