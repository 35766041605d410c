// SPDX-License-Identifier: Apache-2.0
#include "scenarios.h"

namespace aseptic::sim {
namespace {

using boot::testing::ImageSpec;

ImageSpec image(std::uint64_t sequence, std::uint32_t epoch, std::uint8_t key = 1,
                std::uint32_t revokes = 0) {
  ImageSpec spec;
  spec.sequence = sequence;
  spec.epoch = epoch;
  spec.key = key;
  spec.revokes = revokes;
  spec.exec_size = 700;
  return spec;
}
ImageSpec with_tree(ImageSpec spec) {
  spec.with_tree = true;
  return spec;
}
ImageSpec at_once(ImageSpec spec) {
  spec.policy_flags = boot::kPolicyRevokeNow;
  return spec;
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all{
      {.name = "good update", .releases = {{image(1, 1)}, {image(2, 1)}}, .final_release = 2},
      {.name = "bad release hangs, watchdog",
       .releases = {{image(1, 1)}, {image(2, 2), Behaviour::kHangs}},
       .final_release = 1},
      {.name = "bad release asks for the revert",
       .releases = {{image(1, 1)}, {image(2, 2), Behaviour::kReverts}},
       .final_release = 1},
      {.name = "power lost in every trial",
       .releases = {{image(1, 1)}, {image(2, 2), Behaviour::kLosesPower}},
       .final_release = 1},
      {.name = "power lost in the first trial",
       .releases = {{image(1, 1)}, {image(2, 2), Behaviour::kLosesPowerOnce}},
       .interrupted_max = 6,  // one more by each cut of the case
       .final_release = 2},
      {.name = "floor rise, recovery, two updates",
       .releases = {{image(1, 1)}, {with_tree(image(2, 2))}, {image(3, 4)}},
       .final_release = 3},
      {.name = "key revocation",
       .releases = {{image(1, 1)}, {image(2, 2, 2, 1)}},
       .final_release = 2,
       .revoked = 1},
      {.name = "key revocation at once",
       .releases = {{image(1, 1)}, {at_once(image(2, 2, 2, 1))}},
       .final_release = 2,
       .revoked = 1},
      {.name = "journal compaction",
       .releases = {{image(1, 1)}, {image(2, 2)}},
       .start = Start::kJournalAlmostFull,
       .idle_boots = 14,
       .final_release = 2},
      {.name = "default state, journal wiped",
       .releases = {{image(1, 1)}, {image(2, 2)}},
       .start = Start::kJournalWiped,
       .final_release = 2},
      {.name = "default state, journal garbage",
       .releases = {{image(1, 1)}, {image(2, 2)}},
       .start = Start::kJournalGarbage,
       .final_release = 2},
      {.name = "quarantine, then a higher attempt",
       .releases = {{image(1, 1)}, {image(2, 2), Behaviour::kRevertsOnce}},
       .final_release = 2},
      {.name = "without recovery",
       .releases = {{image(1, 1)}, {image(2, 2)}, {image(3, 3), Behaviour::kReverts}},
       .recovery = false,
       .final_release = 2},
      {.name = "generations run full",
       .releases = {{image(1, 1)}, {image(2, 2)}, {image(3, 3)}, {image(4, 4)}},
       .start = Start::kGenerationsAlmostUsed,
       .final_release = 0,
       .boots_max = 12},
      {.name = "journal sequences run full",
       .releases = {{image(1, 1)}, {image(2, 2)}, {image(3, 3)}},
       .start = Start::kSequencesAlmostUsed,
       .final_release = 0,
       .boots_max = 12},
  };
  return all;
}

}  // namespace aseptic::sim
