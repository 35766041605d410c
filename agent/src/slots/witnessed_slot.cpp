// SPDX-License-Identifier: Apache-2.0
#include "slots/witnessed_slot.h"

#include <algorithm>

#include "aseptic/agent/codes.h"

namespace aseptic::agent {

using core::Result;

void WitnessedSlot::remember(std::uint64_t offset, core::ByteView bytes) {
  if (offset >= begin_.size()) return;
  const auto size = std::min<std::size_t>(bytes.size(), begin_.size() - static_cast<std::size_t>(offset));
  std::ranges::copy(bytes.first(size), begin_.begin() + static_cast<std::ptrdiff_t>(offset));
}

Result<void> WitnessedSlot::read(std::uint64_t offset, core::ByteSpan out) {
  ASEPTIC_TRY_VOID(slot_.read(offset, out));
  remember(offset, out);
  return {};
}

Result<void> WitnessedSlot::read_back(std::uint64_t offset, core::ByteSpan out) {
  ASEPTIC_TRY_VOID(slot_.read_back(offset, out));
  remember(offset, out);
  return {};
}

Result<void> WitnessedSlot::write(std::uint64_t offset, core::ByteView bytes) {
  remember(offset, bytes);
  return slot_.write(offset, bytes);
}

Result<void> WitnessedSlot::discard(std::uint64_t offset, std::uint64_t size) {
  if (offset < begin_.size()) remember(offset, core::Bytes(static_cast<std::size_t>(std::min<std::uint64_t>(size, begin_.size())), 0));
  return slot_.discard(offset, size);
}

Result<void> WitnessedSlot::confirms(const payload::Measured& measured) const {
  if (std::ranges::equal(begin_, measured.manifest_area())) return {};
  return core::Error(AgentCode::kMeasured, "the medium gives back another manifest or signature than was verified and written");
}

}  // namespace aseptic::agent
