# shellcheck shell=bash disable=SC2154,SC2034 # part of slurm/job.sh
# The site's own scripts (runner.hooks), and the runner's hooks, which call two of them. `beforeClaim` and `exit` run on the node, as
# this script does; `jobStarted` and `jobCompleted` where the runner is, in its environment, and what they end with is what GitHub
# takes the hook for. GHA_SLURM_HOOKS has a line for each: EVENT SECONDS FILE.

# site_hook EVENT: sets hook_file and hook_seconds; 1 where the site has none.
site_hook() {
  local event
  while read -r event hook_seconds hook_file; do [ "$event" != "$1" ] || return 0; done <<< "${GHA_SLURM_HOOKS:-}"
  return 1
}

check_hooks() {
  local event hook_file hook_seconds
  for event in beforeClaim jobStarted jobCompleted exit; do
    site_hook "$event" || continue
    [ -x "$hook_file" ] || unfit "the hook $hook_file is not here, or not executable: see runner.hooks.$event"
  done
}

# run_site_hook EVENT: what it prints is in hook.log.
run_site_hook() {
  local hook_file hook_seconds
  if [ ! -d "$folder" ] || ! site_hook "$1"; then return 0; fi
  hook_seconds=$(within "$hook_seconds")
  # What comes after it takes its time, too.
  [ -z "$kill_by" ] || hook_seconds=$((hook_seconds > 4 ? hook_seconds - 3 : 1))
  GHA_SLURM_WORK_FOLDER="$work" await timeout -k 2 "$hook_seconds" "$hook_file" > "$folder/hook.log" 2>&1 < /dev/null
  local status=$?
  [ "$status" != 124 ] || echo "it took longer than $hook_seconds s" >> "$folder/hook.log"
  return "$status"
}

hook_before_claim() { run_site_hook beforeClaim || unfit "the hook beforeClaim ended with $?: $(last_words "$folder/hook.log")"; }
hook_exit() { run_site_hook exit || log "the hook exit ended with $?: $(last_words "$folder/hook.log")"; }

# Hooks tell this script, over a named pipe, and this script tells the service: no step is given a token, and the runner's image needs
# no curl.
make_hooks() {
  mkfifo "$work/hooks/events"
  exec 5<> "$work/hooks/events"
  write_hook started jobStarted
  write_hook finished jobCompleted
}

# write_hook NAME EVENT: the site's file is copied, since a container sees nothing else of the node.
write_hook() {
  local hook_file hook_seconds own=: tell=": > '$work/hooks/$1'; echo $1 > '$work/hooks/events'"
  if site_hook "$2"; then
    cp "$hook_file" "$work/hooks/site-$1" && chmod 0755 "$work/hooks/site-$1"
    own="timeout -k 5 $hook_seconds '$work/hooks/site-$1' || status=\$?
[ \$status != 124 ] || echo 'The hook of this site, $2, took longer than $hook_seconds s.' >&2"
  fi
  if [ "$1" = started ]; then own="$tell
$own"; else own="$own
$tell"; fi
  # shellcheck disable=SC2016 # for the shell that runs it
  printf '#!/bin/sh\nstatus=0\n%s\nexit $status\n' "$own" > "$work/hooks/$1.sh"
  chmod 0755 "$work/hooks/$1.sh"
}

relay_events() {
  local event part=
  # A script that was killed has nobody to end this. A time-out in the middle of a line leaves its beginning.
  while kill -0 $$ 2> /dev/null; do
    read -t 2 -r event <&5 || { part+=$event; continue; }
    event=$part$event part=
    case $event in
      started | finished) report "$event" ;;
      "$end_word") return 0 ;;
    esac
  done
}
