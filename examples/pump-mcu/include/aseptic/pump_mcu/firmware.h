// SPDX-License-Identifier: Apache-2.0
// The firmware of the pump's microcontroller without its board: motor, interlock guard, installer, the line to the agent.
// Called by: board/an505.cpp on the emulated board (EMULATED), the agent's tests in process. One thread.
//
// An update: the agent's frames fill the slot that does not run (kBegin, kData, kFinish), also while nothing else happens to
// this device; the switch needs the guard (kArm only while INHIBITED), and the reset is commanded by the guard alone. A trial
// confirms itself only after its own self-test. Format: docs/formats/component_link.md.
//
// SECURITY: every frame is hostile. None can start the motor, lift a blocking state, or reset the device outside a hold.
// INVARIANT: the motor runs only when the guard consents and, for an image that belongs to a set, when the main component
// was named in this start with the same set digest (an unknown pair infuses nothing).
#pragma once

#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/installer/installer.h"
#include "aseptic/component/frame.h"
#include "aseptic/interlock/therapy_guard.h"
#include "aseptic/pump_mcu/motor.h"
#include "aseptic/pump_mcu/permit_cell.h"

namespace aseptic::pump_mcu {

// Bytes to the agent; all of them, or the line is broken and nothing matters.
class Line {
 public:
  virtual void send(boot::ByteView bytes) = 0;

 protected:
  ~Line() = default;
};

struct FirmwarePorts {
  boot::Storage& storage;
  boot::SectorMap& sectors;
  boot::Hasher& hasher;
  interlock::Clock& clock;
  interlock::LeaseSigner& signer;
  interlock::ResetLine& reset;
  Line& line;
};

enum class Button : std::uint8_t { kStart, kStop };

class Firmware final : private interlock::TherapyProbe, private interlock::Link {
 public:
  Firmware(const FirmwarePorts& ports, std::uint32_t steps_per_ml);

  // Reads boot's report. kOk when there is one; without it the motor stays off for good.
  boot::Status start();
  void byte_from_agent(std::uint8_t byte);
  void poll();  // at least every 100 ms
  // False: not now. The reason is the guard's, or the pair's.
  bool press(Button button);

  const Motor& motor() const { return motor_; }
  const boot::BootReport& report() const { return report_; }
  interlock::GuardState guard_state() const { return guard_.state(); }
  bool is_pair_known() const;

 private:
  interlock::Status answer(std::uint32_t challenge, interlock::UseReport& out) override;
  interlock::SelfTestVerdict self_test() override;
  interlock::Status send(interlock::Bytes frame) override;

  interlock::GuardPorts guard_ports() { return {ports_.clock, *this, ports_.signer, permit_, *this, ports_.reset}; }
  boot::SlotId other_slot() const;
  boot::Area other_area() const;
  boot::Digest measure_other_slot();

  void obey(const component::Frame& frame);
  std::uint32_t act(const component::Frame& frame);
  void give_status();
  std::uint32_t begin(const component::Frame& frame);
  std::uint32_t add(const component::Frame& frame);
  std::uint32_t finish();
  std::uint32_t arm(const component::Frame& frame);
  std::uint32_t confirm();
  std::uint32_t revert();
  std::uint32_t sync();
  std::uint32_t name_peer(const component::Frame& frame);
  std::uint32_t challenge(const component::Frame& frame);
  void give_offset(std::uint64_t offset);

  FirmwarePorts ports_;
  std::uint32_t steps_per_ml_;
  PermitCell permit_;
  boot::Installer installer_;
  interlock::TherapyGuard guard_{interlock::GuardConfig{}};
  Motor motor_;
  component::FrameReader reader_;
  std::array<std::uint8_t, boot::kBootReportSize> report_bytes_{};
  boot::BootReport report_{};
  bool has_report_ = false;
  boot::Digest held_{};        // what the other slot holds, as measured in this start
  bool held_is_known_ = false;
  boot::Digest receiving_{};
  bool is_syncing_ = false;
  boot::Digest peer_{};
  bool has_peer_ = false;

  // The last question and its answer: a question that comes twice is not acted on twice.
  std::uint32_t last_number_ = 0;  // 0: none yet
  component::FrameBytes last_answer_{};
  std::size_t last_size_ = 0;
  std::array<std::uint8_t, component::kDataMax> answer_data_{};
  std::size_t answer_size_ = 0;
};

}  // namespace aseptic::pump_mcu
