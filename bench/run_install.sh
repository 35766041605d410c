#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev bench install [RUNS]: an install of a real 512 MiB root file system image against `zstd -dc | dd conv=fsync`.
# The image: build/corpus/v2.ext4 (made by tools/corpus), else, where no packages can be had, this machine's own files.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${1:-5}
level=${ASEPTIC_BENCH_LEVEL:-9}
folder=build/bench/install
bench=build/bench/bin/install_bench
image=build/corpus/v2.ext4

[[ $runs =~ ^[1-9][0-9]*$ ]] || { echo "run_install: the number of runs must be a number, not '$runs'" >&2; exit 2; }

# shellcheck source=install_by_peers.sh
source bench/install_by_peers.sh

if [[ ! -f $image ]] && ! tools/corpus --out build/corpus; then
  echo "No package sources here: the image is made of this machine's own files instead."
  image=build/corpus/own.img
  mkdir -p build/corpus
  { tar -C / -cf - --ignore-failed-read usr/bin usr/lib 2> /dev/null || true; } | head -c $((440 << 20)) > "$image"
  truncate -s 512M "$image"
fi

if [[ ! -f $folder/reference || $image -nt $folder/reference || $bench -nt $folder/reference ]]; then
  echo "Preparing payload and zstd stream (level $level) from $image"
  "$bench" prepare "$image" "$folder" "$level"
  zstd -q -f "-$level" -T1 "$folder/slot.img" -o "$folder/image.zst"
fi
report=$folder/report
peers=()
command=$(swupdate_command "$PWD/$folder")
[[ -z $command ]] || peers+=("swupdate, signed, sync" slot.swupdate "$command")
command=$(rauc_command "$PWD/$folder" "$level")
[[ -z $command ]] || peers+=("rauc service, signed, sync" slot.rauc "$command")
"$bench" compare "$folder" "$runs" "${peers[@]}" | tee "$report"

# Memory must not depend on the image size: 4 GiB, with 8 MiB of data at each end.
sparse=build/bench/install-sparse
if [[ ! -f $sparse/reference || $bench -nt $sparse/reference ]]; then
  mkdir -p "$sparse"
  head -c $((8 << 20)) "$image" > "$sparse/data.img"
  truncate -s 4G "$sparse/data.img"
  tail -c $((8 << 20)) "$image" >> "$sparse/data.img"
  "$bench" prepare "$sparse/data.img" "$sparse" 1
fi
"$bench" measure "$sparse" | tee -a "$report"

echo
if [[ -f build/corpus/v1.ext4 && -f build/corpus/v2.ext4 ]]; then
  deltas=0 bench/install_by_agent.sh "$runs" build/corpus/v1.ext4 build/corpus/v2.ext4 | tee -a "$report"
  deltas=1 bench/install_by_agent.sh "$runs" build/corpus/v1.ext4 build/corpus/v2.ext4 | tee -a "$report"
  deltas=0 bench/install_by_agent.sh 0 build/corpus/v1.ext4 "$sparse/data.img" | tee -a "$report"
else
  echo "No corpus in build/corpus: the agent's part is left out."
fi
{ echo '```'; grep -Ev '^(run [0-9]|Preparing|  image)' "$report" | sed '/./,$!d'; echo '```'; } | bench/write_section.sh install
