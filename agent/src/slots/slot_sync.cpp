// SPDX-License-Identifier: Apache-2.0
#include "slots/slot_sync.h"

#include <algorithm>

#include "aseptic/agent/codes.h"

namespace aseptic::agent {
namespace {

constexpr std::uint64_t kCopyStep = 256u << 10;  // two buffers stay well below the memory budget

}  // namespace

core::Result<payload::Measured> copy_slot(platform::BlockDevice& source, platform::BlockDevice& target,
                                          const payload::ImageReference& image, const std::function<void()>& breathe) {
  if (target.size() < image.image_size) {
    return core::Error(AgentCode::kSlot, "the other slot is smaller than the running image");
  }
  ASEPTIC_TRY(const auto original, payload::measure_slot(source, image).within("the running slot"));
  core::Bytes wanted(kCopyStep), there(kCopyStep);
  for (std::uint64_t at = 0; at < image.image_size; at += kCopyStep) {
    const auto size = static_cast<std::size_t>(std::min(kCopyStep, image.image_size - at));
    const core::ByteSpan from = core::ByteSpan(wanted).first(size), to = core::ByteSpan(there).first(size);
    ASEPTIC_TRY_VOID(source.read(at, from));
    ASEPTIC_TRY_VOID(target.read(at, to));
    if (!std::ranges::equal(from, to)) ASEPTIC_TRY_VOID(target.write(at, from));
    if (breathe) breathe();
  }
  if (target.size() > image.image_size) {
    ASEPTIC_TRY_VOID(target.discard(image.image_size, target.size() - image.image_size));
  }
  ASEPTIC_TRY_VOID(target.flush());
  ASEPTIC_TRY(auto copy, payload::measure_slot(target, image).within("the other slot after the copy"));
  // SECURITY(T-46): the signatures lie outside of every digest.
  if (!std::ranges::equal(copy.manifest_area(), original.manifest_area())) {
    return core::Error(AgentCode::kMeasured, "the other slot gives back another manifest or signature than was copied");
  }
  return copy;
}

}  // namespace aseptic::agent
