# Sourced: a Slurm of one's own, for tests. Munge, controller and one daemon per node, all on this machine and on
# loopback only; everything in one folder; nothing is left when it is closed.
#   slurm_open DIR NODES    start it, or return 77 with the reason in $slurm_why. Two nodes need root.
#   slurm_fail NODE         the node dies: its daemon and all that it runs
#   slurm_close             cancel, end, wait

slurm_pids=()

# Is it there at all?
slurm_installed() {
  local program
  PATH=$PATH:/usr/sbin:/sbin
  for program in munged slurmctld slurmd sbatch srun; do
    command -v $program >/dev/null || { slurm_why="$program is not installed (slurm-wlm, munge)"; return 77; }
  done
}

slurm_port_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Ports PORT .. PORT + n that nobody listens on.
slurm_find_ports() {
  local n=$1 i
  for _ in $(seq 50); do
    port=$((20000 + RANDOM % 10000))
    for i in $(seq 0 "$n"); do slurm_port_free $((port + i)) || continue 2; done
    return 0
  done
  slurm_why="no free ports"
  return 77
}

slurm_write_conf() {
  local nodes=$1 me host
  me=$(id -un)
  host=$(hostname -s)
  cat >"$slurm_dir/slurm.conf" <<EOF
ClusterName=tengen
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$me
SlurmdUser=$me
AuthType=auth/munge
AuthInfo=socket=$slurm_dir/munge.sock,cred_expire=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort=$port
StateSaveLocation=$slurm_dir/state
SlurmdSpoolDir=$slurm_dir/spool-%n
SlurmctldPidFile=$slurm_dir/slurmctld.pid
SlurmdPidFile=$slurm_dir/slurmd-%n.pid
SlurmctldLogFile=$slurm_dir/slurmctld.log
SlurmdLogFile=$slurm_dir/slurmd-%n.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=30
KillWait=20
MinJobAge=300
JobRequeue=1
SlurmdParameters=config_overrides
NodeName=n[1-$nodes] NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1))-$((port + nodes)) CPUs=2 RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=n[1-$nodes] Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
EOF
  echo "PMIxCliTmpDirBase=$slurm_dir/pmix" >"$slurm_dir/mpi.conf"
}

# A daemon in the background: its process id joins slurm_pids.
slurm_daemon() {
  local name=$1
  shift
  "$@" >"$slurm_dir/$name.out" 2>&1 &
  slurm_pids+=($!)
}

# Of several nodes on one machine each has its own host name, and its own place for PMIx's files. A node that comes
# back finds its spool swept: Slurm 22.05's PMIx plugin cannot bind the socket that a step of the same number has left.
slurm_start_node() {
  local node=$1
  rm -rf "$slurm_dir/spool-$node"
  if [ "$slurm_nodes" -eq 1 ]; then
    slurm_daemon "$node" slurmd -N "$node" -D
  else
    slurm_daemon "$node" unshare -m -u --propagation private bash -c "hostname $node && mount --bind '$slurm_dir/hosts' /etc/hosts &&
      mount -t tmpfs tmpfs '$slurm_dir/pmix' && exec slurmd -N $node -D"
  fi
}

slurm_open() {
  slurm_dir=$1 slurm_nodes=$2
  slurm_installed || return 77
  if [ "$slurm_nodes" -gt 1 ] && ! unshare -m -u true 2>/dev/null; then
    slurm_why="several nodes on one machine need root (unshare)"
    return 77
  fi
  slurm_find_ports "$slurm_nodes" || return 77
  mkdir -p "$slurm_dir/state" "$slurm_dir/pmix"
  chmod 711 "$slurm_dir" # munge wants to know that others cannot write there
  export SLURM_CONF=$slurm_dir/slurm.conf
  slurm_write_conf "$slurm_nodes"
  (cat /etc/hosts && echo "127.0.0.1 $(seq -f n%g -s ' ' "$slurm_nodes")") >"$slurm_dir/hosts"
  (umask 077 && head -c 128 /dev/urandom >"$slurm_dir/munge.key")
  slurm_daemon munged munged --foreground --force --key-file="$slurm_dir/munge.key" --socket="$slurm_dir/munge.sock" \
    --pid-file="$slurm_dir/munged.pid" --log-file="$slurm_dir/munged.log" --seed-file="$slurm_dir/munge.seed"
  slurm_daemon slurmctld slurmctld -D
  for i in $(seq "$slurm_nodes"); do slurm_start_node "n$i"; done
  for _ in $(seq 100); do
    [ "$(sinfo -h -N -t idle -o %N 2>/dev/null | wc -l)" -eq "$slurm_nodes" ] && return 0
    sleep 0.3
  done
  slurm_why="it does not start: $(tail -qn 1 "$slurm_dir"/*.log "$slurm_dir"/*.out 2>/dev/null | tr '\n' ' ')"
  return 77
}

# All processes that belong to it: their environment names its configuration. With a node: what runs there.
slurm_processes() {
  local pid
  for pid in $(grep -lszxF "SLURM_CONF=$slurm_dir/slurm.conf" /proc/[0-9]*/environ | tr -dc '0-9\n'); do
    [ -e "/proc/$pid" ] || continue # grep itself
    [ $# -eq 0 ] || [ "$(nsenter -u -t "$pid" hostname 2>/dev/null)" = "$1" ] || continue
    echo "$pid"
  done
}

slurm_fail() {
  local pid
  for pid in $(slurm_processes "$1"); do kill -KILL "$pid" 2>/dev/null; done
  scontrol update NodeName="$1" State=DOWN Reason=failed
}

slurm_close() {
  local pid
  [ ${#slurm_pids[@]} -eq 0 ] && return
  scancel -u "$(id -un)" 2>/dev/null
  for _ in $(seq 50); do
    [ -z "$(squeue -h 2>/dev/null)" ] && break
    sleep 0.2
  done
  for pid in "${slurm_pids[@]}"; do kill "$pid" 2>/dev/null; done
  for pid in "${slurm_pids[@]}"; do wait "$pid" 2>/dev/null; done
  for pid in $(slurm_processes); do kill -KILL "$pid" 2>/dev/null; done
  slurm_pids=()
}
