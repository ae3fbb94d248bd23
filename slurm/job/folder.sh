# shellcheck shell=bash disable=SC2154,SC2034 # part of slurm/job.sh
# The job's folder: .gha-new-NAME (without its lock yet) → gha-NAME (locked for the script's life) → .gha-dead-NAME (being deleted, by
# its own job or by the next one on the node). What a dead job has left is swept by slurm/job/leftovers.sh.

# remove FOLDER SECONDS: a step may have taken write permission off its own folders, and containers leave files of subordinate ids.
# 0: for as long as it takes.
remove() {
  # shellcheck disable=SC2016 # for the shell inside
  timeout --signal KILL "$2" bash -c 'chmod -R u+rwX "$0"; rm -rf "$0"
    [ ! -e "$0" ] || unshare --user --map-root-user --map-auto -- rm -rf "$0"' "$1" 2> /dev/null
  [ ! -e "$1" ] || log "can't delete $1, or not in time: the next job on this node tries again"
}

# check_scratch: before anything is written there.
check_scratch() {
  local what="the scratch folder $scratch" see='see runner.scratch'
  case $scratch in
    *[,:\'\"\`\$\\*?[\]]* | *[[:space:][:cntrl:]]*) unfit "$what has spaces, quotes, commas, colons, backslashes, \$ or wildcards in its path: $see" ;;
    /*) ;;
    *) unfit "$what is no absolute path: $see" ;;
  esac
  [ -d "$scratch" ] || unfit "$what is not there, or no folder: $see"
  if [ ! -r "$scratch" ] || [ ! -w "$scratch" ] || [ ! -x "$scratch" ]; then unfit "$what can't be written by $(id -un): $see"; fi
}

# It gets its name when it is locked: a lock that is free is that of a dead job.
make_folder() {
  local new="$scratch/.gha-new-${folder##*/}" said
  check_scratch
  find_session
  sweep
  said=$(mkdir "$new" 2>&1) || unfit "no folder can be made in $scratch: $said"
  if ! { exec 7> "$new/lock"; } 2> /dev/null || ! flock -n 7 || ! said=$(mv -T "$new" "$folder" 2>&1); then
    rm -rf "$new"
    unfit "the work folder $folder can't be made: ${said:-its lock can not be had}"
  fi
  made=yes
  # A disk that is full, and a quota that is used up, show when something is written.
  said=$(head -c 16M /dev/zero 2>&1 > "$folder/room") || unfit "the scratch folder $scratch has no room for 16 MiB: ${said#*: }"
  rm -f "$folder/room"
  mkdir "$work" "$work/hooks" "$work/tmp" "$work/home" "$work/_work" || unfit "the work folder $folder can't be written"
  # Within a folder that nobody else may enter: users of containers read what the job makes.
  chmod 0755 "$work" "$work"/*
  chmod 1777 "$work/tmp"
  echo "$session_since $session" > "$folder/session"
  mark_life 7>&- &
  life_pid=$!
  disown "$life_pid"
}

# put_away: its name first, so that what is left when the time is over is known as a dead job's. Its session is still this script's.
put_away() {
  local dead="$scratch/.gha-dead-${folder##*/}"
  rm -f "$folder/session"
  mv -T "$folder" "$dead" 2> /dev/null || dead=$folder
  remove "$dead" "$(within 0)"
}
