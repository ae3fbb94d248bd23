# shellcheck shell=bash disable=SC2154,SC2034 # part of slurm/job.sh
# The runner in an Apptainer container, as the job's ordinary user: a process namespace, a /tmp and an environment of its own. The
# image is a SIF file or a sandbox folder, used where it lies (a shared file system, CVMFS), or a reference such as
# docker://ghcr.io/owner/name@sha256:…, pulled once a node (slurm/launchers/image-cache.sh).

apptainer_args=()

launcher_check() {
  has apptainer || unfit 'apptainer is not installed here'
  case $GHA_SLURM_IMAGE in
    /*) [ -r "$GHA_SLURM_IMAGE" ] || unfit "the image $GHA_SLURM_IMAGE is not there, or not readable" ;;
  esac
  docker_check
}

# Apptainer's own files are the job's; the user's home is not written.
apptainer_quietly() {
  mkdir -p "$folder/apptainer/tmp"
  HOME="$folder/apptainer" APPTAINER_CACHEDIR="$folder/apptainer/cache" APPTAINER_TMPDIR="$folder/apptainer/tmp" \
    TMPDIR="$folder/apptainer/tmp" setpriv --pdeathsig KILL -- apptainer --silent "$@"
}

fetch_image() { apptainer_quietly pull --disable-cache "$1" "$GHA_SLURM_IMAGE" > "$folder/pull.log" 2>&1; }

launcher_prepare() {
  local bind image=$GHA_SLURM_IMAGE
  docker_start
  case $image in /*) ;; *) measure image cache_image sif && image=$cached_image ;; esac
  apptainer_args=(exec --containall --no-home --writable-tmpfs --pwd "$work" --bind "$work/tmp:/tmp" --bind "$work/tmp:/var/tmp"
    --bind "$work:$work")
  [ -z "${CUDA_VISIBLE_DEVICES:-}" ] || apptainer_args+=(--nv)
  [ -z "${ROCR_VISIBLE_DEVICES:-}" ] || apptainer_args+=(--rocm)
  while IFS= read -r bind; do [ -z "$bind" ] || apptainer_args+=(--bind "$bind"); done < <(bind_list)
  docker_wait
  [ -z "$docker_socket" ] || apptainer_args+=(--bind "$docker_socket:/var/run/docker.sock")
  apptainer_args+=("$image")
  # The place of the work folder in the container's own /tmp.
  [[ $work != /tmp/* ]] || mkdir -p "$work/tmp/${work#/tmp/}"
  # shellcheck disable=SC2016 # for the shell inside
  await timeout -k 5 120 env -i PATH="$PATH" HOME="$folder/apptainer" TMPDIR="$folder" apptainer --silent "${apptainer_args[@]}" \
    /bin/sh -c 'test -x "$0" || { echo "the image has no $0: see runner.launcher.command"; exit 1; }' "$GHA_SLURM_RUNNER_COMMAND" \
    > "$folder/try.log" 2>&1 || unfit "apptainer can't run $GHA_SLURM_IMAGE: $(last_words "$folder/try.log")"
  write_start
}

launcher_run() {
  exec env -i PATH="$PATH" HOME="$folder/apptainer" TMPDIR="$folder" setpriv --pdeathsig KILL -- \
    apptainer --silent "${apptainer_args[@]}" /bin/sh "$work/hooks/start.sh"
}

launcher_clean() { docker_clean; }
