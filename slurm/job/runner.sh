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

# In the background of the script (slurm/job/apart.sh).
start_runner() {
  umask 022
  cd "$work" && launcher_run
}

# stop_runner REASON
stop_runner() {
  log "$1: stopping the runner"
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

# Slurm tells a job to end once before its time limit (the warning), once when it is cancelled, and again when the time is up; it kills
# all that is left KillWait after the last two. Whether it is the warning is seen by the time.
kill_by=

# told: sets kill_by, in seconds of this script, with time to spare; succeeds where it is no warning.
told() {
  local wait=${GHA_SLURM_KILL_WAIT:-30} left
  left=$((${SLURM_JOB_END_TIME:-0} - EPOCHSECONDS))
  kill_by=$((SECONDS + wait - wait / 6))
  # Slurm warns up to a minute too early.
  if [ -n "${SLURM_JOB_END_TIME:-}" ] && [ "$left" -gt $((${GHA_SLURM_TIME_LIMIT_WARNING:-0} + 65)) ]; then return 0; fi
  [ "$left" -le 0 ] || kill_by=$((kill_by + left))
  return 1
}

# within SECONDS: so long, or for as long as is left of the time until Slurm kills; 0 is for ever.
within() {
  local left=$((${kill_by:-0} - SECONDS))
  if [ -z "$kill_by" ] || { [ "$1" != 0 ] && [ "$left" -gt "$1" ]; }; then left=$1; elif [ "$left" -lt 1 ]; then left=1; fi
  printf '%s' "$left"
}

# The runner fails its job at GitHub while there is time. One that has not ended in half of the time that a cancelled job has, or when
# it is told again, is killed here, so that its work folder goes with it. A time limit tells twice in a second.
told_at=
forward() {
  if [ -z "$told_at" ]; then
    told_at=$SECONDS
    log 'told to end: interrupting the runner'
    kill -INT -- "-$runner_pid" 2> /dev/null
    if told; then
      { ended runner "$((${GHA_SLURM_KILL_WAIT:-30} / 2))" || kill -KILL -- "-$runner_pid" 2> /dev/null; } 6>&- 7>&- &
      disown "$!"
    fi
  elif [ $((SECONDS - told_at)) -ge 2 ]; then
    told
    log 'told to end again: killing the runner'
    kill -KILL -- "-$runner_pid" 2> /dev/null
  fi
}
