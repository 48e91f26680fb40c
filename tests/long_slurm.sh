#!/usr/bin/env bash
# long_slurm.sh BUILD: examples/cluster/train.sbatch under a SLURM of one node, which this script starts and ends: SIGUSR1
# before the time limit, a checkpoint, status 75, the job queued again until the training is done, with the bits of one
# that was not interrupted. Needs root and Debian's slurmctld, slurmd, slurm-client and munge. Exit 77: skipped, and a
# line says why.
set -euo pipefail
metaxbar=$(cd "$1" && pwd)/metaxbar source=$(cd "$(dirname "$0")/.." && pwd)
export PATH=$PATH:/usr/sbin
skip() { echo "SKIP long_slurm: $*"; exit 77; }
for tool in slurmctld slurmd sbatch srun munged; do command -v $tool >/dev/null || skip "$tool is not there"; done
[ "$(id -u)" = 0 ] || skip "SLURM is started by root"
ldd "$metaxbar" | grep libmpi >/dev/null || skip "the program was built without MPI"

here=$(mktemp -d /tmp/metaxbar_test_XXXXXX)
daemons=()
finish() {
  [ -z "$job" ] || scancel "$job" 2>/dev/null || true
  for pid in "${daemons[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$here"
}
job=
trap finish EXIT
fail() { echo "FAIL $*"; tail -n 30 "$here"/*.log "$here"/slurm-*.out 2>/dev/null; exit 1; }

# ---- a node that is this machine

chmod 755 "$here"  # munged wants it so
mkdir -p "$here/state" "$here/spool"
dd if=/dev/urandom of="$here/munge.key" bs=128 count=1 2>/dev/null
chmod 600 "$here/munge.key"
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])'; }
export SLURM_CONF=$here/slurm.conf
cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=root
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
AuthType=auth/munge
AuthInfo=socket=$here/munge.socket
CredType=cred/munge
StateSaveLocation=$here/state
SlurmdSpoolDir=$here/spool
SlurmctldPidFile=$here/slurmctld.pid
SlurmdPidFile=$here/slurmd.pid
SlurmctldLogFile=$here/slurmctld.log
SlurmdLogFile=$here/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobRequeue=1
SchedulerParameters=sched_interval=1,batch_sched_delay=1,sched_min_interval=100000
KillWait=5
MinJobAge=3600
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=8 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF

# started PROGRAM...: in the foreground, as a child whose number is known.
started() { "$@" >>"$here/start.log" 2>&1 & daemons+=($!); }
started munged --foreground --force --key-file="$here/munge.key" --socket="$here/munge.socket" \
  --pid-file="$here/munged.pid" --seed-file="$here/munged.seed" --num-threads=2
started slurmctld -D -c
started slurmd -D
for ((k = 0; k < 60; k++)); do [ "$(sinfo -h -o %t 2>/dev/null)" = idle ] && break; sleep 1; done
[ "$(sinfo -h -o %t)" = idle ] || fail "the node is not idle: $(sinfo)"

# ---- the batch script, with the program of this build

mkdir "$here/bin"
ln -s "$metaxbar" "$here/bin/metaxbar"
export PATH=$here/bin:$PATH
cd "$here"
training=(sine net.hidden=12 train.tasks=20 train.log_every=10 train.validate_every=100 train.validate_tasks=5)
srun --mpi=pmix --ntasks=2 metaxbar train "${training[@]}" train.iterations=1000 --run first run.threads=1 \
  >start.out 2>&1 || fail "srun: $(cat start.out)"
each=$(sed -n 's/.* iterations: \([0-9.e-]*\) s each.*/\1/p' start.out)
training+=(train.iterations=$(awk -v s="$each" 'BEGIN { printf "%d", 40/s }'))  # 40 s of work; a job has 20 s
metaxbar train "${training[@]}" --run whole --quiet
job=$(sbatch --parsable --ntasks=2 --cpus-per-task=1 --time=1 --signal=USR1@40 --output="$here/slurm-%j.out" \
  "$source/examples/cluster/train.sbatch" "$here/run" "${training[@]}")
state() { scontrol show job "$job" | sed -n "s/.* $1=\([^ ]*\).*/\1/p"; }
for ((k = 0; k < 1800; k++)); do
  case $(state JobState) in
    COMPLETED) break ;;
    PENDING)  # not two minutes later, but once nothing of the step before is left
      compgen -G "$here/spool/stepd.slurm.pmix.*" >/dev/null ||
        scontrol update JobId="$job" StartTime=now 2>/dev/null || true ;;
    FAILED | TIMEOUT | CANCELLED) fail "$(scontrol show job "$job")" ;;
  esac
  sleep 1
done
restarts=$(state Restarts)
[ "$restarts" -gt 0 ] || fail "not queued again: $(scontrol show job "$job")"
for file in model.safetensors metrics.csv; do cmp -s whole/$file run/$file || fail "$file differs"; done
echo "$(slurmctld -V): ${training[-1]}, queued again $restarts times: same bits"
