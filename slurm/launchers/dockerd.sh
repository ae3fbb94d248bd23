# shellcheck shell=bash disable=SC2154,SC2034 # part of slurm/job.sh
# A rootless dockerd of the job's own, on node-local storage, with a root of its own (slurm/launchers/dockerd-view.sh). It lives in
# user, mount, network and process namespaces: killing the outer RootlessKit ends the daemon, its containers and its mounts, whatever
# state they are in. Its /tmp is the job's, so that `docker run -v /tmp/x:/x` means the same on both sides.
#
# Steps write to $docker_home through the daemon: after the claim this script reads nothing there.

docker_socket=
docker_pid=
docker_since=
docker_home="$folder/docker"
docker_log="$folder/docker.log"
docker_start_file=

docker_check() {
  local program missing=()
  local PATH="$PATH:/usr/sbin:/sbin"
  for program in newuidmap newgidmap; do has "$program" || missing+=("$program (package uidmap or shadow-utils)"); done
  for program in rootlesskit dockerd docker containerd slirp4netns iptables unshare setpriv pivot_root; do has "$program" || missing+=("$program"); done
  subordinate_ids /etc/subuid || missing+=("65,536 subordinate user ids of $(id -un) in /etc/subuid")
  subordinate_ids /etc/subgid -g || missing+=("65,536 subordinate group ids of $(id -un) in /etc/subgid")
  if [ ! -r /dev/net/tun ] || [ ! -w /dev/net/tun ]; then missing+=('/dev/net/tun, readable and writable'); fi
  # The kernel takes socket paths of 107 characters.
  [ ${#folder} -le 56 ] || missing+=("a shorter runner.scratch: $folder has more than 56 characters")
  if [ ${#missing[@]} -gt 0 ]; then unfit "rootless Docker needs $(printf '%s; ' "${missing[@]}" | sed 's/; $//')"; fi
}

# subordinate_ids FILE [-g]: files are not all that there is: getsubids asks the name service too.
subordinate_ids() {
  { getsubids ${2:+"$2"} "$(id -un)" 2> /dev/null | tr ' ' ':' | cut -d: -f2-
    grep -E "^($(id -un)|$(id -u)):" "$1" 2> /dev/null; } | awk -F: '$NF >= 65536 { found = 1 } END { exit !found }'
}

# json_list NAME LINES: a member of a JSON object; values are URLs and names, which the configuration has checked.
json_list() { [ -z "$2" ] || printf '"%s": [%s], ' "$1" "\"${2//$'\n'/\", \"}\""; }

docker_start() {
  # What keeps the parts of RootlessKit together, outside first (slurm/launchers/dockerd-view.sh).
  local outer=(--state-dir "$folder/rootlesskit" --net=host --copy-up=/etc --propagation=rslave --pidns --ipcns --cgroupns)
  local inner=(--state-dir "$docker_home/rootlesskit" --net=slirp4netns --mtu=65520 --slirp4netns-sandbox=auto
    --slirp4netns-seccomp=auto --port-driver=builtin --copy-up=/etc --propagation=rslave --pidns)
  # What listens on the node's loopback is not for containers.
  [ "${GHA_SLURM_DOCKER_HOST_LOOPBACK:-}" = 1 ] || inner+=(--disable-host-loopback)
  docker_since=${EPOCHREALTIME/[.,]/}
  mkdir -p "$docker_home/run"
  printf '{ %s%s"data-root": "%s", "exec-root": "%s", "pidfile": "%s", "hosts": ["unix://%s"] }\n' \
    "$(json_list registry-mirrors "${GHA_SLURM_DOCKER_MIRRORS:-}")" \
    "$([ -z "${GHA_SLURM_DOCKER_STORAGE_DRIVER:-}" ] || printf '"storage-driver": "%s", ' "$GHA_SLURM_DOCKER_STORAGE_DRIVER")" \
    "$docker_home/data" "$docker_home/x" "$docker_home/pid" "$docker_home/run/docker.sock" > "$docker_home/daemon.json"
  write_view rootlesskit "${inner[@]}" dockerd --config-file "$docker_home/daemon.json"
  apart docker docker_run "${outer[@]}" > "$docker_log" 2>&1 < /dev/null
  docker_pid=$apart_pid
}

# docker_run OUTER_OPTION...: from the root, since a process keeps its hold on the folder that it is in.
docker_run() {
  cd / && exec env -i PATH="$PATH:/usr/sbin:/sbin" HOME="$docker_home" USER="$(id -un)" XDG_RUNTIME_DIR="$docker_home/run" TMPDIR="$docker_home" \
    setpriv --pdeathsig KILL -- rootlesskit "$@" bash "$docker_start_file"
}

docker_wait() {
  local deadline=$((SECONDS + 60))
  until [ -S "$docker_home/run/docker.sock" ] &&
    await curl --silent --max-time 5 --output /dev/null --fail --unix-socket "$docker_home/run/docker.sock" http://docker/_ping; do
    if [ "$SECONDS" -ge "$deadline" ] || ! lives docker; then
      unfit "rootless Docker does not start: $(last_words "$docker_log")"
    fi
    await sleep 0.05
  done
  docker_socket="$docker_home/run/docker.sock"
  [ -z "${GHA_SLURM_DOCKER_PRELOAD:-}" ] || docker_preload
  took_ms[docker]=$(((${EPOCHREALTIME/[.,]/} - docker_since) / 1000))
}

docker_preload() {
  local archive
  for archive in "$GHA_SLURM_DOCKER_PRELOAD"/*.tar*; do
    [ -e "$archive" ] || unfit "runner.launcher.docker.preload: no archive is in $GHA_SLURM_DOCKER_PRELOAD"
    DOCKER_HOST="unix://$docker_socket" await timeout -k 5 600 docker load --quiet --input "$archive" > "$folder/preload.log" 2>&1 ||
      unfit "the archive $archive can't be loaded: $(last_words "$folder/preload.log")"
  done
}

docker_environment() { printf "export DOCKER_HOST='unix://%s'\n" "$docker_socket"; }

docker_clean() {
  [ -n "$docker_pid" ] || return 0
  kill -KILL -- "-$docker_pid" 2> /dev/null
  ended docker 10
}
