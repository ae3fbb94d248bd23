# shellcheck shell=bash disable=SC2154,SC2034 # part of slurm/job.sh
# Of `gha-slurm check --node` only: everything up to the claim, and what came of it in the comment of this job. GHA_SLURM_CHECK has GitHub's
# address.

# say_fitness TEXT: without what a terminal would obey
say_fitness() { scontrol update "JobId=$SLURM_JOB_ID" "Comment=$(tr -cd ' -~' <<< "$1" | cut -c 1-900)"; }

check_reach() {
  local url what status
  while read -r what url; do
    status=$(curl --silent --output /dev/null --max-time 20 --connect-timeout 10 --write-out '%{http_code}' "$url" 2> /dev/null)
    [ "$status" != 000 ] || unfit "$url is not reached from here: see $what"
  done << REACH
${GHA_SLURM_URL:+runner.callbackUrl $GHA_SLURM_URL/healthz}
github.apiUrl $GHA_SLURM_CHECK
REACH
}

finish_check() {
  check_reach
  say_fitness "fits: $prepared_ms ms to prepare${took_ms[image]:+, ${took_ms[image]} of them for the image}${took_ms[docker]:+, ${took_ms[docker]} for Docker}"
  exit 0
}
