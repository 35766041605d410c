#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole agent: a virtual pump under trusted boot fetches a release with a real root file system over mutual TLS,
# verifies everything, installs and reads back, up to STAGED; CPU and PSS are those of asepticd's processes alone.
# Next to it, alternating, `zstd -dc | dd conv=fsync` of the same image.
#   install_by_agent.sh RUNS OLD NEW   RUNS pairs; with 0, one install alone, for its memory
# Called by bench/run_install.sh. EMULATED device. Environment: ASEPTIC_BIN names other programs to use; deltas=1 publishes release 2
# with a delta, which the agent then takes; else it takes the full payload.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
runs=$1 tree_1=$2 tree_2=$3
bin=${ASEPTIC_BIN:-$root/build/bench/bin}
bench=$root/build/bench/bin/install_bench
work=$root/build/bench/install-agent
deltas=${deltas:-0}  # publish_release reads it
way=$([[ $deltas -eq 0 ]] && echo full || echo delta)
begin_us=${EPOCHREALTIME/./}
patience=400

fail() { echo "install_by_agent: $*" >&2; agent_status >&2 || true; exit 1; }
quietly() { "$@" >> "$work/signing_room.log" 2>&1 || fail "$* (see $work/signing_room.log)"; }

rm -rf "$work"
mkdir -p "$work"
: > "$work/console.log"
# shellcheck source=../tools/demo/signing_room.sh source=../tools/demo/bedside.sh
source "$root/tools/demo/signing_room.sh"
source "$root/tools/demo/bedside.sh"
port=$(free_port)
trap stop_everything EXIT

# Release 1 is what the pump has, release 2 what it finds as soon as it is powered up.
prepare() {
  echo "Preparing keys, repository, two releases and a pump"
  quietly make_keys
  quietly make_certificates
  quietly make_repository
  quietly describe_release 1 1
  quietly build_image 1 pump_v1 "$tree_1"
  quietly publish_release 1
  quietly provision_device 1 $(($(stat -c %s "$tree_2") / 1048576 * 1048576 + 64 * 1048576))
  quietly describe_release 2 2
  quietly build_image 2 pump_v2 "$tree_2"
  quietly publish_release 2
  mkdir "$work/factory"
  tar -C "$device" --exclude=./slots --exclude=./boot/recovery.img -cf "$work/factory/state.tar" .
}

prepare_pipe() {
  zstd -q -3 -T1 "$work/releases/2.img" -o "$work/image.zst"
  cp --sparse=never "$work/releases/2.img" "$work/slot.dd"
}

back_to_factory() {
  find "$device" -mindepth 1 ! -path "$device/slots*" ! -path "$device/boot" ! -name recovery.img -delete
  tar -C "$device" -xf "$work/factory/state.tar"
  cp --sparse=always "$device/slots/a.img" "$device/slots/b.img"
}

staged() { logged 'agent.staged' && logged "$way payload: "; }

run_agent() {
  back_to_factory
  rm -f "$work/stop"
  "$bin/aseptic-boot" run "$device" >&4 2>&1 4>&- &
  boot_pid=$!
  "$bench" watch "$boot_pid" asepticd "$work/stop" > "$work/cost" &
  local watcher=$!
  wait_for "$patience" "release 2 is staged" staged
  touch "$work/stop"
  wait "$watcher"
  power_cut
  cat "$work/cost"
}

median() { sort -n | awk '{ value[NR] = $1 } END { print NR % 2 ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2 }'; }

prepare
connect_console
start_server
if [[ $runs -eq 0 ]]; then
  read -r our_cpu our_pss processes <<< "$(run_agent)"
  [[ $processes -ge 2 ]] || fail "fewer than two asepticd processes were seen"
  printf 'Agent, %s MiB sparse image, full payload: %s s CPU, peak PSS of all asepticd processes %s MiB (target <= 16)\n' \
    "$(($(stat -c %s "$work/releases/2.img") >> 20))" "$our_cpu" "$our_pss"
  exit 0
fi
prepare_pipe
for ((i = 1; i <= runs; ++i)); do
  pipe=$("$bench" cost sh -c "zstd -dc '$work/image.zst' | dd of='$work/slot.dd' bs=1M conv=fsync,notrunc status=none")
  ours=$(run_agent)
  read -r pipe_cpu _ _ <<< "$pipe"
  read -r our_cpu our_pss processes <<< "$ours"
  [[ $processes -ge 2 ]] || fail "fewer than two asepticd processes were seen"
  echo "run $i of $runs: zstd|dd $pipe_cpu s CPU, asepticd $our_cpu s CPU in $processes processes, peak PSS $our_pss MiB"
  awk "BEGIN { print $our_cpu / $pipe_cpu }" >> "$work/ratios"
  echo "$our_pss" >> "$work/pss"
done
printf 'Agent, %s MiB image, %s payload: CPU ratio %.2f (target <= %s), peak PSS of all asepticd processes %s MiB (target <= 16)\n' \
  "$(($(stat -c %s "$work/releases/2.img") >> 20))" "$way" "$(median < "$work/ratios")" "$([[ $way == full ]] && echo 1.2 || echo 1.6)" "$(sort -n "$work/pss" | tail -n 1)"
