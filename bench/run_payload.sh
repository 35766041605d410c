#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev bench payload [FOLDER] [RUNS]: deltas of every pair NAME.old, NAME.new in FOLDER (default build/corpus/pairs) next to
# bsdiff, xdelta3, zstd --patch-from and casync, on the same files in one run: size, CPU and peak memory of making and of applying.
# Without pairs, the two root file systems of tools/corpus are one. A pair named rootfs is also compared as squashfs (zstd 9) and
# erofs (LZ4 HC 12), which are made beside it. Pairs below 2 MiB are made as microcontroller deltas.
# CPU is the median of RUNS (default 5) alternating runs for applying; making is measured once. Writes its section of docs/benchmarks.md.
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
# The same trees as compressed file systems.
if [[ -f $pairs/rootfs.old && ! ( -f $pairs/squashfs.new && -f $pairs/erofs.new ) ]]; then
  rm -f "$pairs"/{squashfs,erofs}.{old,new}
  for version in old new; do
    tree=$(mktemp -d "$work/tree.XXXXXX")
    debugfs -R "rdump / $tree" "$pairs/rootfs.$version" > /dev/null 2>&1
    rm -rf "$tree/lost+found"
    mksquashfs "$tree" "$pairs/squashfs.$version" -comp zstd -Xcompression-level 9 -b 131072 -noappend -all-root \
      -mkfs-time 1700000000 -all-time 1700000000 -quiet -no-progress -processors 1
    mkfs.erofs -zlz4hc,12 -C65536 -T 1700000000 -U 00000000-0000-0000-0000-000000000003 --all-root "$pairs/erofs.$version" "$tree" > /dev/null
    rm -rf "$tree"
  done
fi

used() {  # used COMMAND...: "cpu rss" of a command that must succeed
  "$bench" run "$@" 2>&1 > /dev/null | sed -n 's/^used //p'
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
row() {  # row TOOL SIZE MAKE APPLY-CPUS APPLY-RSS
  printf '| %s | %s | %s | %s | %s | %s |\n' "$1" "$2" "${3% *}" "$(( ${3#* } / 1024 ))" "$4" "$(( $5 / 1024 ))" | tee -a "$report"
}

# Chunks that the old store lacks are what a device fetches; CPU and memory of making are those of cutting the new file.
compare_casync() {  # compare_casync NAME OLD NEW
  local size cost cpus=() used_now i
  rm -rf "$work/casync"; mkdir -p "$work/casync"
  casync make --store="$work/casync/old.castr" "$work/casync/old.caibx" "$2" > /dev/null
  cost=$(used casync make --store="$work/casync/new.castr" "$work/casync/new.caibx" "$3")
  size=$(cd "$work/casync" && for file in $(cd new.castr && find . -name '*.cacnk'); do [[ -f old.castr/$file ]] || stat -c %s "new.castr/$file"; done |
    awk -v index_size="$(stat -c %s "$work/casync/new.caibx")" '{ sum += $1 } END { print sum + index_size }')
  for (( i = 0; i < runs; i++ )); do
    rm -f "$work/out"
    used_now=$(used casync extract --store="$work/casync/new.castr" --seed="$2" "$work/casync/new.caibx" "$work/out"); cpus+=("${used_now% *}")
  done
  cmp -s "$work/out" "$3" || { echo "run_payload: casync does not give back $3" >&2; exit 1; }
  row casync "$size" "$cost" "$(printf '%s\n' "${cpus[@]}" | median)" "${used_now#* }"
  rm -rf "$work/casync"
}

# A bar a stream: 50 marks are the whole delta.
picture() {  # picture < "shares: copy map N, table N, chunks N bytes; ..."
  echo '```'
  sed -n 's/^ *shares: copy map \([0-9]*\), table \([0-9]*\), chunks \([0-9]*\) bytes.*/\1 copy map\n\2 chunk table\n\3 chunks/p' |
    awk '{ size[NR] = $1; $1 = ""; name[NR] = substr($0, 2); sum += size[NR] }
         END { for (i = 1; i <= NR; i++) { bar = ""; for (k = 0; k < int(50 * size[i] / sum + 0.5); k++) bar = bar "#";
               printf "%-12s %10d  %s\n", name[i], size[i], bar } }'
  echo '```'
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
  compare_casync "$name" "$old" "$new"
  if [[ -f ${shares:-} ]]; then { echo; picture < "$shares"; } | tee -a "$report"; fi
  unset shares
done
bench/write_section.sh payload < "$report"
