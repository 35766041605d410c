// SPDX-License-Identifier: Apache-2.0
// boot_power_cut: the power fails in each flash operation of boot, installer and application.
// usage: boot_power_cut [--nightly] [--cases N] [--threads N] [--geometry N] [--scenario N] [--expect-bad]
//                       [--seed CASE]
#include <cstdio>
#include <cstdlib>
#include <string>

#include "campaign.h"

namespace {

constexpr std::uint64_t kWrongCoreCases = 6000;  // in one configuration: found early or not at all
constexpr std::uint64_t kNightlyCases = 5'200'000;

int usage() {
  std::fprintf(stderr,
               "usage: boot_power_cut [--nightly] [--cases N] [--threads N] [--geometry N] [--scenario N] "
               "[--expect-bad] [--seed CASE]\n");
  return 2;
}

void print(const aseptic::sim::CampaignResult& r) {
  const auto text = [](std::uint64_t value) { return std::to_string(value); };
  std::printf("operations=%s double_cuts=%s broken_sectors=%s lost_bits=%s not_fired=%s\n",
              text(r.operations).c_str(), text(r.double_cuts).c_str(), text(r.broken_sectors).c_str(),
              text(r.lost_bits).c_str(), text(r.not_fired).c_str());
  std::printf("cases=%s boots=%s bad=%s\n", text(r.cases).c_str(), text(r.boots).c_str(),
              text(r.bad).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  aseptic::sim::CampaignOptions options;
  bool expect_bad = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "--nightly") {
      options.cases = kNightlyCases;
    } else if (word == "--expect-bad") {
      expect_bad = options.stop_at_first = true;
      options.progress = false;
      options.cases = kWrongCoreCases;
    } else if (word == "--seed" && has_value) {
      aseptic::sim::CaseId id;
      if (!aseptic::sim::parse_case(argv[i + 1], id)) return usage();
      return aseptic::sim::replay(id) ? 0 : 1;
    } else if (has_value &&
               (word == "--cases" || word == "--threads" || word == "--geometry" || word == "--scenario")) {
      const long value = std::strtol(argv[++i], nullptr, 10);
      if (value < 0) return usage();
      if (word == "--cases") options.cases = static_cast<std::uint64_t>(value);
      if (word == "--threads") options.threads = static_cast<unsigned>(value);
      if (word == "--geometry") options.only_geometry = static_cast<int>(value);
      if (word == "--scenario") options.only_scenario = static_cast<int>(value);
    } else {
      return usage();
    }
  }
  std::printf("seed=all (a bad case prints its own; --seed replays it)\n");
  const auto result = aseptic::sim::run_campaign(options);
  print(result);
  if (expect_bad) return result.bad != 0 ? 0 : 1;
  return result.bad == 0 && result.cases >= options.cases ? 0 : 1;
}
