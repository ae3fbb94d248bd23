#!/bin/bash
# The batch job of every allocation: asks the service for its runner, runs one workflow job, and leaves nothing behind.
#
# The same text for every allocation of a launcher; what differs comes through the environment (GHA_SLURM_*). The service
# puts the launcher's functions (slurm/launchers/) in place of the line that says so: a node shares no file with it.
# Before anything else the script executes itself again with a clean environment: a process's first environment stays
# readable in /proc/PID/environ, after `unset` too, and no step of a workflow may find the claim token there. The token goes
# over a pipe.
#
# Order: folder → checks → image and dockerd → claim → runner → end. What is missing on a node is said before the claim, so that
# the workflow job stays in the queue.
#
#   $folder        0700, the script's own: lock, claim, dockerd. Its lock is held for the script's life: one that is free
#   $folder/work   belongs to a dead job, and the next job on the node deletes it. `work` is all that a runner in a container
#                  sees, at the same path: Docker resolves `-v` on the outside.
#
# Exit: 0 after a runner, and when none was wanted; 1 when the claim token is refused; 69 when this node lacks something; 75 when
# the service could not be reached for as long as GHA_SLURM_CLAIM_WAIT says. What a runner's exit status is worth is GitHub's to say.
# shellcheck disable=SC2317,SC2329 # traps call what looks unreachable
set -u
umask 077
ulimit -c 0

if [ -n "${GHA_SLURM_CLAIM_TOKEN:-}" ]; then
  exec 3< <(printf '%s\n' "$GHA_SLURM_CLAIM_TOKEN")
  clean=()
  while IFS= read -r -d '' variable; do
    case $variable in
      GHA_SLURM_CLAIM_TOKEN=* | SLURM_JWT=* | BASH_FUNC_*) ;;
      *) clean+=("$variable") ;;
    esac
  done < <(env -0)
  exec env -i "${clean[@]}" /bin/bash "$0" "$@"
fi
IFS= read -r claim_token <&3 || { echo 'gha-slurm: no claim token: this script is started by the service only' >&2; exit 1; }
exec 3<&-

: "${GHA_SLURM_URL:?}" "${GHA_SLURM_ALLOCATION:?}" "${GHA_SLURM_RUNNER_COMMAND:?}" "${SLURM_JOB_ID:?}"
allocation_url="$GHA_SLURM_URL/v1/allocations/$GHA_SLURM_ALLOCATION"
scratch="${GHA_SLURM_SCRATCH:-${TMPDIR:-/tmp}}"
folder="$scratch/gha-$SLURM_JOB_ID-$GHA_SLURM_ALLOCATION"
work="$folder/work"
node=${SLURMD_NODENAME:-$HOSTNAME}
event_token=
idle_timeout=120
runner_pid=
watch_pid=
relay_pid=
helper_pid=
session=
session_since=

log() { printf '%(%FT%TZ)T gha-slurm: %s\n' -1 "$*" >&2; }

# post PATH TOKEN BODY_FILE [CURL_OPTION...]: prints the status; the token reaches curl through a pipe, never through argv.
post() {
  local path=$1 token=$2 body=$3
  shift 3
  curl --silent --show-error --max-time 60 --connect-timeout 10 --request POST --output "$body" \
    --write-out '%{http_code}' --config <(printf 'header = "Authorization: Bearer %s"\n' "$token") "$@" "$allocation_url$path"
}

# Reports are hints: one that is lost costs a poll, so each is tried three times at most.
report() {
  [ -n "$event_token" ] || return 0
  local try
  for try in 1 2 3; do
    [ "$(post /events "$event_token" /dev/null --max-time 5 --data-urlencode "event=$1" 2> /dev/null)" = 204 ] && return 0
    sleep "$try"
  done
}

# unfit REASON: this node can't run the job. Said to the service before the claim: the workflow job stays in the queue, and the pool
# shows the reason.
unfit() {
  log "this node can't run it: $1"
  await post /unfit "$claim_token" /dev/null --max-time 10 --data-urlencode "slurm_job_id=$SLURM_JOB_ID" \
    --data-urlencode "node=$node" --data-urlencode "reason=${1:0:500}" > /dev/null 2>&1
  exit 69
}

# await COMMAND...: for all that may take its time. A trap is answered at once, not when the command has ended, and a command that
# outlives this script, killed, has no hold on its lock.
await() {
  "$@" 7>&- &
  helper_pid=$!
  wait "$helper_pid"
  local status=$?
  helper_pid=
  return "$status"
}

# gone PID SECONDS: waits that long at most for a process to end.
gone() {
  local until=$((SECONDS + $2))
  while kill -0 "$1" 2> /dev/null && [ "$SECONDS" -le "$until" ]; do sleep 0.02; done
}

has() { type -P "$1" > /dev/null; }
last_words() { tail -c 300 "$1" 2> /dev/null | tr '\n' ' '; }

# remove FOLDER: a step may have taken write permission off its own folders, and containers leave files of subordinate ids.
remove() {
  chmod -R u+rwX "$1" 2> /dev/null
  rm -rf "$1" 2> /dev/null
  [ -e "$1" ] || return 0
  unshare --user --map-root-user --map-auto -- rm -rf "$1" 2> /dev/null
  [ ! -e "$1" ] || log "can't delete $1"
}

# find_session: slurmd starts each step in a session whose leader ends at once: then its number is the step's alone, for as long as
# a process is left in it. A leader that lives is somebody's login shell, or a daemon.
find_session() {
  local line fields
  IFS= read -r line < /proc/$$/stat
  read -ra fields <<< "${line##*) }"
  session=${fields[3]}
  if [ "$session" != $$ ] && { [ "$session" = 0 ] || [ -e "/proc/$session" ]; }; then session=; fi
  session_since="$(< /proc/sys/kernel/random/boot_id) $(readlink /proc/self/ns/pid)"
}

# session_of_dead FOLDER: the number of its session, unless that can be another's by now.
session_of_dead() {
  local boot namespace number
  { read -r boot namespace number < "$1/session"; } 2> /dev/null || return 0
  [ "$boot $namespace" != "$session_since" ] || [ "$number" = "$session" ] || [ -e "/proc/$number" ] || echo "$number"
}

# kill_leftovers SESSION FOLDER [NAME_BEFORE]: ends what a runner has left: its session (Apptainer's FUSE processes have nothing else
# of the job), and what has left that too, known by the folder that it is in or by its HOME. Slurm does the same where it tracks
# jobs by control group.
kill_leftovers() {
  local processes until=$((SECONDS + 5))
  while :; do
    processes=$({
      [ -z "$1" ] || cat /proc/[0-9]*/stat | sed -n "s/^\([0-9]*\) (.*) [^XZ] [0-9]* [0-9]* $1 .*/\1/p"
      {
        grep -lzFx "HOME=${3:-$2}/work/home" /proc/[0-9]*/environ
        find /proc/[0-9]* -maxdepth 1 -name cwd \( -lname "$2/work*" -o -lname "${3:-$2}/work*" \)
      } | cut -d / -f 3
    } 2> /dev/null | sort -u | grep -vx "$$")
    # shellcheck disable=SC2086 # a list; of itself, it has those that list it
    kill -KILL $processes 2> /dev/null || return 0
    if [ "$SECONDS" -gt "$until" ]; then
      log "can't end processes: ${processes//$'\n'/ }"
      return 0
    fi
    sleep 0.02
  done
}

# The folder appears locked: the lock on its parent keeps others from sweeping it before. Sweeping takes the name first.
make_folder() {
  local other
  find_session
  exec 8< "$scratch" || { log "can't read $scratch"; exit 1; }
  flock -w 10 8 || log "another process keeps $scratch locked"
  for other in "$scratch"/gha-*; do
    if [ ! -O "$other" ] || [ ! -d "$other" ] || [ -L "$other" ]; then continue; fi
    [ -e "$other/lock" ] || [ -n "$(find "$other" -maxdepth 0 -mmin +60)" ] || continue
    flock -n "$other/lock" true && mv -T "$other" "$scratch/.gha-dead-${other##*/}"
  done
  mkdir "$folder" || { log "can't make the work folder $folder"; exit 1; }
  exec 7> "$folder/lock"
  flock -n 7
  exec 8<&-
  echo "$session_since $session" > "$folder/session"
  for other in "$scratch"/.gha-dead-*; do
    if [ ! -O "$other" ] || [ -L "$other" ]; then continue; fi
    log "deleting what a dead job has left: ${other##*/.gha-dead-}"
    kill_leftovers "$(session_of_dead "$other")" "$other" "$scratch/${other##*/.gha-dead-}"
    remove "$other"
  done
  mkdir "$work" "$work/hooks" "$work/tmp" "$work/home" "$work/_work"
  # Within a folder that nobody else may enter: users of containers read what the job makes.
  chmod 0755 "$work" "$work"/*
  chmod 1777 "$work/tmp"
}

clean_up() {
  local status=$?
  trap '' TERM INT
  [ -z "$helper_pid" ] || kill -KILL "$helper_pid" 2> /dev/null
  [ -z "$watch_pid" ] || kill -KILL -- "-$watch_pid" 2> /dev/null
  [ -z "$runner_pid" ] || kill -KILL -- "-$runner_pid" 2> /dev/null
  if [ -n "$relay_pid" ]; then
    echo end >&5
    gone "$relay_pid" 15
    kill -KILL "$relay_pid" 2> /dev/null
  fi
  launcher_clean
  kill_leftovers "$session" "$folder"
  remove "$folder"
  report exit
  exit "$status"
}

# header NAME: of the answer to the claim
header() { sed -n "s/^$1: *\(.*[^[:space:]]\)[[:space:]]*$/\1/Ip" "$folder/claim.headers" | tail -n 1; }

claim() {
  local deadline=$((SECONDS + ${GHA_SLURM_CLAIM_WAIT:-900})) status wait
  while :; do
    await post /claim "$claim_token" "$folder/claim.body" --dump-header "$folder/claim.headers" \
      --data-urlencode "slurm_job_id=$SLURM_JOB_ID" --data-urlencode "node=$node" --data-urlencode "work_folder=$work/_work" \
      --data-urlencode "restart_count=${SLURM_RESTART_COUNT:-0}" > "$folder/claim.status" 2> "$folder/claim.error"
    status=$(< "$folder/claim.status")
    wait=2
    case $status in
      200) return 0 ;;
      409 | 410) log "no runner is wanted: $(head -c 200 "$folder/claim.body" 2> /dev/null)"; exit 0 ;;
      401) log 'the service refuses the claim token'; exit 1 ;;
      503) wait=$(header Retry-After) ;;
      *) log "the service at $GHA_SLURM_URL does not answer a claim (status $status): $(head -c 200 "$folder/claim.error")" ;;
    esac
    case $wait in '' | *[!0-9]*) wait=2 ;; esac
    # A job counts its time in seconds; jitter keeps a thousand of them from asking in step.
    if [ "$SECONDS" -ge "$deadline" ]; then
      log "gave up after ${GHA_SLURM_CLAIM_WAIT:-900} s: check runner.callbackUrl and the network from this node"
      exit 75
    fi
    await sleep "$wait.$((RANDOM % 10))"
  done
}

# CVMFS mounts on the first look; an empty folder is a mount point without its repository.
check_mounts() {
  local path
  while IFS= read -r path; do
    [ -n "$path" ] || continue
    await timeout 30 ls -A "$path" > "$folder/mount" 2> /dev/null
    [ -s "$folder/mount" ] || unfit "$path is not mounted, or empty: see runner.launcher.mounts"
  done <<< "${GHA_SLURM_MOUNTS:-}"
}

# Hooks tell this script, over a named pipe, and this script tells the service: no step sees a token, and the runner's image needs
# no curl.
make_hooks() {
  local event
  mkfifo "$work/hooks/events"
  exec 5<> "$work/hooks/events"
  for event in started finished; do
    printf '#!/bin/sh\n: > "%s"\necho %s > "%s"\n' "$work/hooks/$event" "$event" "$work/hooks/events" > "$work/hooks/$event.sh"
    chmod 0755 "$work/hooks/$event.sh"
  done
}

relay_events() {
  local event
  # A script that was killed has nobody to end this.
  while kill -0 $$ 2> /dev/null; do
    read -t 2 -r event <&5 || continue
    case $event in
      started | finished) report "$event" ;;
      end) return 0 ;;
    esac
  done
}

# The resources that Slurm gave, for programs that look for them.
# shellcheck disable=SC2034 # launchers read it
resource_names='CUDA_VISIBLE_DEVICES NVIDIA_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES HIP_VISIBLE_DEVICES GPU_DEVICE_ORDINAL
  ZE_AFFINITY_MASK SLURM_JOB_ID SLURM_JOB_GPUS SLURM_CPUS_ON_NODE SLURM_MEM_PER_NODE'

# export_lines NAME...: shell text that sets the runner's environment: these names, where they are set, and what the job is told.
export_lines() {
  local name
  for name in "$@"; do
    [ -z "${!name+set}" ] || printf "export %s='%s'\n" "$name" "${!name//\'/\'\\\'\'}"
  done
  printf "export %s='%s'\n" HOME "$work/home" TMPDIR "$work/tmp" RUNNER_MANUALLY_TRAP_SIG 1 \
    ACTIONS_RUNNER_HOOK_JOB_STARTED "$work/hooks/started.sh" ACTIONS_RUNNER_HOOK_JOB_COMPLETED "$work/hooks/finished.sh"
}

# A launcher defines: launcher_check (before the claim; calls unfit), launcher_prepare (before the claim: the image), launcher_run
# (in the background: executes the runner, with the JIT config on stdin, so in no argv and no file), launcher_clean.
# launcher: its functions stand here

# Nothing in the runner ends it when no job comes. Only the service can tell that no job is on its way any more.
watch_idle() {
  while :; do
    # Ends early with this script, however that ends.
    timeout --foreground "$idle_timeout" tail --pid=$$ -f /dev/null
    [ $? = 124 ] || return 0
    [ ! -e "$work/hooks/started" ] || return 0
    if [ "$(post /idle "$event_token" "$folder/idle" 2> /dev/null)" = 200 ] && [ "$(cat "$folder/idle")" = stop ]; then
      log 'no job came, and none will: stopping the runner'
      kill -INT -- "-$runner_pid" 2> /dev/null
      sleep 10
      kill -KILL -- "-$runner_pid" 2> /dev/null
      return 0
    fi
  done
}

# Slurm's warning before the time limit, and its cancel: the runner fails its job at GitHub while there is time. After a warning
# Slurm tells it again when the time is up (twice in a second), and soon kills all that is left, this script too: a runner
# that has not ended by then is killed here first, so that its work folder goes with it.
told_at=
forward() {
  if [ -z "$told_at" ]; then
    told_at=$SECONDS
    log 'told to end: interrupting the runner'
    kill -INT -- "-$runner_pid" 2> /dev/null
  elif [ $((SECONDS - told_at)) -ge 2 ]; then
    log 'told to end again: killing the runner'
    kill -KILL -- "-$runner_pid" 2> /dev/null
  fi
}

trap clean_up EXIT
trap 'exit 0' TERM INT
make_folder
check_mounts
launcher_check
launcher_prepare
claim
claim_token=
event_token=$(header X-Event-Token)
idle_timeout=$(header X-Idle-Timeout)
log "runner $(header X-Runner-Name) for allocation $GHA_SLURM_ALLOCATION"
make_hooks
exec 4< "$folder/claim.body"
rm -f "$folder/claim.body" "$folder/claim.headers"
set -m # background jobs get process groups of their own, so that one signal reaches all of a runner
(umask 022 && cd "$work" && launcher_run) <&4 4<&- 5>&- 6>&- 7>&- &
runner_pid=$!
trap forward TERM INT
exec 4<&-
watch_idle 6>&- 7>&- &
watch_pid=$!
relay_events 6>&- 7>&- &
relay_pid=$!
disown "$watch_pid" "$relay_pid" # their ends are nobody's news
set +m
# `wait` returns early for a trapped signal: wait again until the runner is gone.
while kill -0 "$runner_pid" 2> /dev/null; do wait "$runner_pid"; done
log 'the runner has ended'
exit 0
