# shellcheck shell=bash disable=SC2154,SC2034 # part of slurm/job.sh
# Around the runner: what tells of its job, what it has in its environment, and what ends it.

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

# stop_runner REASON
stop_runner() {
  log "$1: stopping the runner"
  : > "$folder/stopped"
  kill -INT -- "-$runner_pid" 2> /dev/null
  sleep 10
  kill -KILL -- "-$runner_pid" 2> /dev/null
}

# Nothing in the runner ends it when no job comes, and some outlive their job or their registration. Only the service can tell that no
# job is on its way any more; while nobody can be asked, a limit of the node's own holds. A job that runs is left alone.
watch_runner() {
  local answered=$SECONDS
  while :; do
    # Ends early with this script, however that ends.
    timeout --foreground "$idle_timeout" tail --pid=$$ -f /dev/null
    [ $? = 124 ] || return 0
    if [ -e "$work/hooks/finished" ]; then
      [ $((EPOCHSECONDS - $(stat --format %Y "$work/hooks/finished"))) -lt "$idle_timeout" ] ||
        { stop_runner "its job is over for $idle_timeout s, and it has not ended"; return 0; }
    elif [ ! -e "$work/hooks/started" ]; then
      if [ "$(ask idle "$event_token" 60 2> /dev/null)" = 200 ]; then
        answered=$SECONDS
        [ "$(< "$folder/idle.body")" != stop ] || { stop_runner 'no job came, and none will'; return 0; }
      elif [ $((SECONDS - answered)) -ge "${GHA_SLURM_IDLE_LIMIT:-900}" ]; then
        [ -e "$work/hooks/started" ] || { stop_runner "no job came, and the service can't be asked for $((SECONDS - answered)) s"; return 0; }
      fi
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
    : > "$folder/stopped"
    kill -INT -- "-$runner_pid" 2> /dev/null
  elif [ $((SECONDS - told_at)) -ge 2 ]; then
    log 'told to end again: killing the runner'
    kill -KILL -- "-$runner_pid" 2> /dev/null
  fi
}
