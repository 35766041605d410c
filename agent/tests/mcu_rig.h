// SPDX-License-Identifier: Apache-2.0
// The second component in process: the real boot over its own simulated disk, the real firmware of examples/pump-mcu, and the
// line between it and the agent. Power-ups, resets and power cuts are calls.
#pragma once

#include <deque>
#include <memory>

#include "aseptic/agent/component_line.h"
#include "device_rig.h"
#include "aseptic/pump_mcu/firmware.h"

namespace aseptic::agent::test {

class SimMcu final : public ComponentLine {
 public:
  SimMcu(sim::World world, const Keys& keys, core::Digest bad_manifest = {});
  ~SimMcu() override;
  SimMcu(const SimMcu&) = delete;
  SimMcu& operator=(const SimMcu&) = delete;

  sim::World world;

  void power_on(boot::ResetCause cause = boot::ResetCause::kPowerOn);
  void power_off();  // at any moment; what was not durable is lost
  [[nodiscard]] bool is_on() const { return on_ != nullptr; }
  [[nodiscard]] const boot::BootReport& report() const { return report_; }  // of the last start
  [[nodiscard]] pump_mcu::Firmware& firmware();
  // The motor could be started now, or runs.
  [[nodiscard]] bool can_infuse() const;
  [[nodiscard]] core::PublicKey boot_key() const;
  // From its next start on the image fails its self-test, as hardware that breaks.
  void image_fails(const core::Digest& manifest) { bad_manifest_ = manifest; }
  std::function<void()> on_start;   // after each
  bool line_is_dead = false;        // the device lives, and nobody hears it
  std::string failure;  // a start that ran nothing, or not what is signed

  // The time of the world outside: whoever waits for the line lets it pass.
  std::function<void(std::chrono::milliseconds)> pass_time;
  void pass(std::chrono::milliseconds time);  // for this device

  bool send(core::ByteView bytes) override;
  std::size_t receive(core::ByteSpan out, std::chrono::milliseconds patience) override;

 private:
  struct PoweredOn;
  void after_code_ran();

  const Keys& keys_;
  core::Digest bad_manifest_;
  std::unique_ptr<PoweredOn> on_;
  boot::BootReport report_;
  std::deque<std::uint8_t> to_agent_;
  std::chrono::milliseconds started_{0};
};

}  // namespace aseptic::agent::test
