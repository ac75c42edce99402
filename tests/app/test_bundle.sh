#!/usr/bin/env bash
# jobs/bundle.sh: unpacked in a tree that holds nothing but libc and a shell, the program plays and trains on two ranks.
. "$(dirname "$0")/lib.sh"
skip() { echo "skipped: $*"; exit 77; }
[ "$(id -u)" -eq 0 ] || skip "only root may change the root folder"
for tool in unshare chroot ip ldd strip patchelf; do
  command -v $tool >/dev/null || PATH=$PATH:/sbin:/usr/sbin command -v $tool >/dev/null || skip "$tool is not installed"
done
export PATH=$PATH:/sbin:/usr/sbin
unshare -m -p -f -n true 2>/dev/null || skip "unshare is not permitted here"
[ -x /bin/dash ] || skip "there is no /bin/dash, a shell that needs only libc"

bash "$source_dir/jobs/bundle.sh" --build "$(dirname "$tengen")" --out "$work/bundle.tar.gz" >"$work/out" 2>&1 ||
  fail "jobs/bundle.sh: status $?"
cat "$work/out"
[ "$(stat -c %s "$work/bundle.tar.gz")" -lt 50000000 ] || fail "50 MB or more"

# --- a tree with libc, a shell and the bundle, at a path with a blank
tree=$work/tree
mkdir -p "$tree"/{bin,lib64,proc,sys,dev,tmp,opt/some\ where}
cp /lib64/ld-linux-x86-64.so.2 "$tree/lib64/"
for library in c.so.6 m.so.6 dl.so.2 pthread.so.0 rt.so.1 util.so.1 resolv.so.2; do
  path=$(ldconfig -p | sed -n "s/^[[:space:]]*lib$library (libc6,x86-64.*) => //p" | head -n 1)
  mkdir -p "$tree${path%/*}" && cp -L "$path" "$tree$path"
done
cp /bin/dash "$tree/bin/sh"
tar -xzf "$work/bundle.tar.gz" -C "$tree/opt/some where"

cat >"$tree/try" <<'EOF'
set -eu
cd /tmp
bundle="/opt/some where/tengen"
"$bundle/bin/tengen" version
status=0 # no device, and no CUDA library: the tests of the device say so
TENGEN_CUDA_PLUGIN="$bundle/lib/libtengen_cuda.so" "$bundle/libexec/tests/nn.test_backend" cuda || status=$?
[ $status -eq 77 ]
"$bundle/bin/mpirun" --oversubscribe --bind-to none -n 2 tengen train "$bundle/configs/tictactoe.lua" --run /tmp/run \
  --iterations 1 --set selfplay.games=20 --set train.min_rows=50 --set report.log_level=warn
"$bundle/bin/tengen" inspect /tmp/run --verify
# A config that requires modules; and a rank alone, without mpirun.
"$bundle/bin/tengen" train "$bundle/configs/go9-b6c96.lua" --run /tmp/go --iterations 0 --set net=b2c16
EOF
export tree
timeout 200 unshare -m -p -f -n --propagation private bash -c '
  ip link set lo up && mount -t proc proc "$tree/proc" && mount --rbind /sys "$tree/sys" &&
    mount --rbind /dev "$tree/dev" && mount -t tmpfs tmpfs "$tree/tmp" || exit 78
  exec env -i PATH=/bin OMPI_MCA_mpi_yield_when_idle=1 "$(command -v chroot)" "$tree" /bin/sh /try' >"$work/out" 2>&1
status=$?
[ $status -ne 78 ] || skip "no mounts in a namespace of its own: $(tail -n 1 "$work/out")"
[ $status -eq 0 ] || fail "status $status in the bare tree"
for text in "tengen 0." "backend cpu: ready" "1 shards, 2 networks" "0 iterations"; do
  grep -qF -- "$text" "$work/out" || fail "it does not say: $text"
done
cat "$work/out"
echo "1 passed, 0 failed"
