# shellcheck shell=bash disable=SC2154,SC2034 # part of slurm/job.sh
# What must outlive Slurm's TERM. To end a job Slurm sends it to this script, and with ProctrackType=proctrack/linuxproc to all that
# descends from it as well: Apptainer's FUSE process, dockerd and its network end at that, and a runner that stands on them can't tell
# GitHub any more. They can't be made deaf: Go's programs listen to TERM whatever they inherit. But a process whose parent has ended
# descends from nobody (docs/adr/0033).
#
#   script -- (gone) -- keeper, leader of a process group, holds NAME.lock
#                       |-- COMMAND
#                       `-- waits for the lock of $folder, which is held for the script's life, and kills the group then

# apart NAME COMMAND...: in the background; sets apart_pid, the number of its process group.
apart() {
  (start_keeper "$@")
  apart_pid=$(< "$folder/$1.pid")
}

# beside NAME COMMAND...: the same, as a descendant of this script. With proctrack/linuxproc Slurm counts the memory of nothing else, and
# its TERM, which comes before this script's INT, hurts no runner that stands on the node itself.
beside() {
  (start_keeper "$@"; wait) <&0 &
  local parent=$!
  disown "$parent"
  until [ -e "$folder/$1.pid" ] || ! kill -0 "$parent" 2> /dev/null; do sleep 0.01; done
  apart_pid=$(< "$folder/$1.pid")
}

# start_keeper NAME COMMAND...: in a shell of its own, whose end makes it an orphan.
start_keeper() {
  exec 5>&- 6>&- 7>&- 8> "$folder/$1.lock"
  flock 8
  set -m # a group of its own, so that one signal reaches all of it
  keep_apart "${@:2}" <&0 &
  echo $! > "$folder/$1.new"
  mv "$folder/$1.new" "$folder/$1.pid"
}

keep_apart() {
  local keeper=$BASHPID
  # The shell ignores some of them in the background; of what it traps, the command has the default.
  trap : INT QUIT TERM HUP
  (
    trap '' INT QUIT TERM HUP
    flock -s "$folder/lock" true && kill -KILL -- "-$keeper"
  ) 8>&- < /dev/null &
  ("$@") 8>&-
  # What it has left of its group, too.
  kill -KILL -- "-$keeper"
}

# lives NAME: its lock is asked, since the number of a process that has ended is taken until somebody has waited for it.
lives() { ! flock -n "$folder/$1.lock" true; }

# ended NAME [SECONDS]: waits for that, so long at most.
ended() { flock ${2:+-w "$2"} "$folder/$1.lock" true; }
