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

bool closes_a_trial(boot::RequestKind kind) { return kind == boot::RequestKind::kConfirm || kind == boot::RequestKind::kRevert; }

}  // namespace

core::Result<void> RequestDoor::refuse_strangers() {
  if (boot_.is_trial()) return {};
  core::Bytes there(platform::BlockDevice::kAlignment);
  ASEPTIC_TRY_VOID(area_.read_back(0, there).within("request area"));
  const boot::Requests found = boot::parse_request_area(core::ByteView(there).first(boot::kRequestAreaSize));
  std::vector<boot::Request> kept;
  bool is_strange = false;
  for (std::size_t i = 0; i < found.present.size(); ++i) {
    if (!found.present[i]) continue;
    if (closes_a_trial(static_cast<boot::RequestKind>(i))) is_strange = true;
    else kept.push_back(found.requests[i]);
  }
  if (!is_strange) return {};
  ASEPTIC_TRY_VOID(post(kept));
  return core::Error(AgentCode::kNotInTrial, "somebody asked boot to confirm or revert while no trial runs; the request was withdrawn");
}

core::Result<void> RequestDoor::post(const std::vector<boot::Request>& requests) {
  core::Bytes image(platform::BlockDevice::kAlignment, 0);
  for (const boot::Request& request : requests) {
    if (closes_a_trial(request.kind) && !boot_.is_trial())
      return core::Error(AgentCode::kNotInTrial, "no trial runs that could be confirmed or reverted");
    // SECURITY(T-61): only the token that boot gave this very trial.
    if (request.kind == boot::RequestKind::kConfirm && (boot::is_zero(request.token) || request.token != boot_.report.token))
      return core::Error(AgentCode::kNotInTrial, "the token is not the one that boot gave this trial");
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
