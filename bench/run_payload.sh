#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev bench payload [FOLDER] [RUNS]: deltas of every pair NAME.old, NAME.new in FOLDER (default build/corpus/pairs) next to
# bsdiff, xdelta3 and zstd --patch-from, on the same files in one run: size, CPU and peak memory of making and of applying.
# Without pairs, the two root file systems of tools/corpus are one. Pairs below 2 MiB are made as microcontroller deltas.
# CPU is the median of RUNS (default 5) alternating runs for applying; making is measured once. Writes build/bench/payload.md.
set -euo pipefail
cd "$(dirname "$0")/.."

pairs=${1:-build/corpus/pairs}
runs=${2:-5}
bench=$PWD/build/bench/bin/payload_bench
apply_bench=$PWD/build/bench/bin/payload_apply_bench
work=$PWD/build/bench/payload
report=$PWD/build/bench/payload.md
[[ $runs =~ ^[1-9][0-9]*$ ]] || { echo "run_payload: the number of runs must be a number, not '$runs'" >&2; exit 2; }
mkdir -p "$work"

if ! compgen -G "$pairs/*.old" > /dev/null; then
  [[ -f build/corpus/v1.ext4 ]] || tools/corpus --out build/corpus
  mkdir -p "$pairs"
  ln -sf ../v1.ext4 "$pairs/rootfs.old"
  ln -sf ../v2.ext4 "$pairs/rootfs.new"
fi

used() {  # used COMMAND...: "cpu rss" of a command that must succeed
  "$bench" run "$@" 2>&1 > /dev/null | sed -n 's/^used //p'
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
row() {  # row TOOL SIZE MAKE APPLY-CPUS APPLY-RSS
  printf '| %s | %s | %s | %s | %s | %s |\n' "$1" "$2" "${3% *}" "$(( ${3#* } / 1024 ))" "$4" "$(( $5 / 1024 ))" | tee -a "$report"
}

compare_tools() {  # compare_tools NAME OLD NEW
  local tool make apply size cost cpus used_now
  for tool in bsdiff xdelta3 zstd-19; do
    case $tool in
      bsdiff)  make=(bsdiff "$2" "$3" "$work/$tool"); apply=(bspatch "$2" "$work/out" "$work/$tool") ;;
      xdelta3) make=(xdelta3 -9 -S lzma -f -e -s "$2" "$3" "$work/$tool"); apply=(xdelta3 -f -d -s "$2" "$work/$tool" "$work/out") ;;
      zstd-19) make=(zstd -q -f -19 --long=31 --patch-from="$2" "$3" -o "$work/$tool")
               apply=(zstd -q -f -d --long=31 --patch-from="$2" "$work/$tool" -o "$work/out") ;;
    esac
    cost=$(used "${make[@]}")
    size=$(stat -Lc %s "$work/$tool")
    cpus=()
    for (( i = 0; i < runs; i++ )); do used_now=$(used "${apply[@]}"); cpus+=("${used_now% *}"); done
    cmp -s "$work/out" "$3" || { echo "run_payload: $tool does not give back $3" >&2; exit 1; }
    row "$tool" "$size" "$cost" "$(printf '%s\n' "${cpus[@]}" | median)" "${used_now#* }"
  done
}

: > "$report"
for old in "$pairs"/*.old; do
  name=$(basename "${old%.old}")
  old=$(readlink -f "$pairs/$name.old"); new=$(readlink -f "$pairs/$name.new")
  { echo; echo "### $name: $(stat -c %s "$old") → $(stat -c %s "$new") bytes"; echo
    echo '| tool | delta, bytes | make CPU s | make RSS MiB | apply CPU s | apply RSS MiB |'; echo '|---|---|---|---|---|---|'; } | tee -a "$report"
  if (( $(stat -c %s "$old") < 2097152 )); then
    cost=$(used "$bench" mcu "$old" "$new" "$work/mcu")
    row "aseptic (MCU)" "$(stat -c %s "$work/mcu")" "$cost" - 0
  else
    "$bench" slot "$old" "$work/old.slot"
    "$bench" slot "$new" "$work/new.slot"
    shares=$work/shares
    cost=$("$bench" run "$bench" make "$work/old.slot" "$work/new.slot" "$work/delta" 2>&1 > "$shares" | sed -n 's/^used //p')
    cpus=(); limits=()
    for (( i = 0; i < runs; i++ )); do
      rm -f "$work/slot"; truncate -s "$(stat -c %s "$work/new.slot")" "$work/slot"; chmod 600 "$work/old.slot" "$work/slot"
      both=$("$bench" run "$apply_bench" "$work/old.slot" "$work/slot" "$work/delta" 2>&1)
      cpus+=("$(sed -n 's/^write-phase //p' <<< "$both")")
      applied=$(sed -n 's/^used //p' <<< "$both")
      least=$(used "$bench" limit "$work/old.slot" "$work/new.slot" "$work/out"); limits+=("${least% *}")
    done
    row "aseptic" "$(stat -c %s "$work/delta")" "$cost" "$(printf '%s\n' "${cpus[@]}" | median)" "${applied#* }"
    row "(SHA-256 of both + write)" - "0 0" "$(printf '%s\n' "${limits[@]}" | median)" "${least#* }"
  fi
  compare_tools "$name" "$old" "$new"
  [[ -f ${shares:-} ]] && { echo; cat "$shares"; } | tee -a "$report"
  unset shares
done
