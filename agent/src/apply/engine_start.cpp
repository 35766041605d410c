// SPDX-License-Identifier: Apache-2.0
// What boot left behind, and what the agent remembered: read once at each start.
#include <algorithm>

#include "apply/apply_engine.h"
#include "slots/boot_event_names.h"

namespace aseptic::agent {

void ApplyEngine::note_start() {
  const boot::BootReport& r = boot_.report;
  log_->note({.outcome = Outcome::kNote, .reason = "boot.report",
              .text = "cause " + std::to_string(static_cast<int>(r.reset_cause)) + ", run kind " +
                      std::to_string(static_cast<int>(r.run_kind)) + ", floor " + std::to_string(r.floor) +
                      ", revoked " + std::to_string(r.revoked) + ", generation " + std::to_string(r.generation) +
                      (r.emulated ? ", EMULATED" : ""),
              .actor = "boot", .to = device_log::ImageName{{}, boot_.running()}});
  const auto count = std::min<std::size_t>(r.event_count, boot::kReportEventsMax);
  for (std::size_t i = 0; i < count; ++i) {
    log_->note({.outcome = Outcome::kNote, .reason = boot_event_reason(r.events[i].code),
                .text = "detail " + std::to_string(r.events[i].detail), .actor = "boot"});
  }
}

// Boot's word replaces the cache: RC-05, T-06.
void ApplyEngine::take_over_from_boot() {
  if (boot_.report.run_kind == boot::RunKind::kConfirmed &&
      boot_.report.confirmed_sequence > memory_.confirmed_sequence) {
    memory_.confirmed_sequence = boot_.report.confirmed_sequence;
    memory_.confirmed_manifest = boot_.confirmed();
    keep_memory();
  }
}

void ApplyEngine::read_running_version() {
  platform::BlockDevice* slot = running_slot();
  if (slot == nullptr) return;
  auto header = read_slot_header(*slot, boot_.running());
  if (!header) return log_->refuse(header.error(), "running slot");
  running_version_ = header->version;
  running_size_ = header->image_size;
}

// An arm that an earlier process of this start left behind permits nothing without the therapy side, but it is not
// this process's wish: it is taken back before anything else happens.
void ApplyEngine::cancel_old_arm() {
  if (auto alone = door_.refuse_strangers(); !alone) fail(alone.error(), "request area");
  if (record_.state > State::kApproved) return;
  if (auto done = door_.withdraw_all(); !done) fail(done.error(), "withdraw requests");
}

}  // namespace aseptic::agent
