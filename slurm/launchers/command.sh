# shellcheck shell=bash disable=SC2154 # part of slurm/job.sh
# The runner that is installed on the node, in the job's own copy: a runner writes its configuration into its own folder.

launcher_check() {
  [ -x "$GHA_SLURM_RUNNER_COMMAND" ] ||
    unfit "the runner $GHA_SLURM_RUNNER_COMMAND is not installed here: see runner.launcher.command"
  docker_check
}

launcher_prepare() {
  docker_start
  docker_wait
}

launcher_run() {
  local installed=${GHA_SLURM_RUNNER_COMMAND%/*} program=${GHA_SLURM_RUNNER_COMMAND##*/} name
  cp -R --reflink=auto "$installed/." runner || { log "can't copy the runner from $installed"; exit 1; }
  chmod -R u+w runner
  # The site's variables, Slurm's and the resources'.
  # shellcheck disable=SC2046,SC2086 # lists of names
  export_lines $resource_names ${GHA_SLURM_ENVIRONMENT:-PATH LANG} $(compgen -e SLURM) > hooks/environment
  docker_environment >> hooks/environment
  IFS= read -r ACTIONS_RUNNER_INPUT_JITCONFIG
  exec < /dev/null
  for name in $(compgen -e); do unset "$name"; done
  # shellcheck source=/dev/null
  . hooks/environment
  export ACTIONS_RUNNER_INPUT_JITCONFIG
  cd runner || exit 1
  exec "./$program"
}

launcher_clean() { docker_clean; }
