// SPDX-License-Identifier: Apache-2.0
#include "slots/request_door.h"

#include <algorithm>

#include "aseptic/agent/codes.h"

namespace aseptic::agent {

namespace {

bool any_request(core::ByteView area) {
  const boot::Requests found = boot::parse_request_area(area.first(boot::kRequestAreaSize));
  return std::ranges::any_of(found.present, [](bool present) { return present; });
}

}  // namespace

core::Result<void> RequestDoor::post(const std::vector<boot::Request>& requests) {
  core::Bytes image(platform::BlockDevice::kAlignment, 0);
  for (const boot::Request& request : requests) {
    const boot::RequestCell cell = boot::encode_request(request);
    std::ranges::copy(cell, image.begin() + static_cast<std::ptrdiff_t>(boot::request_offset(request.kind)));
  }
  core::Bytes back(image.size());
  // Nothing to do is nothing to wear out: the area is written only when it says something else.
  if (area_.read_back(0, back) && (back == image || (requests.empty() && !any_request(back)))) return {};
  ASEPTIC_TRY_VOID(area_.write(0, image).within("request area"));
  ASEPTIC_TRY_VOID(area_.flush().within("request area"));
  // DURABILITY: only what the medium says counts (protocol section 4: durable and read back).
  ASEPTIC_TRY_VOID(area_.read_back(0, back).within("request area"));
  if (back != image) return core::Error(AgentCode::kRequest, "the request area did not read back as written");
  return {};
}

}  // namespace aseptic::agent
