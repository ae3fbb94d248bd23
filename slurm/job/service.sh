# shellcheck shell=bash disable=SC2154,SC2034 # part of slurm/job.sh
# What a job says to the service, and what it is answered: over HTTP, or through the mailbox. Tokens reach curl through a pipe, never
# through argv.

# ask WHAT TOKEN SECONDS [NAME=VALUE...]: prints the status, 000 for an answer that is not whole; what it has besides is in $folder/WHAT.body and WHAT.headers. With
# `output` they are what comes from stdin.
ask() {
  local what=$1 token=$2 seconds=$3 field status options=()
  if [ -n "$mailbox_key" ]; then ask_mailbox "$@"; return; fi
  shift 3
  if [ "$what" = output ]; then
    options=(--header 'Content-Type: text/plain' --data-binary @-)
  else
    for field; do options+=(--data-urlencode "$field"); done
  fi
  # A folder may not be there yet, or be gone.
  if [ "$what" = events ] || [ "$what" = unfit ]; then options+=(--output /dev/null); else options+=(--output "$folder/$what.body" --dump-header "$folder/$what.headers"); fi
  # Of an answer that is cut curl has the status, too.
  status=$(curl --silent --show-error --max-time "$seconds" --connect-timeout 10 --request POST --write-out '%{http_code}' \
    --config <(printf 'header = "Authorization: Bearer %s"\n' "$token") "${options[@]}" "$GHA_SLURM_URL/v1/allocations/$GHA_SLURM_ALLOCATION/$what") || status=000
  printf '%s' "$status"
}

# Reports are hints: one that is lost costs a poll, so each is tried three times at most, and none takes the slow way.
report() {
  if [ -z "$event_token" ] || [ -n "$mailbox_key" ]; then return 0; fi
  local try
  for try in 1 2 3; do
    [ "$(ask events "$event_token" "$(within 5)" "event=$1" 2> /dev/null)" = 204 ] && return 0
    [ "$(within 3)" -ge 3 ] || return 0
    sleep "$try"
  done
}

# unfit REASON: this node can't run the job. Said to the service before the claim: the workflow job stays in the queue, and the pool
# shows the reason.
unfit() {
  log "this node can't run it: $1"
  if [ -n "${GHA_SLURM_CHECK:-}" ]; then say_fitness "lacks: $1"; exit 69; fi
  explained=no
  await ask unfit "$claim_token" 10 "slurm_job_id=$SLURM_JOB_ID" "node=$node" "reason=${1:0:500}" > /dev/null 2>&1
  exit 69
}

# Where all that is printed here can be read again: Slurm's own file, and where there is none (/dev/null, as a rule) one in the folder.
keep_output() {
  output=/proc/$$/fd/2
  [ ! -f "$output" ] || return 0
  output="$folder/output"
  exec >> "$output" 2>&1
}

# send_output: where the node can't run the job, or its runner ended before a job started, what was printed last. Also where it was told to
# end: a runner that does not reach GitHub tries for ever. Whether anybody wanted it the service knows.
send_output() {
  local file token=${event_token:-$claim_token} text seconds
  if [ "$explained" = yes ] || [ -z "$made" ] || [ -e "$work/hooks/started" ]; then return 0; fi
  seconds=$(within 10)
  if [ -n "$kill_by" ]; then
    # Slurm takes no comment of a job that it ends.
    [ -z "$mailbox_key" ] || return 0
    # The hook and the deletion need the rest.
    seconds=$(((seconds + 1) / 2))
  fi
  text=$(for file in "$folder"/*.log "$output"; do
    [ ! -s "$file" ] || printf '== %s\n%s\n' "$(basename "${file/#\/proc\/*/output}")" "$(tail -c 32768 "$file" | tr -d '\000')"
  done)
  printf '%s\n' "${text//"$token"/***}" | tail -c 65536 | ask output "$token" "$seconds" > /dev/null 2>&1
}

# header NAME: of the answer to the claim
header() { sed -n "s/^$1: *\(.*[^[:space:]]\)[[:space:]]*$/\1/Ip" "$folder/claim.headers" | tail -n 1; }

claim() {
  local deadline=$((SECONDS + ${GHA_SLURM_CLAIM_WAIT:-900})) status wait
  while :; do
    await ask claim "$claim_token" 60 "slurm_job_id=$SLURM_JOB_ID" "node=$node" "work_folder=$work/_work" \
      "restart_count=${SLURM_RESTART_COUNT:-0}" "elapsed_ms=$((${EPOCHREALTIME/[.,]/} / 1000 - begun_ms))" \
      "prepared_ms=$prepared_ms" "image_ms=${took_ms[image]:-}" "docker_ms=${took_ms[docker]:-}" > "$folder/claim.status" 2> "$folder/claim.error"
    status=$(< "$folder/claim.status")
    wait=2
    case $status in
      200)
        # A proxy may answer with a page of its own.
        if [ -n "$(header X-Runner-Name)" ] && [ -n "$(header X-Event-Token)" ] && [ -s "$folder/claim.body" ]; then return 0; fi
        log "a claim was answered with 200 by something that is not the service: see what is between this node and ${GHA_SLURM_URL:-the mailbox}"
        ;;
      409 | 410) log "no runner is wanted: $(head -c 200 "$folder/claim.body" 2> /dev/null)"; exit 0 ;;
      401) log 'the service refuses the claim token'; exit 1 ;;
      503) wait=$(header Retry-After) ;;
      *) log "the service at ${GHA_SLURM_URL:-its end of the mailbox} does not answer a claim (status $status): $(head -c 200 "$folder/claim.error")" ;;
    esac
    case $wait in '' | *[!0-9]*) wait=2 ;; esac
    # A job counts its time in seconds; jitter keeps a thousand of them from asking in step.
    if [ "$SECONDS" -ge "$deadline" ]; then
      log "gave up after ${GHA_SLURM_CLAIM_WAIT:-900} s: $(if [ -n "$mailbox_key" ]; then echo 'see whether the service runs and Slurm answers it'; else echo 'check runner.callbackUrl and the network from this node'; fi)"
      exit 75
    fi
    await sleep "$wait.$((RANDOM % 10))"
  done
}
