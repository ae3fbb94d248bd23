# shellcheck shell=bash disable=SC2154,SC2034 # part of slurm/job.sh
# The runner in a container of the job's own rootless dockerd, as that container's root, which is the job's user outside. The image
# is an archive of `docker save`, or a reference: preloaded, or pulled once a node.

docker_args=()
docker_image=

launcher_check() { docker_check; }

# To stdout: with --output there is a second file, of docker's own naming, until all is there.
fetch_image() { docker pull --quiet "$GHA_SLURM_IMAGE" > "$folder/pull.log" 2>&1 && docker save "$GHA_SLURM_IMAGE" > "$1"; }

load_image() {
  await timeout -k 5 600 docker load --quiet --input "$1" > "$folder/loaded" 2> "$folder/pull.log"
  docker_image=$(sed -n 's/^Loaded image\( ID\)\{0,1\}: //p' "$folder/loaded" | tail -n 1)
  [ -n "$docker_image" ] || unfit "the image $1 can't be loaded: $(last_words "$folder/pull.log")"
}

# gpu_devices: those of the maker whose GPUs Slurm gave, as far as its control group lets this job open them.
gpu_devices() {
  local device
  {
    [ -z "${CUDA_VISIBLE_DEVICES:-}" ] || printf '%s\n' /dev/nvidia* /dev/nvidia-caps/*
    [ -z "${ROCR_VISIBLE_DEVICES:-}${ZE_AFFINITY_MASK:-}" ] || printf '%s\n' /dev/kfd /dev/dri/render*
  } | while IFS= read -r device; do
    if [ -c "$device" ] && : 2> /dev/null < "$device"; then echo "$device"; fi
  done
}

launcher_prepare() {
  local bind device
  docker_start
  docker_wait
  export DOCKER_HOST="unix://$docker_socket"
  case $GHA_SLURM_IMAGE in
    /*) measure image load_image "$GHA_SLURM_IMAGE" ;;
    *)
      # An archive keeps no digest: what was loaded goes by its own id.
      if await timeout -k 5 60 docker image inspect "$GHA_SLURM_IMAGE" > /dev/null 2>&1; then docker_image=$GHA_SLURM_IMAGE; else
        measure image cache_image tar
        measure image load_image "$cached_image"
      fi
      ;;
  esac
  docker_args=(run --rm --interactive --name runner --user 0:0 --network host --workdir "$work" --entrypoint /bin/sh
    --volume "$work:$work" --volume "$work/tmp:/tmp" --volume "$docker_socket:/var/run/docker.sock")
  while IFS= read -r device; do docker_args+=(--device "$device"); done < <(gpu_devices)
  while IFS= read -r bind; do [ -z "$bind" ] || docker_args+=(--volume "$bind"); done < <(bind_list)
  # shellcheck disable=SC2016 # for the shell inside
  await timeout -k 5 120 docker "${docker_args[@]}" "$docker_image" -c \
    'test -x "$0" || { echo "the image has no $0: see runner.launcher.command"; exit 1; }' "$GHA_SLURM_RUNNER_COMMAND" \
    > "$folder/try.log" 2>&1 || unfit "docker can't run $GHA_SLURM_IMAGE: $(last_words "$folder/try.log")"
  write_start
}

launcher_run() {
  exec env -i PATH="$PATH" HOME="$folder/docker" DOCKER_HOST="unix://$docker_socket" \
    docker "${docker_args[@]}" "$docker_image" "$work/hooks/start.sh"
}

launcher_clean() { docker_clean; }
