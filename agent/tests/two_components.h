// SPDX-License-Identifier: Apache-2.0
// A device of two components in process, main and microcontroller, that lose power separately; and what must be true of both
// at every moment (protocol section 5). Rules judged: I8a the microcontroller is never confirmed before main; I8b therapy is
// possible only where both run images of one set, and never while the set goes back; I8c main's floor does not rise before the microcontroller has confirmed.
#pragma once

#include <optional>
#include <string>

#include "mcu_rig.h"

namespace aseptic::agent::test {

// Shared read-only by all cases.
struct TwoComponents {
  explicit TwoComponents(Keys k = {});
  Keys keys;
  std::array<BuiltImage, 2> v1, v2;
  Site site;
  std::string root;
  sim::World main, mcu;
};
const TwoComponents& two_components();

enum class Ending {
  kInstalled,
  kMcuFails,
  kMainFails,
  // After main's CONFIRMED (SET_REVERT):
  kMcuFailsLate,      // the microcontroller loses power, and its new image fails its next self-test
  kMcuSilent,         // it is without power until main is back
  kMcuConfirmsUnheard // it confirms, its line is dead until main is back
};
enum class Loses : std::uint8_t { kNobody, kMain, kMcu, kBothMainBackFirst, kBothMcuBackFirst };

struct Cut {
  Loses who = Loses::kNobody;
  bool counts_mcu = false;     // at_io counts the microcontroller's I/O, else main's
  std::uint64_t at_io = 0;
};

struct Outcome {
  std::string wrong;  // empty: nothing
  bool was_cut = false;
  bool told_set_revert = false;  // a report to the server names it
  std::uint64_t main_io = 0, mcu_io = 0;
  std::uint64_t main_io_at_commit = 0, mcu_io_at_commit = 0;  // when main first ran confirmed
  std::string trace;
};

Outcome run_both(Ending ending, const Cut& cut);

}  // namespace aseptic::agent::test
