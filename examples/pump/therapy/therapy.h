// SPDX-License-Identifier: Apache-2.0
// The therapy process without its sockets: infusion, patient sensors, operator panel and the interlock's
// guard. Called by: therapy_process.cpp (real device), the tests (scripted device). One thread. Invariant:
// Infusion::begin() is reached only through TherapyGuard::begin_therapy().
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "aseptic/interlock/therapy_guard.h"
#include "pump/therapy/infusion.h"

namespace aseptic::pump {

/// A marker that survives the process: an infusion that was cut short must not look as if it never happened.
class InfusionMarker {
 public:
  virtual ~InfusionMarker() = default;
  virtual bool is_set() = 0;
  virtual bool set() = 0;  // durable before the motor moves
  virtual void clear() = 0;
};

struct TherapyPorts {
  interlock::Clock& clock;
  interlock::Link& agent;
  interlock::LeaseSigner& signer;
  interlock::PermitStore& permit;
  interlock::ResetLine& reset;
  InfusionMarker& marker;
};

struct PanelAnswer {
  bool ok = false;
  bool power_off = false;
  std::string text;  // one line of key=value, or one sentence
};

class Therapy final : private interlock::TherapyProbe {
 public:
  Therapy(const TherapyPorts& ports, const interlock::GuardConfig& config, std::string version,
          unsigned steps_per_ml);

  interlock::Status start(const interlock::BootFacts& facts);
  void tick();
  void agent_packet(interlock::Bytes frame);
  void agent_gone();

  /// One command of the operator: start, stop, status, connect, disconnect, program RATE VOLUME, power-off.
  PanelAnswer panel(std::string_view command);

  const interlock::TherapyGuard& guard() const { return guard_; }
  const Infusion& infusion() const { return infusion_; }

 private:
  interlock::Status answer(std::uint32_t challenge, interlock::UseReport& out) override;
  interlock::SelfTestVerdict self_test() override;

  interlock::GuardPorts guard_ports();
  PanelAnswer start_infusion();
  PanelAnswer stop_infusion();
  PanelAnswer program(std::string_view values);
  std::string status_line() const;

  TherapyPorts ports_;
  interlock::TherapyGuard guard_;
  Infusion infusion_;
  std::string version_;
  unsigned steps_per_ml_;
  // Two independent inputs (SI-24): the clamp at the line and the pressure of the line.
  interlock::PatientSignal clamp_ = interlock::PatientSignal::kDisconnected;
  interlock::PatientSignal pressure_ = interlock::PatientSignal::kDisconnected;
};

}  // namespace aseptic::pump
