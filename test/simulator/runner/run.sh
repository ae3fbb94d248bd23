#!/bin/bash
# The simulated runner. Started exactly as the real run.sh is: ACTIONS_RUNNER_INPUT_JITCONFIG in the environment, hooks in
# ACTIONS_RUNNER_HOOK_JOB_STARTED and _COMPLETED, RUNNER_MANUALLY_TRAP_SIG=1 to be told to end by INT or TERM. Takes one job,
# runs its commands, reports the conclusion, and exits 0 after everything, as the real one does. Waits for ever for a job.
# shellcheck disable=SC2317,SC2329 # traps call what looks unreachable
set -u
cd "$(dirname "$0")" || exit 0
config=${ACTIONS_RUNNER_INPUT_JITCONFIG:-}
unset ACTIONS_RUNNER_INPUT_JITCONFIG
if [ -z "$config" ]; then
  echo 'no ACTIONS_RUNNER_INPUT_JITCONFIG' >&2
  exit 0
fi
# The real one writes its configuration into its own folder: two can't share one.
if [ -e .runner ]; then
  echo 'Cannot configure the runner because it is already configured.' >&2
  exit 0
fi
json=$(printf '%s' "$config" | base64 -d)
field() { printf '%s' "$json" | sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"; }
url=$(field url)
# A container in a network of its own sees the machine's loopback elsewhere.
[ ! -e /.dockerenv ] || url=${url/127.0.0.1/${SIMULATOR_HOST:-127.0.0.1}}
credential="$(field id).$(field secret)"
# An absolute path, or one in its own folder.
work=$(field work)
work=${work:-_work}
unset config json
printf 'configured\n' > .runner

# ask METHOD PATH [BODY]: the body goes to "answer", the status is printed; the credential never is in argv.
ask() {
  curl --silent --max-time 40 --retry 3 --retry-connrefused --request "$1" --output answer --write-out '%{http_code}' \
    --config <(printf 'header = "Authorization: Bearer %s"\n' "$credential") ${3:+--data "$3"} "$url/_runner$2"
}

job_pid=
interrupted=
interrupt() {
  [ -n "$interrupted" ] || echo "Told to end by ${1:-nobody}."
  interrupted=yes
  [ -z "$job_pid" ] || kill -TERM -- "-$job_pid" 2> /dev/null
}
if [ "${RUNNER_MANUALLY_TRAP_SIG:-}" = 1 ]; then trap 'interrupt INT' INT; trap 'interrupt TERM' TERM; fi

name=
[ "$(ask POST /session)" = 200 ] && name=$(cat answer)
echo "√ Connected to GitHub as $name"
job=
while [ -z "$job" ] && [ -z "$interrupted" ]; do
  case $(ask GET /message) in
    200) { read -r job; read -r run; read -r repository; read -r title; read -r commands; } < answer ;;
    204) ;;
    410) echo 'The runner registration has been deleted.'; rm -f answer; exit 0 ;;
    *) sleep 1 ;;
  esac
done
if [ -z "$job" ]; then
  ask DELETE /session > /dev/null
  exit 0
fi

echo "Running job: $title"
mkdir -p "$work"
export GITHUB_ACTIONS=true CI=true GITHUB_RUN_ID=$run GITHUB_JOB=$title GITHUB_REPOSITORY=$repository RUNNER_NAME=$name
conclusion=failure
if { [ -z "${ACTIONS_RUNNER_HOOK_JOB_STARTED:-}" ] || bash "$ACTIONS_RUNNER_HOOK_JOB_STARTED"; } && [ -z "$interrupted" ]; then
  set -m
  (cd "$work" && printf '%s' "$commands" | base64 -d | exec bash -e) &
  job_pid=$!
  set +m
  # Told to end while the job was being started.
  [ -z "$interrupted" ] || interrupt again
  (
    # Asks whether the user has cancelled, and tells that this runner is alive.
    while sleep 1; do
      ask GET "/jobs/$job" > /dev/null
      if [ "$(cat answer)" = cancel ]; then
        kill -TERM -- "-$job_pid" 2> /dev/null
        exit 0
      fi
    done
  ) &
  watch_pid=$!
  wait "$job_pid"
  status=$?
  while kill -0 "$job_pid" 2> /dev/null; do
    wait "$job_pid"
    status=$?
  done
  kill "$watch_pid" 2> /dev/null
  wait "$watch_pid" 2> /dev/null
  [ "$status" != 0 ] || conclusion=success
fi
[ -z "$interrupted" ] || conclusion=failure
[ -z "${ACTIONS_RUNNER_HOOK_JOB_COMPLETED:-}" ] || bash "$ACTIONS_RUNNER_HOOK_JOB_COMPLETED"
for try in 1 2 3 4 5; do
  [ "$(ask POST "/jobs/$job/complete" "$conclusion")" != 200 ] || break
  sleep "$try"
done
echo "Job $title completed with result: $conclusion"
exit 0
