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

# The same image as a signed package of swupdate, streamed into a slot of its own; prints the command that installs it.
swupdate_command() {
  command -v swupdate cpio > /dev/null || return 0
  local pack=$folder/swupdate
  mkdir -p "$pack"
  ln -f "$folder/image.zst" "$pack/image.zst"
  cat > "$pack/sw-description" <<TXT
software = { version = "2.0"; hardware-compatibility: [ "1.0" ];
  images: ( { filename = "image.zst"; device = "$PWD/$folder/slot.swupdate"; type = "raw"; compressed = "zstd"; installed-directly = true;
              sha256 = "$(sha256sum "$pack/image.zst" | cut -d ' ' -f 1)"; } ); }
TXT
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$pack/key.pem" -out "$pack/certificate.pem" -subj /CN=bench -days 30 \
    -addext extendedKeyUsage=emailProtection -addext keyUsage=digitalSignature 2> /dev/null
  openssl cms -sign -in "$pack/sw-description" -out "$pack/sw-description.sig" -signer "$pack/certificate.pem" -inkey "$pack/key.pem" \
    -outform DER -nosmimecap -binary
  (cd "$pack" && printf '%s\n' sw-description sw-description.sig image.zst | cpio --quiet -o -H crc > image.swu)
  echo "TMPDIR='$PWD/$pack' swupdate -k '$pack/certificate.pem' -H bench:1.0 -M -m -l 1 -i '$pack/image.swu' > '$pack/log' 2>&1 && sync '$folder/slot.swupdate'"
}

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
"$bench" compare "$folder" "$runs" "$(swupdate_command)" | tee "$report"

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
