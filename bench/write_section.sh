#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# write_section.sh NAME: replaces the section NAME of docs/benchmarks.md by standard input. Called by the benches; what the file
# says is what was measured last, on the machine that the section names.
set -euo pipefail
cd "$(dirname "$0")/.."
document=docs/benchmarks.md
name=$1
section=$(mktemp)
trap 'rm -f "$section" "$document.part"' EXIT
{ echo "Measured $(date -u +%F), $(nproc) processors, Debian $(cat /etc/debian_version)."; echo; cat; } > "$section"
grep -q "<!-- begin $name -->" "$document" || { echo "write_section: $document has no section '$name'" >&2; exit 1; }
awk -v begin="<!-- begin $name -->" -v end="<!-- end $name -->" -v file="$section" '
  $0 == end { skipping = 0 }
  !skipping { print }
  $0 == begin { skipping = 1; while ((getline line < file) > 0) print line }' "$document" > "$document.part"
mv "$document.part" "$document"
