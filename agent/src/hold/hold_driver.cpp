// SPDX-License-Identifier: Apache-2.0
#include "hold/hold_driver.h"

#include <algorithm>

namespace aseptic::agent {
namespace {

using interlock::HoldStage;

constexpr std::uint64_t kAskPauseMs = 200;        // between questions after a refusal that names no pause
constexpr std::uint64_t kSelfTestPauseMs = 500;   // the therapy side spends a signature on each answer

}  // namespace

HoldDriver::HoldDriver(TherapyLink& link, const core::PublicKey& therapy_key, platform::Clock& clock,
                       platform::Entropy& entropy, interlock::DeviceId device)
    : link_(link), clock_(clock), link_port_(link), verifier_(therapy_key), entropy_(entropy),
      client_(interlock::HoldConfig{.device_id = device}) {}

interlock::HoldPorts HoldDriver::ports() { return {clock_, link_port_, verifier_, entropy_}; }

void HoldDriver::poll() {
  while (auto packet = link_.receive()) static_cast<void>(client_.receive(ports(), *packet));
  const HoldStage before = client_.stage();
  client_.poll(ports());
  if (client_.stage() == HoldStage::kLost && not_before_ms_ == 0) {
    not_before_ms_ = clock_.boottime_ms() + std::max<std::uint64_t>(client_.retry_after_ms(), kAskPauseMs);
  }
  if (before != HoldStage::kLost && client_.stage() == HoldStage::kLost) self_test_started_ = false;
}

void HoldDriver::ask(const interlock::HoldTerms& terms) {
  if (clock_.boottime_ms() < not_before_ms_ || !link_.connect()) return;
  not_before_ms_ = 0;
  self_test_started_ = false;
  static_cast<void>(client_.ask(ports(), terms));
}

void HoldDriver::check() { static_cast<void>(client_.check_now(ports())); }

void HoldDriver::ask_reset(interlock::ResetPurpose purpose) { static_cast<void>(client_.ask_reset(ports(), purpose)); }

void HoldDriver::ask_self_test() {
  const std::uint64_t now = clock_.boottime_ms();
  if (client_.stage() != HoldStage::kHeld) return;
  if (self_test_started_ && now - self_test_asked_ms_ < kSelfTestPauseMs) return;
  self_test_started_ = true;
  self_test_asked_ms_ = now;
  static_cast<void>(client_.ask_self_test(ports()));
}

void HoldDriver::release() {
  client_.release(ports());
  self_test_started_ = false;
}

Hold HoldDriver::fact() {
  switch (client_.stage()) {
    case HoldStage::kFree:
    case HoldStage::kLost: return Hold::kNone;
    case HoldStage::kHeld: return client_.is_held(ports()) ? Hold::kHeld : Hold::kAsked;
    case HoldStage::kChecked: return Hold::kChecked;
    case HoldStage::kResetAsked: return Hold::kResetAsked;
    case HoldStage::kAsking:
    case HoldStage::kChecking: return Hold::kAsked;
  }
  return Hold::kNone;
}

Verdict HoldDriver::self_test() const {
  if (!self_test_started_) return Verdict::kNone;
  switch (client_.self_test()) {
    case interlock::SelfTestVerdict::kPassed: return Verdict::kPassed;
    case interlock::SelfTestVerdict::kFailed: return Verdict::kFailed;
    case interlock::SelfTestVerdict::kRunning: return Verdict::kNone;
  }
  return Verdict::kFailed;
}

bool HoldDriver::is_active() const {
  return client_.stage() != HoldStage::kFree && client_.stage() != HoldStage::kLost;
}

std::string HoldDriver::why() const { return std::string("interlock.") + interlock::describe(client_.last_reason()).name; }

}  // namespace aseptic::agent
