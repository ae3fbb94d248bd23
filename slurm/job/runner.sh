# shellcheck shell=bash disable=SC2154,SC2034 # part of slurm/job.sh
# Around the runner: what tells of its job, what it has in its environment, and what ends it.

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
