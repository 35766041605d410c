#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A pump with a second processor (EMULATED: QEMU): one release updates the main image and the microcontroller of its motor as one
# transaction. Called by `./dev demo`. Everything it makes is in build/demo-mcu; ASEPTIC_BIN names other programs to use.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=${ASEPTIC_BIN:-$root/build/release/bin}
firmware=$root/build/boot-an505
work=${ASEPTIC_DEMO_FOLDER:-$root/build/demo-mcu}
begin_us=${EPOCHREALTIME/./}
rm -rf "$work"
mkdir -p "$work/releases"
: > "$work/console.log"
# shellcheck source=signing_room.sh source=bedside.sh
source "$root/tools/demo/signing_room.sh"
source "$root/tools/demo/bedside.sh"
port=$(free_port)
patience=120
mcu_pid=''
trap 'stop_everything; [[ -z $mcu_pid ]] || kill "$mcu_pid" 2> /dev/null || true' EXIT

tell() { printf '%7.1f  %s\n' "$(seconds_since_begin)" "$*"; }
fail() { printf '\ndemo: failed: %s\n      console: %s\n' "$*" "$work/console.log" >&2; agent_status >&2 || true; exit 1; }
quietly() { "$@" >> "$work/signing_room.log" 2>&1 || fail "$* (see $work/signing_room.log)"; }
indented() { sed 's/^/         /'; }

main_id=c1a6b3de-0f5e-4d0e-a1f7-7f6f5f6e5d01 mcu_id=c1a6b3de-0f5e-4d0e-a1f7-7f6f5f6e5d02

describe_both() {  # describe_both NUMBER
  describe_release "$1" 1
  # The second component goes before [sbom].
  sed -i "s/^\[sbom\]/[[component]]\nid = \"$mcu_id\"\nname = \"mcu\"\ntype = \"image\"\nlocation = \"mcu\"\nepoch = 1\norder = 1\n\n[sbom]/" "$work/releases/$1.toml"
}

digest_of() { grep -o "\"image_digest\": *\"[0-9a-f]*\"" | cut -d"\"" -f4; }

build_one() {  # build_one NUMBER COMPONENT FILE WITH...: prints the image digest
  local number=$1 component=$2 file=$3 program=(); shift 3
  if [[ $component == mcu ]]; then
    local elf=$firmware/pump_mcu_v$number.elf
    program=(--exec "${elf%.elf}.bin" --load-address 0x28000000 --entry $(($(od -An -tu4 -j24 -N4 "$elf") & ~1)))
  else
    program=(--exec "$bin/pump_v$number")
  fi
  aseptic --json image build --description "$work/releases/$number.toml" --component "$component" "${pair[@]}" "${program[@]}" "$@" --out "$file" | digest_of
}

build_set() {  # both images carry the digest of the set, so each is built twice: the first time for its image digest
  local n=$1 main mcu image
  main=$(build_one "$n" main "$work/releases/$n.img")
  mcu=$(build_one "$n" mcu "$work/releases/$n.mcu.img")
  build_one "$n" main "$work/releases/$n.img" --with "$mcu_id:$n:1:$mcu" > /dev/null
  build_one "$n" mcu "$work/releases/$n.mcu.img" --with "$main_id:$n:1:$main" > /dev/null
  for image in "$work/releases/$n.img" "$work/releases/$n.mcu.img"; do
    quietly aseptic image sign "$image" --key builder --yes
    quietly offline image release "$image" --key release-image --builder "$work/keys/builder.pub" --yes
  done
}

publish_both() {
  local n=$1 edition=$work/signing/release_$1.json
  aseptic release create "$work/repository" --signing "$edition" --description "$work/releases/$n.toml" \
    --image "main=$work/releases/$n.img" --image "mcu=$work/releases/$n.mcu.img" "${pair[@]}" --zstd-level 3
  aseptic channel set "$work/repository" --signing "$edition" --product "$product" --release "pump-$n.0.0"
  sign_edition "$edition" release-engineering release-quality
  aseptic release publish "$work/repository" --signing "$edition" "${online[@]}"
}

provision_both() {
  aseptic device provision "$device" --id pump-0001 --description "$work/releases/1.toml" --component main --image "$work/releases/1.img" \
    "${pair[@]}" --root "$work/repository/metadata/1.root.json" --policy "$work/authority_policy.json" --pki "$work/pki" \
    --provisioning-key factory --jurisdiction EU --repository-url "https://localhost:$port" --report-url "https://localhost:$port/v1/reports" --poll 1
  aseptic boot provision "$work/flash.img" --id pump-0001-mcu --description "$work/releases/1.toml" --component mcu \
    --image "$work/releases/1.mcu.img" "${pair[@]}" --boot-elf "$firmware/boot.elf" \
    --boot-key-out "$device/agent/component_boot.pub.pem" --lease-key-out "$device/agent/component_lease.pub.pem" \
    --device pump-0001 --root "$work/repository/metadata/1.root.json" --policy "$work/authority_policy.json" --provisioning-key factory \
    --boot-statement-out "$device/agent/component_boot_key.json"
  truncate -s 524288 "$device/slots/mcu.img"
  chmod 600 "$device/slots/mcu.img"
  printf '\n[component]\nid = "%s"\nlocation = "mcu"\n' "$mcu_id" >> "$device/agent/agent.toml"
}

mcu_on() {
  qemu-system-arm -display none -monitor none -nodefaults -machine mps2-an505,memory-backend=flash -m 16M \
    -object "memory-backend-file,id=flash,size=16M,share=on,mem-path=$work/flash.img" -kernel "$firmware/boot.elf" \
    -semihosting-config enable=on,target=native -serial "unix:$device/run/mcu.sock,server=on,wait=off" -serial "file:$work/panel.txt" 2> /dev/null &
  mcu_pid=$!
}
check_mcu() {
  aseptic "$@" device check "$work/flash.img" --boot-statement "$device/agent/component_boot_key.json" --device-id pump-0001 \
    --policy "$work/authority_policy.json" --root "$work/repository/metadata/1.root.json"
}
mcu_confirmed() { check_mcu --json | grep -q "\"confirmed_sequence\": *$1,"; }
running_is() { status_is running_version "$1" && status_is in_trial false; }

connect_console
tell "Keys, certificates, repository (DEVELOPMENT keys)"
quietly make_keys; quietly make_certificates; quietly make_repository
tell "Release 1.0.0 for main and microcontroller; a pump leaves the factory with both (EMULATED)"
quietly describe_both 1; build_set 1; quietly publish_both 1; quietly provision_both
tell "Power: the microcontroller, then main"
mcu_on
start_server
power_on
wait_for "$patience" "the agent runs 1.0.0" running_is 1.0.0
tell "Release 2.0.0 for both is published"
quietly describe_both 2; build_set 2; quietly publish_both 2
wait_for "$patience" "main runs 2.0.0, confirmed" running_is 2.0.0
tell "main's boot has recorded CONFIRMED; the microcontroller confirms after it"
wait_for "$patience" "the microcontroller's boot has recorded 2.0.0" mcu_confirmed 2
wait_for "$patience" "both slots of both are brought up to date" status_is why waits_for_start
check_mcu | grep -E 'runs|confirmed_seq|floor|debug|life|boot_key|EMUL' | indented
agent log "$device" --last 60 | grep -E 'component|confirmed|prepared|staged' | cut -c1-140 | indented
tell "=> main and microcontroller run 2.0.0, confirmed one after the other, as one transaction (EMULATED)"
