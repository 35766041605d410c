// SPDX-License-Identifier: Apache-2.0
// Boot's mailbox report as the agent uses it. Boot's word is the ground truth about which image runs, is confirmed and
// is quarantined; the agent's own files are only a cache of it (T-06).
#pragma once

#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/core/authenticated_digest.h"
#include "aseptic/core/bytes.h"
#include "aseptic/core/hash.h"
#include "aseptic/interlock/types.h"
#include "aseptic/platform/block_device.h"

namespace aseptic::agent {

struct BootView {
  boot::BootReport report;
  interlock::BootId boot_id;

  [[nodiscard]] core::Digest running() const { return {report.running_manifest}; }
  [[nodiscard]] core::Digest confirmed() const { return {report.confirmed_manifest}; }
  [[nodiscard]] bool is_trial() const {
    return report.run_kind == boot::RunKind::kTrial || report.run_kind == boot::RunKind::kForcedTrial;
  }
  [[nodiscard]] bool quarantines(const core::Digest& manifest, std::uint32_t attempt) const;
};

core::Result<BootView> read_boot_view(core::ByteView report);

// The digests that boot itself measured or recorded: what a slot must hold before it may be copied, or before the other
// one may be erased.
class BootReportReader {
 public:
  static core::AuthenticatedDigest running_manifest(const BootView& view) { return issue(view.running()); }
  static core::AuthenticatedDigest running_image(const BootView& view) {
    return issue(core::Digest{view.report.running_image});
  }
  static core::AuthenticatedDigest previous_manifest(const BootView& view) { return issue(core::Digest{view.report.previous_manifest}); }
  // Nothing that verifies when `manifest` is not the one that boot names.
  static core::AuthenticatedDigest previous_image(const BootView& view, boot::Hasher& hasher, const boot::Manifest& manifest);

 private:
  static core::AuthenticatedDigest issue(const core::Digest& digest) { return core::AuthenticatedDigest(digest); }
};

// Version text and image size of the manifest in a slot; refuses a slot whose manifest is not the named one.
struct SlotHeader {
  std::string version;
  std::uint64_t image_size = 0;
  std::uint64_t sequence = 0;
};
core::Result<SlotHeader> read_slot_header(platform::BlockDevice& slot, const core::Digest& manifest);

}  // namespace aseptic::agent
