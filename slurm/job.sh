#!/bin/bash
# The batch job of every allocation: asks the service for its runner, runs one workflow job, and leaves nothing behind.
#
# The same text for every allocation; what differs comes through the environment (GHA_SLURM_*). Before anything else it
# executes itself again with a clean environment: a process's first environment stays readable in /proc/PID/environ,
# after `unset` too, and no step of a workflow may find the claim token there. The token goes over a pipe.
#
# Exit: 0 after a runner, and when none was wanted; 1 when the claim token is refused; 75 when the service could not be
# reached for as long as GHA_SLURM_CLAIM_WAIT says. What a runner's exit status is worth is GitHub's to say.
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

: "${GHA_SLURM_URL:?}" "${GHA_SLURM_ALLOCATION:?}" "${GHA_SLURM_LAUNCHER_COMMAND:?}" "${SLURM_JOB_ID:?}"
allocation_url="$GHA_SLURM_URL/v1/allocations/$GHA_SLURM_ALLOCATION"
work="${TMPDIR:-/tmp}/gha-$SLURM_JOB_ID-$GHA_SLURM_ALLOCATION"
event_token=
idle_timeout=120
runner_pid=
watch_pid=

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

clean_up() {
  local status=$?
  trap '' TERM INT
  [ -z "$watch_pid" ] || kill -KILL -- "-$watch_pid" 2> /dev/null
  [ -z "$runner_pid" ] || kill -KILL -- "-$runner_pid" 2> /dev/null
  # A step may have taken write permission off its own folders.
  chmod -R u+rwX "$work" 2> /dev/null
  rm -rf "$work"
  report exit
  exit "$status"
}
trap clean_up EXIT
trap 'exit 0' TERM INT

mkdir "$work" || { log "can't make the work folder $work"; exit 1; }

# header NAME: of the answer to the claim
header() { sed -n "s/^$1: *\(.*[^[:space:]]\)[[:space:]]*$/\1/Ip" "$work/claim.headers" | tail -n 1; }

claim() {
  local deadline=$((SECONDS + ${GHA_SLURM_CLAIM_WAIT:-900})) status wait
  while :; do
    status=$(post /claim "$claim_token" "$work/claim.body" --dump-header "$work/claim.headers" \
      --data-urlencode "slurm_job_id=$SLURM_JOB_ID" --data-urlencode "node=${SLURMD_NODENAME:-$HOSTNAME}" \
      --data-urlencode "restart_count=${SLURM_RESTART_COUNT:-0}" 2> "$work/claim.error")
    wait=2
    case $status in
      200) return 0 ;;
      409 | 410) log "no runner is wanted: $(head -c 200 "$work/claim.body" 2> /dev/null)"; exit 0 ;;
      401) log 'the service refuses the claim token'; exit 1 ;;
      503) wait=$(header Retry-After) ;;
      *) log "the service at $GHA_SLURM_URL does not answer a claim (status $status): $(head -c 200 "$work/claim.error")" ;;
    esac
    case $wait in '' | *[!0-9]*) wait=2 ;; esac
    # A job counts its time in seconds; jitter keeps a thousand of them from asking in step.
    if [ "$SECONDS" -ge "$deadline" ]; then
      log "gave up after ${GHA_SLURM_CLAIM_WAIT:-900} s: check runner.callbackUrl and the network from this node"
      exit 75
    fi
    sleep "$wait.$((RANDOM % 10))"
  done
}

# A runner writes its configuration into its own folder: each has a copy of what is installed on the node.
prepare() {
  local installed
  installed=$(dirname "$GHA_SLURM_LAUNCHER_COMMAND")
  cp -R --reflink=auto "$installed/." "$work/runner" || { log "can't copy the runner from $installed"; exit 1; }
  chmod -R u+w "$work/runner"
  mkdir "$work/hooks" "$work/tmp"
  printf 'header = "Authorization: Bearer %s"\n' "$event_token" > "$work/hooks/token"
  local event
  for event in started finished; do
    cat > "$work/hooks/$event.sh" << HOOK
#!/bin/bash
: > "$work/hooks/$event"
curl --silent --max-time 10 --retry 2 --retry-all-errors --output /dev/null --request POST \\
  --config "$work/hooks/token" --data "event=$event" "$allocation_url/events" || true
HOOK
    chmod +x "$work/hooks/$event.sh"
  done
}

# The JIT config reaches the runner through its environment, as the runner wants it, and never through argv.
launch() {
  local command
  command=$(basename "$GHA_SLURM_LAUNCHER_COMMAND")
  (
    cd "$work/runner" || exit 1
    unset GHA_SLURM_URL GHA_SLURM_ALLOCATION GHA_SLURM_CLAIM_WAIT GHA_SLURM_LAUNCHER_COMMAND
    ACTIONS_RUNNER_INPUT_JITCONFIG=$(cat "$work/claim.body")
    rm -f "$work/claim.body" "$work/claim.headers"
    export ACTIONS_RUNNER_INPUT_JITCONFIG RUNNER_MANUALLY_TRAP_SIG=1 TMPDIR="$work/tmp"
    export ACTIONS_RUNNER_HOOK_JOB_STARTED="$work/hooks/started.sh"
    export ACTIONS_RUNNER_HOOK_JOB_COMPLETED="$work/hooks/finished.sh"
    exec "./$command"
  ) &
  runner_pid=$!
}

# Nothing in the runner ends it when no job comes. Only the service can tell that no job is on its way any more.
watch_idle() {
  while sleep "$idle_timeout"; do
    [ ! -e "$work/hooks/started" ] || return 0
    if [ "$(post /idle "$event_token" "$work/idle" 2> /dev/null)" = 200 ] && [ "$(cat "$work/idle")" = stop ]; then
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

claim
claim_token=
event_token=$(header X-Event-Token)
idle_timeout=$(header X-Idle-Timeout)
log "runner $(header X-Runner-Name) for allocation $GHA_SLURM_ALLOCATION"
prepare
set -m # background jobs get process groups of their own, so that one signal reaches all of a runner
launch
trap forward TERM INT
watch_idle &
watch_pid=$!
disown "$watch_pid" # its end is nobody's news
set +m
# `wait` returns early for a trapped signal: wait again until the runner is gone.
while kill -0 "$runner_pid" 2> /dev/null; do wait "$runner_pid"; done
log 'the runner has ended'
exit 0
