#!/bin/bash
# Init of a development cluster. Runs in mount and process namespaces of its own: when it ends, the kernel ends every daemon
# and every job, and all mounts are gone with the namespace.
#
#   supervise.sh ROOT DIRECTORY REST_HOST:REST_PORT tied|free [FROM TO]...
#
# Daemons are started again when they end, unless DIRECTORY/stopped/<daemon> exists.
set -eu
root=$1 directory=$2 rest_address=$3 life=$4 number=0
shift 4

mount -t tmpfs -o mode=0755 cluster "$directory/mnt"
mkdir "$directory/mnt/upper" "$directory/mnt/work" "$directory/mnt/root"
mount -t overlay -o "lowerdir=$root,upperdir=$directory/mnt/upper,workdir=$directory/mnt/work" cluster "$directory/mnt/root"
new=$directory/mnt/root
mount --rbind /dev "$new/dev"
mount --rbind /sys "$new/sys"
mount -t proc proc "$new/proc"
mount -t tmpfs -o mode=1777 tmp "$new/tmp"
mount -t tmpfs -o mode=0755 run "$new/run"
mkdir -p "$new/var/lib/cluster" "$new/etc/slurm" "$new/run/old"
mount --bind "$directory" "$new/var/lib/cluster"
while [ $# -ge 2 ]; do
  mkdir -p "$new$2"
  mount --bind "$1" "$new$2"
  shift 2
done
# Every look-up of this host, and slurmrestd's of 0.0.0.0, would wait for DNS otherwise. Other names are those of the
# machine, or of the container, so that jobs reach the service by its name.
printf '127.0.0.1 localhost node %s\n0.0.0.0 any\n' "$(hostname)" > "$new/etc/hosts"
grep --invert-match --word-regexp --fixed-strings -e localhost -e "$(hostname)" /etc/hosts >> "$new/etc/hosts" || true
cp --dereference --remove-destination /etc/resolv.conf "$new/etc/resolv.conf" || true
printf 'gha:x:1000:1000::/tmp:/bin/bash\nslurmrest:x:1001:1001::/:/usr/sbin/nologin\n' >> "$new/etc/passwd"
printf 'gha:x:1000:\nslurmrest:x:1001:\n' >> "$new/etc/group"
if [ -x "$new/usr/bin/newuidmap" ]; then
  # What a site gives a node whose jobs run containers: subordinate ids, and devices that ordinary users may open. A /dev of its
  # own: the machine's stays as it is.
  echo 'gha:100000:65536' | tee "$new/etc/subuid" > "$new/etc/subgid"
  mount -t tmpfs -o mode=0755 dev "$new/dev"
  mkdir "$new"/dev/{net,pts,shm,nvidia-caps}
  while read -r device major minor; do mknod -m 0666 "$new/dev/$device" c "$major" "$minor"; done << 'DEVICES'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
fuse 10 229
net/tun 10 200
DEVICES
  # GPUs are stood in for by devices of the kind of /dev/null.
  for device in nvidia{0..3} nvidiactl nvidia-uvm nvidia-caps/nvidia-cap1; do mknod -m 0666 "$new/dev/$device" c 1 3; done
  mount -t devpts -o newinstance,ptmxmode=0666 devpts "$new/dev/pts"
  mount -t tmpfs -o mode=1777 shm "$new/dev/shm"
  ln -s pts/ptmx "$new/dev/ptmx"
  ln -s /proc/self/fd "$new/dev/fd"
  for name in stdin stdout stderr; do ln -s "fd/$((number++))" "$new/dev/$name"; done
fi
cp "$directory"/conf/* "$new/etc/slurm/"
chroot "$new" chown slurm: /etc/slurm/slurm.key /etc/slurm/jwt_hs256.key /var/lib/cluster/state
chroot "$new" chown slurmrest: /var/lib/cluster/socket
chmod 0600 "$new/etc/slurm/slurm.key" "$new/etc/slurm/jwt_hs256.key"
if [ -e "$new/etc/slurm/slurmdbd.conf" ]; then
  chroot "$new" chown slurm: /etc/slurm/slurmdbd.conf
  chmod 0600 "$new/etc/slurm/slurmdbd.conf"
fi
cd "$new"
pivot_root . run/old
umount -l /run/old
cd /
directory=/var/lib/cluster

keep() {
  local daemon=$1
  shift
  while :; do
    if [ ! -e "$directory/stopped/$daemon" ]; then
      "$@" >> "$directory/log/$daemon.log" 2>&1 < /dev/null || true
    fi
    sleep 0.2
  done
}

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022
plugins=openapi/slurmctld
if [ -e /etc/slurm/slurmdbd.conf ]; then
  # The package's own database may be there; this one is as small as it gets, since all of it is in memory.
  install -d -o mysql -g mysql /run/mysqld /var/lib/cluster-database
  install -d -o slurm -g slurm /run/slurmdbd
  mariadb-install-db --force --skip-test-db --user=mysql --datadir=/var/lib/cluster-database \
    --innodb-log-file-size=8M > "$directory/log/mariadbd.log" 2>&1
  keep mariadbd mariadbd --no-defaults --user=mysql --datadir=/var/lib/cluster-database --skip-networking \
    --socket=/run/mysqld/mysqld.sock --innodb-log-file-size=8M --innodb-buffer-pool-size=32M --innodb-lock-wait-timeout=900 \
    --innodb-snapshot-isolation=OFF &
  until mariadb --socket=/run/mysqld/mysqld.sock --execute \
    "create or replace user slurm@localhost identified via unix_socket; grant all on slurm_acct_db.* to slurm@localhost" \
    2> /dev/null; do sleep 0.1; done
  keep slurmdbd slurmdbd -D &
  # A slurmctld that finds no slurmdbd at its start has nobody to ask which users there are.
  until grep --quiet 'slurmdbd version .* started' "$directory/log/slurmdbd.log" 2> /dev/null; do sleep 0.1; done
  plugins=$plugins,openapi/slurmdbd
fi
keep slurmctld slurmctld -D -i &
keep slurmd slurmd -D -N node &
keep slurmrestd setpriv --reuid slurmrest --regid slurmrest --clear-groups \
  env SLURM_JWT=daemon SLURMRESTD_SECURITY=disable_unshare_files,disable_unshare_sysv \
  slurmrestd -s "$plugins" -a rest_auth/jwt "$rest_address" "unix:$directory/socket/slurmrestd" &
if [ "$life" = tied ]; then
  # The starter holds the other end of this pipe: the kernel closes it with the starter, however that ends.
  read -r _ || true
  exit 0
fi
wait
