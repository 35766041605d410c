// SPDX-License-Identifier: Apache-2.0
// What the agent believes of a further component: McuComponent at the end of a line that a liar holds, and ComponentSet over
// components that say what the test wants. The real firmware: two_components_test (simulated), mcu_component_test (EMULATED).
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "aseptic/agent/codes.h"
#include "aseptic/trust/codes.h"
#include "aseptic/trust/mailbox_report.h"
#include "aseptic/boot/format/manifest.h"
#include "component/component_set.h"
#include "component/mcu_component.h"
#include "trust/tests/hostile_repository.h"
#include "filled_store.h"

namespace aseptic::agent::test {
namespace {

using component::Frame;
using component::FrameType;
using std::chrono::milliseconds;

constexpr std::size_t kSignatureAt = offsetof(boot::BootReportWire, signature);
const core::Digest kOld = core::sha256("old image");
const core::Digest kOldSet = core::sha256("old set");
const core::Digest kNewSet = core::sha256("new set");
constexpr std::uint64_t kImageSize = 4096;

class FakeClock final : public platform::Clock {
 public:
  core::UtcTime wall() override { return {}; }
  milliseconds since_boot() override { return now; }
  void sleep_for(milliseconds time) override { now += time; }
  milliseconds now{1000};
};

class FixedEntropy final : public platform::Entropy {
 public:
  void fill(core::ByteSpan out) override { std::ranges::fill(out, 0x42); }
};

// Whoever holds the other end: answers each question as the test says, or not at all.
class Liar final : public ComponentLine {
 public:
  explicit Liar(FakeClock& clock) : clock_(clock) {}
  bool send(core::ByteView bytes) override {
    Frame question;
    for (const std::uint8_t byte : bytes) {
      if (!reader_.push(byte, question) || question.type == FrameType::kInterlock) continue;
      asked.push_back(question.type);
      if (const auto said = answer(question)) say(question, *said);
    }
    return true;
  }
  std::size_t receive(core::ByteSpan out, milliseconds patience) override {
    if (ready_.empty()) clock_.now += patience;
    const std::size_t count = std::min(out.size(), ready_.size());
    std::copy_n(ready_.begin(), count, out.begin());
    ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(count));
    return count;
  }
  [[nodiscard]] auto times(FrameType type) const { return std::ranges::count(asked, type); }

  std::function<std::optional<McuLink::Answer>(const Frame&)> answer;
  std::vector<FrameType> asked;
  std::uint32_t number_shift = 0;  // added to the number of the question

 private:
  void say(const Frame& question, const McuLink::Answer& said) {
    component::FrameBytes bytes;
    const std::size_t size = component::encode_frame({question.type, true, question.number + number_shift, said.value, said.data}, bytes);
    ready_.insert(ready_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
  }
  FakeClock& clock_;
  component::FrameReader reader_;
  std::deque<std::uint8_t> ready_;
};

class McuComponentRules : public ::testing::Test {
 protected:
  McuComponentRules() {
    store.content.assign(kImageSize, 0x5A);
    target = {core::Uuid{}, core::sha256(core::ByteView(store.content).first(boot::kManifestRegionSize)), kNewSet, kImageSize, 1};
    report.run_kind = boot::RunKind::kConfirmed;
    report.boot_count = 5;
    report.running_manifest = report.confirmed_manifest = kOld.bytes;
    report.running_set = report.confirmed_set = kOldSet.bytes;
    line.answer = [this](const Frame& question) { return honest(question); };
  }
  [[nodiscard]] core::Bytes status() const {
    component::StatusWire wire{};
    boot::encode_boot_report(report, wire.report);
    core::Bytes message(boot::kReportDomain, boot::kReportDomain + sizeof boot::kReportDomain);
    message.insert(message.end(), wire.report, wire.report + kSignatureAt);
    std::ranges::copy(signer->sign_raw(message), wire.report + kSignatureAt);
    auto& sealed = reinterpret_cast<boot::BootReportWire&>(wire.report);  // NOLINT(reinterpret_cast: bytes as the wire's struct)
    boot::seal_boot_report(sealed);
    wire.held = held.bytes;
    const auto bytes = boot::bytes_of(wire);
    return {bytes.begin(), bytes.end()};
  }
  [[nodiscard]] static core::Bytes number(std::uint64_t value) {
    boot::Le64 wire{};
    wire.set(value);
    return {std::begin(wire.raw), std::end(wire.raw)};
  }
  // A firmware that takes the whole image and holds it then.
  std::optional<McuLink::Answer> honest(const Frame& question) {
    switch (question.type) {
      case FrameType::kStatus: return McuLink::Answer{component::kDone, status()};
      case FrameType::kBegin: return McuLink::Answer{component::kDone, number(0)};
      case FrameType::kData: return McuLink::Answer{component::kDone, number(question.value + question.data.size())};
      case FrameType::kFinish: held = target.manifest; return McuLink::Answer{};
      default: return McuLink::Answer{};
    }
  }
  core::Result<Verdict> pursue(Goal goal) { return mcu().pursue(goal, target, transaction); }
  McuComponent& mcu() {
    if (!mcu_)
      mcu_.emplace(ComponentPart{core::Uuid{}, "mcu", line, store, judged_by, lease_key.public_key()}, clock, entropy, nullptr);
    return *mcu_;
  }
  // The next look asks the component again.
  void wait() { clock.now += milliseconds(1000); }

  FakeClock clock;
  FixedEntropy entropy;
  FilledStore store;
  Liar line{clock};
  const trust::test::TestKey boot_key = trust::test::TestKey::generate(core::KeyAlgorithm::kEcdsaP256);
  const trust::test::TestKey lease_key = trust::test::TestKey::generate(core::KeyAlgorithm::kEcdsaP256);
  const trust::test::TestKey* signer = &boot_key;
  core::Result<trust::BootKey> judged_by = trust::BootKey::listed(boot_key.public_key());
  boot::BootReport report;
  core::Digest held;
  ComponentTarget target;
  interlock::TransactionId transaction;

 private:
  std::optional<McuComponent> mcu_;
};

// Answers: AP-09, T-46, T-56, T-57
TEST_F(McuComponentRules, AReportThatItsBootDidNotSignIsNotBelieved) {
  report.running_manifest = report.confirmed_manifest = target.manifest.bytes;  // "it is done"
  signer = &lease_key;
  const auto forged = mcu().look();
  ASSERT_FALSE(forged);
  EXPECT_TRUE(forged.error().is(trust::TrustCode::kBootKey)) << forged.error().sentence();
  EXPECT_FALSE(pursue(Goal::kConfirmed));
  signer = &boot_key;
  wait();
  EXPECT_FALSE(mcu().evidence()) << "what is not believed is not forwarded";
  EXPECT_TRUE(mcu().look());
  EXPECT_EQ(pursue(Goal::kConfirmed).value(), Verdict::kPassed);
  ASSERT_TRUE(mcu().evidence());
  EXPECT_TRUE(trust::verify_mailbox_report(mcu().evidence()->report, *judged_by)) << "as its boot signed it";
}

// Answers: T-56
TEST_F(McuComponentRules, WithoutAKeyThatTheFactoryCertifiedNoReportIsBelieved) {
  report.running_manifest = report.confirmed_manifest = target.manifest.bytes;
  judged_by = core::Error(trust::TrustCode::kStatementMissing, "the authority policy requires a certified key");
  const auto view = mcu().look();
  ASSERT_FALSE(view);
  EXPECT_TRUE(view.error().is(trust::TrustCode::kStatementMissing)) << view.error().sentence();
  EXPECT_FALSE(pursue(Goal::kConfirmed));
}

TEST_F(McuComponentRules, AStatusOfAnotherLengthIsRefused) {
  for (const std::size_t size : {std::size_t{0}, sizeof(component::StatusWire) - 1}) {
    line.answer = [&](const Frame&) {
      McuLink::Answer answer{component::kDone, status()};
      answer.data.resize(size);
      return answer;
    };
    const auto view = mcu().look();
    ASSERT_FALSE(view);
    EXPECT_TRUE(view.error().is(AgentCode::kComponent)) << view.error().sentence();
  }
}

TEST_F(McuComponentRules, AnAnswerToAnotherQuestionIsNoAnswer) {
  line.number_shift = 1;
  const auto view = mcu().look();
  ASSERT_FALSE(view);
  EXPECT_TRUE(view.error().is(AgentCode::kUnreachable)) << view.error().sentence();
}

TEST_F(McuComponentRules, WhatWasTrueIsNotSaidAgainOnceTheLineIsSilent) {
  ASSERT_TRUE(mcu().look());
  line.answer = [](const Frame&) { return std::nullopt; };
  wait();
  EXPECT_FALSE(mcu().look());
  const auto asked = line.asked.size();
  EXPECT_FALSE(mcu().look());  // and the caller, who has a hold to keep, does not wait for it again at once
  EXPECT_EQ(line.asked.size(), asked);
}

TEST_F(McuComponentRules, ARefusalIsToldInWordsAndTherapyByItsOwnCode) {
  line.answer = [&](const Frame& question) -> std::optional<McuLink::Answer> {
    if (question.type != FrameType::kPeer) return honest(question);
    return McuLink::Answer{static_cast<std::uint32_t>(interlock::Status::kTherapyBlocked), {}};
  };
  const auto told = mcu().tell_peer(kNewSet);
  ASSERT_FALSE(told);
  EXPECT_TRUE(told.error().is(AgentCode::kTherapy)) << told.error().sentence();
}

// Answers: AP-09, T-66
TEST_F(McuComponentRules, EveryNewStartIsToldWhatMainRuns) {
  ASSERT_TRUE(mcu().tell_peer(kOldSet));
  ASSERT_TRUE(mcu().look());
  const auto told = line.times(FrameType::kPeer);
  wait();
  ASSERT_TRUE(mcu().look());
  EXPECT_EQ(line.times(FrameType::kPeer), told) << "the same start knows it";
  ++report.boot_count;
  wait();
  ASSERT_TRUE(mcu().look());
  EXPECT_EQ(line.times(FrameType::kPeer), told + 1);
}

// Answers: AP-09
TEST_F(McuComponentRules, AnImageIsSentReadBackAndOnlyThenStaged) {
  EXPECT_EQ(pursue(Goal::kStaged).value(), Verdict::kNone);
  EXPECT_EQ(line.times(FrameType::kData), 4);
  EXPECT_EQ(pursue(Goal::kStaged).value(), Verdict::kPassed);
  EXPECT_EQ(line.times(FrameType::kBegin), 1);
}

// Answers: AP-09, T-29
TEST_F(McuComponentRules, AKeptImageThatIsNotTheReleasesIsNotSent) {
  store.content[17] ^= 1;
  const auto step = pursue(Goal::kStaged);
  ASSERT_FALSE(step);
  EXPECT_TRUE(step.error().is(AgentCode::kMeasured)) << step.error().sentence();
  EXPECT_EQ(line.times(FrameType::kBegin), 0);
}

TEST_F(McuComponentRules, APieceTakenOutOfOrderEndsTheTransfer) {
  for (const int shift : {-1, 1, 1024}) {
    line.asked.clear();
    line.answer = [&](const Frame& question) -> std::optional<McuLink::Answer> {
      if (question.type != FrameType::kData) return honest(question);
      if (line.times(FrameType::kData) > 20) return std::nullopt;  // an agent that follows a liar's offsets comes to no end
      return McuLink::Answer{component::kDone, number(question.value + question.data.size() + static_cast<std::uint64_t>(shift))};
    };
    EXPECT_FALSE(pursue(Goal::kStaged)) << shift;
    EXPECT_EQ(line.times(FrameType::kData), 1) << shift;
    EXPECT_EQ(line.times(FrameType::kFinish), 0) << shift;
  }
}

// Answers: AP-09, AP-04
TEST_F(McuComponentRules, WhatTheSlotDoesNotHoldAfterwardsIsNotStaged) {
  line.answer = [&](const Frame& question) -> std::optional<McuLink::Answer> {
    if (question.type == FrameType::kFinish) return McuLink::Answer{};  // "it is there"
    return honest(question);
  };
  const auto step = pursue(Goal::kStaged);
  ASSERT_FALSE(step);
  EXPECT_TRUE(step.error().is(AgentCode::kMeasured)) << step.error().sentence();
}

// Answers: AP-09, RC-05
TEST_F(McuComponentRules, AQuarantinedImageFailsAndNothingIsSent) {
  report.quarantine_count = 1;
  report.quarantine[0] = {target.manifest.bytes, 1};
  EXPECT_EQ(pursue(Goal::kStaged).value(), Verdict::kFailed);
  EXPECT_EQ(line.times(FrameType::kBegin), 0);
  target.attempt = 2;  // the publisher's word that it may be tried again
  EXPECT_EQ(pursue(Goal::kStaged).value(), Verdict::kNone);
}

// Answers: AP-09, RC-02
TEST_F(McuComponentRules, TheOldSlotIsNotOverwrittenBeforeTheComponentHasConfirmed) {
  held = target.manifest;
  EXPECT_FALSE(pursue(Goal::kSynced));
  EXPECT_EQ(line.times(FrameType::kSync), 0);
  report.running_manifest = report.confirmed_manifest = target.manifest.bytes;
  ++report.boot_count;
  wait();
  EXPECT_EQ(pursue(Goal::kSynced).value(), Verdict::kPassed);
  EXPECT_EQ(line.times(FrameType::kSync), 1);
}

// ---- the set of all of them

class SaidComponent final : public Component {
 public:
  explicit SaidComponent(std::uint8_t number) { id_.bytes.fill(number); }
  [[nodiscard]] const core::Uuid& id() const override { return id_; }
  [[nodiscard]] const std::string& location() const override { return location_; }
  [[nodiscard]] platform::BlockDevice& store() override { return store_; }
  void poll() override {}
  [[nodiscard]] bool is_active() const override { return false; }
  core::Result<ComponentView> look() override {
    if (is_silent) return core::Error(AgentCode::kUnreachable, "silent");
    return view;
  }
  void set_peer(const core::Digest&) override {}
  core::Result<void> tell_peer(const core::Digest&) override { return {}; }
  core::Result<Verdict> pursue(Goal goal, const ComponentTarget&, const interlock::TransactionId&) override {
    goals.push_back(goal);
    return verdict;
  }
  bool is_silent = false;
  ComponentView view;
  Verdict verdict = Verdict::kNone;
  std::vector<Goal> goals;

 private:
  core::Uuid id_;
  std::string location_ = "mcu";
  FilledStore store_;
};

class ComponentSetFacts : public ::testing::Test {
 protected:
  ComponentSetFacts() {
    for (const std::uint8_t number : {std::uint8_t{1}, std::uint8_t{2}}) {
      auto component = std::make_unique<SaidComponent>(number);
      said.push_back(component.get());
      record.others.push_back({component->id(), image(number), kImageSize});
      set.add(std::move(component));
    }
    record.set = kNewSet;
    for (std::size_t i = 0; i < said.size(); ++i) runs_trial(i);
  }
  static core::Digest image(std::uint8_t number) { return core::sha256(core::ByteView(&number, 1)); }
  void runs_trial(std::size_t i, const core::Digest& its_set = kNewSet) {
    boot::BootReport& report = said[i]->view.report;
    report = {};
    report.run_kind = boot::RunKind::kTrial;
    report.boot_count = 7;
    report.running_manifest = image(static_cast<std::uint8_t>(i + 1)).bytes;
    report.running_set = its_set.bytes;
    report.confirmed_manifest = kOld.bytes;
    report.confirmed_set = kOldSet.bytes;
  }
  void has_confirmed(std::size_t i) {
    boot::BootReport& report = said[i]->view.report;
    report.run_kind = boot::RunKind::kConfirmed;
    report.confirmed_manifest = report.running_manifest;
    report.confirmed_set = report.running_set;
  }
  void pass_all() {
    for (SaidComponent* one : said) one->verdict = Verdict::kPassed;
    ASSERT_TRUE(set.look());
    ASSERT_TRUE(set.pursue(Goal::kPrepared, record));
  }
  SetFacts facts() {
    static_cast<void>(set.look());
    return set.facts(record);
  }
  ComponentSet set;
  std::vector<SaidComponent*> said;
  TransactionRecord record;
};

// Answers: AP-09, SI-17
TEST_F(ComponentSetFacts, IsPreparedWhenEachPassedItsTestInTheStartThatItStillRuns) {
  EXPECT_EQ(facts().prepared, Verdict::kNone) << "a trial without a verdict";
  pass_all();
  EXPECT_EQ(facts().prepared, Verdict::kPassed);
  ++said[1]->view.report.boot_count;
  EXPECT_EQ(facts().prepared, Verdict::kNone) << "it was started anew: its test was another start's";
}

TEST_F(ComponentSetFacts, OneFailureOutweighsEveryPassAndOneSilenceHoldsTheSetUp) {
  pass_all();
  said[0]->is_silent = true;
  EXPECT_EQ(facts().prepared, Verdict::kNone);
  EXPECT_EQ(facts().confirmed, Verdict::kNone);
  said[1]->view.report.quarantine_count = 1;
  said[1]->view.report.quarantine[0] = {image(2).bytes, 1};
  EXPECT_EQ(facts().prepared, Verdict::kFailed);
  EXPECT_EQ(facts().confirmed, Verdict::kFailed);
}

// Answers: AP-09, RC-02
TEST_F(ComponentSetFacts, IsConfirmedAndSyncedWhenEveryBootSaysSo) {
  has_confirmed(0);
  EXPECT_EQ(facts().confirmed, Verdict::kNone);
  EXPECT_FALSE(facts().settled);
  has_confirmed(1);
  EXPECT_EQ(facts().confirmed, Verdict::kPassed);
  EXPECT_TRUE(facts().settled);
  EXPECT_FALSE(facts().synced);
  said[0]->view.held = image(1);
  EXPECT_FALSE(facts().synced);
  said[1]->view.report.synced = true;
  EXPECT_TRUE(facts().synced);
  EXPECT_TRUE(facts().one_is_through);
  said[0]->is_silent = true;
  EXPECT_EQ(facts().confirmed, Verdict::kNone) << "silence is no confirmation";
}

// Answers: AP-09, RC-01
TEST_F(ComponentSetFacts, FailsForGoodAfterSixtyTriesWithoutAnyAnswerAndEachAnswerCountsAnew) {
  has_confirmed(1);
  said[0]->is_silent = true;
  milliseconds now{0};
  const auto silence = [&](std::uint32_t tries) {
    for (std::uint32_t i = 0; i < tries; now += kSilentTryPause, ++i) {
      static_cast<void>(set.look());
      set.note_silence(now);
      set.note_silence(now + milliseconds(1));  // asked more often: counted once
    }
  };
  silence(kSilentTriesMax - 1);
  EXPECT_EQ(facts().confirmed, Verdict::kNone);
  silence(1);
  EXPECT_EQ(facts().confirmed, Verdict::kFailed);
  EXPECT_NE(facts().prepared, Verdict::kFailed) << "before the commit point main's own budget ends the wait";
  said[0]->is_silent = false;
  silence(1);
  said[0]->is_silent = true;
  silence(kSilentTriesMax - 1);
  EXPECT_EQ(facts().confirmed, Verdict::kNone);
}

// Answers: AP-09, RC-01
TEST_F(ComponentSetFacts, AnOwnTestThatFailsAfterTheCommitPointIsForGood) {
  has_confirmed(1);
  said[0]->verdict = said[1]->verdict = Verdict::kFailed;
  ASSERT_TRUE(set.look());
  ASSERT_TRUE(set.pursue(Goal::kConfirmed, record));
  EXPECT_EQ(facts().confirmed, Verdict::kFailed);
  has_confirmed(0);
  EXPECT_EQ(facts().confirmed, Verdict::kPassed) << "what boot has recorded counts";
}

// Answers: AP-09
TEST_F(ComponentSetFacts, ASetThatGoesBackRevertsEveryTrialAndKnowsWhoConfirmedIt) {
  ASSERT_TRUE(set.look());
  ASSERT_TRUE(set.settle(core::Digest{}));
  EXPECT_EQ(said[0]->goals, std::vector{Goal::kSettled});
  EXPECT_EQ(said[1]->goals, std::vector{Goal::kSettled});
  EXPECT_EQ(set.confirmed_elsewhere(kOldSet), core::Digest{});
  has_confirmed(1);
  ASSERT_TRUE(set.look());
  EXPECT_EQ(set.confirmed_elsewhere(kOldSet), kNewSet);
  EXPECT_EQ(set.confirmed_elsewhere(kNewSet), core::Digest{});
}

// Answers: AP-09, T-06, T-51
TEST_F(ComponentSetFacts, AnOpenTrialIsConfirmedOnlyInTheSetThatMainHasConfirmed) {
  runs_trial(1, core::sha256("a set that main never confirmed"));
  ASSERT_TRUE(set.look());
  ASSERT_TRUE(set.settle(kNewSet));
  EXPECT_EQ(said[0]->goals, std::vector{Goal::kConfirmed});
  EXPECT_EQ(said[1]->goals, std::vector{Goal::kSettled});
  said[0]->verdict = Verdict::kFailed;  // its own test fails now
  ASSERT_TRUE(set.settle(kNewSet));
  ASSERT_TRUE(set.settle(kNewSet));
  EXPECT_EQ(said[0]->goals.back(), Goal::kSettled);
}

}  // namespace
}  // namespace aseptic::agent::test
