# Sourced by the scripts here: where the tree is, and what Open MPI needs in containers and on shared machines.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
if [ "$(id -u)" -eq 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
generator=()
command -v ninja >/dev/null && generator=(-G Ninja)
cores=$(nproc)
