#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes, with the real binaries, what the device attack tests start from: keys, certificates, repositories, and virtual
# devices at several moments of their life, each a folder that a test copies. Run once per test run (a ctest fixture).
#
# usage: device_world.sh BIN_FOLDER WORK_FOLDER
#   attributes_of_pump-0002.json               genuine provisioning attributes of another device, for the US
#   repository_1, repository_2, repository_3   releases 1; 1 and 2; 1 to 3 (the third fails its self-test)
#   repository_2_delta, repository_2_other     as repository_2, with a delta from 1.0.0; with one from 3.0.0, which runs nowhere
#   repository_2_sealed, repository_2_sealed_later   the same release, encrypted for the group ward in its first, second epoch
#   device_1_member     device_1, a member of ward in the first epoch
#   device_1            runs 1.0.0 and knows repository_1
#   device_of_root_2    the same, never switched on; its image demands root 2 and the repository has root 1
#   device_staged       holds 2.0.0 staged; the power was cut while therapy ran
#   device_2_confirmed  runs 2.0.0, confirmed; the floor has not risen yet
#   device_2            runs 2.0.0; both slots and recovery hold it; floor 2
#   device_2_failed_3   the same after 3.0.0 failed its trial
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=$1
work=$2
deltas=0  # the attacks on payloads are told of full ones; deltas are added below
begin_us=${EPOCHREALTIME/./}
patience=60
rm -rf "$work"
mkdir -p "$work"
# shellcheck source=../../tools/demo/signing_room.sh source=../../tools/demo/bedside.sh
source "$root/tools/demo/signing_room.sh"
source "$root/tools/demo/bedside.sh"
port=$(free_port)
: > "$console"
trap stop_everything EXIT
fail() { printf 'device world: %s (console: %s)\n' "$*" "$console" >&2; agent_status >&2 || true; exit 1; }
quietly() { "$@" >> "$work/signing_room.log" 2>&1 || fail "$* (see $work/signing_room.log)"; }

release() {  # release NUMBER PROGRAM EPOCH: publishes it and keeps the repository of that moment
  quietly describe_release "$1" "$3"
  quietly build_image "$1" "$2"
  quietly publish_release "$1"
  cp -a "$work/repository" "$work/repository_$1"
}
running_is() { status_is running_version "$1" && status_is in_trial false; }
sealed_release() {  # sealed_release NAME: release 2, encrypted for the group ward as it is now, in a repository of its own
  local edition=$work/signing/$1.json folder=$work/$1
  cp -a "$work/repository_1" "$folder"
  sed 's/^version = "2.0.0"/&\nrequire = ["encryption"]/' "$work/releases/2.toml" > "$work/releases/2_sealed.toml"
  quietly aseptic release create "$folder" --signing "$edition" --description "$work/releases/2_sealed.toml" \
    --image "$work/releases/2.img" "${pair[@]}" --zstd-level 3 --encrypt-for ward
  quietly aseptic channel set "$folder" --signing "$edition" --product "$product" --release pump-2.0.0
  quietly sign_edition "$edition" release-engineering release-quality
  quietly aseptic release publish "$folder" --signing "$edition" "${online[@]}"
}
at_rest() { running_is "$1" && status_is state IDLE && status_is reports_waiting 0; }
knows_release() { grep -qs "pump-$1.0.0" "$device/agent/metadata/targets.json"; }
keep_device() {  # keep_device NAME: with the power off
  rm -f "$device"/run/*
  cp -a "$device" "$work/$1"
}
switch_off() { panel power-off > /dev/null; wait "$boot_pid" || fail "boot did not end well"; boot_pid=''; }
settle() {  # one quiet start: what boot and agent tidy up after an update is no effect of an attack
  power_on
  wait_for 60 "$1 at rest" at_rest "$1"
  switch_off
}
came_back() { grep -q 'boot: TRIAL_FAILED' "$console" && at_rest 2.0.0; }

quietly make_keys
# Longer than root's two years: docs/formats/time_floor.md says why.
quietly aseptic pki init --pki "$work/pki" --dns localhost --address 127.0.0.1 --name "Demo private CA" --days 3650
quietly aseptic pki server --pki "$work/pki" --dns localhost --address 127.0.0.1 --out "$work/server"
quietly make_repository
for statement in director site log; do
  quietly aseptic policy create --product "$product" --without-provisioning-key --root "$work/repository/metadata/1.root.json" --require "$statement" --signing "$work/signing/$statement.json"
  quietly sign_edition "$work/signing/$statement.json" root-1 root-2
  quietly aseptic policy export "$work/signing/$statement.json" --out "$work/policy_requires_$statement.json"
done
release 1 pump_v1 1
quietly provision_device 1 $((12 << 20))
(aseptic device provision "$work/other" --id pump-0002 --description "$work/releases/1.toml" --image "$work/releases/1.img" "${pair[@]}" \
   --root "$work/repository/metadata/1.root.json" --policy "$work/authority_policy.json" --pki "$work/pki" --provisioning-key factory \
   --jurisdiction US --repository-url https://localhost:1 >> "$work/signing_room.log" 2>&1) || fail "pump-0002 (see $work/signing_room.log)"
mv "$work/other/agent/provisioning_attributes.json" "$work/attributes_of_pump-0002.json"
rm -rf "$work/other"
# The same release in an image that demands root 2: such a device has seen that root, whatever its files say now.
quietly build_image 1 pump_v1 '' --min-root 2
mv "$work/device" "$work/device_of_root_1"
quietly provision_device 1 $((12 << 20))
mv "$work/device" "$work/device_of_root_2"
mv "$work/device_of_root_1" "$work/device"
connect_console
start_server
power_on
wait_for 60 "the device knows release 1" knows_release 1
wait_for 60 "1.0.0 at rest" at_rest 1.0.0
switch_off
keep_device device_1
cp -a "$work/device_1" "$work/device_1_member"
quietly aseptic group create ward
quietly aseptic group admit ward "$work/device_1_member" --id pump-0001

power_on
panel start > /dev/null
release 2 pump_v2 2
cp -a "$work/repository" "$work/repository_2_delta"
quietly aseptic release add-delta "$work/repository_2_delta" --release pump-2.0.0 --from pump-1.0.0 "${online[@]}"
sealed_release repository_2_sealed
quietly aseptic group create ward
sealed_release repository_2_sealed_later
wait_for 60 "2.0.0 is staged" logged agent.staged
power_cut
keep_device device_staged

power_on
panel stop > /dev/null  # the cut infusion's alarm is acknowledged; the update goes on
wait_for 60 "2.0.0 is confirmed" running_is 2.0.0
wait_for 60 "the other slot is current" status_is why waits_for_start
switch_off
keep_device device_2_confirmed

power_on
wait_for 60 "the floor rises" status_is floor 2
wait_for 60 "2.0.0 at rest" at_rest 2.0.0
switch_off
settle 2.0.0
keep_device device_2

power_on
release 3 pump_v3 2
cp -a "$work/repository_2" "$work/repository_2_other"
quietly aseptic release add-delta "$work/repository_2_other" --release pump-2.0.0 --deltas 0 --delta-base "$work/releases/3.img" "${online[@]}"
wait_for 60 "3.0.0 failed its trial" came_back
switch_off
settle 2.0.0
keep_device device_2_failed_3
