# shellcheck shell=bash disable=SC2154 # part of slurm/job.sh
# What runs first inside a container, for all launchers that have one: its environment by allow-list, the JIT config from stdin, and
# the runner where it may write: in the image if it can, else in a copy in the work folder (its node installations, which are
# large and never written, are linked).

write_start() {
  {
    # shellcheck disable=SC2086 # lists of names
    export_lines $resource_names ${GHA_SLURM_ENVIRONMENT:-}
    printf "work='%s' command='%s'\n" "$work" "$GHA_SLURM_RUNNER_COMMAND"
    cat << 'START'
umask 022
ulimit -c 0
IFS= read -r ACTIONS_RUNNER_INPUT_JITCONFIG
exec < /dev/null
export ACTIONS_RUNNER_INPUT_JITCONFIG
[ "$(id -u)" != 0 ] || export RUNNER_ALLOW_RUNASROOT=1
runner=${command%/*}
if [ ! -w "$runner" ]; then
  mkdir -p "$work/runner"
  for part in "$runner"/* "$runner"/.[!.]*; do
    case $part in
      */externals) ln -s "$part" "$work/runner/externals" ;;
      *) [ ! -e "$part" ] || cp -R "$part" "$work/runner/" ;;
    esac
  done
  chmod -R u+w "$work/runner" 2> /dev/null
  runner=$work/runner
fi
unset work part
cd "$runner" || exit 1
exec "./${command##*/}"
START
  } > "$work/hooks/start.sh"
}

# bind_list: the configured binds, as FROM:TO:ro or FROM:TO:rw lines, and the required mounts, read-only.
bind_list() {
  local path
  while IFS= read -r path; do [ -z "$path" ] || echo "$path:$path:ro"; done <<< "${GHA_SLURM_MOUNTS:-}"
  [ -z "${GHA_SLURM_BINDS:-}" ] || echo "$GHA_SLURM_BINDS"
}
