// SPDX-License-Identifier: Apache-2.0
#include "slots/boot_view.h"

#include <algorithm>
#include <string>

#include "aseptic/agent/boot_id.h"
#include "aseptic/agent/codes.h"
#include "aseptic/boot/format/manifest.h"

namespace aseptic::agent {

bool BootView::quarantines(const core::Digest& manifest, std::uint32_t attempt) const {
  const auto count = std::min<std::size_t>(report.quarantine_count, boot::kQuarantineMax);
  return std::any_of(report.quarantine.begin(), report.quarantine.begin() + count, [&](const boot::Quarantined& entry) {
    return entry.digest == manifest.bytes && entry.attempt >= attempt;
  });
}

core::Result<BootView> read_boot_view(core::ByteView report) {
  BootView view;
  if (report.size() != boot::kBootReportSize) {
    return core::Error(AgentCode::kBootReport, "boot's report has " + std::to_string(report.size()) + " bytes");
  }
  const auto status = boot::decode_boot_report(report.first<boot::kBootReportSize>(), view.report);
  if (!boot::ok(status)) {
    return core::Error(AgentCode::kBootReport, std::string("boot's report: ") + boot::describe(status).sentence);
  }
  view.boot_id = boot_id_of(report);
  return view;
}

core::AuthenticatedDigest BootReportReader::previous_image(const BootView& view, boot::Hasher& hasher, const boot::Manifest& manifest) {
  std::array<std::uint8_t, boot::kManifestRegionSize> region{};
  const bool is_named = boot::ok(boot::encode_manifest(manifest, region)) &&
                        boot::manifest_digest(hasher, region) == view.report.previous_manifest;
  return issue(is_named ? core::Digest{boot::image_digest(hasher, manifest)} : core::Digest{});
}

core::Result<SlotHeader> read_slot_header(platform::BlockDevice& slot, const core::Digest& manifest) {
  core::Bytes region(boot::kManifestRegionSize);
  ASEPTIC_TRY_VOID(slot.read(0, region));
  if (core::sha256(region) != manifest) {
    return core::Error(AgentCode::kMeasured, "a slot's manifest is not the one that boot names");
  }
  boot::Manifest decoded;
  const auto status = boot::decode_manifest(core::ByteView(region).first<boot::kManifestRegionSize>(), decoded);
  if (!boot::ok(status)) {
    return core::Error(AgentCode::kMeasured, std::string("a slot's manifest: ") + boot::describe(status).sentence);
  }
  SlotHeader header;
  header.version.assign(decoded.version.data(),
                        static_cast<std::size_t>(std::ranges::find(decoded.version, char{0}) - decoded.version.begin()));
  header.image_size = decoded.image_size;
  header.sequence = decoded.sequence;
  return header;
}

}  // namespace aseptic::agent
