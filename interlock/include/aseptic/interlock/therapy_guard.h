// SPDX-License-Identifier: Apache-2.0
// The therapy side of the interlock: one small state machine that decides whether therapy may start and
// whether the device may be reset (protocol section 4; SI-01..04, SI-08, SI-24).
//
// Called by: a therapy application, from one thread. It calls start() once at its own start, poll() at least
// every 100 ms, receive() for each packet of the agent, and begin_therapy() BEFORE it energises an output.
//
//   STARTING --start()--> CANCELLING --PERMIT cleared, durable, read back--> IDLE | IN_TRIAL | THERAPY
//   IDLE --HOLD_ASK, nothing blocks--> GRANTING --PERMIT durable, read back--> INHIBITED --RESET_ASK, checked
//   now--> reset GRANTING, INHIBITED --RELEASE | silence T | budget | something blocks | agent gone-->
//   CANCELLING IDLE <--begin_therapy()/end_therapy()--> THERAPY IN_TRIAL --RESET_ASK (confirm, revert) |
//   trial budget spent--> reset          (no other way out: therapy stays inhibited)
//
// Invariants:
//  * therapy is possible only in IDLE and THERAPY, which are reached only with PERMIT cleared on the medium;
//  * a reset is commanded only in INHIBITED (for this very hold, PERMIT on the medium, the application asked
//  in the same
//    call) or in IN_TRIAL; the check and the command are one call without a step in between;
//  * no input, local or remote, lifts a blocking state or skips a check. SECURITY(T-66): there is no such
//  message.
// Security: the link's peer is checked by uid by the application; even so, every message is treated as
// hostile. The object is a plain value without pointers: it may be copied and compared.
#pragma once

#include <cstdint>

#include "aseptic/interlock/limits.h"
#include "aseptic/interlock/message.h"
#include "aseptic/interlock/ports.h"

namespace aseptic::interlock {

enum class GuardState : std::uint32_t {
  kStarting = 0x2b4d96e8,
  kIdle = 0xd4b2690f,
  kGranting = 0x1e87a5b3,
  kInhibited = 0xe1785a64,
  kCancelling = 0x72c61fd5,
  kTherapy = 0x8d39e02a,
  kInTrial = 0x47f0b88c,
};

const char* name_of(GuardState state);

struct GuardConfig {
  std::uint32_t lease_valid_ms = kLeaseValidMsDefault;
  std::uint32_t silence_ms = kSilenceMsDefault;
  std::uint32_t hold_budget_ms = kHoldBudgetMsDefault;
  std::uint32_t trial_budget_ms = kTrialBudgetMsDefault;
  friend bool operator==(const GuardConfig&, const GuardConfig&) = default;
};

/// kBadConfig when a value is outside limits.h.
Status check(const GuardConfig& config);

class TherapyGuard {
 public:
  explicit TherapyGuard(const GuardConfig& config) : config_(config) {}

  /// Cancels any earlier hold first; therapy is impossible until that is durable and read back (poll() goes
  /// on).
  Status start(const GuardPorts& ports, const BootFacts& facts);

  /// One packet from the agent's socket.
  void receive(const GuardPorts& ports, Bytes frame);

  /// Time passed or storage went on.
  void poll(const GuardPorts& ports);

  /// The agent's connection closed: the hold is cancelled at once instead of after T.
  void agent_gone(const GuardPorts& ports);

  /// The only permission to energise an output. kTherapyInhibited: do not, and say "update in progress" or
  /// "trial".
  Status begin_therapy(const GuardPorts& ports);

  /// Outputs are off.
  Status end_therapy();

  GuardState state() const { return state_; }
  const BootFacts& facts() const { return facts_; }

  /// Why the last hold ended or was refused; for the device's screen and log.
  Status last_reason() const { return last_reason_; }

  friend bool operator==(const TherapyGuard&, const TherapyGuard&) = default;

 private:
  void answer_hold_ask(const GuardPorts& ports, const AgentMessage& ask);
  void answer_renew(const GuardPorts& ports, const AgentMessage& ask);
  void answer_reset_ask(const GuardPorts& ports, const AgentMessage& ask);
  void answer_release(const GuardPorts& ports, const AgentMessage& ask);
  void answer_self_test_ask(const GuardPorts& ports, const AgentMessage& ask);

  void grant(const GuardPorts& ports, const AgentMessage& ask, std::uint64_t now);
  void go_on_granting(const GuardPorts& ports);
  void begin_cancel(const GuardPorts& ports, Status reason);
  void go_on_cancelling(const GuardPorts& ports);
  void leave_cancelling(const GuardPorts& ports);
  void note_failed_hold(std::uint64_t now);

  Status ask_application(const GuardPorts& ports, std::uint32_t& blocking);
  Status check_hold_is_this(const AgentMessage& ask) const;
  Status check_challenge_just_answered(const AgentMessage& ask, std::uint64_t now) const;
  Status check_permit_on_medium(const GuardPorts& ports) const;
  Status last_check(const GuardPorts& ports, const AgentMessage& ask, std::uint32_t& blocking);
  Status check_budgets(std::uint64_t now) const;
  PermitCell permit_of_this_hold() const;

  bool spend_answer(std::uint64_t now);
  void send_lease(const GuardPorts& ports, const Nonce& nonce, LeaseState state);
  void refuse(const GuardPorts& ports, const Nonce& nonce, Status reason, std::uint32_t blocking = 0,
              std::uint32_t retry_after_ms = 0);

  GuardConfig config_;
  GuardState state_ = GuardState::kStarting;
  Status last_reason_ = Status::kSuccess;
  BootFacts facts_{};

  // The hold. Nonce zero = none.
  Nonce hold_{};
  TransactionId transaction_{};
  ManifestDigest manifest_{};
  Nonce answered_challenge_{};
  std::uint64_t answered_at_ms_ = 0;
  std::uint64_t heard_at_ms_ = 0;
  std::uint64_t hold_since_ms_ = 0;
  std::uint64_t started_at_ms_ = 0;

  std::uint64_t sequence_ = 0;
  std::uint64_t pause_until_ms_ = 0;
  std::uint64_t window_since_ms_ = 0;
  std::uint32_t answers_in_window_ = 0;
  std::uint32_t failed_holds_ = 0;
  std::uint32_t probe_challenge_ = 0;
  std::uint32_t clear_stored_ = 0;  // 1 while a store of the cleared cell waits for sync()
};

}  // namespace aseptic::interlock
