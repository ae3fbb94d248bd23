# shellcheck shell=bash disable=SC2154,SC2034 # part of slurm/job.sh
# Images by reference, one pull for a node: a file for each, beside its lock. A job holds the lock shared for its life, so what is in
# use is never evicted; a pull and an eviction take it exclusively. The kernel lets go of the locks of a job that was killed. Lock
# files stay: deleting one would let two jobs lock two files of one name. A reference without a digest is pulled again after a day.

cached_image=

# cache_image SUFFIX: sets cached_image; fetch_image FILE, of the launcher, gets it.
cache_image() {
  local cache="${GHA_SLURM_IMAGE_CACHE:-/var/tmp/gha-slurm-images-$(id -u)}" key part
  mkdir -p "$cache" 2> /dev/null
  if [ ! -O "$cache" ] || [ ! -d "$cache" ] || [ -L "$cache" ]; then
    unfit "the image cache $cache is not a folder of $(id -un): see runner.imageCache.path"
  fi
  key=$(printf '%s' "$GHA_SLURM_IMAGE" | sha256sum | cut -c 1-32)
  cached_image="$cache/$key.$1"
  exec 6>> "$cached_image.lock"
  # One pull takes its time limit at most.
  await flock -s -w 1200 6 || unfit "the image $GHA_SLURM_IMAGE is being pulled for 20 minutes"
  if ! is_fresh "$cached_image"; then
    await flock -x -w 1200 6 || unfit "the image $GHA_SLURM_IMAGE is in use by jobs that keep it from being pulled again"
    if ! is_fresh "$cached_image"; then
      log "pulling $GHA_SLURM_IMAGE"
      # Of pulls that were killed.
      rm -f "$cached_image.part."*
      # A name that no pull has had, and no hold on the lock: what outlives a script that was killed is in nobody's way.
      part="$cached_image.part.$SLURM_JOB_ID.$1"
      await setpriv --pdeathsig KILL -- timeout -k 5 900 setpriv --pdeathsig KILL -- \
        bash -c "$(declare -f fetch_image apptainer_quietly); folder='$folder'; fetch_image \"\$0\"" "$part" 6>&- ||
        { rm -f "$part"; unfit "the image $GHA_SLURM_IMAGE can't be pulled: $(last_words "$folder/pull.log")"; }
      mv "$part" "$cached_image"
      evict "$cache"
    fi
    flock -s 6
  fi
  touch "$cached_image.lock"
}

is_fresh() {
  [ -e "$1" ] || return 1
  case $GHA_SLURM_IMAGE in *@sha256:*) return 0 ;; esac
  [ -z "$(find "$1" -mmin +1440)" ]
}

# evict FOLDER: least recently used first, until the rest is within the limit; its own image is locked.
evict() {
  find "$1" -name '*.part.*' -mmin +60 -delete 2> /dev/null
  local lock limit=$((${GHA_SLURM_IMAGE_CACHE_MIB:-20480} * 1024))
  while IFS= read -r lock; do
    [ "$(du -sk "$1" | cut -f 1)" -gt "$limit" ] || return 0
    [ -e "${lock%.lock}" ] || continue
    flock -n -x "$lock" rm -f "${lock%.lock}" && log "deleted ${lock%.lock} from the image cache"
  done < <(find "$1" -name '*.lock' -printf '%T@ %p\n' | sort -n | cut -d ' ' -f 2-)
}
