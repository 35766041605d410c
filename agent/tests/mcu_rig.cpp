// SPDX-License-Identifier: Apache-2.0
#include "mcu_rig.h"

#include <algorithm>

#include "aseptic/boot/core/boot.h"
#include "aseptic/boot/core/cell_store.h"
#include "aseptic/boot/cortex_m/p256.h"
#include "aseptic/boot/host/crypto.h"
#include "aseptic/boot/journal/record.h"
#include "aseptic/core/assert.h"
#include "aseptic/sim/boot_storage.h"
#include "boot_in_memory.h"
#include "therapy_ports.h"

namespace aseptic::agent::test {
namespace {

constexpr std::chrono::milliseconds kTrialMax{120'000};  // the boot stage's watchdog
constexpr boot::DebugPort kDebug = boot::DebugPort::kClosed;

class Sectors final : public boot::SectorMap {
 public:
  boot::AreaOffset sector_end(boot::Area, boot::AreaOffset offset) override { return (offset / 4096 + 1) * 4096; }
};

// The report's key, signed through the microcontroller's own arithmetic.
class ReportKey final : public boot::ReportSigner {
 public:
  bool sign(const boot::Digest& key, const boot::Digest& nonce, const boot::Digest& digest,
            std::span<std::uint8_t, boot::kP256SignatureSize> signature) override {
    return aseptic_p256_sign(key.data(), nonce.data(), digest.data(), signature.data()) == 1;
  }
  void publish(const boot::Digest& key, std::span<std::uint8_t, boot::kAliasKeySize> out) override {
    out[0] = static_cast<std::uint8_t>(2 * aseptic_p256_public_x(key.data(), out.data() + 1));
    boot::fill_bytes(out.last<32>(), 0);
  }
};

// Flash: what was programmed or erased is there when the call returns; only the operation in progress is torn. And a real reset
// does not return to the guard: nothing is written after it was commanded.
class StorageUntilReset final : public boot::Storage {
 public:
  StorageUntilReset(sim::World& world, const bool& commanded) : storage_(world), commanded_(commanded) {}
  boot::AreaOffset size(boot::Area area) override { return storage_.size(area); }
  boot::Status read(boot::Area area, boot::AreaOffset offset, boot::MutableBytes out) override { return storage_.read(area, offset, out); }
  boot::Status program(boot::Area area, boot::AreaOffset offset, boot::ByteView bytes) override {
    if (commanded_) return boot::Status::kIoError;
    ASEPTIC_BOOT_TRY(storage_.program(area, offset, bytes));
    return storage_.sync(area);
  }
  boot::Status erase(boot::Area area, boot::AreaOffset offset, boot::AreaOffset length) override {
    if (commanded_) return boot::Status::kIoError;
    ASEPTIC_BOOT_TRY(storage_.erase(area, offset, length));
    return storage_.sync(area);
  }
  boot::Status sync(boot::Area) override { return commanded_ ? boot::Status::kIoError : boot::Status::kOk; }
  std::uint8_t erased_value() const override { return storage_.erased_value(); }

 private:
  sim::BootStorage storage_;
  const bool& commanded_;
};

}  // namespace

struct SimMcu::PoweredOn {
  explicit PoweredOn(SimMcu& mcu, std::uint32_t steps_per_ml)
      : storage(mcu.world, reset.commanded), clock(mcu.world), signer(mcu.keys_), line(mcu),
        firmware({storage, sectors, hasher, clock, signer, reset, line}, steps_per_ml) {}

  RememberedReset reset;
  StorageUntilReset storage;
  Sectors sectors;
  boot::host::Sha256 hasher;
  GuardClock clock;
  TherapySigner signer;
  struct McuLine final : pump_mcu::Line {
    explicit McuLine(SimMcu& m) : mcu(m) {}
    void send(boot::ByteView bytes) override {
      if (!mcu.world.is_off() && !mcu.on_->reset.commanded) mcu.to_agent_.insert(mcu.to_agent_.end(), bytes.begin(), bytes.end());
    }
    SimMcu& mcu;
  } line;
  pump_mcu::Firmware firmware;
};

SimMcu::SimMcu(sim::World w, const Keys& keys, core::Digest bad_manifest)
    : world(std::move(w)), keys_(keys), bad_manifest_(bad_manifest) {}
SimMcu::~SimMcu() = default;

pump_mcu::Firmware& SimMcu::firmware() { return on_->firmware; }

bool SimMcu::can_infuse() const {
  if (!on_) return false;
  const interlock::GuardState state = on_->firmware.guard_state();
  return on_->firmware.is_pair_known() && (state == interlock::GuardState::kIdle || state == interlock::GuardState::kTherapy);
}

core::PublicKey SimMcu::boot_key() const {
  boot::host::Sha256 hasher;
  boot::Digest secret{};
  secret.fill(0x42);
  const std::uint8_t state[] = {static_cast<std::uint8_t>(kDebug), static_cast<std::uint8_t>(boot::LifeCycle::kDevelopment)};
  const boot::Digest scalar = boot::derive_report_key(hasher, secret, {}, state);
  std::array<std::uint8_t, 64> point{};
  ASEPTIC_ASSERT(aseptic_p256_public(scalar.data(), point.data()) == 1);
  return *core::PublicKey::from_p256_point(point);
}

void SimMcu::power_on(boot::ResetCause cause) {
  on_.reset();
  to_agent_.clear();
  sim::BootStorage storage(world);
  boot::CellStore store(storage);
  boot::host::Sha256 hasher;
  RememberingVerifier verifier;
  BufferMemory memory;
  NoEntropy entropy;
  NoEvents events;
  boot::Port port{storage, store, hasher, verifier, memory, entropy, events};
  ReportKey signer;
  port.cause = cause;
  port.hardware.debug = port.hardware_again.debug = kDebug;
  port.report_signer = &signer;
  boot::Decision decision;
  const boot::Status status = boot::power_up(port, decision);
  if (world.is_off()) return power_off();
  if (!boot::ok(status)) {
    failure = std::string("the microcontroller: ") + boot::describe(status).sentence;
    return;
  }
  world.advance(std::chrono::milliseconds(500));
  on_ = std::make_unique<PoweredOn>(*this, core::Digest{decision.image.manifest} == bad_manifest_ ? 2600 : 2000);
  started_ = world.since_boot();
  static_cast<void>(on_->firmware.start());
  report_ = on_->firmware.report();
  if (on_start) on_start();
  after_code_ran();
}

void SimMcu::power_off() {
  on_.reset();
  to_agent_.clear();
  world = world.reboot(world.io_count());
}

void SimMcu::after_code_ran() {
  if (!on_) return;
  if (world.is_off()) return power_off();
  if (on_->reset.commanded) return power_on(boot::ResetCause::kCommanded);
  const bool in_trial = report_.run_kind == boot::RunKind::kTrial || report_.run_kind == boot::RunKind::kForcedTrial;
  if (in_trial && world.since_boot() > started_ + kTrialMax) power_on(boot::ResetCause::kWatchdog);
}

void SimMcu::pass(std::chrono::milliseconds time) {
  world.advance(time);
  if (!on_) return;
  on_->firmware.poll();
  after_code_ran();
}

bool SimMcu::send(core::ByteView bytes) {
  if (line_is_dead) return true;
  for (const std::uint8_t byte : bytes) {
    if (!on_ || on_->reset.commanded || world.is_off()) break;
    on_->firmware.byte_from_agent(byte);
  }
  after_code_ran();
  return true;
}

std::size_t SimMcu::receive(core::ByteSpan out, std::chrono::milliseconds patience) {
  for (auto left = patience; to_agent_.empty() && left.count() > 0;) {
    const auto slice = std::min(left, std::chrono::milliseconds(100));
    pass_time(slice);
    left -= slice;
  }
  if (line_is_dead) to_agent_.clear();
  const std::size_t count = std::min(out.size(), to_agent_.size());
  std::copy_n(to_agent_.begin(), count, out.begin());
  to_agent_.erase(to_agent_.begin(), to_agent_.begin() + static_cast<std::ptrdiff_t>(count));
  return count;
}

}  // namespace aseptic::agent::test
