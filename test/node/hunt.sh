#!/bin/sh
# Looks for what belongs to others, as a hostile step does: prints each mark that it finds, once. Where there is a busybox it needs
# nothing else.
#
#   hunt.sh FOLDER            in files below FOLDER, in processes, and in what the roots and folders of processes lead to
#   hunt.sh FOLDER escape     the same, after trying to lay bare what is covered
run() { if busybox true 2> /dev/null; then busybox "$@"; else "$@"; fi; }
# None matches its own command line.
marks='secret-[o]f-[a-z-]*|GHA_SLURM_ALLOCATIO[N]|slurm_scrip[t]'
# below FOLDER: once for each folder, by whatever path.
below() {
  folder=$(run stat -L -c %d:%i "$1")
  case " $looked " in *" $folder "*) return 0 ;; esac
  looked="$looked $folder"
  run find "$1" \( -name sys -o -name dev -o -name usr -o -name proc -o -name lib -o -name overlay2 -o -name results \) -prune \
    -o -type f -size -3000k -exec "$0" match {} +
}
looked=
match() { run grep -ohE "$marks" "$@"; }
if [ "$1" = match ]; then
  shift
  match "$@" 2> /dev/null
  exit 0
fi
if [ "${2:-}" = escape ]; then
  for place in /proc /etc /tmp /var/tmp /home /opt /usr /run /sys /dev /; do
    run umount "$place"
    run umount -l "$place"
    run mount -o remount,rw,bind "$place"
    run mount -o remount,rw "$place"
  done 2> /dev/null
fi
{
  below "$1"
  below "${1%/}/dev/shm"
  for process in /proc/[0-9]*; do
    run cat "$process/environ" "$process/cmdline" | run tr '\000' '\n' | match
    for place in root cwd cwd/../.. cwd/../../..; do below "$process/$place/"; done
    for place in "$process"/fd/*; do [ ! -d "$place/" ] || below "$place/"; done
  done
} 2> /dev/null | run sort -u
for place in home/gha var/tmp/gha-slurm-images-1000 var/tmp opt usr/bin tmp etc; do
  run mkdir -p "$1/$place"
  echo poison > "$1/$place/poison"
done 2> /dev/null
exit 0
