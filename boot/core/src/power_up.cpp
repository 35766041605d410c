// SPDX-License-Identifier: Apache-2.0
#include "power_up.h"

#include "aseptic/boot/core/hardened.h"

namespace aseptic::boot {
namespace {
// Event::value of kJournalDiscarded.
constexpr std::uint32_t kDiscardUnreadable = 1;
constexpr std::uint32_t kDiscardGenerationBehind = 2;
constexpr std::uint32_t kDiscardGenerationAhead = 3;
}  // namespace

PowerUp::PowerUp(Port& port) : port_(port), images_(port, provisioning_), journal_(port.storage, sealer_) {}

void PowerUp::tell_of(EventCode code, ImagePlace place, const Digest& digest, std::uint32_t value, Status status) {
  port_.events.event({code, place, status, value, digest});
  if (event_count_ == kReportEventsMax) return;
  events_[event_count_].code.set(static_cast<std::uint32_t>(code));
  events_[event_count_].detail.set(ok(status) ? value : static_cast<std::uint32_t>(status));
  ++event_count_;
}

void PowerUp::tell(EventCode code, std::uint32_t value) {
  tell_of(code, ImagePlace::kNone, kNoDigest, value);
}

// From here on nothing that needs a record or a burn happens in this power-up.
void PowerUp::degrade(Status status) {
  degraded_ = true;
  tell_of(EventCode::kDegraded, ImagePlace::kNone, kNoDigest, 0, status);
}

// An append that fails degrades this power-up; callers re-read `degraded_` where it matters.
void PowerUp::append(const Record& record) {
  if (degraded_) return;
  const Status status = journal_.append(record);
  if (!ok(status)) degrade(status);
}

// What an image is judged by. Uses the memory that images are verified in.
Status PowerUp::load_facts() {
  const auto bytes = images_.scratch();
  ASEPTIC_BOOT_TRY(port_.storage.read_into(Area::kProvisioning, 0, bytes));
  if (!ok(decode_provisioning(port_.hasher, bytes, provisioning_))) return Status::kProvisioningInvalid;
  return port_.store.load(store_);
}

Status PowerUp::load_device() {
  ASEPTIC_BOOT_TRY(load_facts());
  sealer_.hasher = &port_.hasher;
  sealer_.keyed = has_capability(kPortDeviceSecret);
  if (sealer_.keyed) {
    Digest secret{};
    ASEPTIC_BOOT_TRY(port_.storage.read_into(Area::kSecret, 0, secret));
    if (is_zero(secret)) return Status::kProvisioningInvalid;
    const DerivedKeys keys = derive_keys(port_.hasher, secret);
    copy_digest(sealer_.key, keys.journal);
    copy_digest(confirm_key_, keys.confirm);
    const std::uint8_t state[] = {static_cast<std::uint8_t>(port_.hardware.debug), static_cast<std::uint8_t>(provisioning_.life_cycle)};
    copy_digest(report_key_, derive_report_key(port_.hasher, secret, port_.boot_digest, state));
  }
  return Status::kOk;
}

// SECURITY(T-58): the journal must be of the store's generation, or one ahead when a burn was cut off.
// Anything else is an old or foreign copy and counts for nothing.
void PowerUp::open_journal() {
  if (!ok(journal_.load())) return discard_journal(kDiscardUnreadable);
  const std::uint32_t generation = state().generation;
  if (generation < store_.generation) return discard_journal(kDiscardGenerationBehind);
  if (generation - store_.generation > 1) return discard_journal(kDiscardGenerationAhead);
  if (journal_.damaged_records() != 0)
    tell(EventCode::kJournalDamaged, journal_.damaged_records());
  const Status status = journal_.prepare();
  if (!ok(status)) degrade(status);
}

// Default state: nothing counts as confirmed except what the NV store says.
void PowerUp::discard_journal(std::uint32_t reason) {
  tell(EventCode::kJournalDiscarded, reason);
  JournalState fresh;
  fresh.boot_count = next_unused_boot_count();
  fresh.generation = store_.generation;
  if (has_capability(kPortNvStore)) {
    // The sequence is known even when the image is gone: a wiped journal opens no way to an older release.
    fresh.confirmed.sequence = store_.confirmed_sequence;
    fresh.confirmed.min_root_version = store_.confirmed_min_root_version;
    const ImagePlace place = find(store_.confirmed);
    if (place != ImagePlace::kNone) fresh.confirmed = measure(place).facts.info;
    // SECURITY(T-55): last, whatever was found: the store alone says which digest is confirmed.
    copy_digest(fresh.confirmed.manifest, store_.confirmed);
    fresh.quarantine = store_.quarantine;
    fresh.quarantine_count = store_.quarantine_count;
  }
  fresh.previous = fresh.confirmed;
  fresh.confirmed_at = fresh.boot_count;
  const Status status = journal_.restart(fresh);
  tell_of(EventCode::kDefaultState, ImagePlace::kNone, fresh.confirmed.manifest);
  if (!ok(status)) {
    degrade(status);
  } else if (has_capability(kPortNvStore) && !burn(store_)) {
    store_status_ = Status::kOk;  // only the count is not in force: no trials in this boot, but the device starts
  }
}

// SECURITY(T-58): arms, permits and tokens are bound to the boot_count, so an old journal must not bring a used one back.
// The store knows the count of the last burn; the gap covers the boots since then.
std::uint32_t PowerUp::next_unused_boot_count() const {
  const std::uint32_t known = state().boot_count > store_.boot_count ? state().boot_count : store_.boot_count;
  const std::uint32_t gap = has_capability(kPortNvStore) ? kBootCountGap : 0;
  return known < UINT32_MAX - gap ? known + gap : UINT32_MAX;
}

// Power-on, brown-out, watchdog and lock-up void an arm. A port that cannot tell causes says so in its
// capabilities.
bool PowerUp::cause_allows_arm() const {
  if (port_.cause == ResetCause::kCommanded) return true;
  return port_.cause == ResetCause::kUnknown && !has_capability(kPortKnowsResetCause);
}

bool PowerUp::read_request(RequestKind kind) {
  return port_.storage.size(Area::kRequests) >= kRequestAreaSize &&
         ok(port_.storage.read_into(Area::kRequests, request_offset(kind), request_)) && ok(check_request(request_, kind));
}

// Both of exactly the run that just ended, and a commanded reset.
bool PowerUp::arm_holds(const RequestCellWire& arm, std::uint32_t ended, ArmVoid& reason) {
  PermitCell cell;
  Permit permit;
  // SECURITY: without the therapy side's own cell an arm is nothing, so a compromised agent cannot start a trial.
  reason = ArmVoid::kNoPermit;
  if (port_.storage.size(Area::kPermit) < cell.size() || !ok(port_.storage.read_into(Area::kPermit, 0, cell)) ||
      !ok(decode_permit(cell, permit)))
    return false;
  reason = ArmVoid::kOtherBootCount;
  if (arm.boot_count.get() != ended) return false;
  reason = ArmVoid::kPermitOtherBootCount;
  if (permit.boot_count != ended) return false;
  reason = ArmVoid::kResetCause;
  return cause_allows_arm();
}

// Rule 1. The BOOT record uses the arm up, because the next boot_count is another one.
void PowerUp::begin_boot() {
  const std::uint32_t ended = state().boot_count;
  if (read_request(RequestKind::kArm)) {
    ArmVoid reason;
    armed_ = arm_holds(request(), ended, reason);
    armed_again_ = arm_holds(request(), ended, reason) && launder(port_.cause_doubt) == 0;
    if (!armed_) tell(EventCode::kArmVoid, static_cast<std::uint32_t>(reason));
  }
  Record boot(RecordTag::kBoot, kNoDigest);
  boot.value = ended + 1;
  boot.detail = static_cast<std::uint8_t>(port_.cause);
  boot.slot = static_cast<std::uint8_t>(port_.hardware.debug);  // for whoever reads the journal; the fold ignores it
  append(boot);
  tell(EventCode::kBoot, ended + 1);
  // PERMIT is cleared at every start, before anything runs.
  if (port_.storage.size(Area::kPermit) != 0 &&
      !ok(port_.storage.erase_durably(Area::kPermit, 0, port_.storage.size(Area::kPermit))))
    armed_ = false;
}

bool PowerUp::debug_port_matters(const HardwareReading& hardware) const {
  return hardware.debug == DebugPort::kOpen && (provisioning_.life_cycle == LifeCycle::kProduction ||
                                                hardware.fused_life_cycle == LifeCycle::kProduction);
}

Status PowerUp::run(Decision& out) {
  ASEPTIC_BOOT_TRY(load_device());
  open_journal();
  begin_boot();
  // SECURITY(T-49): an open debug port is judged by fuses, recorded in the BOOT record, and in the report.
  if (debug_port_matters(port_.hardware)) {
    tell(EventCode::kDebugOpen);
    if (port_.hardware.debug_policy != DebugPolicy::kDegraded) return Status::kDebugOpen;
    degrade(Status::kDebugOpen);
  }
  if (!degraded_) {
    close_trial();
    synced_hint_ = read_request(RequestKind::kSynced);
    // A floor record whose burn was cut off asks for the gate again: what is burnt comes from this boot's
    // images.
    if (state().floor_intent > store_.floor || (state().revoke_intent & ~store_.revoked) != 0)
      synced_hint_ = true;
    complete_generation();
    stage_request();
    maintain_recovery();
    maintain_floor();
  }
  return choose(out);
}

Status power_up(Port& port, Decision& out) {
  return PowerUp(port).run(out);
}

}  // namespace aseptic::boot
