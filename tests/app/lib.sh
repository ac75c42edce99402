# Sourced by the tests here. $1 of a test is the tengen binary. No test needs the network or another test.
set -u
tengen=$1
source_dir=${TENGEN_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
configs=$source_dir/configs
work=$(mktemp -d "${TENGEN_TEST_DIR:-/tmp}/tengen-test-XXXXXX")
trap 'rm -rf "$work"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
export OMPI_MCA_btl=self,vader TENGEN_LOG=${TENGEN_LOG:-warn}

# ranks N ARGS..: tengen ARGS on N ranks; output in $work/out, exit status returned.
ranks() {
  local n=$1
  shift
  timeout 300 mpirun --oversubscribe --bind-to none -n "$n" "$tengen" "$@" >"$work/out" 2>&1
}
fail() {
  echo "FAILED: $*"
  echo "--- last output:"
  tail -n 20 "$work/out"
  exit 1
}
# ok N ARGS..: it must succeed.
ok() { ranks "$@" || fail "status $? of: tengen ${*:2} on $1 ranks"; }
# same FILE FILE: bit for bit.
same() { cmp -s "$1" "$2" || fail "$1 and $2 differ"; }
# What makes any run short.
short=(--set report.log_level=warn)
