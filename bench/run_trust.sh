#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev bench trust [RUNS]: what a first refresh and a lookup cost a client with 10, 1,000 and, in hash bins, 100,000
# targets: wall and CPU time, peak memory of the whole process, bytes of metadata fetched. Times are ratios to the first row.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${1:-7}
[[ $runs =~ ^[1-9][0-9]*$ ]] || { echo "run_trust: the number of runs must be a number, not '$runs'" >&2; exit 2; }
bin=build/bench/bin
folder=build/bench/trust
rm -rf "$folder"
mkdir -p "$folder"
python3 -m http.server --bind 127.0.0.1 --directory "$folder" 0 > "$folder/server.log" 2>&1 &
server=$!
trap 'kill $server' EXIT
until port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$folder/server.log") && [[ -n $port ]]; do sleep 0.1; done

{
  first_cpu=''
  printf '%-28s %9s %9s %12s %14s\n' targets 'wall' 'CPU' 'peak memory' 'metadata bytes'
  for row in '10 0' '1000 0' '100000 9'; do
    read -r count bits <<< "$row"
    name=$count
    [[ $bits == 0 ]] || name="$count in $((1 << bits)) hash bins"
    target=$("$bin/trust_bench" prepare "$folder/$count" "$count" "$bits")
    client=("$bin/aseptic-tuf" --metadata-url "http://127.0.0.1:$port/$count/metadata" --metadata-dir "$folder/client" --target-name "$target"
      --target-dir "$folder/got" --target-base-url "http://127.0.0.1:$port/$count/targets" download)
    read -r wall cpu peak < <("$bin/trust_bench" measure "$runs" bash -c '
      set -e; rm -rf "$1/client" "$1/got"; mkdir -p "$1/got"; "$2" --metadata-dir "$1/client" init "$1/$3/metadata/1.root.json" > /dev/null
      shift 3; exec "$@" > /dev/null' bench "$folder" "$bin/aseptic-tuf" "$count" "${client[@]}")
    : "${first_wall:=$wall}" "${first_cpu:=$cpu}"
    bytes=$(cat "$folder"/client/*.json | wc -c)
    printf '%-28s %8.2fx %8.2fx %8.1f MiB %14d\n' "$name" "$(awk "BEGIN{print $wall/$first_wall}")" "$(awk "BEGIN{print $cpu/$first_cpu}")" "$peak" "$bytes"
  done
  echo "First row: $first_wall s wall, $first_cpu s CPU (init, refresh and download by one process each; peak of the largest)."
} | tee "$folder/report"
{ echo '```'; cat "$folder/report"; echo '```'; } | bench/write_section.sh trust
