// SPDX-License-Identifier: Apache-2.0
// boot_states: every reachable state of the model, and the real boot core in each of them.
//
// For each configuration the model is explored breadth first; its properties must hold. In every state in
// which a power-up begins, the same state is built on a medium (journal, store, slots, recovery, requests),
// the real `power_up` runs on it, and what boots and what it leaves behind must be what the model says. For a
// part of these states the power is cut at every operation of the real power-up: what is then on the medium
// must be one of the model's intermediate states, so that a cut can only repeat a step.
#include <gtest/gtest.h>

#include <cstdio>
#include <set>
#include <vector>

#include "model/boot_model.h"
#include "model/explorer.h"
#include "world.h"

namespace aseptic::boot::testing {

bool operator==(const ModelJournal& a, const ModelJournal& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

namespace {

constexpr std::uint32_t kBootCount = 100;

ResetCause real_cause(Cause cause) {
  return cause == Cause::kPowerOn     ? ResetCause::kPowerOn
         : cause == Cause::kCommanded ? ResetCause::kCommanded
                                      : ResetCause::kWatchdog;
}

// What both sides can be compared by.
struct Durable {
  std::uint8_t slot_a, slot_b, recovery, gen, floor, revoked, nv_conf, nv_quarantine;
  ModelJournal j;
  bool operator==(const Durable&) const = default;
};
static_assert(sizeof(Durable) == 18);


Durable durable_of(const ModelState& s) {
  return {s.slot[0], s.slot[1], s.recovery, s.gen, s.floor, s.revoked, s.nv_conf, s.nv_quarantine, s.j};
}

std::string text_of(const Durable& d) {
  char text[200];
  std::snprintf(text, sizeof text,
                "slots %d %d rec %d | store gen %d floor %d revoked %d conf %d quar %d | journal gen %d conf "
                "%d prev %d "
                "staged %d trial %d int %d quar %d fi %d ri %d synced %d",
                d.slot_a, d.slot_b, d.recovery, d.gen, d.floor, d.revoked, d.nv_conf, d.nv_quarantine,
                d.j.gen, d.j.conf, d.j.prev, d.j.staged, d.j.trial, d.j.interrupted, d.j.quarantine,
                d.j.floor_intent, d.j.revoke_intent, d.j.synced);
  return text;
}

// The real boot, put into any state of the model.
class RealBoot {
 public:
  explicit RealBoot(const ModelConfig& config) : world_(world_config(config)) {
    world_.provision({1, 1, 1});
    images_[0].assign(static_cast<std::size_t>(kSmallSlot), 0);
    digests_[0] = {};
    for (std::uint8_t k = 1; k <= 3; ++k) {
      const Release& r = config.releases[k];
      images_[k] = world_.image({k, r.epoch, r.key, r.revokes});
      digests_[k] = world_.digest_of(images_[k]);
      infos_[k] = {digests_[k], {}, k, r.epoch, 0};
    }
  }

  void enter(const ModelState& s) {
    world_.storage.bytes(Area::kSlotA) = images_[s.slot[0]];
    world_.storage.bytes(Area::kSlotB) = images_[s.slot[1]];
    if (world_.config.recovery) world_.storage.bytes(Area::kRecovery) = images_[s.recovery];
    enter_store(s);
    enter_journal(s);
    enter_requests(s);
    // The policy delay is over or not as the model says.
    world_.provisioning.policy_delay_boots = s.delay_over != 0 ? 0 : 1000;
    encode_provisioning(world_.provisioning,
                        MutableBytes(world_.storage.bytes(Area::kProvisioning)).first<kProvisioningSize>());
  }
  Status boot(Cause cause) { return world_.boot(real_cause(cause)); }

  Durable durable() {
    const JournalState j = world_.journal();
    const MonotonicState m = world_.monotonic();
    Durable d{};
    d.slot_a = release_in(Area::kSlotA);
    d.slot_b = release_in(Area::kSlotB);
    d.recovery = world_.config.recovery ? release_in(Area::kRecovery) : 0;
    d.gen = static_cast<std::uint8_t>(m.generation);
    d.floor = static_cast<std::uint8_t>(m.floor);
    d.revoked = static_cast<std::uint8_t>(m.revoked);
    d.nv_conf = number_of(m.confirmed);
    d.nv_quarantine = mask_of(m.quarantine, m.quarantine_count);
    d.j.gen = static_cast<std::uint8_t>(j.generation);
    d.j.conf = number_of(j.confirmed.manifest);
    d.j.prev = number_of(j.previous.manifest);
    d.j.staged = number_of(j.staged.manifest);
    d.j.trial = j.trial_open ? d.j.staged : 0;
    d.j.interrupted = static_cast<std::uint8_t>(j.interrupted);
    d.j.quarantine = mask_of(j.quarantine, j.quarantine_count);
    d.j.floor_intent = static_cast<std::uint8_t>(j.floor_intent);
    d.j.revoke_intent = static_cast<std::uint8_t>(j.revoke_intent);
    d.j.synced = j.synced ? 1 : 0;
    return d;
  }
  World& world() { return world_; }
  std::uint8_t number_of(const Digest& digest) const {
    for (std::uint8_t k = 0; k <= 3; ++k)
      if (digests_[k] == digest) return k;
    return 99;
  }

 private:
  static constexpr std::uint64_t kSmallSlot = 16384;
  static WorldConfig world_config(const ModelConfig& c) {
    WorldConfig w;
    w.nv_port = c.nv_port;
    w.recovery = c.recovery != 0;
    w.recovery_writable = c.recovery_writable;
    w.interrupted_max = kInterruptedMax;
    w.slot_size = kSmallSlot;
    w.device_secret =
        false;  // checksums instead of MACs: faster, and the random-token path is the one under test
    return w;
  }
  static std::uint8_t bit(std::uint8_t k) { return static_cast<std::uint8_t>(1U << k); }
  std::uint8_t mask_of(const std::array<Quarantined, kQuarantineMax>& list, std::size_t count) const {
    std::uint8_t mask = 0;
    for (std::size_t i = 0; i < count; ++i)
      mask = static_cast<std::uint8_t>(mask | bit(number_of(list[i].digest)));
    return mask;
  }
  std::uint8_t release_in(Area area) {
    const Bytes& content = world_.storage.bytes(area);
    for (std::uint8_t k = 1; k <= 3; ++k)
      if (content == images_[k]) return k;
    return 0;
  }
  void put_quarantine(std::uint8_t mask, std::array<Quarantined, kQuarantineMax>& list,
                      std::uint8_t& count) const {
    count = 0;
    for (std::uint8_t k = 1; k <= 3; ++k)
      if ((mask & bit(k)) != 0) list[count++] = {digests_[k], 1};
  }
  void enter_store(const ModelState& s) {
    MonotonicCell cell;
    cell.state.generation = s.gen;
    cell.state.floor = s.floor;
    cell.state.revoked = s.revoked;
    cell.state.confirmed = digests_[s.nv_conf];
    cell.state.confirmed_sequence = s.nv_conf;
    put_quarantine(s.nv_quarantine, cell.state.quarantine, cell.state.quarantine_count);
    Bytes& area = world_.storage.bytes(Area::kMonotonic);
    std::fill(area.begin(), area.end(), std::uint8_t{0xFF});
    for (std::size_t i = 0; i < kMonotonicCellCount; ++i) {
      cell.write_count = i + 1;
      encode_monotonic_cell(cell,
                            MutableBytes(area).subspan(i * kMonotonicCellStride).first<kMonotonicCellSize>());
    }
  }
  void enter_journal(const ModelState& s) {
    JournalState j;
    j.boot_count = kBootCount;
    j.confirmed_at = kBootCount;
    j.generation = s.j.gen;
    j.confirmed = infos_[s.j.conf];
    j.previous = infos_[s.j.prev];
    j.staged = infos_[s.j.staged];
    j.staged_attempt = s.j.staged != 0 ? 1 : 0;
    j.trial_open = s.j.trial != 0;
    if (j.trial_open) {
      j.trial_boot_count = kBootCount;
      j.trial_token = token();
    }
    j.interrupted = s.j.interrupted;
    j.floor_intent = s.j.floor_intent;
    j.revoke_intent = s.j.revoke_intent;
    j.synced = s.j.synced != 0;
    put_quarantine(s.j.quarantine, j.quarantine, j.quarantine_count);
    const RecordSealer sealer = world_.sealer();
    Bytes& area = world_.storage.bytes(Area::kJournal);
    std::fill(area.begin(), area.end(), std::uint8_t{0xFF});
    Journal journal(world_.storage, sealer);
    ASSERT_EQ(journal.restart(j), Status::kOk);
  }
  static Digest token() {
    Digest t{};
    t.fill(0x70);
    return t;
  }
  void enter_requests(const ModelState& s) {
    Bytes& area = world_.storage.bytes(Area::kRequests);
    std::fill(area.begin(), area.end(), std::uint8_t{0});
    std::fill(world_.storage.bytes(Area::kPermit).begin(), world_.storage.bytes(Area::kPermit).end(),
              std::uint8_t{0});
    Request r;
    r.boot_count = kBootCount;
    if (s.q.stage != 0) {
      r.kind = RequestKind::kStage;
      r.attempt = 1;
      r.manifest = digests_[s.q.stage];
      r.slot = s.slot[1] == s.q.stage && s.slot[0] != s.q.stage ? SlotId::kB : SlotId::kA;
      world_.request(r);
    }
    if (s.q.token != 0) {
      r.kind = RequestKind::kConfirm;
      r.token = token();
      if (s.q.token == 2) r.token[7] ^= 1;
      world_.request(r);
    }
    if (s.q.arm != 0) {
      r.kind = RequestKind::kArm;
      world_.request(r);
      const PermitCell cell = encode_permit({kBootCount, {}});
      world_.storage.bytes(Area::kPermit).assign(cell.begin(), cell.end());
    }
    r.kind = RequestKind::kSynced;
    if (s.q.synced != 0) world_.request(r);
    r.kind = RequestKind::kRevert;
    if (s.q.revert != 0) world_.request(r);
  }

  World world_;
  Bytes images_[4];
  Digest digests_[4];
  ImageInfo infos_[4];
};

std::uint8_t model_kind(RunKind kind) {
  switch (kind) {
    case RunKind::kConfirmed:
      return static_cast<std::uint8_t>(Kind::kConfirmed);
    case RunKind::kTrial:
      return static_cast<std::uint8_t>(Kind::kTrial);
    case RunKind::kForcedTrial:
      return static_cast<std::uint8_t>(Kind::kForced);
    case RunKind::kRecovery:
      return static_cast<std::uint8_t>(Kind::kRecovery);
    case RunKind::kNone:
      break;
  }
  return 0;
}

// Drives the real boot in every state in which a power-up begins.
class Oracle {
 public:
  Oracle(const BootModel& model, unsigned cut_every)
      : model_(model), real_(model.config()), cut_every_(cut_every) {}

  void visit(const ModelState& s) {
    if (s.phase != Phase::kBoot || s.step != Step::kOpen || mismatches_ > 5) return;
    if (!seen_.insert(key_of(s)).second) return;
    const std::vector<ModelState> chain = run_model(s);
    compare(s, chain.back());
    if (seen_.size() % cut_every_ == 0) cut_everywhere(s, chain);
  }
  std::size_t power_ups() const { return seen_.size(); }
  std::size_t cuts() const { return cuts_; }
  std::size_t mismatches() const { return mismatches_; }

 private:
  static std::vector<std::uint8_t> key_of(const ModelState& s) {
    const Durable d = durable_of(s);
    std::vector<std::uint8_t> key(sizeof d + sizeof s.q + 2);
    std::memcpy(key.data(), &d, sizeof d);
    std::memcpy(key.data() + sizeof d, &s.q, sizeof s.q);
    key[sizeof d + sizeof s.q] = static_cast<std::uint8_t>(s.cause);
    key[sizeof d + sizeof s.q + 1] = s.delay_over;
    return key;
  }
  std::vector<ModelState> run_model(ModelState s) const {
    std::vector<ModelState> chain{s};
    while (s.phase == Phase::kBoot && chain.size() < 100) {
      model_.boot_step(s);
      chain.push_back(s);
    }
    return chain;
  }
  void mismatch(const ModelState& s, const std::string& what) {
    ++mismatches_;
    ADD_FAILURE() << what << "\n  start: " << text_of(durable_of(s)) << " cause " << static_cast<int>(s.cause)
                  << " requests stage " << int{s.q.stage} << " arm " << int{s.q.arm} << " token "
                  << int{s.q.token} << " synced " << int{s.q.synced} << " revert " << int{s.q.revert}
                  << "\n  boot said: " << real_.world().events.text();
  }
  void compare(const ModelState& s, const ModelState& end) {
    real_.enter(s);
    const Status status = real_.boot(s.cause);
    const Decision& d = real_.world().decision;
    if (ok(status) != (end.phase == Phase::kRun)) return mismatch(s, "one side runs, the other stops");
    if (ok(status)) {
      if (model_kind(d.kind) != static_cast<std::uint8_t>(end.kind))
        return mismatch(s, "another kind of run");
      if (real_.number_of(d.image.manifest) != end.image) return mismatch(s, "another image runs");
    }
    const Durable real = real_.durable();
    if (real != durable_of(end))
      mismatch(s,
               "another state is left\n  model: " + text_of(durable_of(end)) + "\n  real:  " + text_of(real));
  }
  void cut_everywhere(const ModelState& s, const std::vector<ModelState>& chain) {
    for (std::uint64_t at = 0;; ++at) {
      const Tear tear = kAllTears[(at + seen_.size()) % std::size(kAllTears)];
      real_.enter(s);
      real_.world().storage.cut_after(at);
      static_cast<void>(real_.boot(s.cause));
      const bool cut = real_.world().storage.is_cut();
      real_.world().storage.power_returns(tear, random_);
      if (!cut) return;
      ++cuts_;
      Durable left = real_.durable();
      bool known = false;
      for (const ModelState& step : chain)
        known = known || durable_of(step) == left;
      if (!known)
        return mismatch(s, "a cut at operation " + std::to_string(at) + " with tear " +
                               std::to_string(static_cast<int>(tear)) +
                               " left a state that the model does not know: " + text_of(left));
    }
  }

  const BootModel& model_;
  RealBoot real_;
  unsigned cut_every_;
  std::set<std::vector<std::uint8_t>> seen_;
  std::size_t cuts_ = 0;
  std::size_t mismatches_ = 0;
  std::mt19937_64 random_{1};
};

constexpr Release kR1{0, 1, 1, 0};
constexpr Release kR2{1, 2, 1, 0};
constexpr Release kR2Revokes{1, 2, 1, 1};
constexpr Release kR3{2, 2, 1, 0};
constexpr Release kR3Bad{1, 2, 0, 0};
constexpr unsigned kCutEvery = 5;  // of the power-ups: cut at each operation
constexpr std::size_t kStatesMax = 4'000'000;

ModelConfig with(Release second, Release third) {
  ModelConfig c;
  c.releases[1] = kR1;
  c.releases[2] = second;
  c.releases[3] = third;
  return c;
}

void explore_and_drive(const char* name, const ModelConfig& config, unsigned allowed = 0) {
  const BootModel model(config);
  Explorer<BootModel> explorer(model, kStatesMax);
  Oracle oracle(model, kCutEvery);
  ASSERT_TRUE(explorer.run([&](const ModelState& s) { oracle.visit(s); })) << "more states than expected";
  EXPECT_EQ(explorer.violations() & ~allowed, 0U) << explorer.trace();
  EXPECT_EQ(explorer.unfinished(), "");
  EXPECT_EQ(oracle.mismatches(), 0U);
  EXPECT_GT(oracle.power_ups(), 100U);
  EXPECT_GT(oracle.cuts(), 100U);
  std::printf("%s: %zu states, %zu power-ups of the real boot, %zu cuts in it\n", name,
              explorer.state_count(), oracle.power_ups(), oracle.cuts());
}

// Answers: RB-01, RC-01, RC-03, RC-06
TEST(BootStates, GoodReleasesThreeCutsOneCorruption) {
  explore_and_drive("good releases", with(kR2, kR3));
}

TEST(BootStates, BadReleaseThreeCutsOneCorruption) {
  explore_and_drive("bad release", with(kR2, kR3Bad));
}

TEST(BootStates, RevocationThreeCutsOneCorruption) {
  explore_and_drive("revocation", with(kR2Revokes, kR3));
}

TEST(BootStates, ReadOnlyRecoveryThreeCutsOneCorruption) {
  ModelConfig c = with(kR2, kR3Bad);
  c.recovery_writable = false;
  explore_and_drive("read-only recovery", c);
}

TEST(BootStates, FusePortThreeCutsOneCorruption) {
  ModelConfig c = with(kR2, kR3Bad);
  c.nv_port = false;
  explore_and_drive("fuse port", c);
}

TEST(BootStates, NoRecoveryThreeCutsNoCorruption) {
  ModelConfig c = with(kR2, kR3Bad);
  c.recovery = 0;
  c.corruptions = 0;
  explore_and_drive("no recovery", c);
}

// Answers: RB-06, RC-05, MB-01, T-50
TEST(BootStates, HostileRequestsAndReplaysOnAnNvPort) {
  ModelConfig c = with(kR2, kR3Bad);
  c.cuts = 1;
  c.attacks = 1;
  c.corruptions = 0;
  explore_and_drive("hostile requests and replays", c);
}

TEST(BootStates, FusePortReplayDoesNoMoreThanTheRulesSay) {
  ModelConfig c = with(kR2, kR3Bad);
  c.nv_port = false;
  c.cuts = 1;
  c.attacks = 1;
  c.corruptions = 0;
  explore_and_drive("replays on a fuse port", c, kQuarantinedRetried | kConfirmUndone);
}

// ---- the properties can fail: each wrong rule is found
struct WrongRule {
  const char* name;
  bool WrongRules::*rule;
  ModelConfig config;
  unsigned expected;
};

TEST(BootStates, EveryDeliberatelyWrongRuleIsFound) {
  ModelConfig plain = with(kR2, kR3);
  ModelConfig bad = with(kR2, kR3Bad);
  ModelConfig revoking = with(kR2Revokes, kR3);
  ModelConfig fixed_recovery = plain;
  fixed_recovery.recovery_writable = false;
  ModelConfig hostile = bad;
  hostile.attacks = 1;
  hostile.corruptions = 0;
  ModelConfig lying = plain;
  lying.recovery = 0;
  lying.attacks = 1;
  lying.cuts = 1;
  const WrongRule rules[] = {
      {"the gate ignores recovery", &WrongRules::gate_ignores_recovery, fixed_recovery, kNothingBoots},
      {"policy delay judged by the old floor", &WrongRules::delay_by_old_floor, fixed_recovery,
       kNothingBoots},
      {"revocation at CONFIRMED", &WrongRules::revoke_at_confirm, revoking, kNothingBoots},
      {"fallback to any verified image", &WrongRules::fallback_to_any_image, bad, kUnconfirmedOutsideTrial},
      {"REQ_SYNCED is believed", &WrongRules::trust_synced_request, lying, kNothingBoots},
      {"no generation check", &WrongRules::no_generation_check, hostile,
       kConfirmUndone | kQuarantinedRetried},
      {"power-on keeps an arm", &WrongRules::power_on_keeps_arm, plain, kUnarmedTrial},
  };
  for (const WrongRule& wrong : rules) {
    WrongRules active;
    active.*wrong.rule = true;
    const BootModel model(wrong.config, active);
    Explorer<BootModel> explorer(model, kStatesMax);
    EXPECT_TRUE(explorer.run([](const ModelState&) {}, wrong.expected)) << wrong.name;
    EXPECT_NE(explorer.violations() & wrong.expected, 0U) << wrong.name << " is not found";
  }
}

TEST(BootStates, ARunThatDoesNotEndWellIsFound) {
  WrongRules active;
  active.power_loss_fails_a_trial = true;  // one power cut and the good release is never confirmed
  ModelConfig config = with(kR2, kR3);
  config.corruptions = 0;
  const BootModel model(config, active);
  Explorer<BootModel> explorer(model, kStatesMax);
  ASSERT_TRUE(explorer.run([](const ModelState&) {}));
  EXPECT_NE(explorer.unfinished().find("a bad end"), std::string::npos);
}

// ---- the comparison can fail: a boot that breaks a rule differs from the model
TEST(BootStates, ADifferentBootIsFoundByTheOracle) {
  // The model with a wrong rule is driven against the right boot: the same as the right model against a wrong
  // boot.
  for (const auto rule : {&WrongRules::power_on_keeps_arm, &WrongRules::no_generation_check,
                          &WrongRules::confirm_without_token, &WrongRules::gate_ignores_recovery}) {
    WrongRules active;
    active.*rule = true;
    ModelConfig config = with(kR2, kR3Bad);
    config.recovery_writable = false;
    config.cuts = 1;
    config.attacks = 1;
    config.corruptions = 0;
    const BootModel model(config, active);
    Explorer<BootModel> explorer(model, kStatesMax);
    bool found = false;
    RealBoot real(config);
    explorer.run([&](const ModelState& s) {
      if (found || s.phase != Phase::kBoot || s.step != Step::kOpen) return;
      ModelState end = s;
      for (int i = 0; i < 100 && end.phase == Phase::kBoot; ++i)
        model.boot_step(end);
      real.enter(s);
      const Status status = real.boot(s.cause);
      found = ok(status) != (end.phase == Phase::kRun) || real.durable() != durable_of(end);
    });
    EXPECT_TRUE(found);
  }
}

}  // namespace
}  // namespace aseptic::boot::testing
