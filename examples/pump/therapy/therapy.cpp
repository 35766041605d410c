// SPDX-License-Identifier: Apache-2.0
#include "pump/therapy/therapy.h"

#include <charconv>
#include <utility>

namespace aseptic::pump {

using interlock::PatientSignal;
using interlock::Status;
using interlock::UseCondition;

Therapy::Therapy(const TherapyPorts& ports, const interlock::GuardConfig& config, std::string version,
                 unsigned steps_per_ml)
    : ports_(ports), guard_(config), version_(std::move(version)), steps_per_ml_(steps_per_ml) {}

interlock::GuardPorts Therapy::guard_ports() {
  return {ports_.clock, ports_.agent, ports_.signer, ports_.permit, *this, ports_.reset};
}

Status Therapy::start(const interlock::BootFacts& facts) {
  // An infusion that was cut off by a crash or a power cut is an alarm until somebody looked at it; the alarm
  // blocks updates as well (SI-02).
  if (ports_.marker.is_set()) infusion_.raise_alarm("infusion interrupted", ports_.clock.boottime_ms());
  return guard_.start(guard_ports(), facts);
}

void Therapy::tick() {
  infusion_.tick(ports_.clock.boottime_ms());
  const bool has_ended =
      guard_.state() == interlock::GuardState::kTherapy && infusion_.state() != InfusionState::kInfusing;
  if (has_ended) {
    ports_.marker.clear();
    static_cast<void>(guard_.end_therapy());
  }
  guard_.poll(guard_ports());
}

void Therapy::agent_packet(interlock::Bytes frame) {
  guard_.receive(guard_ports(), frame);
}

void Therapy::agent_gone() {
  guard_.agent_gone(guard_ports());
}

Status Therapy::answer(std::uint32_t challenge, interlock::UseReport& out) {
  infusion_.tick(ports_.clock.boottime_ms());
  out.challenge = challenge;
  out.conditions = 0;
  if (infusion_.state() == InfusionState::kInfusing) out.conditions |= bit(UseCondition::kTherapyActive);
  if (infusion_.state() == InfusionState::kAlarm) out.conditions |= bit(UseCondition::kAlarmActive);
  if (infusion_.state() == InfusionState::kProgramming)
    out.conditions |= bit(UseCondition::kProgrammingSession);
  out.patient_input_1 = clamp_;
  out.patient_input_2 = pressure_;
  return Status::kSuccess;
}

interlock::SelfTestVerdict Therapy::self_test() {
  return motor_self_test(steps_per_ml_) ? interlock::SelfTestVerdict::kPassed
                                        : interlock::SelfTestVerdict::kFailed;
}

PanelAnswer Therapy::panel(std::string_view command) {
  if (command == "status") return {true, false, status_line()};
  if (command == "start") return start_infusion();
  if (command == "stop") return stop_infusion();
  if (command == "connect" || command == "disconnect") {
    const bool connects = command == "connect";
    if (!connects && infusion_.state() == InfusionState::kInfusing) {
      return {false, false, "The infusion runs; stop it before the patient is disconnected."};
    }
    clamp_ = pressure_ = connects ? PatientSignal::kConnected : PatientSignal::kDisconnected;
    return {true, false, status_line()};
  }
  if (command == "program") {
    if (!infusion_.begin_programming()) return {false, false, "The pump is not idle; stop it first."};
    return {true, false, status_line()};
  }
  if (command.starts_with("program ")) return program(command.substr(8));
  if (command == "power-off") {
    if (infusion_.state() == InfusionState::kInfusing) {
      return {false, false, "The infusion runs; stop it before switching off."};
    }
    return {true, true, "Switching off."};
  }
  return {
      false, false,
      "Unknown command; use start, stop, status, connect, disconnect, program [RATE VOLUME] or power-off."};
}

PanelAnswer Therapy::start_infusion() {
  if (infusion_.state() != InfusionState::kIdle) {
    return {false, false,
            std::string("The pump is not idle but ") + name_of(infusion_.state()) + "; stop it first."};
  }
  const Status consent = guard_.begin_therapy(guard_ports());
  if (consent != Status::kSuccess) {
    return {false, false,
            std::string(describe(consent).sentence) + " (" + interlock::name_of(guard_.state()) + ")"};
  }
  if (!ports_.marker.set()) {
    static_cast<void>(guard_.end_therapy());
    return {false, false, "The infusion cannot be recorded; it was not started."};
  }
  static_cast<void>(infusion_.begin(ports_.clock.boottime_ms()));
  return {true, false, status_line()};
}

PanelAnswer Therapy::stop_infusion() {
  infusion_.stop(ports_.clock.boottime_ms());
  ports_.marker.clear();
  if (guard_.state() == interlock::GuardState::kTherapy) static_cast<void>(guard_.end_therapy());
  return {true, false, status_line()};
}

PanelAnswer Therapy::program(std::string_view values) {
  InfusionProgram wanted;
  const char* end = values.data() + values.size();
  const auto rate = std::from_chars(values.data(), end, wanted.rate_ml_per_h);
  const bool has_rate = rate.ec == std::errc{} && rate.ptr != end && *rate.ptr == ' ';
  const auto volume = has_rate ? std::from_chars(rate.ptr + 1, end, wanted.volume_ml) : rate;
  if (!has_rate || volume.ec != std::errc{} || volume.ptr != end) {
    return {false, false, "Give rate and volume as whole numbers: program ML_PER_HOUR ML."};
  }
  if (infusion_.state() == InfusionState::kIdle) static_cast<void>(infusion_.begin_programming());
  if (!infusion_.end_programming(wanted)) {
    return {false, false, "The pump is not idle, or the values are outside 1..1200 ml/h and 1..9999 ml."};
  }
  return {true, false, status_line()};
}

std::string Therapy::status_line() const {
  const interlock::BootFacts& facts = guard_.facts();
  const char* run = facts.run_kind == interlock::RunKind::kConfirmed  ? "confirmed"
                    : facts.run_kind == interlock::RunKind::kRecovery ? "recovery"
                                                                      : "trial";
  std::string line =
      std::string("version=") + version_ + " infusion=" + name_of(infusion_.state()) +
      " interlock=" + interlock::name_of(guard_.state()) + " run=" + run +
      " boot_count=" + std::to_string(facts.boot_count) + " patient=" +
      (clamp_ == PatientSignal::kDisconnected && pressure_ == PatientSignal::kDisconnected ? "disconnected"
                                                                                           : "connected") +
      " delivered_ul=" + std::to_string(infusion_.delivered_ul()) +
      " reason=" + describe(guard_.last_reason()).name;
  if (!infusion_.alarm().empty()) line += " alarm=\"" + infusion_.alarm() + "\"";
  return line;
}

}  // namespace aseptic::pump
