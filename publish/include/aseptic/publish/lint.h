// SPDX-License-Identifier: Apache-2.0
// What a careful colleague would say about a repository: rules that clients accept but a maker of devices should not.
// Called by `aseptic repo lint`. Thread contract: reads only.
#pragma once

#include "aseptic/publish/repository.h"

namespace aseptic::publish {

enum class Severity : std::uint8_t { kError, kWarning };

struct Finding {
  Severity severity = Severity::kError;
  std::string rule;      // stable name, for scripts
  std::string sentence;  // what is wrong and what to do
};

struct LintOptions {
  core::UtcTime now;
  std::chrono::seconds expiry_notice{std::chrono::days(14)};
};

// Sizes that stock clients refuse to exceed.
inline constexpr std::uint64_t kRootSizeMax = 512'000;
inline constexpr std::uint64_t kTimestampSizeMax = 16'384;
inline constexpr std::uint64_t kSnapshotSizeMax = 2'000'000;
inline constexpr std::uint64_t kTargetsSizeMax = 5'000'000;
inline constexpr std::size_t kFlatTargetsMax = 1'000;  // beyond it, hash bins spare every client the whole list

core::Result<std::vector<Finding>> lint(const Repository& repository, const LintOptions& options);

}  // namespace aseptic::publish
