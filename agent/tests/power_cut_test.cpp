// SPDX-License-Identifier: Apache-2.0
// Power cuts through a whole update: the real agent, boot, journal and guard code over the simulated disk. Every write
// and flush of download, apply, request, journal, confirm, sync and revert is cut (sim/crash_explorer.h); after each the
// device is switched on and must run a verified image and bring the update to its end.
// ASEPTIC_SEED=n chooses another seed, ASEPTIC_CASE=n replays one case, ASEPTIC_CASES=n takes a sample.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "aseptic/sim/checkers/slot_checker.h"
#include "aseptic/sim/crash_explorer.h"
#include "device_rig.h"

namespace aseptic::agent::test {
namespace {

// Shared read-only by all cases.
struct Product {
  Keys keys;
  BuiltImage v1 = build_image(keys, "1.0.0", 1);
  BuiltImage v2 = build_image(keys, "2.0.0", 2);
  BuiltDelta delta = build_delta(v1, v2);
  struct Offer {
    Site site;
    std::string root;
  };
  Offer full = offer({}), with_delta = offer({delta});
  sim::World device = make_device(keys, v1, 1);

  Offer offer(const std::vector<BuiltDelta>& deltas) const {
    Publisher publisher(keys);
    publisher.release(v2, {.deltas = deltas});
    Offer made{.root = publisher.first_root()};
    publisher.write_to(made.site);
    return made;
  }
};

const Product& product() {
  static const Product instance;
  return instance;
}

enum class Ending { kInstalled, kInstalledByDelta, kReverted };

constexpr std::uint32_t kRoundsMax = 3000;
constexpr std::uint32_t kStartsMax = 60;

bool is_at_rest(DeviceRun& run, Ending ending) {
  const Product& p = product();
  const EngineStatus status = run.engine().status();
  const BuiltImage& expected = ending == Ending::kReverted ? p.v1 : p.v2;
  return status.state == State::kIdle && status.why == "idle" && !status.in_trial && status.running == expected.manifest &&
         status.confirmed == expected.manifest &&
         (ending != Ending::kReverted || status.last_error == "trust.attempt");
}

std::optional<std::string> check_slots(sim::World& world, Ending ending) {
  const Product& p = product();
  const BuiltImage& expected = ending == Ending::kReverted ? p.v1 : p.v2;
  for (const char* file : {"slots/a.img", "slots/b.img"}) {
    const sim::SlotVerdict verdict = sim::check_slot(*world.content(file));
    if (!verdict.is_whole) return std::string(file) + ": " + verdict.why_not;
    if (verdict.manifest_digest != expected.manifest.bytes) return std::string(file) + " holds another image";
  }
  return std::nullopt;
}

// From whatever the disk holds to the end of the update; what went wrong, or nothing.
std::optional<std::string> run_to_the_end(sim::World& world, Ending ending) {
  const Product& p = product();
  const Product::Offer& offer = ending == Ending::kInstalledByDelta ? p.with_delta : p.full;
  Site site = offer.site;
  Behaviour behaviour;
  if (ending == Ending::kReverted) behaviour.self_test["2.0.0"] = interlock::SelfTestVerdict::kFailed;
  boot::ResetCause cause = boot::ResetCause::kPowerOn;
  std::uint32_t rounds = 0;
  std::string last = "never ran";
  for (std::uint32_t starts = 0; starts < kStartsMax; ++starts) {
    DeviceRun run(world, p.keys, site, offer.root, behaviour, cause, {&p.v1, &p.v2});
    if (!run.boots()) return "start " + std::to_string(starts) + ": " + run.why_not();
    while (!run.reset_commanded()) {
      if (++rounds > kRoundsMax) return "no end after " + std::to_string(rounds) + " rounds in " + last;
      run.round();
      if (run.reset_commanded()) break;
      const EngineStatus status = run.engine().status();
      last = std::string(to_string(status.state)) + " (" + status.why + ", " + status.last_error + ")";
      if (is_at_rest(run, ending)) return check_slots(world, ending);
      if (status.why == "waits_for_start") break;  // the device is switched off and on in daily use
    }
    cause = run.reset_commanded() ? boot::ResetCause::kCommanded : boot::ResetCause::kPowerOn;
  }
  return "no end after " + std::to_string(kStartsMax) + " starts in " + last;
}

std::uint64_t number_from(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

// `sample`: so many of the cases are run, 0 is all.
void cut_everywhere(Ending ending, std::uint64_t cases_min, std::uint64_t sample = 0) {
  sim::CrashOptions options{.seed = number_from("ASEPTIC_SEED", 1), .cases_max = number_from("ASEPTIC_CASES", sample),
                            .second_cut_per_mille = 14};  // a recovery that writes nothing cannot be cut
  if (std::getenv("ASEPTIC_CASE") != nullptr) options.only_case = number_from("ASEPTIC_CASE", 0);
  std::cout << "seed=" << options.seed << "\n";
  std::optional<std::string> undisturbed;
  const auto report = sim::explore_crashes(
      product().device, [&](sim::World& world) { undisturbed = run_to_the_end(world, ending); },
      [&](sim::World& world, const sim::CrashCase&) { return run_to_the_end(world, ending); }, options);
  std::cout << report.summary() << "\n";
  ASSERT_FALSE(undisturbed.has_value()) << *undisturbed;
  EXPECT_TRUE(report.failures.empty()) << report.summary();
  if (options.only_case || std::getenv("ASEPTIC_CASES") != nullptr) return;
  EXPECT_GE(report.cases, cases_min);
  EXPECT_GE(report.second_cuts * 100, report.cases);
}

// Answers: AP-02, AP-10, DL-03, RC-03, T-51, T-52
TEST(PowerCut, AnywhereInAnUpdateLeavesAVerifiedImageAndTheUpdateCompletes) { cut_everywhere(Ending::kInstalled, 13'000); }

// Answers: AP-02, RC-01, RC-05, T-51, T-53
TEST(PowerCut, AnywhereInAFailingUpdateLeavesAVerifiedImageAndTheDeviceReverts) { cut_everywhere(Ending::kReverted, 7'000); }

// Answers: AP-02, AP-03, DL-03, VF-06, T-51, T-52
TEST(PowerCut, AnywhereInAnUpdateByDeltaLeavesAVerifiedImageAndTheUpdateCompletes) {
  cut_everywhere(Ending::kInstalledByDelta, 2'000, 2'000);
  const auto& reads = *product().with_delta.site.reads;
  const std::string path = "payloads/" + core::sha256(product().delta.payload).hex();
  EXPECT_TRUE(std::ranges::any_of(reads, [&](const auto& read) { return read.first.find(path) != std::string::npos; }))
      << "the delta was never asked for";
}

}  // namespace
}  // namespace aseptic::agent::test
