#!/usr/bin/env bash
# End the cluster that up.sh started below FOLDER, its jobs, and its traces in /etc/slurm.
# usage: down.sh FOLDER
folder=$(realpath -m "$1")
# its own configuration: no other cluster is asked to cancel anything
export SLURM_CONF=$folder/etc/slurm.conf

timeout 5 scancel --user root 2>/dev/null
for _ in $(seq 50); do
  [ -n "$(timeout 2 squeue -h 2>/dev/null)" ] || break
  sleep 0.1
done
for file in "$folder"/run/{slurmd-node1,slurmd-node2,slurmctld,munged}.pid; do
  [ -s "$file" ] || continue
  pid=$(cat "$file")
  kill "$pid" 2>/dev/null || continue
  for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || continue 2
    sleep 0.1
  done
  kill -9 "$pid"
done
for name in slurm gres cgroup; do
  link=/etc/slurm/$name.conf
  [ "$(readlink "$link")" = "$folder/etc/$name.conf" ] && rm "$link"
done
exit 0
