# shellcheck shell=bash disable=SC2154,SC2034 # part of slurm/job.sh
# What dead jobs have left: folders, known by a lock that is free, and processes, known by their session, folder or HOME. A number of a
# session is given again: it counts only with a process in it that is older than the last sign of life of the job (docs/adr/0031).

# field_of_stat PID FIELD: of /proc/PID/stat, counted as in proc(5), from the third on.
field_of_stat() {
  local line fields
  IFS= read -r line < "/proc/$1/stat" || return 1
  read -ra fields <<< "${line##*) }"
  printf '%s\n' "${fields[$2 - 3]}"
}

# find_session: slurmd starts each step in a session whose leader ends at once: then its number is the step's alone, for as long as
# a process is left in it. A leader that lives is somebody's login shell, or a daemon.
find_session() {
  session=$(field_of_stat $$ 6)
  if [ "$session" != $$ ] && { [ "$session" = 0 ] || [ -e "/proc/$session" ]; }; then session=; fi
  session_since="$(< /proc/sys/kernel/random/boot_id) $(readlink /proc/self/ns/pid)"
}

# mark_life: in the background, while the script lives: when a process of this session was last started, as the kernel counts it.
mark_life() {
  local own=$BASHPID
  # Nothing ever comes from there: a pause without a process.
  exec 9<> <(:)
  while [ "$(field_of_stat "$own" 4)" = $$ ]; do
    # That of the process that looks. Over the one before, which is never longer: whoever is killed leaves one of the two.
    (field_of_stat "$BASHPID" 22 1<> "$folder/life")
    read -t 2 -r _ <&9
  done 2> /dev/null
}

# session_of_dead FOLDER: the number of its session, if that is proven to be its own still: while a process is left in a session, no
# other process gets its number. So one that was started before the job's last sign of life, and is in it now, was in it then.
session_of_dead() {
  local boot namespace number life
  { read -r boot namespace number < "$1/session" && read -r life < "$1/life"; } 2> /dev/null || return 0
  case $number:$life in *[!0-9:]* | :* | *:) return 0 ;; esac
  if [ "$boot $namespace" != "$session_since" ] || [ "$number" = "$session" ] || [ -e "/proc/$number" ]; then return 0; fi
  cat /proc/[0-9]*/stat 2> /dev/null | sed -n "s/^[0-9]* (.*) [^XZ] [0-9]* [0-9]* $number \([^ ]* \)\{15\}\([0-9]*\) .*/\2/p" |
    while read -r started; do
      [ "$started" -gt "$life" ] || { echo "$number"; return 0; }
    done
}

# kill_leftovers SESSION FOLDER [NAME_BEFORE]: ends what a runner has left: its session (Apptainer's FUSE processes have nothing else
# of the job), and what has left that too, known by the folder that it is in or by its HOME. Slurm does the same where it tracks
# jobs by control group.
kill_leftovers() {
  local processes until=$((SECONDS + $(within 5)))
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

# sweep: under the lock of the scratch folder the folders of dead jobs get another name, and after that they are deleted.
sweep() {
  local other name
  exec 8< "$scratch"
  if flock -w 10 8; then
    for other in "$scratch"/gha-* "$scratch"/.gha-new-*; do
      if [ ! -O "$other" ] || [ ! -d "$other" ] || [ -L "$other" ]; then continue; fi
      case $other in
        */.gha-new-*) [ -n "$(find "$other" -maxdepth 0 -mmin +60 2> /dev/null)" ] || continue ;;
        *) [ -e "$other/lock" ] || [ -n "$(find "$other" -maxdepth 0 -mmin +60 2> /dev/null)" ] || continue ;;
      esac
      name=${other##*/}
      flock -n "$other/lock" true && mv -T "$other" "$scratch/.gha-dead-${name#.gha-new-}"
    done
  else
    log "another process keeps $scratch locked: what dead jobs have left stays there"
  fi
  exec 8<&-
  for other in "$scratch"/.gha-dead-*; do
    if [ ! -O "$other" ] || [ ! -d "$other" ] || [ -L "$other" ]; then continue; fi
    # Its own job is deleting it.
    flock -n "$other/lock" true || continue
    log "deleting what a dead job has left: ${other##*/.gha-dead-}"
    kill_leftovers "$(session_of_dead "$other")" "$other" "$scratch/${other##*/.gha-dead-}"
    await remove "$other" 0
  done
}
