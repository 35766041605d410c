// SPDX-License-Identifier: Apache-2.0
#include "aseptic/interlock/therapy_guard.h"

namespace aseptic::interlock {
namespace {

constexpr bool within(std::uint32_t value, std::uint32_t lowest, std::uint32_t highest) {
  return value >= lowest && value <= highest;
}

// The compiler would merge two evaluations of the last check into one; a glitch would then need to hit only
// once. After this line it must assume that everything in memory changed, and evaluates again.
inline void forget_what_you_know() {
  asm volatile("" ::: "memory");
}

// Clock contract: boottime never goes back. If a port breaks it, "a long time ago" is the safe reading.
constexpr std::uint64_t elapsed(std::uint64_t since, std::uint64_t now) {
  return now >= since ? now - since : ~std::uint64_t{0};
}

}  // namespace

const char* name_of(GuardState state) {
  switch (state) {
    case GuardState::kStarting:
      return "STARTING";
    case GuardState::kIdle:
      return "IDLE";
    case GuardState::kGranting:
      return "GRANTING";
    case GuardState::kInhibited:
      return "INHIBITED";
    case GuardState::kCancelling:
      return "CANCELLING";
    case GuardState::kTherapy:
      return "THERAPY";
    case GuardState::kInTrial:
      return "IN_TRIAL";
  }
  return "unknown";
}

Status check(const GuardConfig& config) {
  const bool is_good = within(config.lease_valid_ms, kLeaseValidMsMin, kLeaseValidMsMax) &&
                       within(config.silence_ms, kSilenceMsMin, kSilenceMsMax) &&
                       within(config.hold_budget_ms, kHoldBudgetMsMin, kHoldBudgetMsMax) &&
                       within(config.trial_budget_ms, kTrialBudgetMsMin, kTrialBudgetMsMax);
  return is_good ? Status::kSuccess : Status::kBadConfig;
}

// ---- start, time, local requests

Status TherapyGuard::start(const GuardPorts& ports, const BootFacts& facts) {
  if (state_ != GuardState::kStarting) return Status::kBadState;
  if (const Status s = check(config_); s != Status::kSuccess) return last_reason_ = s;
  if (facts.boot_count == 0 || is_zero(facts.boot_id) || is_zero(facts.device_id) || is_zero(facts.running)) {
    return last_reason_ = Status::kBadValue;
  }
  facts_ = facts;
  started_at_ms_ = ports.clock.boottime_ms();
  state_ = GuardState::kCancelling;
  clear_stored_ = 0;
  go_on_cancelling(ports);
  return Status::kSuccess;
}

void TherapyGuard::poll(const GuardPorts& ports) {
  const std::uint64_t now = ports.clock.boottime_ms();
  if (state_ == GuardState::kCancelling) return go_on_cancelling(ports);
  if (state_ == GuardState::kInTrial && elapsed(started_at_ms_, now) >= config_.trial_budget_ms) {
    // SI-08: nobody came to close the trial. Therapy was never enabled in this start, so a reset harms
    // nobody, and boot takes a trial without REQ_CONFIRM as failed.
    last_reason_ = Status::kBudgetSpent;
    return ports.reset.command_reset(ResetPurpose::kRevert);
  }
  if (state_ != GuardState::kGranting && state_ != GuardState::kInhibited) return;
  if (const Status s = check_budgets(now); s != Status::kSuccess) return begin_cancel(ports, s);
  std::uint32_t blocking = 0;
  if (const Status s = ask_application(ports, blocking); s != Status::kSuccess) return begin_cancel(ports, s);
  if (state_ == GuardState::kGranting) go_on_granting(ports);
}

void TherapyGuard::agent_gone(const GuardPorts& ports) {
  if (state_ == GuardState::kGranting || state_ == GuardState::kInhibited)
    begin_cancel(ports, Status::kSilence);
  if (state_ == GuardState::kInTrial) hold_ = Nonce{};
}

Status TherapyGuard::begin_therapy(const GuardPorts&) {
  const bool may_treat = facts_.run_kind == RunKind::kConfirmed || facts_.run_kind == RunKind::kRecovery;
  if (state_ != GuardState::kIdle || !may_treat) return Status::kTherapyInhibited;
  state_ = GuardState::kTherapy;
  return Status::kSuccess;
}

Status TherapyGuard::end_therapy() {
  if (state_ != GuardState::kTherapy) return Status::kBadState;
  state_ = GuardState::kIdle;
  return Status::kSuccess;
}

// ---- messages

void TherapyGuard::receive(const GuardPorts& ports, Bytes frame) {
  poll(ports);  // a message that comes too late must not revive a hold whose silence or budget is over
  AgentMessage ask;
  if (const Status s = parse(frame, ask); s != Status::kSuccess) {
    last_reason_ = s;
    return;
  }
  switch (ask.type) {
    case AgentMessageType::kHoldAsk:
      return answer_hold_ask(ports, ask);
    case AgentMessageType::kRenew:
      return answer_renew(ports, ask);
    case AgentMessageType::kResetAsk:
      return answer_reset_ask(ports, ask);
    case AgentMessageType::kRelease:
      return answer_release(ports, ask);
    case AgentMessageType::kSelfTestAsk:
      return answer_self_test_ask(ports, ask);
  }
}

void TherapyGuard::answer_hold_ask(const GuardPorts& ports, const AgentMessage& ask) {
  const std::uint64_t now = ports.clock.boottime_ms();
  if (state_ == GuardState::kInTrial) {
    if (ask.manifest != facts_.running) return refuse(ports, ask.hold, Status::kNotThisManifest);
    if (!spend_answer(now)) return refuse(ports, ask.hold, Status::kTooOften, 0, kAnswerWindowMs);
    hold_ = ask.hold;
    transaction_ = ask.transaction;
    manifest_ = ask.manifest;
    answered_challenge_ = Nonce{};
    return send_lease(ports, ask.hold, LeaseState::kInTrial);
  }
  if (state_ == GuardState::kGranting || state_ == GuardState::kInhibited) {
    return refuse(ports, ask.hold, Status::kHeldByOther, 0, config_.silence_ms);
  }
  if (state_ != GuardState::kIdle && state_ != GuardState::kTherapy) {
    return refuse(ports, ask.hold, Status::kBadState, 0, kPauseMsFirst);
  }
  if (now < pause_until_ms_) {
    // SECURITY(T-65): a storm of holds gets pauses that double, not the device.
    const auto pause = static_cast<std::uint32_t>(pause_until_ms_ - now);
    return refuse(ports, ask.hold, Status::kTooOften, 0, pause);
  }
  std::uint32_t blocking = 0;
  Status verdict = ask_application(ports, blocking);
  if (state_ == GuardState::kTherapy) {
    // SECURITY(T-66): the guard's own knowledge counts even if the application's report forgot the therapy.
    verdict = Status::kTherapyBlocked;
    blocking |= bit(UseCondition::kTherapyActive);
  }
  if (verdict != Status::kSuccess) return refuse(ports, ask.hold, verdict, blocking, kPauseMsFirst);
  last_reason_ = Status::kSuccess;  // the reason of an earlier refusal is not this hold's
  grant(ports, ask, now);
}

void TherapyGuard::answer_renew(const GuardPorts& ports, const AgentMessage& ask) {
  if (ask.hold != hold_) return refuse(ports, ask.challenge, Status::kNotThisHold);
  const std::uint64_t now = ports.clock.boottime_ms();
  if (state_ == GuardState::kGranting) {
    heard_at_ms_ = now;
    return refuse(ports, ask.challenge, Status::kPending, 0, kRenewMsDefault);
  }
  if (state_ != GuardState::kInhibited && state_ != GuardState::kInTrial) {
    return refuse(ports, ask.challenge, Status::kNotThisHold);
  }
  heard_at_ms_ = now;
  if (!spend_answer(now)) return refuse(ports, ask.challenge, Status::kTooOften, 0, kAnswerWindowMs);
  answered_challenge_ = ask.challenge;
  answered_at_ms_ = now;
  send_lease(ports, ask.challenge,
             state_ == GuardState::kInhibited ? LeaseState::kInhibited : LeaseState::kInTrial);
}

void TherapyGuard::answer_reset_ask(const GuardPorts& ports, const AgentMessage& ask) {
  // The critical section of protocol section 4: nothing between the check and the command gives way to
  // anything else.
  std::uint32_t blocking = 0;
  Status verdict = last_check(ports, ask, blocking);
  if (verdict == Status::kSuccess) {
    forget_what_you_know();
    verdict = last_check(ports, ask, blocking);
  }
  if (verdict == Status::kSuccess) {
    ports.reset.command_reset(ask.purpose);
    verdict = Status::kResetFailed;  // on a device nobody gets here
  }
  answered_challenge_ = Nonce{};  // one answer serves one attempt
  refuse(ports, ask.challenge, verdict, blocking);
  const bool hold_is_spoilt = verdict == Status::kTherapyBlocked || verdict == Status::kNoAnswer ||
                              verdict == Status::kNoPermit || verdict == Status::kStorage ||
                              verdict == Status::kResetFailed;
  if (state_ == GuardState::kInhibited && hold_is_spoilt) begin_cancel(ports, verdict);
}

void TherapyGuard::answer_release(const GuardPorts& ports, const AgentMessage& ask) {
  if (ask.hold != hold_) return;
  if (state_ == GuardState::kGranting || state_ == GuardState::kInhibited)
    begin_cancel(ports, Status::kSuccess);
  if (state_ == GuardState::kInTrial) hold_ = Nonce{};
}

void TherapyGuard::answer_self_test_ask(const GuardPorts& ports, const AgentMessage& ask) {
  if (state_ != GuardState::kInTrial) return refuse(ports, ask.challenge, Status::kNotInTrial);
  if (ask.hold != hold_) return refuse(ports, ask.challenge, Status::kNotThisHold);
  if (!spend_answer(ports.clock.boottime_ms())) {
    return refuse(ports, ask.challenge, Status::kTooOften, 0, kAnswerWindowMs);
  }
  SelfTestReport report;
  report.nonce = ask.challenge;
  report.device_id = facts_.device_id;
  report.running = facts_.running;
  report.boot_id = facts_.boot_id;
  report.sequence = ++sequence_;
  report.verdict = ports.probe.self_test();
  Signature signature;
  if (ports.signer.sign(self_test_region(report), signature) != Status::kSuccess) {
    return refuse(ports, ask.challenge, Status::kSigner);
  }
  if (ports.agent.send(encode(report, signature).view()) != Status::kSuccess)
    last_reason_ = Status::kTransport;
}

// ---- the hold

void TherapyGuard::grant(const GuardPorts& ports, const AgentMessage& ask, std::uint64_t now) {
  state_ = GuardState::kGranting;  // from here on begin_therapy() refuses
  hold_ = ask.hold;
  transaction_ = ask.transaction;
  manifest_ = ask.manifest;
  answered_challenge_ = Nonce{};
  heard_at_ms_ = now;
  hold_since_ms_ = now;
  if (ports.permit.store(permit_of_this_hold()) != Status::kSuccess)
    return begin_cancel(ports, Status::kStorage);
  go_on_granting(ports);
}

void TherapyGuard::go_on_granting(const GuardPorts& ports) {
  const Status synced = ports.permit.sync();
  if (synced == Status::kPending) return;
  if (synced != Status::kSuccess) return begin_cancel(ports, Status::kStorage);
  // DURABILITY: INHIBITED is acknowledged only for what the medium itself shows.
  if (const Status s = check_permit_on_medium(ports); s != Status::kSuccess) return begin_cancel(ports, s);
  state_ = GuardState::kInhibited;
  send_lease(ports, hold_, LeaseState::kInhibited);
}

void TherapyGuard::begin_cancel(const GuardPorts& ports, Status reason) {
  state_ = GuardState::kCancelling;
  last_reason_ = reason;
  hold_ = Nonce{};
  transaction_ = TransactionId{};
  manifest_ = ManifestDigest{};
  answered_challenge_ = Nonce{};
  clear_stored_ = 0;
  note_failed_hold(ports.clock.boottime_ms());
  go_on_cancelling(ports);
}

void TherapyGuard::go_on_cancelling(const GuardPorts& ports) {
  if (clear_stored_ == 0) {
    if (ports.permit.store(PermitCell{}) != Status::kSuccess) {
      last_reason_ = Status::kStorage;
      return;
    }
    clear_stored_ = 1;
  }
  const Status synced = ports.permit.sync();
  if (synced == Status::kPending) return;
  clear_stored_ = 0;  // whatever follows but success: store it once more at the next poll
  PermitCell on_medium;
  if (synced != Status::kSuccess || ports.permit.read(on_medium) != Status::kSuccess ||
      on_medium.state != PermitState::kCleared) {
    last_reason_ = Status::kStorage;
    return;
  }
  leave_cancelling(ports);
}

void TherapyGuard::leave_cancelling(const GuardPorts& ports) {
  const bool may_treat = facts_.run_kind == RunKind::kConfirmed || facts_.run_kind == RunKind::kRecovery;
  if (!may_treat) {
    state_ = GuardState::kInTrial;
    return;
  }
  // A therapy application that was restarted in the middle of a therapy goes on with it.
  UseReport report;
  const std::uint32_t challenge = ++probe_challenge_;
  const bool answered =
      ports.probe.answer(challenge, report) == Status::kSuccess && report.challenge == challenge;
  const bool treats = answered && (report.conditions & bit(UseCondition::kTherapyActive)) != 0;
  state_ = treats ? GuardState::kTherapy : GuardState::kIdle;
}

void TherapyGuard::note_failed_hold(std::uint64_t now) {
  if (now > pause_until_ms_ + kPauseForgetMs) failed_holds_ = 0;
  std::uint32_t pause = kPauseMsFirst;
  for (std::uint32_t i = 0; i < failed_holds_ && pause < kPauseMsMax; ++i)
    pause *= 2;
  pause_until_ms_ = now + (pause < kPauseMsMax ? pause : kPauseMsMax);
  if (failed_holds_ < 32) ++failed_holds_;
}

// ---- checks

Status TherapyGuard::ask_application(const GuardPorts& ports, std::uint32_t& blocking) {
  UseReport report;
  const std::uint32_t challenge = ++probe_challenge_;
  if (ports.probe.answer(challenge, report) != Status::kSuccess || report.challenge != challenge) {
    return Status::kNoAnswer;
  }
  blocking = blocking_conditions(report);
  return blocking == 0 ? Status::kSuccess : Status::kTherapyBlocked;
}

Status TherapyGuard::check_hold_is_this(const AgentMessage& ask) const {
  if (is_zero(hold_) || ask.hold != hold_) return Status::kNotThisHold;
  if (ask.transaction != transaction_) return Status::kNotThisTransaction;
  return ask.manifest == manifest_ ? Status::kSuccess : Status::kNotThisManifest;
}

Status TherapyGuard::check_challenge_just_answered(const AgentMessage& ask, std::uint64_t now) const {
  if (is_zero(answered_challenge_) || ask.challenge != answered_challenge_) return Status::kStaleLease;
  return elapsed(answered_at_ms_, now) <= config_.lease_valid_ms ? Status::kSuccess : Status::kStaleLease;
}

Status TherapyGuard::check_permit_on_medium(const GuardPorts& ports) const {
  PermitCell on_medium;
  if (ports.permit.read(on_medium) != Status::kSuccess) return Status::kStorage;
  return on_medium == permit_of_this_hold() ? Status::kSuccess : Status::kNoPermit;
}

Status TherapyGuard::check_budgets(std::uint64_t now) const {
  if (elapsed(heard_at_ms_, now) >= config_.silence_ms) return Status::kSilence;
  return elapsed(hold_since_ms_, now) >= config_.hold_budget_ms ? Status::kBudgetSpent : Status::kSuccess;
}

Status TherapyGuard::last_check(const GuardPorts& ports, const AgentMessage& ask, std::uint32_t& blocking) {
  const std::uint64_t now = ports.clock.boottime_ms();
  const bool is_switch = ask.purpose == ResetPurpose::kSwitch;
  if (is_switch && state_ != GuardState::kInhibited) return Status::kNotInhibited;
  if (!is_switch && state_ != GuardState::kInTrial) return Status::kNotInTrial;
  if (const Status s = check_hold_is_this(ask); s != Status::kSuccess) return s;
  if (const Status s = check_challenge_just_answered(ask, now); s != Status::kSuccess) return s;
  const Status use = ask_application(ports, blocking);
  if (is_switch) {
    // SECURITY(T-66): asked now, in this call; a lease that is merely unexpired is not enough.
    if (use != Status::kSuccess) return use;
    return check_permit_on_medium(ports);
  }
  // In a trial therapy is impossible. A patient who was connected meanwhile is better served by the reset
  // that ends the trial than by a device that stays out of service, so only an active therapy (a
  // contradiction) blocks it.
  if (use == Status::kNoAnswer) return use;
  blocking &= bit(UseCondition::kTherapyActive);
  return blocking == 0 ? Status::kSuccess : Status::kTherapyBlocked;
}

PermitCell TherapyGuard::permit_of_this_hold() const {
  return PermitCell{PermitState::kGranted, facts_.boot_count, hold_};
}

// ---- answers

bool TherapyGuard::spend_answer(std::uint64_t now) {
  if (elapsed(window_since_ms_, now) >= kAnswerWindowMs) {
    window_since_ms_ = now;
    answers_in_window_ = 0;
  }
  if (answers_in_window_ >= kAnswersPerWindowMax) return false;
  ++answers_in_window_;
  return true;
}

void TherapyGuard::send_lease(const GuardPorts& ports, const Nonce& nonce, LeaseState state) {
  Lease lease;
  lease.nonce = nonce;
  lease.device_id = facts_.device_id;
  lease.transaction = transaction_;
  lease.manifest = manifest_;
  lease.boot_id = facts_.boot_id;
  lease.sequence = ++sequence_;
  lease.state = state;
  lease.valid_ms = config_.lease_valid_ms;
  Signature signature;
  if (ports.signer.sign(lease_region(lease), signature) != Status::kSuccess) {
    return refuse(ports, nonce, Status::kSigner);
  }
  if (ports.agent.send(encode(lease, signature).view()) != Status::kSuccess)
    last_reason_ = Status::kTransport;
}

void TherapyGuard::refuse(const GuardPorts& ports, const Nonce& nonce, Status reason, std::uint32_t blocking,
                          std::uint32_t retry_after_ms) {
  last_reason_ = reason;
  Refusal refusal;
  refusal.nonce = nonce;
  refusal.reason = reason;
  refusal.blocking = blocking;
  refusal.retry_after_ms = retry_after_ms;
  // A refusal that is lost is silence, and silence means "not safe" to the agent.
  static_cast<void>(ports.agent.send(encode(refusal).view()));
}

}  // namespace aseptic::interlock
