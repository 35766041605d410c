// SPDX-License-Identifier: Apache-2.0
// boot_fault: every single fault of the linked boot stage (EMULATED). docs/boot_fault.md.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <set>
#include <string_view>
#include <thread>

#include "campaign.h"

namespace {

using namespace aseptic::test;

struct Options {
  CampaignOptions campaign;
  std::string elf = ASEPTIC_BUILD "/boot-an505/boot.elf";
  std::string scenario;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  std::uint64_t faults_min = 0;
  bool all_depths = true;
  bool expect_bypass = false;
  bool check_only = false;
  bool list_uncovered = false;
  bool lms = false;
};

constexpr const char* kUsage =
    "boot_fault [--lms] [--elf FILE] [--seed N] [--thinning N] [--skips N] [--visits N] [--depth NAME] [--scenario NAME]\n"
    "           [--address HEX] [--kind NAME] [--jobs N] [--faults-min N] [--expect-bypass] [--check] [--list-uncovered]\n"
    "Single faults of the linked Cortex-M33 boot stage under Unicorn (EMULATED): at each executed address, visits 1 to 3, skips of\n"
    "1 to 8 instructions (--skips), one fault of each other kind (skip, opcode, register, flag, load) that fires, and of all others\n"
    "every n-th (--thinning; 1: all). --address with --scenario and --depth (decision, memory, hash, post-quantum, p256, sign)\n"
    "replays one place. --expect-bypass: for weak builds, succeeds when a bypass is found. --check: only the runs without fault.\n"
    "--lms: the stage of profile cnsa2, on a device whose key slot names LMS.\n";

bool parse_number(std::string_view text, auto& out, int base = 10) {
  if (base == 16 && text.starts_with("0x")) text.remove_prefix(2);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc() && end == text.data() + text.size();
}

bool parse_depth(std::string_view name, Options& o) {
  o.all_depths = false;
  for (const Depth depth : kDepths)
    if (name == depth_name(depth)) return o.campaign.depth = depth, true;
  return false;
}

bool parse_kind(std::string_view name, Options& o) {
  for (std::size_t i = 0; i < kFaultKindCount; ++i)
    if (name == fault_kind_name(static_cast<FaultKind>(i))) o.campaign.kind = static_cast<FaultKind>(i);
  return o.campaign.kind.has_value();
}

bool parse(int count, char** words, Options& o) {
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const std::string_view value = i + 1 < count ? words[i + 1] : "";
    if (word == "--lms") {
      o.lms = true;
      o.elf = ASEPTIC_BUILD "/boot-an505/boot-cnsa2.elf";
    } else if (word == "--expect-bypass") {
      o.expect_bypass = o.campaign.until_bypass = true;
    } else if (word == "--check") {
      o.check_only = true;
    } else if (word == "--list-uncovered") {
      o.list_uncovered = true;
    } else {
      ++i;
      const bool good = word == "--elf"          ? (o.elf = value, !value.empty())
                        : word == "--scenario"   ? (o.scenario = value, !value.empty())
                        : word == "--seed"       ? parse_number(value, o.campaign.seed)
                        : word == "--thinning"   ? parse_number(value, o.campaign.thinning) && o.campaign.thinning > 0
                        : word == "--skips"      ? parse_number(value, o.campaign.skips)
                        : word == "--visits"     ? parse_number(value, o.campaign.visits)
                        : word == "--address"    ? parse_number(value, o.campaign.address, 16)
                        : word == "--jobs"       ? parse_number(value, o.jobs) && o.jobs > 0
                        : word == "--depth"      ? parse_depth(value, o)
                        : word == "--kind"       ? parse_kind(value, o)
                        : word == "--faults-min" ? parse_number(value, o.faults_min)
                                                 : false;
      if (!good) return false;
    }
  }
  return true;
}

// One worker per core; results are added in the order of the scenarios, whoever was faster.
std::vector<Tally> run_all(const Elf& elf, const std::vector<const Scenario*>& scenarios, const CampaignOptions& campaign, unsigned jobs) {
  constexpr unsigned kParts = 2;
  std::vector<Tally> parts_done(scenarios.size() * kParts);
  std::atomic<std::size_t> next = 0;
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < jobs; ++i)
    workers.emplace_back([&] {
      for (std::size_t job = next++; job < parts_done.size(); job = next++)
        parts_done[job] = run_campaign(elf, *scenarios[job / kParts], campaign, static_cast<unsigned>(job % kParts), kParts);
    });
  for (std::thread& worker : workers)
    worker.join();
  std::vector<Tally> out(scenarios.size());
  for (std::size_t job = 0; job < parts_done.size(); ++job)
    out[job / kParts].add(parts_done[job]);
  return out;
}

double percent_covered(const Tally& t) {
  const auto covered = std::ranges::count_if(t.executed, [&](std::uint32_t pc) { return t.covers(pc); });
  return 100.0 * static_cast<double>(covered) / static_cast<double>(std::max<std::size_t>(t.executed.size(), 1));
}

void print(const std::string& name, const char* depth, const Tally& t) {
  fmt::print("{:<26} {:<8} faults={} covered={:.2f}% bypasses={}  addresses {} points {}: unchanged {} stopped {} trapped {} reset {} hung {} "
             "started-as-permitted {} with-one-word-spoilt {}; end known from an equal state {}\n",
             name, depth, t.faults, percent_covered(t), t.bypasses.size(), t.executed.size(), t.points, t.unchanged, t.stopped, t.trapped, t.reset, t.hung,
             t.started, t.spoilt, t.known);
  std::fflush(stdout);
}

void print_bypasses(const Elf& elf, const Tally& total) {
  std::size_t shown = 0;
  for (const Bypass& b : total.bypasses) {
    if (++shown > 60) return fmt::print("... and {} more\n", total.bypasses.size() - 60);
    fmt::print("BYPASS {} {} visit {} {}: {}; replay: --scenario {} --depth {} --address {:x} --thinning 1\n", b.scenario,
               elf.where(b.address), b.visit, describe(b.fault), b.what, b.scenario, depth_name(b.depth), b.address);
  }
}

// Where the own instructions of a depth beyond the memory functions are faulted: where what it answers alone refuses.
bool is_run_at(const Scenario& scenario, Depth depth) {
  if (depth <= Depth::kMemory) return true;
  if (depth == Depth::kHash) return scenario.name == "image_digest" || scenario.name == "tampered_journal";
  if (depth == Depth::kSign) return scenario.name == "unarmed_trial";
  return scenario.name == (depth == Depth::kPostQuantum ? "post_quantum_signature" : "p256_signature");
}

// Deeper runs leave out what the shallower ones have executed in any scenario.
Tally run_depths(const Elf& elf, const std::vector<Scenario>& scenarios, const Options& o) {
  Tally total;
  for (const Depth depth : kDepths) {
    if (!o.all_depths && depth != o.campaign.depth) continue;
    std::vector<const Scenario*> chosen;
    for (const Scenario& scenario : scenarios)
      if (is_run_at(scenario, depth) || scenarios.size() == 1) chosen.push_back(&scenario);
    const std::set<std::uint32_t> known = total.executed;
    CampaignOptions options = o.campaign;
    options.depth = depth;
    options.except = &known;
    const std::vector<Tally> tallies = run_all(elf, chosen, options, o.jobs);
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      print(chosen[i]->name, depth_name(depth), tallies[i]);
      total.add(tallies[i]);
    }
  }
  return total;
}

int campaign(const Elf& elf, const std::vector<Scenario>& scenarios, const Options& o) {
  const auto begin = std::chrono::steady_clock::now();
  const Tally total = run_depths(elf, scenarios, o);
  if (!total.trouble.empty()) return fmt::print("{}\n", total.trouble), 1;
  for (std::size_t kind = 0; kind < kFaultKindCount; ++kind)
    fmt::print("{} {}  ", fault_kind_name(static_cast<FaultKind>(kind)), total.by_kind[kind]);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fmt::print("\n{:.1f} s, {} workers, single-fault ISA-level model, EMULATED\n", seconds, o.jobs);
  print_bypasses(elf, total);
  for (const std::uint32_t pc : total.executed)
    if (o.list_uncovered && !total.covers(pc)) fmt::print("not covered: {}\n", elf.where(pc));
  fmt::print("scenarios={} addresses={} points={} faults={} covered={:.2f}% bypasses={}\n", scenarios.size(), total.executed.size(), total.points,
             total.faults, percent_covered(total), total.bypasses.size());
  if (o.expect_bypass) return total.bypasses.empty() ? 1 : 0;
  return total.bypasses.empty() && total.faults >= o.faults_min ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  Options o;
  if (!parse(count, words, o)) return std::fputs(kUsage, stderr), 2;
  const Elf elf = read_elf(o.elf);
  if (elf.bytes.empty()) return fmt::print("{} is not there or no Arm ELF file: ./dev build makes it\n", o.elf), 1;
  std::vector<Scenario> chosen;
  for (const auto& [name, make] : o.lms ? lms_scenario_makers() : scenario_makers()) {
    if (!o.scenario.empty() && name != o.scenario) continue;
    Scenario scenario = make();
    const std::string trouble = check_without_fault(elf, scenario);
    if (!trouble.empty()) return fmt::print("{}\n", trouble), 1;
    if (scenario.negative() || !o.scenario.empty()) chosen.push_back(std::move(scenario));
  }
  if (chosen.empty()) return fmt::print("there is no scenario {}\n", o.scenario), 2;
  if (o.check_only) return fmt::print("{} scenarios end as they must without a fault\n", chosen.size()), 0;
  return campaign(elf, chosen, o);
}
