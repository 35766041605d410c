// SPDX-License-Identifier: Apache-2.0
#include "aseptic/pump_mcu/firmware.h"

namespace aseptic::pump_mcu {
namespace {

using boot::Area;
using boot::ByteView;
using boot::MutableBytes;
using boot::Status;
using component::Frame;
using component::FrameType;
using component::kDone;

constexpr char kBootIdDomain[] = "aseptic-boot-id-v1";

std::uint32_t value_of(Status status) { return boot::ok(status) ? kDone : static_cast<std::uint32_t>(status); }
std::uint32_t value_of(interlock::Status status) { return static_cast<std::uint32_t>(status); }

bool is_bare(const Frame& frame) { return frame.data.empty(); }

interlock::RunKind run_kind_of(boot::RunKind kind) {
  if (kind == boot::RunKind::kConfirmed) return interlock::RunKind::kConfirmed;
  return kind == boot::RunKind::kRecovery ? interlock::RunKind::kRecovery : interlock::RunKind::kTrial;
}

}  // namespace

Firmware::Firmware(const FirmwarePorts& ports, std::uint32_t steps_per_ml)
    : ports_(ports), steps_per_ml_(steps_per_ml), permit_(ports.storage), installer_(ports.storage, ports.hasher, ports.sectors) {}

Status Firmware::start() {
  ASEPTIC_BOOT_TRY(ports_.storage.read(Area::kMailbox, 0, report_bytes_));
  ASEPTIC_BOOT_TRY(boot::decode_boot_report(report_bytes_, report_));
  has_report_ = true;
  interlock::BootFacts facts;
  facts.device_id.bytes = report_.device_id;
  const boot::Digest id = boot::hash_of(ports_.hasher, boot::domain(kBootIdDomain), report_bytes_);
  boot::copy_bytes(facts.boot_id.bytes, id);
  facts.running.bytes = report_.running_manifest;
  facts.boot_count = report_.boot_count;
  facts.run_kind = run_kind_of(report_.run_kind);
  // A guard that cannot start stays in STARTING, where therapy is impossible; poll() goes on.
  static_cast<void>(guard_.start(guard_ports(), facts));
  return Status::kOk;
}

void Firmware::poll() {
  if (!has_report_) return;
  motor_.tick(ports_.clock.boottime_ms());
  if (guard_.state() == interlock::GuardState::kTherapy && motor_.state() != MotorState::kInfusing)
    static_cast<void>(guard_.end_therapy());
  guard_.poll(guard_ports());
}

// SI-17: an image without a set runs alone; another one only beside a main component of its own set.
bool Firmware::is_pair_known() const {
  return boot::is_zero(report_.running_set) || (has_peer_ && boot::equal(peer_, report_.running_set));
}

bool Firmware::press(Button button) {
  if (button == Button::kStop) {
    motor_.stop();
    if (guard_.state() == interlock::GuardState::kTherapy) static_cast<void>(guard_.end_therapy());
    return true;
  }
  if (!has_report_ || motor_.state() != MotorState::kIdle || !is_pair_known()) return false;
  if (guard_.begin_therapy(guard_ports()) != interlock::Status::kSuccess) return false;
  return motor_.begin(ports_.clock.boottime_ms());
}

interlock::Status Firmware::answer(std::uint32_t challenge, interlock::UseReport& out) {
  motor_.tick(ports_.clock.boottime_ms());
  out.challenge = challenge;
  out.conditions = 0;
  if (motor_.state() == MotorState::kInfusing) out.conditions |= bit(interlock::UseCondition::kTherapyActive);
  if (motor_.state() == MotorState::kAlarm) out.conditions |= bit(interlock::UseCondition::kAlarmActive);
  // Two independent inputs (SI-24); this board has no patient line, so both are its (simulated) clamp switches.
  out.patient_input_1 = interlock::PatientSignal::kDisconnected;
  out.patient_input_2 = interlock::PatientSignal::kDisconnected;
  return interlock::Status::kSuccess;
}

interlock::SelfTestVerdict Firmware::self_test() {
  return motor_self_test(steps_per_ml_) ? interlock::SelfTestVerdict::kPassed : interlock::SelfTestVerdict::kFailed;
}

interlock::Status Firmware::send(interlock::Bytes frame) {
  component::FrameBytes bytes;
  const std::size_t size = component::encode_frame({FrameType::kInterlock, true, 0, kDone, frame}, bytes);
  ports_.line.send(ByteView(bytes).first(size));
  return interlock::Status::kSuccess;
}

void Firmware::byte_from_agent(std::uint8_t byte) {
  Frame frame;
  if (!has_report_ || !reader_.push(byte, frame) || frame.is_answer) return;
  if (frame.type == FrameType::kInterlock) return guard_.receive(guard_ports(), frame.data);
  obey(frame);
}

void Firmware::obey(const Frame& frame) {
  if (frame.number == 0) return;
  if (frame.number != last_number_) {
    answer_size_ = 0;
    const std::uint32_t value = act(frame);
    last_number_ = frame.number;
    last_size_ = component::encode_frame(
        {frame.type, true, frame.number, value, ByteView(answer_data_).first(answer_size_)}, last_answer_);
  }
  ports_.line.send(ByteView(last_answer_).first(last_size_));
}

std::uint32_t Firmware::act(const Frame& frame) {
  // Flash stalls this processor, which must step the motor in time: nothing is written while it runs.
  const bool writes = frame.type != FrameType::kStatus && frame.type != FrameType::kPeer;
  if (writes && motor_.state() == MotorState::kInfusing) return value_of(interlock::Status::kTherapyBlocked);
  switch (frame.type) {
    case FrameType::kStatus: give_status(); return kDone;
    case FrameType::kBegin: return begin(frame);
    case FrameType::kData: return add(frame);
    case FrameType::kFinish: return is_bare(frame) ? finish() : value_of(Status::kOutOfRange);
    case FrameType::kArm: return arm(frame);
    case FrameType::kConfirm: return confirm();
    case FrameType::kRevert: return revert();
    case FrameType::kSync: return sync();
    case FrameType::kPeer: return name_peer(frame);
    case FrameType::kChallenge: return challenge(frame);
    case FrameType::kInterlock: break;
  }
  return value_of(Status::kOutOfRange);
}

boot::SlotId Firmware::other_slot() const {
  return report_.place == boot::ImagePlace::kSlotA ? boot::SlotId::kB : boot::SlotId::kA;
}
Area Firmware::other_area() const { return other_slot() == boot::SlotId::kA ? Area::kSlotA : Area::kSlotB; }

boot::Digest Firmware::measure_other_slot() {
  std::array<std::uint8_t, boot::kManifestRegionSize> region{};
  if (!boot::ok(ports_.storage.read(other_area(), 0, region))) return {};
  const boot::Digest manifest = boot::manifest_digest(ports_.hasher, region);
  const Status whole = boot::verify_slot(ports_.storage, ports_.hasher, other_area(), manifest, boot::SlotExtent::kWholeSlot);
  return boot::ok(whole) ? manifest : boot::Digest{};
}

void Firmware::give_status() {
  if (!held_is_known_) held_ = measure_other_slot();
  held_is_known_ = true;
  component::StatusWire status{};
  boot::copy_bytes(status.report, report_bytes_);
  status.next_offset.set(boot::is_zero(receiving_) ? 0 : installer_.next_offset());
  status.guard.set(static_cast<std::uint32_t>(guard_.state()));
  status.infusion.set(static_cast<std::uint32_t>(motor_.state()));
  status.held = held_;
  status.receiving = receiving_;
  status.peer = peer_;
  boot::copy_bytes(answer_data_, boot::bytes_of(status));
  answer_size_ = sizeof status;
}

void Firmware::give_offset(std::uint64_t offset) {
  boot::Le64 wire{};
  wire.set(offset);
  boot::copy_bytes(answer_data_, wire.raw);
  answer_size_ = sizeof wire;
}

std::uint32_t Firmware::begin(const Frame& frame) {
  if (frame.data.size() != boot::kManifestRegionSize || frame.value == 0 || frame.value > boot::kAttemptMax)
    return value_of(Status::kOutOfRange);
  held_is_known_ = false;
  is_syncing_ = false;
  receiving_ = {};
  const auto region = frame.data.first<boot::kManifestRegionSize>();
  const Status begun = installer_.begin(report_, other_slot(), static_cast<std::uint16_t>(frame.value), region);
  if (!boot::ok(begun)) return value_of(begun);
  receiving_ = boot::manifest_digest(ports_.hasher, region);
  give_offset(installer_.next_offset());
  return kDone;
}

std::uint32_t Firmware::add(const Frame& frame) {
  if (boot::is_zero(receiving_)) return value_of(Status::kWrongOrder);
  const Status written = installer_.write(frame.value, frame.data);
  give_offset(installer_.next_offset());
  return value_of(written);
}

std::uint32_t Firmware::finish() {
  if (boot::is_zero(receiving_)) return value_of(Status::kWrongOrder);
  const Status whole = installer_.finish();
  if (boot::ok(whole)) boot::copy_digest(held_, receiving_);
  held_is_known_ = boot::ok(whole);
  receiving_ = {};
  return value_of(whole);
}

// SECURITY(T-66): boot would void the arm anyway without the guard's PERMIT; here it is not even written.
// SECURITY(T-34): what is announced to boot has just been read back once more.
std::uint32_t Firmware::arm(const Frame& frame) {
  if (frame.data.size() != sizeof(component::ArmWire) || frame.value == 0 || frame.value > boot::kAttemptMax)
    return value_of(Status::kOutOfRange);
  if (guard_.state() != interlock::GuardState::kInhibited) return value_of(interlock::Status::kNotInhibited);
  component::ArmWire wanted{};
  boot::copy_bytes(boot::mutable_bytes_of(wanted), frame.data);
  held_ = measure_other_slot();
  held_is_known_ = true;
  if (boot::is_zero(held_) || !boot::equal(held_, wanted.manifest)) return value_of(Status::kNotFound);
  boot::Request stage;
  stage.kind = boot::RequestKind::kStage;
  stage.slot = other_slot();
  stage.attempt = static_cast<std::uint16_t>(frame.value);
  stage.manifest = wanted.manifest;
  stage.set = wanted.set;
  boot::RequestWriter writer(ports_.storage, report_.boot_count);
  const Status staged = writer.write(stage);
  return value_of(boot::ok(staged) ? writer.arm() : staged);
}

// RC-02: a trial that does not pass its own test does not confirm itself, whatever it is asked.
std::uint32_t Firmware::confirm() {
  if (guard_.state() != interlock::GuardState::kInTrial) return value_of(interlock::Status::kNotInTrial);
  if (self_test() != interlock::SelfTestVerdict::kPassed) return value_of(interlock::Status::kBadState);
  return value_of(boot::RequestWriter(ports_.storage, report_.boot_count).confirm(report_.token));
}

std::uint32_t Firmware::revert() {
  if (guard_.state() != interlock::GuardState::kInTrial) return value_of(interlock::Status::kNotInTrial);
  return value_of(boot::RequestWriter(ports_.storage, report_.boot_count).revert());
}

// A piece at a time: the guard and the motor are served in between.
std::uint32_t Firmware::sync() {
  constexpr int kPagesAtOnce = 32;
  if (!is_syncing_) {
    if (report_.synced) return kDone;
    if (held_is_known_ && boot::equal(held_, report_.confirmed_manifest)) {
      boot::Request hint;
      hint.kind = boot::RequestKind::kSynced;
      return value_of(boot::RequestWriter(ports_.storage, report_.boot_count).write(hint));
    }
    receiving_ = {};
    held_is_known_ = false;
    const Status begun = installer_.begin_copy(report_, other_slot());
    if (!boot::ok(begun)) return value_of(begun);
    is_syncing_ = true;
  }
  for (int i = 0; i < kPagesAtOnce && !installer_.is_complete(); ++i) {
    const Status copied = installer_.copy_next();
    if (!boot::ok(copied)) return is_syncing_ = false, value_of(copied);
  }
  give_offset(installer_.next_offset());
  if (!installer_.is_complete()) return value_of(interlock::Status::kPending);
  is_syncing_ = false;
  Status done = installer_.finish();
  if (boot::ok(done)) {
    boot::copy_digest(held_, report_.confirmed_manifest);
    held_is_known_ = true;
    done = installer_.synced();
  }
  return value_of(done);
}

std::uint32_t Firmware::name_peer(const Frame& frame) {
  if (frame.data.size() != boot::kDigestSize) return value_of(Status::kOutOfRange);
  // While the motor runs nothing else may be said: who wants to change the set must see that therapy runs (SI-01).
  if (motor_.state() == MotorState::kInfusing && !boot::equal(frame.data, peer_)) return value_of(interlock::Status::kTherapyBlocked);
  boot::copy_bytes(peer_, frame.data);
  has_peer_ = true;
  return kDone;
}

std::uint32_t Firmware::challenge(const Frame& frame) {
  if (frame.data.size() != boot::kDigestSize) return value_of(Status::kOutOfRange);
  boot::Digest wanted{};
  boot::copy_bytes(wanted, frame.data);
  return value_of(boot::RequestWriter(ports_.storage, report_.boot_count).challenge(wanted, {}, 0));
}

}  // namespace aseptic::pump_mcu
