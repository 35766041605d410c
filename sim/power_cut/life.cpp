// SPDX-License-Identifier: Apache-2.0
#include "life.h"

#include <algorithm>

#include "aseptic/boot/installer/request_writer.h"

namespace aseptic::sim {
namespace {

using boot::Area;
using boot::BootReport;
using boot::ResetCause;
using boot::RunKind;
using boot::SlotId;
using boot::Status;

constexpr std::size_t kPiece = 200;  // what the transport delivers at once: not a multiple of anything
constexpr std::uint16_t kLastAttempt = 2;

Area area_of_slot(SlotId slot) {
  return slot == SlotId::kA ? Area::kSlotA : Area::kSlotB;
}

bool is_quarantined(const BootReport& report, const boot::Digest& manifest, std::uint16_t attempt) {
  return std::any_of(
      report.quarantine.begin(), report.quarantine.begin() + report.quarantine_count,
      [&](const boot::Quarantined& q) { return q.digest == manifest && q.attempt >= attempt; });
}

}  // namespace

// A write that does not read back is made again.
template <class Write>
bool Life::again_until_durable(Write&& write) {
  for (int tries = 0; tries < 3; ++tries)
    if (write() == Status::kOk) return true;
  return false;
}

std::size_t Life::release_of(const boot::Digest& manifest) const {
  for (std::size_t k = 1; k < product_->images.size(); ++k)
    if (product_->images[k].manifest == manifest) return k;
  return 0;
}

// The next release on offer that is newer than the confirmed one and not given up.
std::size_t Life::wanted(const BootReport& report, std::uint16_t& attempt) const {
  for (std::size_t k = release_of(report.confirmed_manifest) + 1; k < product_->images.size(); ++k) {
    const Behaviour behaviour = product_->scenario.releases[k - 1].behaviour;
    const std::uint16_t last = behaviour == Behaviour::kRevertsOnce ? kLastAttempt : std::uint16_t{1};
    for (attempt = 1; attempt <= last; ++attempt)
      if (!is_quarantined(report, product_->images[k].manifest, attempt)) return k;
  }
  return 0;
}

void Life::power_returns() {
  device_.power_returns();
  cause_ = ResetCause::kPowerOn;
  before_ = {};
  boots_since_cut_ = 0;
}

Life::End Life::one_boot() {
  if (cause_ == ResetCause::kPowerOn && boots_ != 0 && boots_since_cut_ != 0) device_.power_returns();
  boot::Decision decision;
  boot::testing::Bytes exec;
  std::string events;
  const ResetCause cause = cause_;
  const Status status = device_.boot(cause, decision, exec, trace_ != nullptr ? &events : nullptr);
  ++boots_;
  ++boots_since_cut_;
  if (trace_ != nullptr)
    *trace_ += "boot, cause " + std::to_string(static_cast<int>(cause)) + ": " + events + "\n";
  if (device_.flash.is_off()) return End::kCut;
  checker_.power_up(device_, status, decision, exec, before_);
  if (!checker_.wrong().empty()) return End::kWrong;
  before_ = {};
  cause_ = ResetCause::kCommanded;
  act(decision);
  if (device_.flash.is_off()) return End::kCut;
  if (!device_.flash.misuse().empty()) checker_.blame("misuse of the flash: " + device_.flash.misuse());
  if (boots_since_cut_ >= product_->scenario.boots_max && !at_rest_) {
    if (product_->scenario.final_release == 0 || only_safety_) at_rest_ = true;
    if (!at_rest_) checker_.blame("the device does not come to rest");
  }
  if (at_rest_ && !only_safety_) checker_.end(device_);
  return checker_.wrong().empty() ? End::kRest : End::kWrong;
}

void Life::act(const boot::Decision& decision) {
  BootReport report;
  std::array<std::uint8_t, boot::kBootReportSize> bytes{};
  static_cast<void>(device_.flash.read(Area::kMailbox, 0, bytes));
  if (boot::decode_boot_report(bytes, report) != Status::kOk) return checker_.blame("no boot report");
  if (report.run_kind == RunKind::kTrial || report.run_kind == RunKind::kForcedTrial)
    return in_trial(report, release_of(decision.image.manifest));
  if (report.run_kind == RunKind::kRecovery) return in_recovery(report);
  in_service(report);
}

void Life::in_trial(const BootReport& report, std::size_t release) {
  boot::RequestWriter requests(device_.flash, report.boot_count);
  Behaviour behaviour = product_->scenario.releases[release - 1].behaviour;
  const bool first = report.staged_attempt <= 1;
  if (behaviour == Behaviour::kLosesPowerOnce)
    behaviour = report.interrupted_trials == 0 && first ? Behaviour::kLosesPower : Behaviour::kConfirms;
  if (behaviour == Behaviour::kRevertsOnce) behaviour = first ? Behaviour::kReverts : Behaviour::kConfirms;
  switch (behaviour) {
    case Behaviour::kReverts:
      say("self-test fails, REQ_REVERT");
      if (again_until_durable([&] { return requests.revert(); }))
        checker_.trial_is_failed(release, report.staged_attempt);
      return reset(ResetCause::kCommanded);
    case Behaviour::kHangs:
      say("hangs");
      return reset(ResetCause::kWatchdog);
    case Behaviour::kLosesPower:
      say("loses power");
      return reset(ResetCause::kPowerOn);
    default:
      say("REQ_CONFIRM of release " + std::to_string(release));
      checker_.confirm_is_asked(release);
      static_cast<void>(again_until_durable([&] { return requests.confirm(report.token); }));
      return reset(ResetCause::kCommanded);
  }
}

bool Life::install(const BootReport& report, SlotId slot, std::size_t release, std::uint16_t attempt,
                   boot::Installer& installer) {
  const boot::ByteView image = product_->images[release].bytes;
  const Status begun = installer.begin(report, slot, attempt, image.first<boot::kManifestRegionSize>());
  say("install release " + std::to_string(release) + " into slot " + (slot == SlotId::kA ? "A" : "B") +
      " from " + std::to_string(installer.next_offset()) + ": " + boot::describe(begun).name);
  if (begun != Status::kOk) return false;
  while (!installer.is_complete()) {
    const auto at = static_cast<std::size_t>(installer.next_offset());
    const boot::ByteView piece = image.subspan(at, std::min(kPiece, image.size() - at));
    if (installer.write(at, piece) != Status::kOk) return false;
  }
  const Status finished = installer.finish();
  say(std::string("read back: ") + boot::describe(finished).name);
  return finished == Status::kOk;
}

// The therapy side's cell, then the agent's arm, then the reset that the therapy side commands.
void Life::arm(const BootReport& report) {
  boot::Permit permit;
  permit.boot_count = report.boot_count;
  const boot::PermitCell cell = boot::encode_permit(permit);
  if (device_.flash.program(Area::kPermit, 0, cell) != Status::kOk) return;
  if (boot::RequestWriter(device_.flash, report.boot_count).arm() != Status::kOk) return;
  say("PERMIT, REQ_ARM, reset");
  before_.armed = true;
}

void Life::in_recovery(const BootReport& report) {
  FastSha256 hasher;
  boot::Installer installer(device_.flash, hasher, device_.flash);
  const std::size_t confirmed = release_of(report.confirmed_manifest);
  const std::size_t release =
      confirmed != 0 ? confirmed : std::max<std::size_t>(1, release_of(report.running_manifest));
  // Slot A is left alone only when it holds something that may run and is not what is wanted.
  if (!install(report, SlotId::kA, release, kLastAttempt, installer)) return;
  if (release == confirmed) return;
  if (installer.stage() == Status::kOk) arm(report);
}

void Life::bring_up_to_date(const BootReport& report, SlotId other) {
  FastSha256 hasher;
  boot::Installer installer(device_.flash, hasher, device_.flash);
  if (report.recovery == boot::RecoveryState::kDoesNotVerify) return say("recovery does not verify: reset");
  Status status = installer.begin_copy(report, other);
  say("copy the confirmed image from " + std::to_string(installer.next_offset()) + ": " +
      boot::describe(status).name);
  while (status == Status::kOk && !installer.is_complete())
    status = installer.copy_next();
  if (status == Status::kOk) status = installer.finish();
  if (status == Status::kOk) status = installer.synced();
  say(std::string("copied, REQ_SYNCED: ") + boot::describe(status).name);
}

void Life::update(const BootReport& report, SlotId other, std::size_t release, std::uint16_t attempt) {
  FastSha256 hasher;
  const SignedImage& image = product_->images[release];
  const bool staged = report.staged_manifest == image.manifest && report.staged_attempt == attempt;
  if (staged && boot::verify_slot(device_.flash, hasher, area_of_slot(other), image.manifest,
                                  boot::SlotExtent::kWholeSlot) == Status::kOk)
    return arm(report);
  boot::Installer installer(device_.flash, hasher, device_.flash);
  if (!install(report, other, release, attempt, installer)) return;
  if (installer.stage() == Status::kOk) arm(report);
}

void Life::in_service(const BootReport& report) {
  const SlotId other = report.place == boot::ImagePlace::kSlotA ? SlotId::kB : SlotId::kA;
  if (!report.synced) return bring_up_to_date(report, other);
  if (report.recovery == boot::RecoveryState::kDoesNotVerify) return say("recovery does not verify: reset");
  std::uint16_t attempt = 0;
  const std::size_t next = wanted(report, attempt);
  if (next != 0) return update(report, other, next, attempt);
  if (idle_ < product_->scenario.idle_boots) {
    ++idle_;
    if (idle_ % 2 == 0) reset(ResetCause::kPowerOn);
    return;
  }
  at_rest_ = true;
}

}  // namespace aseptic::sim
