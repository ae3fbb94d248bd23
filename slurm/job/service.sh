# shellcheck shell=bash disable=SC2154,SC2034 # part of slurm/job.sh
# What a job says to the service, and what it is answered. Tokens reach curl through a pipe, never through argv.

# post PATH TOKEN BODY_FILE [CURL_OPTION...]: prints the status.
post() {
  local path=$1 token=$2 body=$3
  shift 3
  curl --silent --show-error --max-time 60 --connect-timeout 10 --request POST --output "$body" \
    --write-out '%{http_code}' --config <(printf 'header = "Authorization: Bearer %s"\n' "$token") "$@" "$allocation_url$path"
}

# Reports are hints: one that is lost costs a poll, so each is tried three times at most.
report() {
  [ -n "$event_token" ] || return 0
  local try
  for try in 1 2 3; do
    [ "$(post /events "$event_token" /dev/null --max-time 5 --data-urlencode "event=$1" 2> /dev/null)" = 204 ] && return 0
    sleep "$try"
  done
}

# unfit REASON: this node can't run the job. Said to the service before the claim: the workflow job stays in the queue, and the pool
# shows the reason.
unfit() {
  log "this node can't run it: $1"
  explained=no
  await post /unfit "$claim_token" /dev/null --max-time 10 --data-urlencode "slurm_job_id=$SLURM_JOB_ID" \
    --data-urlencode "node=$node" --data-urlencode "reason=${1:0:500}" > /dev/null 2>&1
  exit 69
}

# Where all that is printed here can be read again: Slurm's own file, and where there is none (/dev/null, as a rule) one in the folder.
keep_output() {
  output=/proc/$$/fd/2
  [ ! -f "$output" ] || return 0
  output="$folder/output"
  exec >> "$output" 2>&1
}

# send_output: where the node can't run the job, or its runner ended by itself before a job started, what was printed last.
send_output() {
  local file token=${event_token:-$claim_token} text
  if [ "$explained" = yes ] || [ -e "$work/hooks/started" ] || [ -e "$folder/stopped" ]; then return 0; fi
  text=$(for file in "$folder"/*.log "$folder/docker/log" "$output"; do
    [ ! -s "$file" ] || printf '── %s\n%s\n' "$(basename "${file/#\/proc\/*/output}")" "$(tail -c 32768 "$file" | tr -d '\000')"
  done)
  printf '%s\n' "${text//"$token"/***}" | tail -c 65536 > "$folder/last"
  post /output "$token" /dev/null --max-time 10 --header 'Content-Type: text/plain' --data-binary "@$folder/last" > /dev/null 2>&1
}

# header NAME: of the answer to the claim
header() { sed -n "s/^$1: *\(.*[^[:space:]]\)[[:space:]]*$/\1/Ip" "$folder/claim.headers" | tail -n 1; }

claim() {
  local deadline=$((SECONDS + ${GHA_SLURM_CLAIM_WAIT:-900})) status wait
  while :; do
    await post /claim "$claim_token" "$folder/claim.body" --dump-header "$folder/claim.headers" \
      --data-urlencode "slurm_job_id=$SLURM_JOB_ID" --data-urlencode "node=$node" --data-urlencode "work_folder=$work/_work" \
      --data-urlencode "restart_count=${SLURM_RESTART_COUNT:-0}" --data "elapsed_ms=$((${EPOCHREALTIME/[.,]/} / 1000 - begun_ms))" \
      --data "prepared_ms=$prepared_ms&image_ms=${took_ms[image]:-}&docker_ms=${took_ms[docker]:-}" > "$folder/claim.status" 2> "$folder/claim.error"
    status=$(< "$folder/claim.status")
    wait=2
    case $status in
      200) return 0 ;;
      409 | 410) log "no runner is wanted: $(head -c 200 "$folder/claim.body" 2> /dev/null)"; exit 0 ;;
      401) log 'the service refuses the claim token'; exit 1 ;;
      503) wait=$(header Retry-After) ;;
      *) log "the service at $GHA_SLURM_URL does not answer a claim (status $status): $(head -c 200 "$folder/claim.error")" ;;
    esac
    case $wait in '' | *[!0-9]*) wait=2 ;; esac
    # A job counts its time in seconds; jitter keeps a thousand of them from asking in step.
    if [ "$SECONDS" -ge "$deadline" ]; then
      log "gave up after ${GHA_SLURM_CLAIM_WAIT:-900} s: check runner.callbackUrl and the network from this node"
      exit 75
    fi
    await sleep "$wait.$((RANDOM % 10))"
  done
}
