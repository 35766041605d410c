// SPDX-License-Identifier: Apache-2.0
// Connects interlock::HoldClient with the agent's clock, entropy, therapy key and link, and gives the state machine one
// word about the hold.
#pragma once

#include <chrono>
#include <string>

#include "aseptic/agent/therapy_link.h"
#include "aseptic/agent/transaction.h"
#include "aseptic/core/public_key.h"
#include "aseptic/interlock/hold_client.h"
#include "aseptic/platform/clock.h"
#include "aseptic/platform/entropy.h"

namespace aseptic::agent {

class HoldDriver {
 public:
  HoldDriver(TherapyLink& link, const core::PublicKey& therapy_key, platform::Clock& clock,
             platform::Entropy& entropy, interlock::DeviceId device);

  // Reads the packets that came and lets the client renew or notice silence. At least every 100 ms while held.
  void poll();

  void ask(const interlock::HoldTerms& terms);  // no-op while the therapy side asked for patience
  void check();
  void ask_reset(interlock::ResetPurpose purpose);
  void ask_self_test();
  void release();

  [[nodiscard]] Hold fact();
  [[nodiscard]] Verdict self_test() const;
  [[nodiscard]] bool is_active() const;          // poll soon
  [[nodiscard]] std::string why() const;         // last reason, for the log: "interlock.<name>"
  [[nodiscard]] bool is_connected() { return link_.connect(); }

 private:
  class Ports;
  interlock::HoldPorts ports();

  struct ClockPort final : interlock::Clock {
    explicit ClockPort(platform::Clock& source) : clock(source) {}
    std::uint64_t boottime_ms() override { return static_cast<std::uint64_t>(clock.since_boot().count()); }
    platform::Clock& clock;
  };
  struct LinkPort final : interlock::Link {
    explicit LinkPort(TherapyLink& target) : link(target) {}
    interlock::Status send(interlock::Bytes frame) override {
      return link.send(frame) ? interlock::Status::kSuccess : interlock::Status::kTransport;
    }
    TherapyLink& link;
  };
  struct VerifierPort final : interlock::LeaseVerifier {
    explicit VerifierPort(const core::PublicKey& therapy_key) : key(therapy_key) {}
    interlock::Status verify(interlock::Bytes region, const interlock::Signature& signature) override {
      return key.verify_raw(region, signature.bytes) ? interlock::Status::kSuccess : interlock::Status::kBadSignature;
    }
    core::PublicKey key;
  };
  struct EntropyPort final : interlock::Entropy {
    explicit EntropyPort(platform::Entropy& source) : entropy(source) {}
    interlock::Status fill(interlock::Nonce& out) override {
      entropy.fill(out.bytes);
      return interlock::Status::kSuccess;
    }
    platform::Entropy& entropy;
  };

  TherapyLink& link_;
  ClockPort clock_;
  LinkPort link_port_;
  VerifierPort verifier_;
  EntropyPort entropy_;
  interlock::HoldClient client_;
  std::uint64_t not_before_ms_ = 0;
  std::uint64_t self_test_asked_ms_ = 0;
  bool self_test_started_ = false;
};

}  // namespace aseptic::agent
