// SPDX-License-Identifier: Apache-2.0
// The agent's side of the interlock: asks for a hold, believes only signed, fresh leases about this very
// hold, keeps it, has it checked once more, asks for the reset, gives it back (protocol section 4).
//
// Called by: asepticd's apply process, from one thread: receive() for each packet, poll() at least every 100
// ms.
//
//   kFree --ask()--> kAsking --lease--> kHeld --check_now()--> kChecking --lease--> kChecked --ask_reset()-->
//   kResetAsked any --release()--> kFree        any --refusal, silence--> kLost (release() or a new ask()
//   leaves it)
//
// A switch: ask(kHeld) -> write REQ_STAGE and REQ_ARM, durable -> check_now() -> ask_reset(kSwitch). If
// anything fails: cancel the arm durably, then release(). In a trial: ask() with HoldKind::kTrial ->
// ask_self_test() -> REQ_CONFIRM or REQ_REVERT durable -> check_now() -> ask_reset(kConfirm or kRevert).
//
// Invariants: is_held() is true only within valid_ms, counted from the moment the *question* was asked;
// silence means not safe; a lease is believed only if the signature, nonce, device, transaction, manifest,
// boot id, state and sequence all fit. A lost hold is not found again: ask for a new one. The object is a
// plain value without pointers: it may be copied and compared.
#pragma once

#include <cstdint>

#include "aseptic/interlock/limits.h"
#include "aseptic/interlock/message.h"
#include "aseptic/interlock/ports.h"

namespace aseptic::interlock {

enum class HoldKind : std::uint32_t {
  kSwitch = 1,  // therapy must become INHIBITED
  kTrial = 2,   // this start is a trial: therapy has been inhibited since the start
};

struct HoldTerms {
  HoldKind kind = HoldKind::kSwitch;
  TransactionId transaction{};
  ManifestDigest manifest{};  // kSwitch: the image to be started; kTrial: the image that runs
  BootId boot_id{};           // from boot's mailbox report
  friend bool operator==(const HoldTerms&, const HoldTerms&) = default;
};

struct HoldConfig {
  DeviceId device_id{};
  std::uint32_t renew_ms = kRenewMsDefault;
  std::uint32_t answer_timeout_ms = kAnswerTimeoutMsDefault;
  std::uint32_t silence_ms = kSilenceMsDefault;  // no valid lease for so long: the hold is lost
  friend bool operator==(const HoldConfig&, const HoldConfig&) = default;
};

/// kBadConfig when a value is outside limits.h, or no device is named.
Status check(const HoldConfig& config);

enum class HoldStage : std::uint32_t {
  kFree = 0x31c6e5a9,
  kAsking = 0xce391a56,
  kHeld = 0x6d9a72f1,
  kChecking = 0x92658d0e,
  kChecked = 0x58e3b41c,
  kResetAsked = 0xa71c4be3,
  kLost = 0x0b75d82f,
};

const char* name_of(HoldStage stage);

class HoldClient {
 public:
  explicit HoldClient(const HoldConfig& config) : config_(config) {}

  /// Sends the question; the answer comes through receive(). Allowed in kFree and kLost. While the therapy
  /// side refuses (therapy runs), the stage becomes kLost: wait retry_after_ms() and ask again.
  Status ask(const HoldPorts& ports, const HoldTerms& terms);

  /// One packet from the therapy socket. kSuccess: it was believed and used. Anything else: ignored, or (a
  /// refusal of the question that is open) the hold is lost; the code says why.
  Status receive(const HoldPorts& ports, Bytes frame);

  /// Renews in time; notices silence.
  void poll(const HoldPorts& ports);

  /// Fresh signed statement, this moment, that therapy is impossible for this hold.
  bool is_held(const HoldPorts& ports) const;

  /// Starts the last check: a challenge to be answered now. Wait for stage kChecked.
  Status check_now(const HoldPorts& ports);

  /// Allowed only in kChecked while that answer is fresh. No answer comes: the device resets, or a refusal
  /// arrives.
  Status ask_reset(const HoldPorts& ports, ResetPurpose purpose);

  /// Trial only. Poll self_test() until it is not kRunning; ask again while it runs.
  Status ask_self_test(const HoldPorts& ports);
  SelfTestVerdict self_test() const { return self_test_; }

  /// Gives the hold back (idempotent). Cancel the arm first.
  void release(const HoldPorts& ports);

  HoldStage stage() const { return stage_; }
  Status last_reason() const { return last_reason_; }
  std::uint32_t blocking() const { return blocking_; }
  std::uint32_t retry_after_ms() const { return retry_after_ms_; }
  const Nonce& hold() const { return hold_; }

  friend bool operator==(const HoldClient&, const HoldClient&) = default;

 private:
  Status accept_lease(const HoldPorts& ports, const TherapyMessage& message);
  Status accept_self_test(const HoldPorts& ports, const TherapyMessage& message);
  Status accept_refusal(const HoldPorts& ports, const Refusal& refusal);
  Status check_lease(const HoldPorts& ports, const TherapyMessage& message) const;
  Status send_challenge(const HoldPorts& ports);
  void lose(Status reason);

  HoldConfig config_;
  HoldTerms terms_{};
  HoldStage stage_ = HoldStage::kFree;
  Status last_reason_ = Status::kSuccess;
  Nonce hold_{};
  Nonce challenge_{};  // the open question; zero = none
  Nonce checked_{};    // the challenge that the last check was answered with
  Nonce self_test_challenge_{};
  std::uint64_t asked_at_ms_ = 0;
  std::uint64_t lease_until_ms_ = 0;
  std::uint64_t heard_at_ms_ = 0;
  std::uint64_t sequence_ = 0;
  SelfTestVerdict self_test_ = SelfTestVerdict::kRunning;
  std::uint32_t blocking_ = 0;
  std::uint32_t retry_after_ms_ = 0;
  std::uint32_t padding_ = 0;
};

}  // namespace aseptic::interlock
