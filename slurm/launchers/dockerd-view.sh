# shellcheck shell=bash disable=SC2154 # part of slurm/job.sh
# What a job's dockerd sees of the node. Whoever has its socket is root in it (`docker run --privileged --pid=host -v /:/host`), so
# it gets a root of its own: the node's software, read-only, what the configuration names, and two folders of this job; no other
# job's folder, no image cache, no home, no spool, no socket and no process of the node.
#
# Two user namespaces, one in the other. In the outer one this root is put together and the node's is detached; dockerd lives in the
# inner one, where the kernel lets nobody unmount, or make writable, what came from outside. The inner one has the same ids.
#
#   RootlessKit → docker_view → RootlessKit → dockerd → containers
#   `-- user, mount, process --'`-- user, mount, process, network

# view_show PATH: the same path in the new root.
view_show() {
  mkdir -p "$view${1%/*}"
  if [ -L "$1" ]; then
    cp -P "$1" "$view$1"
  else
    if [ -d "$1" ]; then mkdir -p "$view$1"; else [ -e "$view$1" ] || : > "$view$1"; fi
    mount --rbind "$1" "$view$1"
  fi
}

# view_read_only PATH: with all that is mounted in it. The kernel refuses to drop the other flags.
view_read_only() {
  local target options
  while read -r _ _ _ _ target options _; do
    case $target in
      "$view$1" | "$view$1"/*) mount -o "remount,bind,ro${options#r[ow]}" "$target" ;;
    esac
  done < /proc/self/mountinfo
}

# view_devices: those that this job may open, no terminal, and no memory that processes share.
view_devices() {
  local device
  mkdir -p "$view/dev/pts" "$view/dev/shm" "$view/dev/mqueue"
  for device in /dev/*; do
    case $device in
      /dev/tty?* | /dev/vcs* | /dev/console | /dev/ptmx) continue ;;
      /dev/net | /dev/dri | /dev/infiniband | /dev/accel | /dev/nvidia-caps*) ;;
      *) [ -L "$device" ] || { [ -c "$device" ] && [ -r "$device" ]; } || continue ;;
    esac
    view_show "$device"
  done
  ln -s pts/ptmx "$view/dev/ptmx"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$view/dev/pts"
  mount -t tmpfs -o mode=1777,nosuid,nodev shm "$view/dev/shm"
  mount -t mqueue mqueue "$view/dev/mqueue"
}

# view_control_groups: this job's in place of all: the others have the numbers of jobs in their names. One hierarchy, or of the old kind
# (v1) one for each controller. A kernel that refuses it shows those names.
view_control_groups() {
  local target kind options
  while read -r target kind options; do
    # By what it has been mounted for, and without how.
    case $kind in cgroup) options=$(tr , '\n' <<< "$options" | grep -vxE 'r[ow]|xattr|noprefix|clone_children|release_agent=.*' | paste -sd ,) ;; *) options=rw ;; esac
    mount -t "$kind" -o "$options" "$kind" "$view$target" || true
  done < <(sed -nE 's/^([^ ]+ ){4}(\/sys\/fs\/cgroup[^ ]*) .* - (cgroup2?) [^ ]+ (.*)$/\2 \3 \4/p' /proc/self/mountinfo)
}

# view_users: subordinate ids for the inner namespace: all that the outer one has. Names of hosts are looked up as on the node.
view_users() {
  local kind
  for kind in uid gid; do
    rm -f "/etc/sub$kind"
    awk '{ ids += $3 } END { print "root:1:" ids - 1 }' "/proc/self/${kind}_map" > "/etc/sub$kind"
  done
  if grep -q '^subid:' /etc/nsswitch.conf 2> /dev/null; then
    sed '/^subid:/d' /etc/nsswitch.conf > /etc/nsswitch.conf.own
    mv -f /etc/nsswitch.conf.own /etc/nsswitch.conf
  fi
  # It may be a link to /run.
  if [ -e /etc/resolv.conf ]; then
    cat /etc/resolv.conf > /etc/resolv.conf.own
    mv -f /etc/resolv.conf.own /etc/resolv.conf
  fi
}

# view_hide [BELOW]: what is never shown, though it lie below something that is.
view_hide() {
  local path
  while IFS= read -r path; do
    case ":/:/tmp:/var/tmp:$PATH:" in *":$path:"*) continue ;; esac
    case $path in "${1:-}"/*) [ ! -d "$view$path" ] || mount -t tmpfs -o mode=0755 hidden "$view$path" ;; esac
  done <<< "$hidden"
}

# docker_view: as root of the outer namespaces. `visible` has lines FROM:TO:MODE, `hidden` paths.
docker_view() {
  local path rest
  umask 022
  mount -t tmpfs -o mode=0755,nosuid,nodev view "$view"
  mkdir -p "$view"/{proc,sys,run,tmp,var/tmp,var/lib}
  ln -s ../run "$view/var/run"
  mount -t tmpfs -o mode=0755,nosuid,nodev run "$view/run"
  mkdir "$view/run/old"
  mount -t proc proc "$view/proc"
  mount --rbind /sys "$view/sys"
  view_control_groups
  view_devices
  view_users
  for path in /usr /bin /sbin /lib /lib32 /lib64 /libx32 /etc /opt; do
    if [ -e "$path" ]; then view_show "$path"; view_read_only "$path"; fi
  done
  view_hide
  # Where a site has its own programs.
  while IFS= read -r -d : path; do
    case $path in [!/]*) continue ;; esac
    if [ -d "$path" ] && [ ! -e "$view$path" ]; then view_show "$path"; view_read_only "$path"; fi
  done <<< "$PATH:"
  for path in /tmp /var/tmp; do mount --bind "$work/tmp" "$view$path"; done
  while IFS=: read -r path rest; do
    case $path in '' | / | /tmp | /var/tmp) continue ;; esac
    [ -e "$path" ] || continue
    view_show "$path"
    case $rest in *:ro) view_read_only "$path" ;; esac
    view_hide "$path"
  done <<< "$visible"
  for path in "$work" "$docker_home"; do
    mkdir -p "$view$path"
    mount --bind "$path" "$view$path"
  done
  cd "$view" || exit 1
  pivot_root . run/old
  umount -l /run/old
  rmdir /run/old
  mount -o remount,ro,mode=0755 /
  cd / || exit 1
}

# write_view COMMAND...: sets docker_start_file, which executes the command there.
write_view() {
  local mount
  docker_start_file="$folder/view.sh"
  mkdir -p "$folder/view"
  {
    echo 'set -eu'
    declare -f view_show view_read_only view_devices view_control_groups view_users view_hide docker_view
    printf 'view=%q work=%q docker_home=%q\n' "$folder/view" "$work" "$docker_home"
    printf 'visible=%q\n' "$(while IFS= read -r mount; do [ -z "$mount" ] || echo "$mount:$mount:ro"; done <<< "${GHA_SLURM_MOUNTS:-}"
      echo "${GHA_SLURM_BINDS:-}")"
    printf 'hidden=%q\n' "$(getent passwd "$(id -u)" | cut -d : -f 6
      printf '%s\n' "${HOME:-}" "$scratch" "${GHA_SLURM_IMAGE_CACHE:-/var/tmp/gha-slurm-images-$(id -u)}")"
    echo docker_view
    printf 'exec'
    printf ' %q' "$@"
  } > "$docker_start_file"
}
