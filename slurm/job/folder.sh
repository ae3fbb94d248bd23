# shellcheck shell=bash disable=SC2154,SC2034 # part of slurm/job.sh
# The job's folder, and what dead jobs have left: folders, and processes known by their session, folder or HOME.

# remove FOLDER: a step may have taken write permission off its own folders, and containers leave files of subordinate ids.
remove() {
  chmod -R u+rwX "$1" 2> /dev/null
  rm -rf "$1" 2> /dev/null
  [ -e "$1" ] || return 0
  unshare --user --map-root-user --map-auto -- rm -rf "$1" 2> /dev/null
  [ ! -e "$1" ] || log "can't delete $1"
}

# find_session: slurmd starts each step in a session whose leader ends at once: then its number is the step's alone, for as long as
# a process is left in it. A leader that lives is somebody's login shell, or a daemon.
find_session() {
  local line fields
  IFS= read -r line < /proc/$$/stat
  read -ra fields <<< "${line##*) }"
  session=${fields[3]}
  if [ "$session" != $$ ] && { [ "$session" = 0 ] || [ -e "/proc/$session" ]; }; then session=; fi
  session_since="$(< /proc/sys/kernel/random/boot_id) $(readlink /proc/self/ns/pid)"
}

# session_of_dead FOLDER: the number of its session, unless that can be another's by now.
session_of_dead() {
  local boot namespace number
  { read -r boot namespace number < "$1/session"; } 2> /dev/null || return 0
  [ "$boot $namespace" != "$session_since" ] || [ "$number" = "$session" ] || [ -e "/proc/$number" ] || echo "$number"
}

# kill_leftovers SESSION FOLDER [NAME_BEFORE]: ends what a runner has left: its session (Apptainer's FUSE processes have nothing else
# of the job), and what has left that too, known by the folder that it is in or by its HOME. Slurm does the same where it tracks
# jobs by control group.
kill_leftovers() {
  local processes until=$((SECONDS + 5))
  while :; do
    processes=$({
      [ -z "$1" ] || cat /proc/[0-9]*/stat | sed -n "s/^\([0-9]*\) (.*) [^XZ] [0-9]* [0-9]* $1 .*/\1/p"
      {
        grep -lzFx "HOME=${3:-$2}/work/home" /proc/[0-9]*/environ
        find /proc/[0-9]* -maxdepth 1 -name cwd \( -lname "$2/work*" -o -lname "${3:-$2}/work*" \)
      } | cut -d / -f 3
    } 2> /dev/null | sort -u | grep -vx "$$")
    # shellcheck disable=SC2086 # a list; of itself, it has those that list it
    kill -KILL $processes 2> /dev/null || return 0
    if [ "$SECONDS" -gt "$until" ]; then
      log "can't end processes: ${processes//$'\n'/ }"
      return 0
    fi
    sleep 0.02
  done
}

# The folder appears locked: the lock on its parent keeps others from sweeping it before. Sweeping takes the name first.
make_folder() {
  local other
  find_session
  exec 8< "$scratch" || { log "can't read $scratch"; exit 1; }
  flock -w 10 8 || log "another process keeps $scratch locked"
  for other in "$scratch"/gha-*; do
    if [ ! -O "$other" ] || [ ! -d "$other" ] || [ -L "$other" ]; then continue; fi
    [ -e "$other/lock" ] || [ -n "$(find "$other" -maxdepth 0 -mmin +60)" ] || continue
    flock -n "$other/lock" true && mv -T "$other" "$scratch/.gha-dead-${other##*/}"
  done
  mkdir "$folder" || { log "can't make the work folder $folder"; exit 1; }
  exec 7> "$folder/lock"
  flock -n 7
  exec 8<&-
  echo "$session_since $session" > "$folder/session"
  for other in "$scratch"/.gha-dead-*; do
    if [ ! -O "$other" ] || [ -L "$other" ]; then continue; fi
    log "deleting what a dead job has left: ${other##*/.gha-dead-}"
    kill_leftovers "$(session_of_dead "$other")" "$other" "$scratch/${other##*/.gha-dead-}"
    remove "$other"
  done
  mkdir "$work" "$work/hooks" "$work/tmp" "$work/home" "$work/_work"
  # Within a folder that nobody else may enter: users of containers read what the job makes.
  chmod 0755 "$work" "$work"/*
  chmod 1777 "$work/tmp"
}
