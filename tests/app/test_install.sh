#!/usr/bin/env bash
# An installed tengen is complete: `cmake --install` anywhere, and it finds its presets, configs and job scripts from there.
# $2 is the build folder.
. "$(dirname "$0")/lib.sh"
prefix=$work/somewhere/else
cmake --install "$2" --prefix "$prefix" >"$work/out" 2>&1 || fail "cmake --install"
share=$prefix/share/tengen
for file in configs/go9-b6c96.lua lua/katago.lua jobs/train.sbatch jobs/slurm.sh jobs/site.example jobs/chain.sh modulefiles/tengen; do
  [ -e "$share/$file" ] || fail "share/tengen/$file is not installed"
done
[ -x "$share/jobs/train.sbatch" ] || fail "jobs/train.sbatch may not be executed"
tengen=$prefix/bin/tengen
"$tengen" version >"$work/out" 2>&1 || fail "it does not run"

# A config that requires presets, from share and from a place of its own, where only ../share/tengen/lua can have them.
mkdir -p "$work/mine"
cp "$configs/go9-b6c96.lua" "$work/mine/"
cd "$work/mine" || exit 1
few=(--iterations 1 --set net=b2c16 --set selfplay.games=2 --set selfplay.max_plies=8 --set search.visits=4 --set train.min_rows=1
     --set train.batch=8 --set gate.enabled=false --set net.backend=cpu "${short[@]}")
ok 1 train go9-b6c96.lua --run "$work/a" "${few[@]}"
ok 1 train "$share/configs/go9-b6c96.lua" --run "$work/b" "${few[@]}"
same "$work/a/net/net-000001.tgn" "$work/b/net/net-000001.tgn"

# Installed job scripts use the installed program.
mkdir "$work/bin"
printf '#!/bin/sh\nexit 0\n' >"$work/bin/squeue"
printf '#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do shift; done\nexec "$@"\n' >"$work/bin/srun"
chmod +x "$work/bin"/*
export PATH=$work/bin:$PATH
SLURM_JOB_ID=1 SLURM_JOB_NODELIST=here TENGEN_JOBS=$share/jobs bash "$share/jobs/train.sbatch" "$share/configs/go9-b6c96.lua" \
  --run "$work/b" "${few[@]}" >"$work/out" 2>&1 || fail "the installed train.sbatch"
grep -q "/b: done" "$work/out" || fail "it was not said to be done"
echo "1 passed, 0 failed"
