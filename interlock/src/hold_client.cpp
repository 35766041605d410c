// SPDX-License-Identifier: Apache-2.0
#include "aseptic/interlock/hold_client.h"

namespace aseptic::interlock {
namespace {

constexpr std::uint64_t elapsed(std::uint64_t since, std::uint64_t now) {
  return now >= since ? now - since : ~std::uint64_t{0};
}

constexpr bool within(std::uint32_t value, std::uint32_t lowest, std::uint32_t highest) {
  return value >= lowest && value <= highest;
}

}  // namespace

Status check(const HoldConfig& config) {
  const bool is_good = !is_zero(config.device_id) && within(config.renew_ms, kRenewMsMin, kRenewMsMax) &&
                       within(config.answer_timeout_ms, kRenewMsMin, kSilenceMsMax) &&
                       within(config.silence_ms, kSilenceMsMin, kSilenceMsMax);
  return is_good ? Status::kSuccess : Status::kBadConfig;
}

const char* name_of(HoldStage stage) {
  switch (stage) {
    case HoldStage::kFree:
      return "FREE";
    case HoldStage::kAsking:
      return "ASKING";
    case HoldStage::kHeld:
      return "HELD";
    case HoldStage::kChecking:
      return "CHECKING";
    case HoldStage::kChecked:
      return "CHECKED";
    case HoldStage::kResetAsked:
      return "RESET_ASKED";
    case HoldStage::kLost:
      return "LOST";
  }
  return "unknown";
}

Status HoldClient::ask(const HoldPorts& ports, const HoldTerms& terms) {
  if (stage_ != HoldStage::kFree && stage_ != HoldStage::kLost) return Status::kBadState;
  if (const Status s = check(config_); s != Status::kSuccess) return s;
  if (is_zero(terms.transaction) || is_zero(terms.manifest) || is_zero(terms.boot_id))
    return Status::kBadValue;
  Nonce nonce;
  if (ports.entropy.fill(nonce) != Status::kSuccess || is_zero(nonce)) return Status::kNoEntropy;
  release(ports);  // of a hold that was lost on this side only
  terms_ = terms;
  hold_ = nonce;
  challenge_ = nonce;
  self_test_ = SelfTestVerdict::kRunning;
  sequence_ = 0;
  lease_until_ms_ = 0;
  asked_at_ms_ = ports.clock.boottime_ms();
  heard_at_ms_ = asked_at_ms_;
  blocking_ = 0;
  retry_after_ms_ = 0;
  stage_ = HoldStage::kAsking;
  AgentMessage message;
  message.type = AgentMessageType::kHoldAsk;
  message.hold = hold_;
  message.transaction = terms_.transaction;
  message.manifest = terms_.manifest;
  if (ports.therapy.send(encode(message).view()) == Status::kSuccess) return Status::kSuccess;
  lose(Status::kTransport);
  return Status::kTransport;
}

Status HoldClient::receive(const HoldPorts& ports, Bytes frame) {
  TherapyMessage message;
  if (const Status s = parse(frame, message); s != Status::kSuccess) return s;
  if (stage_ == HoldStage::kFree || stage_ == HoldStage::kLost) return Status::kBadState;
  switch (message.type) {
    case TherapyMessageType::kLease:
      return accept_lease(ports, message);
    case TherapyMessageType::kSelfTest:
      return accept_self_test(ports, message);
    case TherapyMessageType::kRefused:
      return accept_refusal(ports, message.refusal);
  }
  return Status::kUnknownType;
}

void HoldClient::poll(const HoldPorts& ports) {
  if (stage_ == HoldStage::kFree || stage_ == HoldStage::kLost) return;
  const std::uint64_t now = ports.clock.boottime_ms();
  if (elapsed(heard_at_ms_, now) >= config_.silence_ms) {
    return lose(stage_ == HoldStage::kResetAsked ? Status::kResetFailed : Status::kSilence);
  }
  // An answer to the last check that was not used in time is no answer about now any more.
  if (stage_ == HoldStage::kChecked && now >= lease_until_ms_) stage_ = HoldStage::kHeld;
  if (stage_ == HoldStage::kChecking && elapsed(asked_at_ms_, now) >= config_.answer_timeout_ms) {
    stage_ = HoldStage::kHeld;
    last_reason_ = Status::kNoAnswer;
  }
  if (stage_ != HoldStage::kAsking && stage_ != HoldStage::kHeld) return;
  const std::uint32_t pause = is_zero(challenge_) ? config_.renew_ms : config_.answer_timeout_ms;
  if (elapsed(asked_at_ms_, now) < pause) return;
  if (const Status s = send_challenge(ports); s != Status::kSuccess) lose(s);
}

bool HoldClient::is_held(const HoldPorts& ports) const {
  const bool has_hold =
      stage_ == HoldStage::kHeld || stage_ == HoldStage::kChecking || stage_ == HoldStage::kChecked;
  return has_hold && ports.clock.boottime_ms() < lease_until_ms_;
}

Status HoldClient::check_now(const HoldPorts& ports) {
  if (stage_ != HoldStage::kHeld && stage_ != HoldStage::kChecked) return Status::kBadState;
  if (const Status s = send_challenge(ports); s != Status::kSuccess) {
    lose(s);
    return s;
  }
  stage_ = HoldStage::kChecking;
  return Status::kSuccess;
}

Status HoldClient::ask_reset(const HoldPorts& ports, ResetPurpose purpose) {
  if (stage_ != HoldStage::kChecked) return Status::kBadState;
  const bool fits = terms_.kind == HoldKind::kSwitch
                        ? purpose == ResetPurpose::kSwitch
                        : purpose == ResetPurpose::kConfirm || purpose == ResetPurpose::kRevert;
  if (!fits) return Status::kBadValue;
  if (!is_held(ports)) {
    stage_ = HoldStage::kHeld;
    return Status::kStaleLease;
  }
  AgentMessage message;
  message.type = AgentMessageType::kResetAsk;
  message.hold = hold_;
  message.challenge = checked_;
  message.transaction = terms_.transaction;
  message.manifest = terms_.manifest;
  message.purpose = purpose;
  stage_ = HoldStage::kResetAsked;
  if (ports.therapy.send(encode(message).view()) == Status::kSuccess) return Status::kSuccess;
  lose(Status::kTransport);
  return Status::kTransport;
}

Status HoldClient::ask_self_test(const HoldPorts& ports) {
  if (stage_ != HoldStage::kHeld || terms_.kind != HoldKind::kTrial) return Status::kBadState;
  if (ports.entropy.fill(self_test_challenge_) != Status::kSuccess || is_zero(self_test_challenge_)) {
    return Status::kNoEntropy;
  }
  self_test_ = SelfTestVerdict::kRunning;
  AgentMessage message;
  message.type = AgentMessageType::kSelfTestAsk;
  message.hold = hold_;
  message.challenge = self_test_challenge_;
  return ports.therapy.send(encode(message).view());
}

void HoldClient::release(const HoldPorts& ports) {
  if (!is_zero(hold_)) {
    AgentMessage message;
    message.type = AgentMessageType::kRelease;
    message.hold = hold_;
    // If it is lost, silence T ends the hold.
    static_cast<void>(ports.therapy.send(encode(message).view()));
  }
  hold_ = Nonce{};
  challenge_ = Nonce{};
  checked_ = Nonce{};
  self_test_challenge_ = Nonce{};
  lease_until_ms_ = 0;
  stage_ = HoldStage::kFree;
}

// ---- what is believed

Status HoldClient::accept_lease(const HoldPorts& ports, const TherapyMessage& message) {
  if (const Status s = check_lease(ports, message); s != Status::kSuccess) return last_reason_ = s;
  const Lease& lease = message.lease;
  sequence_ = lease.sequence;
  heard_at_ms_ = ports.clock.boottime_ms();
  lease_until_ms_ = asked_at_ms_ + lease.valid_ms;
  if (stage_ == HoldStage::kChecking) {
    checked_ = challenge_;
    stage_ = HoldStage::kChecked;
  }
  if (stage_ == HoldStage::kAsking) stage_ = HoldStage::kHeld;
  challenge_ = Nonce{};
  return Status::kSuccess;
}

Status HoldClient::check_lease(const HoldPorts& ports, const TherapyMessage& message) const {
  const Lease& lease = message.lease;
  // SECURITY(T-65): a lease is what lets the device be reset, so nothing in it is looked at before the
  // therapy key.
  const Bytes region = message.frame.view().subspan(kFrameHeaderSize, kLeaseRegionSize);
  if (ports.verifier.verify(region, message.signature) != Status::kSuccess) return Status::kBadSignature;
  if (lease.device_id != config_.device_id) return Status::kNotThisDevice;
  if (lease.boot_id != terms_.boot_id) return Status::kNotThisBoot;
  if (lease.transaction != terms_.transaction) return Status::kNotThisTransaction;
  if (lease.manifest != terms_.manifest) return Status::kNotThisManifest;
  const LeaseState expected =
      terms_.kind == HoldKind::kSwitch ? LeaseState::kInhibited : LeaseState::kInTrial;
  if (lease.state != expected) return Status::kNotInhibited;
  if (lease.sequence <= sequence_) return Status::kReplayedLease;
  if (is_zero(challenge_) || lease.nonce != challenge_) return Status::kStaleLease;
  // Counted from the question: the answer cannot have been made before it, however long it lay in a queue.
  const std::uint64_t now = ports.clock.boottime_ms();
  return elapsed(asked_at_ms_, now) < lease.valid_ms ? Status::kSuccess : Status::kStaleLease;
}

Status HoldClient::accept_self_test(const HoldPorts& ports, const TherapyMessage& message) {
  const SelfTestReport& report = message.self_test;
  const Bytes region = message.frame.view().subspan(kFrameHeaderSize, kSelfTestRegionSize);
  if (ports.verifier.verify(region, message.signature) != Status::kSuccess)
    return last_reason_ = Status::kBadSignature;
  if (report.device_id != config_.device_id) return last_reason_ = Status::kNotThisDevice;
  if (report.boot_id != terms_.boot_id) return last_reason_ = Status::kNotThisBoot;
  if (report.running != terms_.manifest) return last_reason_ = Status::kNotThisManifest;
  if (report.sequence <= sequence_) return last_reason_ = Status::kReplayedLease;
  if (is_zero(self_test_challenge_) || report.nonce != self_test_challenge_)
    return last_reason_ = Status::kStaleLease;
  sequence_ = report.sequence;
  heard_at_ms_ = ports.clock.boottime_ms();
  self_test_challenge_ = Nonce{};
  self_test_ = report.verdict;
  return Status::kSuccess;
}

Status HoldClient::accept_refusal(const HoldPorts& ports, const Refusal& refusal) {
  const bool is_for_question = !is_zero(challenge_) && refusal.nonce == challenge_;
  const bool is_for_reset = stage_ == HoldStage::kResetAsked && refusal.nonce == checked_;
  const bool is_for_self_test = !is_zero(self_test_challenge_) && refusal.nonce == self_test_challenge_;
  if (!is_for_question && !is_for_reset && !is_for_self_test) return Status::kStaleLease;
  blocking_ = refusal.blocking;
  retry_after_ms_ = refusal.retry_after_ms;
  last_reason_ = refusal.reason;
  const bool is_hold_question = is_for_question && refusal.nonce == hold_;
  const bool only_wait = !is_for_reset && !is_hold_question &&
                         (refusal.reason == Status::kPending || refusal.reason == Status::kTooOften);
  if (!only_wait) {
    lose(refusal.reason);
    return refusal.reason;
  }
  // Unsigned, so it proves nothing; it only keeps this side asking while storage on the other side is slow.
  if (is_for_self_test) {
    self_test_challenge_ = Nonce{};
  } else {
    challenge_ = Nonce{};
    if (stage_ == HoldStage::kAsking) heard_at_ms_ = ports.clock.boottime_ms();
    if (stage_ == HoldStage::kChecking) stage_ = HoldStage::kHeld;
  }
  return refusal.reason;
}

Status HoldClient::send_challenge(const HoldPorts& ports) {
  Nonce nonce;
  if (ports.entropy.fill(nonce) != Status::kSuccess || is_zero(nonce)) return Status::kNoEntropy;
  challenge_ = nonce;
  asked_at_ms_ = ports.clock.boottime_ms();
  AgentMessage message;
  message.type = AgentMessageType::kRenew;
  message.hold = hold_;
  message.challenge = challenge_;
  return ports.therapy.send(encode(message).view());
}

void HoldClient::lose(Status reason) {
  stage_ = HoldStage::kLost;
  last_reason_ = reason;
  lease_until_ms_ = 0;
  challenge_ = Nonce{};
  checked_ = Nonce{};
  self_test_challenge_ = Nonce{};
}

}  // namespace aseptic::interlock
