#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The whole story on a virtual infusion pump: from the signing room to a confirmed, boot-verified update, then four
# attacks and failures. Called by `./dev demo [--rootfs]`; --rootfs does the update alone, with two real Debian root file
# systems of several hundred MB in tree-verified regions. Each step is checked; the demo ends with status 1 when one of
# them does not come out as told. Everything it makes is in build/demo; ASEPTIC_BIN names other programs to use.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=${ASEPTIC_BIN:-$root/build/release/bin}
work=${ASEPTIC_DEMO_FOLDER:-$root/build/demo}
begin_us=${EPOCHREALTIME/./}
rootfs=no
[[ ${1:-} != --rootfs ]] || rootfs=yes

rm -rf "$work"
mkdir -p "$work"
: > "$work/console.log"
# shellcheck source=signing_room.sh source=bedside.sh
source "$root/tools/demo/signing_room.sh"
source "$root/tools/demo/bedside.sh"
port=$(free_port)
[[ -n ${ASEPTIC_DEMO_KEEP:-} ]] || trap stop_everything EXIT

step_number=0
results=()
tell() { printf '           %s\n' "$*"; }
indented() { sed 's/^/           /'; }
heading() { step_number=$((step_number + 1)); printf '\n%7.1f  %2d. %s\n' "$(seconds_since_begin)" "$step_number" "$*"; }
passed() { tell "=> $1"; results+=("$step_number|$1"); }
fail() {
  printf '\ndemo: step %d failed: %s\n' "$step_number" "$*" >&2
  printf '      console: %s   server: %s   agent: ' "$console" "$work/server.log" >&2
  agent_status >&2 || true
  exit 1
}
quietly() { "$@" >> "$work/signing_room.log" 2>&1 || fail "$* (see $work/signing_room.log)"; }
show_new_console() { tail -n "+$1" "$console" | grep -E 'boot: (STAGED|ATTEMPT|CONFIRMED|SYNCED|FLOOR_RAISED|TRIAL|IMAGE_REFUSED|JOURNAL_DISCARDED|DEFAULT_STATE|AUTO_REVERT|RUN|RECOVERY_WRITTEN|ARM_VOID)' || true; }

running_is() { status_is running_version "$1" && status_is in_trial false; }
in_service() { running_is "$1" && { status_is state IDLE || status_is state SYNCED; }; }
floor_is() { status_is floor "$1"; }

signing_room() {
  heading "The signing room: keys of the root people, the release people and the builder; a repository"
  quietly make_keys
  quietly make_certificates
  quietly make_repository
  passed "root 2 of 3, release 2 of 2, builder; payloads delegated; DEVELOPMENT keys"
}

factory() {
  heading "Release 1.0.0, and a pump leaves the factory with it"
  local tree=()
  quietly describe_release 1 1
  [[ $rootfs == no ]] || tree=("$root/build/corpus/v1.ext4")
  quietly build_image 1 pump_v1 "${tree[@]}"
  quietly publish_release 1
  quietly provision_device 1 "$(slot_size)"
  passed "provisioned pump-0001: both slots and recovery hold 1.0.0 (EMULATED, development life cycle)"
}

slot_size() { [[ $rootfs == no ]] || echo $(($(stat -c %s "$root"/build/corpus/v2.ext4) / 1048576 * 1048576 + 64 * 1048576)); }

first_power_up() {
  heading "The server starts; the pump is powered up under trusted boot"
  start_server
  local mark; mark=$(console_mark)
  power_on
  wait_for 60 "the agent runs 1.0.0" running_is 1.0.0
  show_new_console "$mark"
  passed "1.0.0 verified and running"
}

update_during_therapy() {
  heading "An infusion starts; meanwhile release 2.0.0 is published"
  panel start | indented
  local tree=()
  quietly describe_release 2 2
  [[ $rootfs == no ]] || tree=("$root/build/corpus/v2.ext4")
  quietly build_image 2 pump_v2 "${tree[@]}"
  quietly publish_release 2
  wait_for "$patience" "2.0.0 is staged while therapy runs" logged 'agent.staged'
  tell "the publisher's payloads of 2.0.0, and what the device took:"
  grep -A 3 'component  *payload' "$work/signing_room.log" | tail -n 3 | grep -E 'full|delta' | indented
  agent log "$device" --json --last 100 | grep -o 'delta payload: [^"\\]*' | tail -n 1 | indented
  logged 'delta payload: ' || fail "the device did not take the delta"
  tell "staged while therapy runs; the interlock has to hold it back:"
  sleep 4
  running_is 1.0.0 || fail "the software changed under an active therapy"
  panel status | indented
  passed "a delta fetched, verified, staged; activation held while the pump infuses"
}

activation() {
  heading "The infusion is stopped: hold, switch, trial boot, self-test, confirm, return to service"
  local mark; mark=$(console_mark)
  panel stop | indented
  wait_for "$patience" "2.0.0 is confirmed and in service" running_is 2.0.0
  wait_for "$patience" "the other slot is brought up to date" status_is why waits_for_start
  floor_is 1 || fail "the floor rose before both slots could live with it"
  show_new_console "$mark"
  passed "2.0.0 confirmed by boot at the second reset; the other slot brought up to date; floor still 1"
}

next_shift() {
  heading "The pump is switched off and on, as at any change of shift: boot records SYNCED and raises the floor"
  local mark; mark=$(console_mark)
  power_cycle
  wait_for "$patience" "boot records SYNCED and the floor rises to 2" floor_is 2
  wait_for "$patience" "the transaction ends" in_service 2.0.0
  show_new_console "$mark"
  passed "both slots and recovery hold 2.0.0, verified in this boot; security floor 2"
}

failing_release() {
  heading "Release 3.0.0 is published; it fails its self-test"
  local mark; mark=$(console_mark)
  quietly describe_release 3 2
  quietly build_image 3 pump_v3
  quietly publish_release 3
  wait_for "$patience" "boot quarantines 3.0.0" console_since "$mark" 'boot: TRIAL_FAILED'
  wait_for "$patience" "the pump is back on 2.0.0" in_service 2.0.0
  local tries; tries=$(tail -n "+$mark" "$console" | grep -c 'boot: ATTEMPT')
  agent check "$device" > /dev/null
  sleep 5
  [[ $(tail -n "+$mark" "$console" | grep -c 'boot: ATTEMPT') -eq $tries ]] || fail "3.0.0 was tried again"
  show_new_console "$mark"
  passed "back on 2.0.0 by itself; 3.0.0 is in quarantine and not tried again"
}

tampered_payload() {
  heading "Release 4.0.0 is published, and one byte of each of its payloads is changed on the server"
  quietly describe_release 4 2
  quietly build_image 4 pump_v2
  touch "$work/before_release_4"
  quietly publish_release 4
  local payload
  # In the table: what the device holds already it would not fetch.
  for payload in $(find "$work/repository/targets" -name '*.payload' -newer "$work/before_release_4"); do change_byte "$payload" 600; done
  [[ -n $payload ]] || fail "no payload of release 4 in the repository"
  wait_for "$patience" "the agent refuses the payload" logged 'payload\.'
  running_is 2.0.0 || fail "the running software changed"
  tell "reason: $(agent_status | grep -o '"last_error[^,]*,' | tr '\n' ' ')"
  passed "refused with a reason; 2.0.0 goes on"
}

change_byte() {  # change_byte FILE OFFSET: inverts one byte
  local old; old=$(od -An -tu1 -j "$2" -N 1 "$1")
  printf "\\x$(printf %02x $((old ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

changed_slot() {
  heading "The power is cut, and the running slot is changed on the disk"
  local slot mark
  power_cut
  slot=$(grep -o 'boot: RUN place=[ab]' "$console" | tail -n 1 | grep -o '.$')
  cp "$device/boot/journal.bin" "$work/journal.now"
  change_byte "$device/slots/$slot.img" 300000
  mark=$(console_mark)
  power_on
  wait_for 60 "boot refuses the changed slot" console_since "$mark" "boot: IMAGE_REFUSED place=$slot"
  wait_for 60 "the other slot runs" running_is 2.0.0
  show_new_console "$mark"
  passed "boot refused slot $slot and ran the other one: 2.0.0"
}

replayed_journal() {
  heading "An old copy of the whole journal is put back"
  local mark
  power_cut
  cp "$work/journal.factory" "$device/boot/journal.bin"
  mark=$(console_mark)
  power_on
  wait_for 60 "boot notices the replay" console_since "$mark" 'boot: JOURNAL_DISCARDED'
  wait_for 60 "a verified image runs" running_is 2.0.0
  floor_is 2 || fail "the floor fell"
  show_new_console "$mark"
  passed "journal discarded as tampered; confirmed digest and floor come from the monotonic store: 2.0.0, floor 2"
}

the_end() {
  heading "What the device tells afterwards"
  tell "device log, verified with the device's public key:"
  aseptic log verify "$device/agent/log" --device-key "$work/device_key.pub" --device-id pump-0001 | indented || fail "the device log does not verify"
  printf '\nDevice log, its last records with their reason codes:\n'
  agent log "$device" --last 40 | cut -c1-150
  printf '\nTimeline (seconds since the demo began; the device is EMULATED)\n'
  grep -E 'boot: |agent: ' "$console" | grep -v 'GENERATION_BURNT\|BOOTHASH' | cut -c1-150
  printf '\n%-4s %s\n' step result
  local result
  for result in "${results[@]}"; do printf '%3s. %s\n' "${result%%|*}" "${result#*|}"; done
  printf '\nAll %d steps came out as told, in %s s.\n' "${#results[@]}" "$(seconds_since_begin)"
}

connect_console
patience=60
if [[ $rootfs == yes ]]; then
  patience=400
  "$root/tools/corpus"  # v1.ext4 and v2.ext4 in build/corpus: two consecutive real Debian root file systems
fi
signing_room
factory
cp "$device/boot/journal.bin" "$work/journal.factory"
openssl pkey -in "$device/agent/keys/device.pem" -pubout -out "$work/device_key.pub"
first_power_up
update_during_therapy
activation
next_shift
if [[ $rootfs == no ]]; then
  failing_release
  tampered_payload
  changed_slot
  replayed_journal
fi
the_end
