// SPDX-License-Identifier: Apache-2.0
#include "slots/way_back.h"

#include <algorithm>

#include "aseptic/agent/codes.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/payload/apply/core_hasher.h"
#include "aseptic/payload/apply/read_back.h"

namespace aseptic::agent {
namespace {

constexpr std::size_t kTakenAway = 4096;  // the signed region lies inside: one block of the medium, one write

core::Error no_way_back(const std::string& why) { return {AgentCode::kLastImage, "the set cannot go back: " + why}; }

// Only bytes that boot named by their digest are decoded.
core::Result<boot::Manifest> manifest_in(platform::BlockDevice& slot, const core::Digest& named) {
  core::Bytes head(kTakenAway);
  ASEPTIC_TRY_VOID(slot.read_back(0, head));
  const auto region = core::ByteView(head).first<boot::kManifestRegionSize>();
  if (core::sha256(region) != named) return no_way_back("a slot does not hold the image that boot names");
  boot::Manifest manifest;
  if (!boot::ok(boot::decode_manifest(region, manifest)))
    return no_way_back("a manifest cannot be read");
  return manifest;
}

bool same_keys(const boot::Manifest& a, const boot::Manifest& b) {
  return a.classic_key_id == b.classic_key_id && a.post_quantum_key_id == b.post_quantum_key_id;
}

}  // namespace

core::Result<void> check_way_back(platform::BlockDevice& previous, platform::BlockDevice& running, const BootView& boot,
                                  const core::Digest& from_area) {
  const core::Digest named{boot.report.previous_manifest};
  if (named == core::Digest{} || named == boot.confirmed()) return no_way_back("boot knows no previous image");
  if (boot.report.recovery == boot::RecoveryState::kDoesNotVerify) return no_way_back("recovery does not verify; boot repairs it at its next start");
  ASEPTIC_TRY(const boot::Manifest manifest, manifest_in(previous, named));
  if (manifest.epoch < boot.report.floor) return no_way_back("the floor has risen above the previous image");
  // Which key slot a key lies in is boot's knowledge: where a revocation is in force, the keys of what runs are the ones that hold.
  if (boot.report.revoked != 0) {
    ASEPTIC_TRY(const boot::Manifest now, manifest_in(running, boot.confirmed()));
    if (!same_keys(manifest, now)) return no_way_back("a key was revoked, and the previous image has other keys than the running one");
  }
  payload::CoreHasher hasher;
  auto measured = payload::measure_slot(previous, {BootReportReader::previous_manifest(boot),
                                                   BootReportReader::previous_image(boot, hasher, manifest), manifest.image_size});
  if (!measured) return no_way_back(measured.error().sentence());
  // SECURITY(T-46): the signatures lie outside of every digest; these are the bytes that boot once accepted.
  if (core::sha256(measured->manifest_area()) != from_area)
    return no_way_back("the previous image's signatures are not the ones that boot accepted, or were never seen by this agent");
  return {};
}

core::Result<void> take_manifest_away(platform::BlockDevice& slot) {
  ASEPTIC_TRY_VOID(slot.write(0, core::Bytes(kTakenAway)));
  ASEPTIC_TRY_VOID(slot.flush());
  ASEPTIC_TRY(const bool is_away, is_manifest_away(slot));
  if (!is_away) return core::Error(AgentCode::kSlot, "the slot gives back a manifest that was taken away");
  return {};
}

core::Result<bool> is_manifest_away(platform::BlockDevice& slot) {
  core::Bytes there(kTakenAway);
  ASEPTIC_TRY_VOID(slot.read_back(0, there));
  return std::ranges::all_of(there, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace aseptic::agent
