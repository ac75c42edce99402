#!/usr/bin/env bash
# A relocatable archive of the program with its Open MPI, Lua and small libraries, for nodes with no package manager:
#   jobs/bundle.sh [--build DIR] [--march ARCH] [--out FILE.tar.gz]
# unpacked anywhere: bin/tengen, bin/mpirun, jobs/gpu-check.sh, configs, lua; on one host, x86-64, with glibc no
# older than this machine's. CUDA's libraries and glibc are not in it: the node brings its own.
#   --build DIR   take what is built there (as jobs/test.sh builds in build/ci); else it is built in build/bundle
#   --march ARCH  what the processor must know; default x86-64-v3 (AVX2, FMA: all server processors since 2015)
#   --out FILE    default build/tengen-bundle.tar.gz
set -euo pipefail
here=$PWD
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

build='' march=x86-64-v3 out=build/tengen-bundle.tar.gz
usage() { sed -n '2,9s/^# \{0,1\}//p' "$root/jobs/bundle.sh"; }
while [ $# -gt 0 ]; do
  case $1 in
    --build) build=$(cd "$here" && cd "$2" && pwd) ;;
    --march) march=$2 ;;
    --out) out=$(cd "$here" && cd "$(dirname "$2")" && pwd)/$(basename "$2") ;;
    --help) usage; exit 0 ;;
    *) echo "bundle: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
  [ $# -ge 2 ] || { echo "bundle: $1 needs a value" >&2; exit 2; }
  shift 2
done
need() { command -v "$1" >/dev/null || { echo "bundle: $1 is not installed" >&2; exit 3; }; }
for tool in orterun orted ompi_info ldd strip patchelf; do need $tool; done

# --- the programs
if [ -z "$build" ]; then
  build=$root/build/bundle
  cmake --preset release "${generator[@]}" -B "$build" -DTENGEN_MARCH="$march" >/dev/null
  cmake --build "$build" -j "$cores"
fi
for program in tengen_portable tests/nn/nn.test_backend tests/nn/nn.test_update; do
  [ -x "$build/$program" ] || { echo "bundle: $build/$program is not built" >&2; exit 2; }
done
built_for=$(sed -n 's/^TENGEN_MARCH:[A-Z]*=//p' "$build/CMakeCache.txt")
if [ "$built_for" != "$march" ]; then
  echo "bundle: $build is built for \"$built_for\", not for $march (--march)" >&2
  exit 2
fi
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
top=$stage/tengen
mkdir -p "$top"/{bin,libexec/tests,lib,etc,jobs,benchmarks,share/tengen}
cp "$build/tengen_portable" "$top/libexec/tengen"
cp "$build"/tests/nn/nn.test_{backend,update} "$top/libexec/tests/"
cp "$(command -v orterun)" "$(command -v orted)" "$top/libexec/"
[ ! -f "$build/libtengen_cuda.so" ] || cp "$build/libtengen_cuda.so" "$top/lib/"
[ ! -x "$build/tests/bench_matrix" ] || cp "$build/tests/bench_matrix" "$top/libexec/tests/"
cp -r configs "$top/"
cp -r lua "$top/share/tengen/"
ln -s share/tengen/lua "$top/lua"
cp jobs/gpu-check.sh "$top/jobs/"
cp benchmarks/torch_baseline.py "$top/benchmarks/"

# --- Open MPI: its plug-ins, but those for networks and launchers whose libraries would have to come along
ompi() { ompi_info --parsable --path "$1" | cut -d: -f3-; }
plugins=$top/lib/openmpi3
mkdir -p "$plugins" "$top/share/openmpi"
cp "$(ompi pkglibdir)"/mca_*.so "$plugins/"
cp "$(ompi pkgdatadir)"/*.txt "$top/share/openmpi/"
rm -f "$plugins"/*monitoring* "$plugins"/mca_{atomic,memheap,scoll,spml,sshmem,vprotocol,mtl}_* "$plugins"/mca_*_flux.so
cat >"$top/etc/openmpi-mca-params.conf" <<'EOF'
# One host: shared memory, or the loopback interface.
btl = self,vader,tcp
pml = ob1
osc = ^pt2pt
btl_tcp_if_include = lo
oob_tcp_if_include = lo
EOF

# --- the libraries that all of this needs: ldd follows them to the end
files() { find "$top/lib" "$top/libexec" -type f; }
system='ld-linux|/libc[.]so|/libm[.]so|/libdl[.]so|/libpthread[.]so|/librt[.]so|/libutil[.]so|/libresolv[.]so|libnss'
node='libstdc[+][+]|libgcc_s|libcuda|libcublas|libcudnn|libnccl|libnvrtc'
network='lib(fabric|uc[pst]|psm|infinipath|ibverbs|rdmacm|nl-|oshmem|portals)'
files | xargs ldd 2>/dev/null >"$stage/needs"
awk -v network="$network" '/^\// { file = substr($1, 1, length($1) - 1) } $0 ~ network { print file }' "$stage/needs" |
  sort -u >"$stage/dropped"
awk -v unwanted="$system|$node" 'NR == FNR { dropped[$1] = 1; next }
  /^\// { file = substr($1, 1, length($1) - 1) }
  !(file in dropped) && $2 == "=>" && $3 ~ /^\// && $3 !~ unwanted { print $3 }' "$stage/dropped" "$stage/needs" |
  sort -u >"$stage/libraries"
xargs -r rm -f <"$stage/dropped"
xargs cp -L -t "$top/lib" <"$stage/libraries"
pmix=$(grep '/libpmix[.]so' "$stage/libraries" || true)
if [ -n "$pmix" ] && [ -d "$(dirname "$(readlink -f "$pmix")")/pmix" ]; then
  cp -r "$(dirname "$(readlink -f "$pmix")")/pmix" "$top/lib/pmix"
fi
mapfile -t all < <(files)
chmod u+w "${all[@]}"
strip --strip-unneeded "${all[@]}"
# Each looks in lib, wherever this is unpacked; CUDA's toolkit may be where it usually is.
cuda=()
for file in "$top/lib/libtengen_cuda.so" "$top/libexec/tests/bench_matrix"; do [ ! -f "$file" ] || cuda+=("$file"); done
rpath() { patchelf --set-rpath "$@"; }
rpath '$ORIGIN/..' "$top"/lib/*/*.so
rpath '$ORIGIN' "$top"/lib/*.so*
rpath '$ORIGIN/../lib' "$top"/libexec/{tengen,orterun,orted}
rpath '$ORIGIN/../../lib' "$top"/libexec/tests/nn.*
[ ${#cuda[@]} -eq 0 ] || rpath /usr/local/cuda/lib64:/usr/local/cuda/lib "${cuda[@]}"

# --- the launchers
cat >"$top/libexec/environment" <<'EOF'
# Sourced by the launchers with $top set: Open MPI's folders are where this is unpacked.
export OPAL_PREFIX="$top" OPAL_LIBDIR="$top/lib" OPAL_PKGLIBDIR="$top/lib/openmpi3" OPAL_SYSCONFDIR="$top/etc"
export OPAL_BINDIR="$top/libexec" OPAL_DATADIR="$top/share" OPAL_PKGDATADIR="$top/share/openmpi"
export PMIX_PREFIX="$top" PMIX_LIBDIR="$top/lib" PMIX_PKGLIBDIR="$top/lib/pmix" PMIX_MCA_pcompress_base_silence_warning=1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_ess_singleton_isolated=1 # without mpirun no daemon is wanted
export HOME="${HOME:-/}" # without it Open MPI trusts the list of users to have this one
command -v ssh >/dev/null 2>&1 || export OMPI_MCA_plm_rsh_agent=/bin/sh # mpirun insists on one, also for this host alone
EOF
cat >"$top/libexec/top" <<'EOF'
# Sourced first: $top is the folder above the one that $0 (or what it links to) lies in.
self=$0
if [ -L "$self" ]; then self=$(readlink -f "$self"); fi
case $self in */*) top=${self%/*} ;; *) top=. ;; esac
top=$(cd "$top/.." && pwd)
EOF
for name in tengen mpirun; do
  {
    echo '#!/bin/sh'
    sed -e '/^#/d' "$top/libexec/top"
    echo '. "$top/libexec/environment"'
  } >"$top/bin/$name"
done
echo 'exec "$top/libexec/tengen" "$@"' >>"$top/bin/tengen"
echo 'PATH="$top/bin:$PATH" exec "$top/libexec/orterun" "$@"' >>"$top/bin/mpirun"
rm "$top/libexec/top"
chmod +x "$top"/bin/*
cat >"$top/README" <<EOF
$("$build/tengen_portable" version | head -n 1), for $march, without CUDA's libraries (TENGEN_CUDA_PATH=DIR:DIR.. says where they are).
  bin/tengen version
  bin/mpirun -n 2 tengen train configs/tictactoe.lua --run /tmp/run      (--oversubscribe: more ranks than cores)
  jobs/gpu-check.sh                                                      what this node's GPU does
EOF
tar -C "$stage" -czf "$out" tengen
echo "$out: $(($(stat -c %s "$out") / 1000)) KB, unpacked $(du -sk "$top" | cut -f1) KB"
