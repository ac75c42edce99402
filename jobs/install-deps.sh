#!/usr/bin/env bash
# Install what Tengen builds and tests with (Debian 12, Ubuntu 22.04 or newer). Nothing is installed that is
# there already. Where packages cannot be installed it lists what is missing, and exits with status 3.
set -euo pipefail

packages=(
  build-essential cmake ninja-build pkg-config    # compiler and build
  libopenmpi-dev openmpi-bin                      # MPI
  libhdf5-openmpi-dev                             # parallel HDF5
  liblua5.4-dev                                   # configs
  libdnnl-dev                                     # CPU kernels (oneDNN)
  zlib1g-dev libxxhash-dev                        # compression, checksums
  libcjson-dev                                    # manifest
  libprotobuf-c-dev protobuf-c-compiler           # TensorBoard events
  libcmocka-dev                                   # tests
  patchelf iproute2                               # bundle.sh, and the test that unpacks it
)
optional=(
  gnugo                                           # an opponent and rule oracle for tests
  clang libclang-rt-14-dev                        # jobs/fuzz.sh
  gnuplot-nox                                     # curves of benchmarks
  slurm-wlm munge                                 # job scripts are tested with a Slurm of our own
)

# Those of its arguments that are not installed.
not_installed() {
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
  done
}
if command -v dpkg-query >/dev/null; then
  mapfile -t missing < <(not_installed "${packages[@]}")
  mapfile -t wanted < <(not_installed "${optional[@]}")
else
  missing=("${packages[@]}") wanted=()
fi
[ ${#missing[@]} -gt 0 ] || [ ${#wanted[@]} -gt 0 ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
  sudo=sudo
  command -v sudo >/dev/null && sudo -n true 2>/dev/null || sudo=none
fi
if ! command -v apt-get >/dev/null || [ "$sudo" = none ]; then
  if [ ${#missing[@]} -eq 0 ]; then
    echo "not here, and some tests are skipped without: ${wanted[*]}" >&2
    exit 0
  fi
  cat >&2 <<TEXT
Tengen needs these packages (Debian's names), and they cannot be installed from here:
  ${missing[*]}
On a cluster they are usually modules: a C17 compiler, CMake 3.25, an MPI, HDF5 built with that MPI, Lua 5.4,
oneDNN, zlib, xxHash, cJSON, protobuf-c and cmocka. Load them, then
  cmake --preset release && cmake --build --preset release
suffices. README.md says more under "On a cluster".
TEXT
  exit 3
fi
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
for package in "${wanted[@]}"; do # not every release has them all
  apt-cache show "$package" >/dev/null 2>&1 && missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
echo "installing: ${missing[*]}"
$sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
