#!/bin/bash
# The batch job of every allocation: asks the service for its runner, runs one workflow job, and leaves nothing behind.
#
# The same text for every allocation of a launcher; what differs comes through the environment (GHA_SLURM_*). The service
# puts functions (slurm/job/, and a launcher of slurm/launchers/) in place of the line that says so: a node shares no file with it.
# Before anything else the script executes itself again with a clean environment: a process's first environment stays
# readable in /proc/PID/environ, after `unset` too, and no step of a workflow may find the claim token there. The token goes
# over a pipe.
#
# Order: folder → the site's hook → checks → image and dockerd → claim → runner → the site's hook → end. What is missing on a node is said before the claim, so that
# the workflow job stays in the queue.
#
#   $folder        0700, the script's own: lock, claim, dockerd. Its lock is held for the script's life: one that is free
#   $folder/work   belongs to a dead job, and the next job on the node deletes it. `work` is all that a runner in a container
#                  sees, at the same path: Docker resolves `-v` on the outside.
#
# Slurm kills all of a job KillWait after it has told it to end (GHA_SLURM_KILL_WAIT): each step of the end is bound by `within`, and
# what is not deleted by then is under a name that the next job on the node knows.
#
# Exit: 0 after a runner, and when none was wanted; 1 when the claim token is refused; 69 when this node lacks something; 75 when
# the service could not be reached for as long as GHA_SLURM_CLAIM_WAIT says. What a runner's exit status is worth is GitHub's to say.
# shellcheck disable=SC2034,SC2317,SC2329 # parts read what looks unused, traps call what looks unreachable
set -u
umask 077
ulimit -c 0

if [ -n "${GHA_SLURM_CLAIM_TOKEN:-}" ]; then
  exec 3< <(printf '%s\n' "$GHA_SLURM_CLAIM_TOKEN" "${GHA_SLURM_MAILBOX_KEY:-}")
  clean=()
  while IFS= read -r -d '' variable; do
    case $variable in
      GHA_SLURM_CLAIM_TOKEN=* | GHA_SLURM_MAILBOX_KEY=* | SLURM_JWT=* | BASH_FUNC_*) ;;
      *) clean+=("$variable") ;;
    esac
  done < <(env -0)
  exec env -i "${clean[@]}" /bin/bash "$0" "$@"
fi
IFS= read -r claim_token <&3 || { echo 'gha-slurm: no claim token: this script is started by the service only' >&2; exit 1; }
IFS= read -r mailbox_key <&3
exec 3<&-

[ -n "$mailbox_key" ] || : "${GHA_SLURM_URL:?}"
: "${GHA_SLURM_ALLOCATION:?}" "${GHA_SLURM_RUNNER_COMMAND:?}" "${SLURM_JOB_ID:?}"
scratch="${GHA_SLURM_SCRATCH:-${TMPDIR:-/tmp}}"
# As the kernel shows it of processes.
scratch=$(cd -P -- "$scratch" 2> /dev/null && pwd || printf '%s' "$scratch")
folder="$scratch/gha-$SLURM_JOB_ID-$GHA_SLURM_ALLOCATION"
work="$folder/work"
node=${SLURMD_NODENAME:-$HOSTNAME}
event_token=
idle_timeout=120
apart_pid=
runner_pid=
watch_pid=
relay_pid=
end_word=end-$RANDOM$RANDOM$RANDOM
helper_pid=
session=
session_since=
life_pid=
made=
output=
explained=yes
begun_ms=$((${EPOCHREALTIME/[.,]/} / 1000))
prepared_ms=
declare -A took_ms=()

log() { printf '%(%FT%TZ)T gha-slurm: %s\n' -1 "$*" >&2; }

# await COMMAND...: for all that may take its time. A trap is answered at once, not when the command has ended, and ends all of it; a
# command that outlives this script, killed, has no hold on its locks: of the folder, and of the image.
await() {
  set -m
  "$@" 6>&- 7>&- < /dev/null &
  helper_pid=$!
  set +m
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

# measure PHASE COMMAND...: adds to took_ms, in milliseconds.
measure() {
  local phase=$1 since=${EPOCHREALTIME/[.,]/}
  shift
  "$@"
  local status=$?
  took_ms[$phase]=$((${took_ms[$phase]:-0} + (${EPOCHREALTIME/[.,]/} - since) / 1000))
  return "$status"
}

has() { type -P "$1" > /dev/null; }
last_words() { tail -c 300 "$1" 2> /dev/null | tr '\n' ' '; }

clean_up() {
  local status=$?
  trap '' TERM INT
  [ -z "$life_pid" ] || kill -KILL "$life_pid" 2> /dev/null
  [ -z "$helper_pid" ] || kill -KILL -- "-$helper_pid" 2> /dev/null
  [ -z "$watch_pid" ] || kill -KILL -- "-$watch_pid" 2> /dev/null
  [ -z "$runner_pid" ] || kill -KILL -- "-$runner_pid" 2> /dev/null
  if [ -n "$relay_pid" ]; then
    # A step may write to that pipe, too, and does not know the word.
    kill -0 "$relay_pid" 2> /dev/null && echo "$end_word" >&5
    gone "$relay_pid" "$(within 15)"
    kill -KILL "$relay_pid" 2> /dev/null
  fi
  launcher_clean
  send_output
  hook_exit
  [ -z "$mailbox_key" ] || mailbox_close
  if [ -n "$made" ]; then
    kill_leftovers "$session" "$folder"
    put_away
  fi
  report exit
  exit "$status"
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

# A launcher defines: launcher_check (before the claim; calls unfit), launcher_prepare (before the claim: the image), launcher_run
# (in the background: executes the runner, with the JIT config on stdin, so in no argv and no file), launcher_clean.
# parts: their functions stand here

trap clean_up EXIT
trap 'told; exit 0' TERM INT
[ -z "$mailbox_key" ] || mailbox_open
make_folder
keep_output
check_hooks
hook_before_claim
check_mounts
launcher_check
launcher_prepare
prepared_ms=$((${EPOCHREALTIME/[.,]/} / 1000 - begun_ms))
[ -z "${GHA_SLURM_CHECK:-}" ] || finish_check
claim
claim_token=
event_token=$(header X-Event-Token)
idle_timeout=$(header X-Idle-Timeout)
log "runner $(header X-Runner-Name) for allocation $GHA_SLURM_ALLOCATION"
make_hooks
# Through a pipe: what has been read from it is nowhere any more.
exec 4< <(exec 5>&- 6>&- 7>&- < "$folder/claim.body" && rm -f "$folder/claim.body" && exec cat)
rm -f "$folder/claim.headers"
early=
trap 'early=yes' TERM INT # a runner that has no number yet can't be told
"${runner_place:-apart}" runner start_runner <&4 4<&-
runner_pid=$apart_pid
trap forward TERM INT
[ -z "$early" ] || forward
exec 4<&-
set -m # background jobs get process groups of their own
watch_runner 6>&- 7>&- &
watch_pid=$!
relay_events 6>&- 7>&- &
relay_pid=$!
disown "$watch_pid" "$relay_pid" # their ends are nobody's news
set +m
# `wait` returns early for a trapped signal, and Slurm's may end what it waits for.
while lives runner; do await ended runner; done
log 'the runner has ended'
explained=no
exit 0
