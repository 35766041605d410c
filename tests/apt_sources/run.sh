#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tools/fetch_bearssl derives source entries from both formats of a machine's apt sources; nothing is fetched here.
set -euo pipefail
tool=$1
fixtures=$(dirname "${BASH_SOURCE[0]}")/fixtures
for folder in "$fixtures"/*/; do
  diff -u "$folder/expected" <("$tool" --apt-sources "$folder" --print-sources) || exit 1
done
