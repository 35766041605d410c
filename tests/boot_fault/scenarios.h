// SPDX-License-Identifier: Apache-2.0
// What the device is offered in a campaign: a flash image, the cause of the reset, and the one image (if any) that may
// start. In each negative scenario the rest of the device is in order: only the named thing is wrong.
#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/qemu/flash_image.h"

namespace aseptic::test {

struct Scenario {
  std::string name;
  std::string wrong;       // in a few words; empty: a control, in which `permitted` must start
  Bytes flash;
  Bytes permitted;         // code of the only image that may start; empty: none
  Bytes last_resort;       // another verified release: it may start as a forced trial, with therapy inhibited (rule 4)
  bool commanded = false;  // the reset was commanded by the application; else power was lost
  std::uint64_t blocks_margin = 60'000;  // a run may take so many more than one without fault: above a whole start's 48,000
  std::uint32_t floor = 0;
  std::uint32_t revoked = 0;
  std::uint32_t generation = 0;

  [[nodiscard]] bool negative() const { return !wrong.empty(); }
};

// By name, in the order of a campaign. Images are signed afresh with keys of this process, each once.
using ScenarioMakers = std::vector<std::pair<std::string, std::function<Scenario()>>>;
const ScenarioMakers& scenario_makers();
// Of profile cnsa2: a device whose key slot names LMS. For its stage alone; the default one starts nothing there.
const ScenarioMakers& lms_scenario_makers();

struct StoreInForce {
  bool readable = false;
  std::uint32_t floor = 0;
  std::uint32_t revoked = 0;
  std::uint32_t generation = 0;
};
// The monotonic store as boot reads it: `area` = its three cells.
StoreInForce store_in_force(const std::uint8_t* area);

}  // namespace aseptic::test
