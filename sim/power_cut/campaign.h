// SPDX-License-Identifier: Apache-2.0
// All cases of boot_power_cut, spread over threads. A case is a configuration (geometry x scenario), an
// operation in which the power fails, a tear, and possibly a second cut in what follows, or instead a sector
// that can no longer be read. Its text, G.S.K.T.J.U.A.B, replays it.
#pragma once

#include <cstdint>
#include <string>

namespace aseptic::sim {

struct CaseId {
  static constexpr std::uint64_t kNone = ~0ULL;
  std::size_t geometry = 0, scenario = 0;
  std::uint64_t cut = kNone;  // operation of the undisturbed life
  unsigned tear = 0;             // kSilentBit: no cut, a bit is lost
  std::uint64_t second = kNone;  // operation after the power came back
  unsigned second_tear = 0;
  std::uint64_t broken_sector = kNone;  // area * 65536 + sector
  std::uint64_t broken_at = 0;          // before this power-up
};
std::string text_of(const CaseId& id);
bool parse_case(const std::string& text, CaseId& out);

struct CampaignOptions {
  std::uint64_t cases = 220'000;
  unsigned threads = 0;  // 0: one for each processor
  bool stop_at_first = false;
  bool progress = true;
  int only_geometry = -1, only_scenario = -1;
};
struct CampaignResult {
  std::uint64_t cases = 0, boots = 0, bad = 0;
  std::uint64_t not_fired = 0;  // cuts that did not happen: a fault of the campaign
  std::uint64_t double_cuts = 0, broken_sectors = 0, lost_bits = 0, operations = 0;
};
CampaignResult run_campaign(const CampaignOptions& options);

// Plays one case and prints what happens.
bool replay(const CaseId& id);

}  // namespace aseptic::sim
