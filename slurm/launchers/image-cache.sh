# shellcheck shell=bash disable=SC2154,SC2034 # part of slurm/job.sh
# Images by reference, one pull for a node. KEY is of the reference:
#
#   KEY.lock              held to choose an image (shared, for a moment), and to pull one (exclusive)
#   KEY.TIME.SUFFIX       an image, never written again: a reference without a digest is pulled again after a day, beside the old one
#   KEY.TIME.SUFFIX.lock  held shared for the life of a job that uses it, so what is in use is never evicted
#
# The kernel lets go of the locks of a job that was killed. KEY.lock stays: deleting it would let two jobs lock two files of one name; the
# name of an image never comes again.

cached_image=

# cache_image SUFFIX: sets cached_image; fetch_image FILE, of the launcher, gets it.
cache_image() {
  local cache="${GHA_SLURM_IMAGE_CACHE:-/var/tmp/gha-slurm-images-$(id -u)}" key part
  mkdir -p "$cache" 2> /dev/null
  if [ ! -O "$cache" ] || [ ! -d "$cache" ] || [ -L "$cache" ]; then
    unfit "the image cache $cache is not a folder of $(id -un): see runner.imageCache.path"
  fi
  key="$cache/$(printf '%s' "$GHA_SLURM_IMAGE" | sha256sum | cut -c 1-32)"
  exec 9>> "$key.lock"
  # One pull takes its time limit at most.
  await flock -s -w 1200 9 || unfit "the image $GHA_SLURM_IMAGE is being pulled for 20 minutes"
  if ! hold_newest "$key" "$1"; then
    await flock -x -w 1200 9 || unfit "the image $GHA_SLURM_IMAGE is being pulled for 20 minutes"
    if ! hold_newest "$key" "$1"; then
      log "pulling $GHA_SLURM_IMAGE"
      # Of pulls that were killed.
      rm -f "$key.part."*
      # A name that no pull has had, and no hold on the lock: what outlives a script that was killed is in nobody's way.
      part="$key.part.$SLURM_JOB_ID.$1"
      await setpriv --pdeathsig KILL -- timeout -k 5 900 setpriv --pdeathsig KILL -- \
        bash -c "$(declare -f fetch_image apptainer_quietly); folder='$folder'; fetch_image \"\$0\"" "$part" 9>&- ||
        { rm -f "$part"; unfit "the image $GHA_SLURM_IMAGE can't be pulled: $(last_words "$folder/pull.log")"; }
      cached_image="$key.${EPOCHREALTIME/[.,]/}.$1"
      exec 6>> "$cached_image.lock"
      flock -s 6
      mv "$part" "$cached_image"
      evict "$cache" "$key"
    fi
  fi
  exec 9>&-
  touch "$cached_image.lock"
}

# images_of KEY SUFFIX: the oldest first.
images_of() { compgen -G "$1.[0-9]*.$2" | sort; }

# hold_newest KEY SUFFIX: fails where there is none, or an old one.
hold_newest() {
  cached_image=$(images_of "$1" "$2" | tail -n 1)
  [ -n "$cached_image" ] || return 1
  exec 6>> "$cached_image.lock"
  flock -s 6
  is_fresh "$cached_image" && return 0
  # It may just have been evicted, with its lock, which is back.
  [ -e "$cached_image" ] || rm -f "$cached_image.lock"
  exec 6>&-
  return 1
}

is_fresh() {
  [ -e "$1" ] || return 1
  case $GHA_SLURM_IMAGE in *@sha256:*) return 0 ;; esac
  [ -z "$(find "$1" -mmin +1440)" ]
}

# drop IMAGE: unless a job has it.
drop() { flock -n -x "$1.lock" rm -f "$1" "$1.lock" && log "deleted $1 from the image cache"; }

# evict FOLDER KEY: what was pulled again, then the least recently used first, until the rest is within the limit.
evict() {
  local image lock limit=$((${GHA_SLURM_IMAGE_CACHE_MIB:-20480} * 1024))
  find "$1" -name '*.part.*' -mmin +60 -delete 2> /dev/null
  # Locks whose image a job that was killed has not put there, or not left.
  while IFS= read -r lock; do
    [ -e "${lock%.lock}" ] || flock -n -x "$lock" rm -f "$lock"
  done < <(find "$1" -name '*.[0-9]*.*.lock' -mmin +60)
  for image in $(images_of "$2" "${cached_image##*.}"); do
    [ "$image" = "$cached_image" ] || drop "$image"
  done
  while IFS= read -r lock; do
    [ "$(du -sk "$1" | cut -f 1)" -gt "$limit" ] || return 0
    [ ! -e "${lock%.lock}" ] || drop "${lock%.lock}"
  done < <(find "$1" -name '*.lock' -printf '%T@ %p\n' | sort -n | cut -d ' ' -f 2-)
}
