// SPDX-License-Identifier: Apache-2.0
// What a device writes into the first line and the Range header, separated by a line feed. Properties: a range lies in the
// file, a decoded path is never longer than what was sent.
#include <algorithm>

#include "aseptic/core/assert.h"
#include "aseptic/fleet/device_api.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fleet = aseptic::fleet;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = text.find('\n');
  const auto target = text.substr(0, line);
  const auto header = line == std::string_view::npos ? std::string_view() : text.substr(line + 1);
  const auto path = fleet::decode_target(target);
  ASEPTIC_ASSERT(!path || path->size() < target.size());
  for (const std::uint64_t file_size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000}, UINT64_MAX}) {
    const auto range = fleet::parse_range(header, file_size);
    if (!range || range->count == 0) continue;
    ASEPTIC_ASSERT(range->first < file_size && range->count <= file_size - range->first);
  }
  return 0;
}
