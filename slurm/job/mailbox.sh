# shellcheck shell=bash disable=SC2154,SC2034 # part of slurm/job.sh
# In place of HTTP where the node does not reach the service (runner.handoff: mailbox): the comment of this Slurm job, sealed with a
# key that only this job has (src/controller/mailbox-seal.ts has the form of the messages). The key is in no argv: openssl gets it
# over a descriptor, and HMAC is two runs of sha256sum.

mailbox_comment=
mailbox_inner=
mailbox_outer=

# mailbox_open: before the first question.
mailbox_open() {
  local at code program
  for program in openssl gzip scontrol squeue; do
    has "$program" && continue
    # Nobody else can be told.
    log "the handoff mailbox needs $program"
    [ -z "${GHA_SLURM_CHECK:-}" ] || say_fitness "lacks: the handoff mailbox needs $program"
    exit 69
  done
  # A key of 64 characters is as long as a block of SHA-256.
  for ((at = 0; at < 64; at++)); do
    printf -v code '%d' "'${mailbox_key:at:1}"
    printf -v mailbox_inner '%s\\x%02x' "$mailbox_inner" $((code ^ 0x36))
    printf -v mailbox_outer '%s\\x%02x' "$mailbox_outer" $((code ^ 0x5c))
  done
  mailbox_comment=$(mailbox_read)
  # Of a script before this one, which was killed.
  [[ $mailbox_comment != gs1:* ]] || mailbox_comment=
}

# mailbox_close: the comment is the site's again, however the job ends.
mailbox_close() {
  local until=$((SECONDS + $(within 10))) found
  while [ "$SECONDS" -lt "$until" ]; do
    if found=$(mailbox_read) && [[ $found != gs1:* ]]; then return 0; fi
    mailbox_write_once "$mailbox_comment" || sleep 0.5
  done
}

# mailbox_seal TEXT: prints its seal.
mailbox_seal() {
  local inner
  # shellcheck disable=SC2059 # bytes
  inner=$({ printf "$mailbox_inner"; printf '%s' "$1"; } | sha256sum)
  # shellcheck disable=SC2001,SC2059
  { printf "$mailbox_outer"; printf "$(sed 's/../\\x&/g' <<< "${inner%% *}")"; } | sha256sum | cut -c 1-64
}

# mailbox_cipher [-d]: from stdin to stdout
mailbox_cipher() { openssl enc "$@" -aes-256-cbc -pbkdf2 -iter 1000 -md sha256 -pass fd:9 9< <(printf '%s' "$mailbox_key"); }

mailbox_read() {
  local found
  found=$(timeout --foreground 10 squeue --noheader --jobs "$SLURM_JOB_ID" --format %k 2> /dev/null) || return 1
  [ "$found" = '(null)' ] || printf '%s' "$found"
}

mailbox_write_once() { timeout --foreground 10 scontrol update "JobId=$SLURM_JOB_ID" "Comment=$1" > /dev/null 2>&1; }

# mailbox_write MESSAGE: the other side waits for it, so one that Slurm does not take is tried again soon, and not for long.
mailbox_write() {
  local until=$((SECONDS + 20)) pause=1
  until mailbox_write_once "$1"; do
    [ "$SECONDS" -lt "$until" ] || return 1
    sleep "0.$pause"
    [ "$pause" -ge 8 ] || pause=$((pause * 2))
  done
}

# mailbox_send FIELDS: with their seal
mailbox_send() { mailbox_write "$1:$(mailbox_seal "$1")"; }

# encode TEXT: as a form has it
encode() {
  local LC_ALL=C at character code
  for ((at = 0; at < ${#1}; at++)); do
    character=${1:at:1}
    case $character in
      [A-Za-z0-9._~/-]) printf '%s' "$character" ;;
      *) printf -v code '%d' "'$character"; printf '%%%02X' $((code & 255)) ;;
    esac
  done
}

# ask_mailbox WHAT TOKEN SECONDS [NAME=VALUE...]: as `ask`, but for as long as the service needs to look (GHA_SLURM_MAILBOX_WAIT, each
# part anew). One question at a time, with a number that is higher than those before: the kernel's clock, in hundredths of a second.
ask_mailbox() {
  local what=$1 token=$2 field question='' sequence answer status=000
  shift 3
  if [ "$what" = output ]; then
    question=$(tail -c 500)
  else
    for field; do question+="${question:+&}${field%%=*}=$(encode "${field#*=}")"; done
  fi
  if [ -n "$made" ]; then
    exec 9>> "$folder/mailbox"
    flock 9
  fi
  read -r sequence _ < /proc/uptime
  sequence=${sequence/./}
  answer=$(mailbox_ask "$sequence" "${GHA_SLURM_MAILBOX_WAIT:-30}" "$what"$'\n'"$token"$'\n'"$question" 9>&-) && status=${answer%%$'\n'*}
  exec 9>&-
  if [ -z "$made" ]; then printf '%s' "$status"; return; fi
  answer=${answer#*$'\n'}
  # Headers come to an empty line; there may be none.
  printf '%s\n' "${answer%%$'\n\n'*}" > "$folder/$what.headers"
  case $answer in
    $'\n'*) printf '%s' "${answer#$'\n'}" ;;
    *) printf '%s' "${answer#*$'\n\n'}" ;;
  esac > "$folder/$what.body"
  printf '%s' "$status"
}

# mailbox_ask SEQUENCE SECONDS QUESTION: prints the answer as HTTP has it. Fails where none comes for so long.
mailbox_ask() {
  local sequence=$1 seconds=$2 deadline=$((SECONDS + $2)) message text part parts payload whole='' taken=0 fields
  message=$(printf '%s' "$3" | gzip -c | mailbox_cipher | base64 -w 0 | tr '+/' '-_' | tr -d =)
  mailbox_send "gs1:q:$sequence:$message"
  while [ "$SECONDS" -lt "$deadline" ]; do
    sleep 0.5
    message=$(mailbox_read)
    text=${message%:*}
    IFS=: read -ra fields <<< "$text"
    # Of this question, the next part, and sealed: whatever else is there is not for this job.
    [ "${fields[0]:-}:${fields[1]:-}:${fields[2]:-}" = "gs1:a:$sequence" ] || continue
    part=${fields[3]:-} parts=${fields[4]:-} payload=${fields[5]:-}
    [ "${message##*:}" = "$(mailbox_seal "$text")" ] || continue
    # Its acknowledgement was lost.
    [ "$part" != "$taken" ] || mailbox_send "gs1:k:$sequence:$taken"
    [ "$part" = $((taken + 1)) ] || continue
    whole+=$payload taken=$part deadline=$((SECONDS + seconds))
    if [ "$taken" = "$parts" ]; then
      mailbox_write "$mailbox_comment"
      while [ $((${#whole} % 4)) -ne 0 ]; do whole+='='; done
      tr -- '-_' '+/' <<< "$whole" | base64 -d | mailbox_cipher -d | gzip -dc
      return
    fi
    mailbox_send "gs1:k:$sequence:$taken"
  done
  # A claim is asked anew, and while nothing else is in the comment the service keeps what it has minted.
  [[ $3 == claim$'\n'* ]] || mailbox_write "$mailbox_comment"
  return 1
}
