// SPDX-License-Identifier: Apache-2.0
// Ports of a guard in the simulated world, the same for the pump's therapy application (device_rig) and for the
// microcontroller's (mcu_rig): clock, the therapy key, a reset that is only remembered.
#pragma once
#include "aseptic/interlock/ports.h"
#include "aseptic/sim/world.h"
#include "device_rig.h"

namespace aseptic::agent::test {

class GuardClock final : public interlock::Clock {
 public:
  explicit GuardClock(sim::World& world) : world_(world) {}
  std::uint64_t boottime_ms() override { return static_cast<std::uint64_t>(world_.since_boot().count()); }

 private:
  sim::World& world_;
};

class TherapySigner final : public interlock::LeaseSigner {
 public:
  explicit TherapySigner(const Keys& keys) : keys_(keys) {}
  interlock::Status sign(interlock::Bytes region, interlock::Signature& out) override {
    out.bytes = keys_.therapy.sign_raw(region);
    return interlock::Status::kSuccess;
  }

 private:
  const Keys& keys_;
};

struct RememberedReset final : interlock::ResetLine {
  void command_reset(interlock::ResetPurpose) override { commanded = true; }
  bool commanded = false;
};

}  // namespace aseptic::agent::test
