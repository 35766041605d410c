// SPDX-License-Identifier: Apache-2.0
#include "component/mcu_component.h"

#include <algorithm>

#include "aseptic/agent/boot_id.h"
#include "aseptic/agent/codes.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/request_area.h"
#include "aseptic/interlock/status.h"
#include "aseptic/trust/mailbox_report.h"

namespace aseptic::agent {
namespace {

using core::Error;
using core::Result;
using interlock::HoldKind;
using interlock::ResetPurpose;
using std::chrono::milliseconds;

constexpr milliseconds kViewAge{700};
constexpr std::size_t kPiece = 1024;     // of one DATA frame
constexpr std::uint32_t kSwitchesMax = 8;  // of one transaction, in one start of this agent
constexpr int kPiecesAtOnce = 16;        // then the caller's other duties

// The component's refusal in words: its codes are boot's or the interlock's.
Error refusal(std::uint32_t value) {
  if (value == static_cast<std::uint32_t>(interlock::Status::kTherapyBlocked))
    return {AgentCode::kTherapy, "the component refuses: " + std::string(interlock::describe(interlock::Status::kTherapyBlocked).sentence)};
  const std::string words = interlock::is_known_status(value) ? interlock::describe(static_cast<interlock::Status>(value)).sentence
                                                              : boot::describe(static_cast<boot::Status>(value)).sentence;
  return {AgentCode::kComponent, "the component refuses: " + words};
}

bool is_pending(std::uint32_t value) { return value == static_cast<std::uint32_t>(interlock::Status::kPending); }

Result<std::uint64_t> offset_in(const core::Bytes& data) {
  boot::Le64 wire{};
  if (data.size() != sizeof wire) return Error(AgentCode::kComponent, "an answer of the component is malformed");
  std::ranges::copy(data, wire.raw);
  return wire.get();
}

}  // namespace

bool ComponentView::quarantines(const core::Digest& manifest, std::uint32_t attempt) const {
  const auto count = std::min<std::size_t>(report.quarantine_count, boot::kQuarantineMax);
  return std::any_of(report.quarantine.begin(), report.quarantine.begin() + count, [&](const boot::Quarantined& entry) {
    return entry.digest == manifest.bytes && entry.attempt >= attempt;
  });
}

McuComponent::McuComponent(const ComponentPart& part, platform::Clock& clock, platform::Entropy& entropy,
                           std::function<void()> breathe)
    : part_(part), clock_(clock), entropy_(entropy), breathe_(std::move(breathe)), link_(part.line, clock, entropy) {}

void McuComponent::poll() {
  if (hold_) hold_->poll();
}

Result<core::Bytes> McuComponent::tell(FrameType type, std::uint32_t value, core::ByteView data) {
  ASEPTIC_TRY(auto answer, link_.ask(type, value, data));
  if (answer.value != component::kDone) return refusal(answer.value);
  return std::move(answer.data);
}

// SECURITY(T-46, T-56): the report is boot's, by its signature; a firmware cannot make itself confirmed.
Result<void> McuComponent::look_now() {
  ASEPTIC_TRY(const core::Bytes data, tell(FrameType::kStatus));
  if (data.size() != sizeof(component::StatusWire)) return Error(AgentCode::kComponent, "the component's status is malformed");
  component::StatusWire wire{};
  std::ranges::copy(data, boot::mutable_bytes_of(wire).begin());
  ASEPTIC_TRY(const trust::BootKey boot_key, part_.boot_key);
  ASEPTIC_TRY_VOID(trust::verify_mailbox_report(wire.report, boot_key).within("the component's boot report"));
  ComponentView view;
  const auto decoded = boot::decode_boot_report(wire.report, view.report);
  if (!boot::ok(decoded)) return Error(AgentCode::kBootReport, std::string("the component: ") + boot::describe(decoded).sentence);
  view.held = core::Digest{wire.held};
  evidence_ = trust::ForwardedBootReport{part_.id, core::Bytes(std::begin(wire.report), std::end(wire.report)), boot_key.file()};
  const bool is_new_start = start_ != view.report.boot_count;
  view_ = view;
  seen_ = clock_.since_boot();
  boot_id_ = boot_id_of(wire.report);
  if (is_new_start) meet_new_start();
  if (!is_peer_told_ || peer_told_ != peer_) return tell_peer(peer_);
  return {};
}

Result<void> McuComponent::tell_peer(const core::Digest& set) {
  peer_ = set;
  is_peer_told_ = false;
  ASEPTIC_TRY_VOID(tell(FrameType::kPeer, 0, set.bytes));
  peer_told_ = set;
  is_peer_told_ = true;
  return {};
}

// Holds, requests and what was told belong to one start of the component.
void McuComponent::meet_new_start() {
  hold_.emplace(link_, part_.lease_key, clock_, entropy_, interlock::DeviceId{view_->report.device_id});
  start_ = view_->report.boot_count;
  requested_ = ResetPurpose::kNone;
  is_peer_told_ = false;
}

Result<ComponentView> McuComponent::look() {
  const milliseconds now = clock_.since_boot();
  if (now < unreachable_until_) return Error(AgentCode::kUnreachable, "the component does not answer on its line");
  if (view_ && now < seen_ + kViewAge) return *view_;
  if (auto looked = look_now(); !looked) {
    // What was true before says nothing about a component that is silent now.
    view_.reset();
    if (looked.error().is(AgentCode::kUnreachable)) unreachable_until_ = clock_.since_boot() + kViewAge;
    return looked.error();
  }
  return *view_;
}

Result<Verdict> McuComponent::pursue(Goal goal, const ComponentTarget& target, const interlock::TransactionId& transaction) {
  ASEPTIC_TRY(const ComponentView view, look());
  const Step step{target, transaction};
  if (transaction_ != transaction.bytes) switches_ = 0;
  transaction_ = transaction.bytes;
  const bool is_confirmed = view.report.run_kind == boot::RunKind::kConfirmed && view.confirmed() == target.manifest;
  if (goal == Goal::kSettled) return go_back(step);
  if (is_confirmed) return goal == Goal::kSynced ? sync() : Result<Verdict>(Verdict::kPassed);
  if (goal == Goal::kSynced) return Error(AgentCode::kComponent, "the component has not confirmed the image that it shall copy");
  if (view.quarantines(target.manifest, target.attempt)) return Verdict::kFailed;
  if (view.runs_trial()) {
    if (view.running() == target.manifest) return drive_trial(goal, step);
    ASEPTIC_TRY_VOID(go_back(step));
    return Verdict::kNone;
  }
  if (view.held != target.manifest) return transfer(target);
  if (goal == Goal::kStaged) return Verdict::kPassed;
  // Its boot refuses what its firmware found whole (the signatures lie outside of every digest), or its power never holds.
  if (switches_ >= kSwitchesMax) return Verdict::kFailed;
  return switch_over(step);
}

// Begins again each time: the component says from where on it wants the image.
Result<Verdict> McuComponent::transfer(const ComponentTarget& target) {
  core::Bytes region(boot::kManifestRegionSize);
  ASEPTIC_TRY_VOID(part_.store.read(0, region));
  if (core::sha256(region) != target.manifest) return Error(AgentCode::kMeasured, "the kept image is not the one of the release");
  ASEPTIC_TRY(core::Bytes answer, tell(FrameType::kBegin, target.attempt, region));
  ASEPTIC_TRY(std::uint64_t offset, offset_in(answer));
  for (int sent = 0; offset < target.image_size; ++sent) {
    core::Bytes piece(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, target.image_size - offset)));
    ASEPTIC_TRY_VOID(part_.store.read(offset, piece));
    ASEPTIC_TRY(answer, tell(FrameType::kData, static_cast<std::uint32_t>(offset), piece));
    ASEPTIC_TRY(const std::uint64_t next, offset_in(answer));
    if (next != offset + piece.size()) return Error(AgentCode::kComponent, "the component does not take the image in order");
    offset = next;
    if (sent % kPiecesAtOnce == 0 && breathe_) breathe_();
  }
  ASEPTIC_TRY_VOID(tell(FrameType::kFinish));
  ASEPTIC_TRY_VOID(look_now());
  if (view_->held != target.manifest) return Error(AgentCode::kMeasured, "the component's slot does not hold what was sent");
  return Verdict::kNone;
}

// Hold, request, last check, reset: the same order for a switch, a confirm and a revert.
Result<Verdict> McuComponent::hold_and_reset(HoldKind kind, ResetPurpose purpose, const Step& step,
                                             const std::function<Result<void>()>& request) {
  const core::Digest& manifest = kind == HoldKind::kSwitch ? step.target.manifest : view_->running();
  switch (hold_->fact()) {
    case Hold::kNone:
      requested_ = ResetPurpose::kNone;
      hold_->ask({kind, step.transaction, {manifest.bytes}, boot_id_});
      break;
    case Hold::kHeld:
      if (requested_ != purpose) {
        ASEPTIC_TRY_VOID(request());
        requested_ = purpose;
      } else {
        hold_->check();
      }
      break;
    case Hold::kChecked:
      hold_->ask_reset(purpose);
      if (purpose == ResetPurpose::kSwitch) ++switches_;
      seen_ = milliseconds{0} - kViewAge;  // whatever comes next is another start
      break;
    case Hold::kAsked:
    case Hold::kResetAsked: break;
  }
  return Verdict::kNone;
}

Result<Verdict> McuComponent::switch_over(const Step& step) {
  return hold_and_reset(HoldKind::kSwitch, ResetPurpose::kSwitch, step, [&]() -> Result<void> {
    component::ArmWire wire{step.target.manifest.bytes, step.target.set.bytes};
    ASEPTIC_TRY_VOID(tell(FrameType::kArm, std::min<std::uint32_t>(step.target.attempt, boot::kAttemptMax), boot::bytes_of(wire)));
    return {};
  });
}

Result<Verdict> McuComponent::drive_trial(Goal goal, const Step& step) {
  const Verdict tested = hold_->self_test();
  if (tested == Verdict::kFailed) return Verdict::kFailed;
  if (tested == Verdict::kPassed && goal == Goal::kConfirmed) {
    return hold_and_reset(HoldKind::kTrial, ResetPurpose::kConfirm, step, [&]() -> Result<void> {
      ASEPTIC_TRY_VOID(tell(FrameType::kConfirm));
      return {};
    });
  }
  if (tested == Verdict::kPassed) return Verdict::kPassed;
  if (hold_->fact() == Hold::kNone) hold_->ask({HoldKind::kTrial, step.transaction, {view_->running().bytes}, boot_id_});
  if (hold_->fact() == Hold::kHeld) hold_->ask_self_test();
  return Verdict::kNone;
}

Result<Verdict> McuComponent::go_back(const Step& step) {
  if (!view_->runs_trial()) {
    if (hold_->is_active()) hold_->release();
    return Verdict::kPassed;
  }
  return hold_and_reset(HoldKind::kTrial, ResetPurpose::kRevert, step, [&]() -> Result<void> {
    ASEPTIC_TRY_VOID(tell(FrameType::kRevert));
    return {};
  });
}

Result<Verdict> McuComponent::sync() {
  ASEPTIC_TRY(const auto answer, link_.ask(FrameType::kSync));
  if (is_pending(answer.value)) return Verdict::kNone;
  if (answer.value != component::kDone) return refusal(answer.value);
  return Verdict::kPassed;
}

}  // namespace aseptic::agent
