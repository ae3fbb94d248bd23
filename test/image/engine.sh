#!/bin/bash
# Init of a Docker engine of its own. Runs in mount and process namespaces, and a network namespace if so wanted: when it ends,
# the kernel ends every process, mount and network of the engine. It ends with its standard input, so with its starter.
#
#   engine.sh ROOT DIRECTORY DATA host|own [FROM TO]...
#
# ROOT is a Debian with docker.io; DATA keeps images for the next time, so one engine at a time has it.
set -eu
root=$1 directory=$2 data=$3 network=$4
shift 4
cgroup=gha-slurm-engine-$(basename "$directory")

exec 9> "$data.lock"
flock 9
# Only images are kept: whatever an earlier engine was running when it was ended must not come back.
rm -rf "$data/containers" "$data/network" "$data/volumes"
mount -t tmpfs -o mode=0755 engine "$directory"
mkdir "$directory/upper" "$directory/work" "$directory/root"
mount -t overlay -o "lowerdir=$root,upperdir=$directory/upper,workdir=$directory/work" engine "$directory/root"
new=$directory/root
mount --rbind /dev "$new/dev"
mount --rbind /sys "$new/sys"
mount -t proc proc "$new/proc"
mount -t tmpfs -o mode=1777 tmp "$new/tmp"
mount -t tmpfs -o mode=0755 run "$new/run"
mkdir -p "$new/var/lib/docker" "$new/run/old"
mount --bind "$data" "$new/var/lib/docker"
while [ $# -ge 2 ]; do
  mkdir -p "$new$2"
  mount --bind "$1" "$new$2"
  shift 2
done
cp --dereference --remove-destination /etc/resolv.conf "$new/etc/resolv.conf"
cd "$new"
pivot_root . run/old
umount -l /run/old
cd /

export PATH=/usr/sbin:/usr/bin:/sbin:/bin
if [ "$network" = own ]; then
  ip link set lo up
  options=()
else
  # The machine's own network, for builds: nothing of it may change.
  options=(--bridge=none --iptables=false --ip6tables=false --ip-forward=false)
fi
dockerd --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$cgroup" "${options[@]}" &
engine=$!
# The starter holds the other end of this pipe: the kernel closes it with the starter, however that ends.
read -r _ || true
kill -TERM "$engine"
wait "$engine" || true
# Control groups outlive the namespaces.
find /sys/fs/cgroup -depth -type d -path "*/$cgroup*" -exec rmdir {} + 2> /dev/null || true
