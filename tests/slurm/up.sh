#!/usr/bin/env bash
# Start a SLURM cluster below FOLDER: two nodes on this machine, each with a pretended GPU; down.sh
# ends it.
# For root, on a machine without another SLURM. Debian: slurm-wlm slurm-client munge
# usage: up.sh FOLDER
set -euo pipefail
folder=$(realpath -m "$1")
host=$(hostname -s)
read -r controller first second < <(python3 - <<'PYTHON'
import socket

sockets = [socket.socket() for _ in range(3)]
for each in sockets:
    each.bind(("127.0.0.1", 0))
print(*(each.getsockname()[1] for each in sockets))
PYTHON
)
mkdir -p "$folder"/{etc,run,log,state,spool/node1,spool/node2}

# munge refuses a key, and folders, that others may write to
chmod 755 "$folder" "$folder"/{etc,run,log,state}
(umask 077 && head -c 1024 /dev/urandom > "$folder/etc/munge.key")
munged --force --key-file="$folder/etc/munge.key" --socket="$folder/run/munge.sock" \
  --pid-file="$folder/run/munged.pid" --log-file="$folder/log/munged.log" \
  --seed-file="$folder/state/munge.seed"

# CPUs and memory are claimed, not measured: the requests of real trainings have to schedule here
cat > "$folder/etc/slurm.conf" <<CONF
ClusterName=wsss
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$controller
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/run/munge.sock
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
EnforcePartLimits=ALL
ReturnToService=2
GresTypes=gpu
DefMemPerCPU=1000
KillWait=2
JobRequeue=0
MinJobAge=3600
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd-%n.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd-%n.log
AccountingStorageType=accounting_storage/none
NodeName=DEFAULT CPUs=32 CoresPerSocket=32 ThreadsPerCore=1 RealMemory=64000 State=UNKNOWN Gres=gpu:1
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$first
NodeName=node2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$second
PartitionName=cpu Nodes=node1,node2 Default=YES State=UP
PartitionName=gpu Nodes=node1,node2 State=UP
CONF
# any file in /dev passes for a GPU
echo "NodeName=node1,node2 Name=gpu Count=1 File=/dev/null" > "$folder/etc/gres.conf"
echo "CgroupAutomount=no" > "$folder/etc/cgroup.conf"

# Snakemake removes SLURM_CONF inside its jobs, so the standard place has to lead here
mkdir -p /etc/slurm
for name in slurm gres cgroup; do ln -s "$folder/etc/$name.conf" "/etc/slurm/$name.conf"; done

slurmctld
for name in node1 node2; do slurmd -N "$name"; done
deadline=$((SECONDS + 30))
while [ $SECONDS -lt $deadline ]; do
  [ "$(timeout 2 sinfo -h -p cpu -o %D%T 2>/dev/null)" = 2idle ] && exit 0
  sleep 0.1
done
echo "up.sh: the nodes did not become idle; see $folder/log" >&2
exit 1
