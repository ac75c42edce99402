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
)
optional=(gnugo)                                  # an opponent and rule oracle for tests

missing=()
if command -v dpkg-query >/dev/null; then
  for package in "${packages[@]}" "${optional[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
else
  missing=("${packages[@]}")
fi
[ ${#missing[@]} -eq 0 ] && exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
  sudo=sudo
  command -v sudo >/dev/null && sudo -n true 2>/dev/null || sudo=none
fi
if ! command -v apt-get >/dev/null || [ "$sudo" = none ]; then
  cat >&2 <<EOF
Tengen needs these packages (Debian's names), and they cannot be installed from here:
  ${missing[*]}
On a cluster they are usually modules: a C17 compiler, CMake 3.25, an MPI, HDF5 built with that MPI, Lua 5.4,
oneDNN, zlib, xxHash, cJSON, protobuf-c and cmocka. Load them, then
  cmake --preset release && cmake --build --preset release
suffices. README.md says more under "On a cluster".
EOF
  exit 3
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
$sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
