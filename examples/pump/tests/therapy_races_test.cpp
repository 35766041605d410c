// SPDX-License-Identifier: Apache-2.0
// Seeded races of the pump's own code: operator, patient, agent, storage and kills against the real Therapy
// (infusion, panel, guard) and the real HoldClient, one step at a time. ASEPTIC_SEED=<seed of a run> replays
// one run, ASEPTIC_RACES=<count> changes their number. Checked at every step: no reset while the motor runs
// or a patient is connected, no infusion while PERMIT is on the medium, no infusion in a trial.
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "aseptic/interlock/hold_client.h"
#include "pump/therapy/therapy.h"

namespace aseptic::pump {
namespace {

using interlock::GuardState;
using interlock::HoldKind;
using interlock::HoldStage;
using interlock::ResetPurpose;
using interlock::Status;

constexpr std::uint64_t kFirstSeed = 20261123;
constexpr std::uint64_t kRaces = 100'000;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint32_t below(std::uint32_t bound) {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return static_cast<std::uint32_t>((z ^ (z >> 31)) % bound);
  }

 private:
  std::uint64_t state_;
};

using Packet = std::vector<std::uint8_t>;

// What survives a kill of either side: medium, clock, sockets' queues, the marker.
struct Surroundings final : interlock::Clock,
                            interlock::LeaseSigner,
                            interlock::LeaseVerifier,
                            interlock::Entropy,
                            interlock::PermitStore,
                            interlock::ResetLine,
                            InfusionMarker {
  std::uint64_t boottime_ms() override { return now; }
  Status sign(interlock::Bytes region, interlock::Signature& out) override {
    std::uint64_t hash = 77;
    for (const std::uint8_t byte : region)
      hash = (hash ^ byte) * 1099511628211ULL;
    for (std::size_t i = 0; i < out.bytes.size(); ++i)
      out.bytes[i] = static_cast<std::uint8_t>(hash >> (8 * (i % 8)));
    return Status::kSuccess;
  }
  Status verify(interlock::Bytes region, const interlock::Signature& signature) override {
    interlock::Signature expected;
    return sign(region, expected) == Status::kSuccess && expected == signature ? Status::kSuccess
                                                                               : Status::kBadSignature;
  }
  Status fill(interlock::Nonce& out) override {
    ++nonces;
    for (std::size_t i = 0; i < 4; ++i)
      out.bytes[i] = static_cast<std::uint8_t>(nonces >> (8 * i));
    return Status::kSuccess;
  }
  Status store(const interlock::PermitCell& cell) override {
    cached = cell;
    return Status::kSuccess;
  }
  Status sync() override { return cached == medium ? Status::kSuccess : Status::kPending; }
  Status read(interlock::PermitCell& out) override {
    out = medium;
    return Status::kSuccess;
  }
  void command_reset(ResetPurpose) override { ++resets; }
  bool is_set() override { return marked; }
  bool set() override { return marked = true; }
  void clear() override { marked = false; }

  struct Queue final : interlock::Link {
    Status send(interlock::Bytes frame) override {
      packets.emplace_back(frame.begin(), frame.end());
      return Status::kSuccess;
    }
    std::deque<Packet> packets;
  };

  std::uint64_t now = 1000;
  std::uint32_t nonces = 0;
  interlock::PermitCell cached, medium;
  Queue to_agent, to_therapy;
  int resets = 0;
  bool marked = false;
};

enum class Fault : std::uint32_t {
  kKillAgent,
  kKillTherapy,
  kSlowStorage,
  kSilence,
  kConnect,
  kInfusion,
  kCount
};

struct Tally {
  std::size_t resets = 0;
  std::size_t infusions = 0;
  std::size_t refused = 0;
  std::size_t fired[static_cast<std::size_t>(Fault::kCount)] = {};
};

class Race {
 public:
  explicit Race(std::uint64_t seed, Tally& tally) : dice_(seed), tally_(tally) {
    fault_ = static_cast<Fault>(dice_.below(static_cast<std::uint32_t>(Fault::kCount)));
    fault_step_ = dice_.below(60);
    is_trial_ = dice_.below(4) == 0;
    start_therapy();
  }

  // Empty: fine. Else what was violated.
  std::string run() {
    bool fired = false;
    for (unsigned step = 0; step < 400 && around_.resets == 0; ++step) {
      if (step == fault_step_) {
        strike(step);
        fired = true;
      }
      if (std::string wrong = act(step); !wrong.empty()) return wrong;
    }
    // The fault must have struck, unless the reset that it raced against came first.
    if (!fired && around_.resets == 0) return "the fault did not fire";
    tally_.fired[static_cast<std::size_t>(fault_)] += fired;
    tally_.resets += static_cast<std::size_t>(around_.resets);
    return "";
  }

 private:
  interlock::HoldPorts ports() { return {around_, around_.to_therapy, around_, around_}; }

  void start_therapy() {
    therapy_ =
        std::make_unique<Therapy>(TherapyPorts{around_, around_.to_agent, around_, around_, around_, around_},
                                  interlock::GuardConfig{}, "race", 2000U);
    interlock::BootFacts facts;
    facts.device_id.bytes.fill(1);
    facts.boot_id.bytes.fill(2);
    facts.running.bytes.fill(3);
    facts.boot_count = 9;
    facts.run_kind = is_trial_ ? interlock::RunKind::kTrial : interlock::RunKind::kConfirmed;
    EXPECT_EQ(therapy_->start(facts), Status::kSuccess);
  }

  static interlock::HoldClient new_client() {
    interlock::HoldConfig config;
    config.device_id.bytes.fill(1);
    return interlock::HoldClient(config);
  }

  void strike(unsigned step) {
    switch (fault_) {
      case Fault::kKillAgent:
        client_ = new_client();
        around_.to_agent.packets.clear();
        hangup_ = true;
        return;
      case Fault::kKillTherapy:
        around_.to_therapy.packets.clear();
        return start_therapy();
      case Fault::kSlowStorage:
        slow_until_ = step + 100;
        return;
      case Fault::kSilence:
        around_.now += interlock::kSilenceMsDefault;
        return;
      case Fault::kConnect:
        therapy_->panel("connect");
        return;
      case Fault::kInfusion:
        press_start();
        return;
      case Fault::kCount:
        return;
    }
  }

  void press_start() {
    const bool done = therapy_->panel("start").ok;
    ++(done ? tally_.infusions : tally_.refused);
  }

  std::string act(unsigned step) {
    const int resets = around_.resets;
    const bool in_use_before = therapy_->infusion().state() != InfusionState::kIdle || is_connected();
    switch (dice_.below(16)) {
      case 0:
        press_start();
        break;
      case 1:
        therapy_->panel("stop");
        break;
      case 2:
        therapy_->panel(dice_.below(3) == 0 ? "connect" : "disconnect");
        break;
      case 3:
        therapy_->panel(dice_.below(4) == 0 ? "program" : "stop");
        break;
      case 4:
      case 5:
        therapy_->tick();
        break;
      case 6:
        around_.now += dice_.below(300);
        break;
      case 7:
      case 8:
        if (step >= slow_until_) around_.medium = around_.cached;
        break;
      case 9:
        if (hangup_) therapy_->agent_gone();
        hangup_ = false;
        break;
      case 10:
      case 11:
      case 12:
        if (!around_.to_therapy.packets.empty()) {
          const Packet packet = around_.to_therapy.packets.front();
          around_.to_therapy.packets.pop_front();
          therapy_->agent_packet(packet);
        }
        break;
      case 13:
        if (!around_.to_agent.packets.empty()) {
          const Packet packet = around_.to_agent.packets.front();
          around_.to_agent.packets.pop_front();
          static_cast<void>(client_.receive(ports(), packet));
        }
        client_.poll(ports());
        break;
      default:
        agent_duty();
        break;
    }
    if (around_.resets != resets && in_use_before && !is_trial_)
      return "a reset was commanded while the pump was in use";
    const bool infuses = therapy_->infusion().state() == InfusionState::kInfusing;
    if (infuses && around_.medium.state == interlock::PermitState::kGranted)
      return "an infusion runs with PERMIT on the medium";
    if (infuses && is_trial_) return "an infusion runs in a trial";
    if (infuses && around_.resets != 0) return "a reset was commanded under an infusion";
    return "";
  }

  bool is_connected() {
    return therapy_->panel("status").text.find("patient=connected") != std::string::npos;
  }

  void agent_duty() {
    const HoldKind kind = is_trial_ ? HoldKind::kTrial : HoldKind::kSwitch;
    switch (client_.stage()) {
      case HoldStage::kFree:
      case HoldStage::kLost: {
        around_.now += client_.retry_after_ms();
        interlock::HoldTerms terms;
        terms.kind = kind;
        terms.transaction.bytes.fill(4);
        terms.manifest.bytes.fill(is_trial_ ? 3 : 5);
        terms.boot_id.bytes.fill(2);
        static_cast<void>(client_.ask(ports(), terms));
        return;
      }
      case HoldStage::kHeld:
        static_cast<void>(client_.check_now(ports()));
        return;
      case HoldStage::kChecked:
        static_cast<void>(
            client_.ask_reset(ports(), is_trial_ ? ResetPurpose::kConfirm : ResetPurpose::kSwitch));
        return;
      default:
        return;
    }
  }

  Dice dice_;
  Tally& tally_;
  Surroundings around_;
  std::unique_ptr<Therapy> therapy_;
  interlock::HoldClient client_ = new_client();
  Fault fault_ = Fault::kKillAgent;
  unsigned fault_step_ = 0;
  unsigned slow_until_ = 0;
  bool is_trial_ = false;
  bool hangup_ = false;
};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

// Answers: SI-01, SI-02, SI-03, SI-15
TEST(TherapyRaces, NeverResetUnderUseNorInfuseUnderAPermit) {
  const std::uint64_t replay = from_environment("ASEPTIC_SEED", 0);
  const std::uint64_t first = replay != 0 ? replay : kFirstSeed;
  const std::uint64_t count = replay != 0 ? 1 : from_environment("ASEPTIC_RACES", kRaces);
  std::printf("seed=%llu, %llu races\n", static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(count));
  Tally tally;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const std::string wrong = Race(seed, tally).run();
    ASSERT_EQ(wrong, "") << "seed=" << seed << "; replay: ASEPTIC_SEED=" << seed;
  }
  std::printf("  %zu resets, %zu infusions started, %zu refused\n", tally.resets, tally.infusions,
              tally.refused);
  if (replay != 0) return;
  for (const std::size_t fired : tally.fired)
    EXPECT_GT(fired, count / 20);
  EXPECT_GT(tally.resets, count / 4);
  EXPECT_GT(tally.infusions, count / 4);
  EXPECT_GT(tally.refused, count / 4);
}

}  // namespace
}  // namespace aseptic::pump
