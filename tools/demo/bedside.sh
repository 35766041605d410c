# SPDX-License-Identifier: Apache-2.0
# The device's side of the demo, as functions: power switch, panel, agent, server; and what the demo waits for.
# Sourced by demo.sh, which sets: bin, work, port. The device is EMULATED: processes and files on this machine.

device=$work/device
console=$work/console.log     # boot's and the device's own lines, each with seconds since the demo began
boot_pid='' server_pid=''

stamped() {  # standard input, each line with the seconds since the demo began
  while IFS= read -r line; do printf '%7.1f  %s\n' "$(seconds_since_begin)" "$line"; done
}
seconds_since_begin() { local now=${EPOCHREALTIME/./}; printf '%d.%d' $(((now - begin_us) / 1000000)) $(((now - begin_us) / 100000 % 10)); }

# Boot ends every child it finds when the device resets, so the process that stamps the console must not be one of them.
connect_console() {
  mkfifo "$work/console.fifo"
  stamped < "$work/console.fifo" >> "$console" &
  exec 4> "$work/console.fifo"  # holds the console open while the power is off
}

power_on() {
  "$bin/aseptic-boot" run "$device" >&4 2>&1 4>&- &
  boot_pid=$!
  wait_for "$patience" "the pump's panel answers" panel status
}

power_cycle() {  # the operator's switch: off, and on again
  panel power-off | indented
  wait "$boot_pid" || fail "boot did not end well when the operator switched off"
  power_on
}

power_cut() {  # the plug is pulled: boot and every process of the device die at once
  [[ -n $boot_pid ]] || return 0
  kill -KILL "$boot_pid" 2> /dev/null || true
  wait "$boot_pid" 2> /dev/null || true
  boot_pid=''
}

panel() { "$bin/pump-panel" "$device" "$@"; }
agent() { "$bin/asepticd" "$@" ; }
agent_status() { agent status "$device" --json; }
status_is() { agent_status 2> /dev/null | grep -q "\"$1\":\"\?$2[\",}]"; }   # status_is FIELD VALUE
logged() { agent log "$device" --json --last 100 2> /dev/null | grep -q "$1"; }

start_server() {
  "$bin/aseptic-fleet" serve --repository "$work/repository" --tls-cert "$work/server/server.crt" --tls-key "$work/server/server.pem" \
    --client-ca "$work/pki/ca.crt" --listen "127.0.0.1:$port" --store "$work/fleet.sqlite" \
    --policy "$work/authority_policy.json" --root "$work/repository/metadata/1.root.json" > "$work/server.log" 2>&1 &
  server_pid=$!
  wait_for 20 "the server listens" server_listens
}
server_listens() { (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; }

stop_everything() {
  power_cut
  [[ -z $server_pid ]] || kill "$server_pid" 2> /dev/null || true
}

free_port() {  # a port nobody listens on now
  local candidate
  while :; do
    candidate=$((20000 + RANDOM % 20000))
    (exec 3<> "/dev/tcp/127.0.0.1/$candidate") 2> /dev/null || { echo "$candidate"; return; }
  done
}

wait_for() {  # wait_for SECONDS DESCRIPTION COMMAND...: the demo fails when it does not come true
  local seconds=$1 what=$2 tries; shift 2
  for ((tries = seconds * 5; tries > 0; --tries)); do
    if "$@" > /dev/null 2>&1; then return 0; fi
    sleep 0.2
  done
  fail "did not happen within $seconds s: $what"
}
console_since() { tail -n "+$1" "$console" | grep -q "$2"; }   # console_since LINE PATTERN
console_mark() { echo $(($(wc -l < "$console") + 1)); }
