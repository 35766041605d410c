// SPDX-License-Identifier: Apache-2.0
// All single faults of one scenario. The run without fault is made twice: once to learn the addresses, how often each
// is executed and the state at milestones (entries of functions), once stopping before each instruction to be faulted.
// From there each fault is run on the fast engine until the device stops, an image starts, or the state is again the
// one of the run without fault at a milestone: registers, live stack and everything that boot keeps in flash.
// Deterministic: what is tried depends on the options only.
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "faults.h"
#include "scenarios.h"

namespace aseptic::test {

struct CampaignOptions {
  std::uint64_t seed = 1;
  // Faults tried at each (address, visit): one of each kind, skips of up to `skips` instructions, and of all others every
  // n-th, another choice at each; 1 = all of them.
  std::uint32_t thinning = 40;
  unsigned skips = 8;
  unsigned visits = 3;
  std::uint32_t address = 0;  // only here; 0 = everywhere
  std::optional<FaultKind> kind;  // only this one
  bool until_bypass = false;  // the first one is enough
  Depth depth = Depth::kDecision;
  const std::set<std::uint32_t>* except = nullptr;  // addresses that are not faulted: a shallower depth has done it
};

struct Bypass {
  std::string scenario;
  Depth depth = Depth::kDecision;
  std::uint32_t address = 0;
  unsigned visit = 0;
  Fault fault;
  std::string what;
};

struct Tally {
  std::uint64_t faults = 0;
  std::uint64_t by_kind[kFaultKindCount] = {};
  std::uint64_t unchanged = 0, stopped = 0, trapped = 0, reset = 0, hung = 0, started = 0, spoilt = 0;
  std::uint64_t known = 0;   // of all: their end was known from an earlier fault that led to the same state
  std::uint64_t points = 0;  // (address, visit) at which faults were injected
  // Addresses: executed without fault; faulted with every kind that applies; somewhere not with every kind.
  std::set<std::uint32_t> executed, tried, incomplete;
  std::vector<Bypass> bypasses;
  std::string trouble;  // the campaign itself could not be made

  void add(const Tally& other);
  [[nodiscard]] bool covers(std::uint32_t address) const { return tried.contains(address) && !incomplete.contains(address); }
};

// Part `part` of `parts` of the scenario's points.
Tally run_campaign(const Elf& elf, const Scenario& scenario, const CampaignOptions& options, unsigned part, unsigned parts);

// Where the run without fault ends. Empty when it ends as the scenario says it must.
std::string check_without_fault(const Elf& elf, const Scenario& scenario);

}  // namespace aseptic::test
