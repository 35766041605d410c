// SPDX-License-Identifier: Apache-2.0
// boot_fault: every single fault of the linked boot stage (EMULATED). docs/boot_fault.md.
#include <fmt/format.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <mutex>
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
  bool expect_bypass = false;
  bool check_only = false;
  bool list_uncovered = false;
};

constexpr const char* kUsage =
    "boot_fault [--elf FILE] [--seed N] [--thinning N] [--visits N] [--real-crypto] [--scenario NAME] [--address HEX]\n"
    "           [--jobs N] [--faults-min N] [--expect-bypass] [--check] [--list-uncovered]\n"
    "Every single fault of the linked Cortex-M33 boot stage under Unicorn (EMULATED). --thinning 1 tries all faults of\n"
    "the model, n every n-th at each point. --address with --scenario replays one place. --expect-bypass: for weak\n"
    "builds, succeeds when at least one bypass is found. --check: only the runs without fault.\n";

bool parse_number(std::string_view text, auto& out, int base = 10) {
  if (base == 16 && text.starts_with("0x")) text.remove_prefix(2);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc() && end == text.data() + text.size();
}

bool parse(int count, char** words, Options& o) {
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const std::string_view value = i + 1 < count ? words[i + 1] : "";
    if (word == "--expect-bypass") {
      o.expect_bypass = true;
    } else if (word == "--check") {
      o.check_only = true;
    } else if (word == "--list-uncovered") {
      o.list_uncovered = true;
    } else if (word == "--real-crypto") {
      o.campaign.real_crypto = true;
    } else {
      ++i;
      const bool good = word == "--elf"          ? (o.elf = value, !value.empty())
                        : word == "--scenario"   ? (o.scenario = value, !value.empty())
                        : word == "--seed"       ? parse_number(value, o.campaign.seed)
                        : word == "--thinning"   ? parse_number(value, o.campaign.thinning) && o.campaign.thinning > 0
                        : word == "--visits"     ? parse_number(value, o.campaign.visits)
                        : word == "--address"    ? parse_number(value, o.campaign.address, 16)
                        : word == "--jobs"       ? parse_number(value, o.jobs) && o.jobs > 0
                        : word == "--faults-min" ? parse_number(value, o.faults_min)
                                                 : false;
      if (!good) return false;
    }
  }
  return true;
}

// One worker per core; results are added in the order of the scenarios, whoever was faster.
std::vector<Tally> run_all(const Elf& elf, const std::vector<Scenario>& scenarios, const Options& o, unsigned parts) {
  std::vector<Tally> parts_done(scenarios.size() * parts);
  std::atomic<std::size_t> next = 0;
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < o.jobs; ++i)
    workers.emplace_back([&] {
      for (std::size_t job = next++; job < parts_done.size(); job = next++)
        parts_done[job] = run_campaign(elf, scenarios[job / parts], o.campaign, static_cast<unsigned>(job % parts), parts);
    });
  for (std::thread& worker : workers)
    worker.join();
  std::vector<Tally> out(scenarios.size());
  for (std::size_t job = 0; job < parts_done.size(); ++job)
    out[job / parts].add(parts_done[job]);
  return out;
}

void print(const std::string& name, const Tally& t) {
  fmt::print("{:<28} {:>9} faults  unchanged {} stopped {} trapped {} reset {} hung {} started-as-permitted {}  bypasses {}\n", name,
             t.faults, t.unchanged, t.stopped, t.trapped, t.reset, t.hung, t.started, t.bypasses.size());
}

void print_bypasses(const Elf& elf, const Tally& total) {
  std::size_t shown = 0;
  for (const Bypass& b : total.bypasses) {
    if (++shown > 40) return fmt::print("... and {} more\n", total.bypasses.size() - 40);
    fmt::print("BYPASS {} {} visit {} {}: {}; replay: --scenario {} --address {:x} --thinning 1\n", b.scenario, elf.where(b.address),
               b.visit, describe(b.fault), b.what, b.scenario, b.address);
  }
}

int campaign(const Elf& elf, const std::vector<Scenario>& scenarios, const Options& o) {
  const auto begin = std::chrono::steady_clock::now();
  Tally total;
  const std::vector<Tally> tallies = run_all(elf, scenarios, o, 2);
  for (std::size_t i = 0; i < scenarios.size(); ++i) {
    print(scenarios[i].name, tallies[i]);
    total.add(tallies[i]);
  }
  if (!total.trouble.empty()) return fmt::print("{}\n", total.trouble), 1;
  for (std::size_t kind = 0; kind < kFaultKindCount; ++kind)
    fmt::print("{} {}  ", fault_kind_name(static_cast<FaultKind>(kind)), total.by_kind[kind]);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fmt::print("\n{:.1f} s, {} workers, single-fault ISA-level model, EMULATED\n", seconds, o.jobs);
  print_bypasses(elf, total);
  std::size_t covered = 0;
  for (const std::uint32_t pc : total.executed) {
    covered += total.covered.contains(pc) ? 1 : 0;
    if (o.list_uncovered && !total.covered.contains(pc)) fmt::print("not covered: {}\n", elf.where(pc));
  }
  fmt::print("scenarios={} addresses={} faults={} covered={:.2f}% bypasses={}\n", scenarios.size(), total.executed.size(), total.faults,
             100.0 * static_cast<double>(covered) / static_cast<double>(std::max<std::size_t>(total.executed.size(), 1)), total.bypasses.size());
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
  for (Scenario& scenario : all_scenarios()) {
    const std::string trouble = o.scenario.empty() || o.check_only ? check_without_fault(elf, scenario) : "";
    if (!trouble.empty()) return fmt::print("{}\n", trouble), 1;
    if (scenario.negative() ? o.scenario.empty() || o.scenario == scenario.name : o.scenario == scenario.name)
      chosen.push_back(std::move(scenario));
  }
  if (o.check_only) return fmt::print("{} scenarios end as they must without a fault\n", chosen.size()), 0;
  return campaign(elf, chosen, o);
}
