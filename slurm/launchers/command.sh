# shellcheck shell=bash disable=SC2154 # part of slurm/job.sh
# The runner that is installed on the node, in the job's own copy: a runner writes its configuration into its own folder.

# shellcheck disable=SC2034 # of slurm/job.sh
runner_place=beside

launcher_check() {
  [ -x "$GHA_SLURM_RUNNER_COMMAND" ] ||
    unfit "the runner $GHA_SLURM_RUNNER_COMMAND is not installed here: see runner.launcher.command"
  docker_check
}

launcher_prepare() {
  local installed=${GHA_SLURM_RUNNER_COMMAND%/*}
  docker_start
  (umask 022 && mkdir "$work/runner")
  # Where there is no room for it, there is none for what is said of it before it is gone.
  # shellcheck disable=SC2016 # for the shell inside
  await bash -c 'said=$(cp -R --reflink=auto "$0/." "$1" 2>&1) || { rm -rf "$1"; echo "$said" > "$2"; exit 1; }' \
    "$installed" "$work/runner" "$folder/copy.log" ||
    unfit "the runner in $installed can't be copied: $(last_words "$folder/copy.log")"
  chmod -R u+w,go+rX "$work/runner"
  docker_wait
}

launcher_run() {
  local program=${GHA_SLURM_RUNNER_COMMAND##*/} name
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
