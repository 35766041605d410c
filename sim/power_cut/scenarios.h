// SPDX-License-Identifier: Apache-2.0
// What a device lives through in boot_power_cut: which releases are offered, how each behaves in its trial,
// and in which state the device starts. Release 1 is the factory's.
#pragma once

#include <vector>

#include "../../boot/core/tests/world.h"

namespace aseptic::sim {

enum class Behaviour : std::uint8_t {
  kConfirms,
  kReverts,         // asks for the revert
  kHangs,           // watchdog
  kLosesPower,      // in every trial
  kLosesPowerOnce,  // in the first trial, then confirms
  kRevertsOnce,     // in attempt 1; attempt 2 confirms
};

enum class Start : std::uint8_t {
  kFactory,
  kJournalAlmostFull,
  kJournalWiped,
  kJournalGarbage,
  kGenerationsAlmostUsed,
  kSequencesAlmostUsed,
};

struct OfferedRelease {
  boot::testing::ImageSpec image;
  Behaviour behaviour = Behaviour::kConfirms;
};

struct Scenario {
  const char* name = "";
  std::vector<OfferedRelease> releases;  // release k is releases[k - 1]
  Start start = Start::kFactory;
  bool recovery = true;
  std::uint8_t interrupted_max = 3;
  int idle_boots = 0;             // after the device came to rest
  std::size_t final_release = 1;  // what the device must come to rest with; 0: no end is asked, only safety
  std::uint32_t revoked = 0;      // ... and these keys revoked
  int boots_max = 60;
};

const std::vector<Scenario>& scenarios();

}  // namespace aseptic::sim
