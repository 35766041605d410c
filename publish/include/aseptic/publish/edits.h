// SPDX-License-Identifier: Apache-2.0
// Changes to TUF metadata, as pure functions over documents. What they return has no signatures; each caller raises
// the version once per edition and lets the role's people or online keys sign.
//
// Called by the `aseptic repo` and `aseptic release` commands. Thread contract: pure.
#pragma once

#include <chrono>
#include <optional>

#include "aseptic/publish/tuf_document.h"

namespace aseptic::publish {

struct RolePlan {
  std::vector<core::PublicKey> keys;
  std::size_t threshold = 1;
};

struct RootPlan {
  RolePlan root, targets, snapshot, timestamp;
  core::UtcTime expires;
};

core::Result<Document> new_root(const RootPlan& plan);
Document empty_targets(core::UtcTime expires);

// Replaces who signs for a top-level role; drops keys that no role uses any more.
core::Result<void> set_role(Document& root, std::string_view role, const RolePlan& plan);

struct TargetEntry {
  std::string path;
  std::uint64_t length = 0;
  core::Digest sha256;
  std::optional<core::JsonValue> custom;
};
core::Result<void> add_target(Document& targets, const TargetEntry& entry);
core::Result<void> remove_target(Document& targets, std::string_view path);
core::Result<TargetEntry> find_target(const Document& targets, std::string_view path);
core::Result<std::vector<TargetEntry>> targets_of(const Document& targets);

enum class Search : std::uint8_t { kGoesOn, kEndsHere };  // TUF "terminating"

struct Delegation {
  std::string name;
  RolePlan who;
  std::vector<std::string> paths;  // patterns; '*' does not cross '/'
  Search search = Search::kEndsHere;
};
// Adds a delegation at the end of the search order, or replaces the one of that name in its place.
core::Result<void> set_delegation(Document& targets, const Delegation& delegation);
core::Result<void> remove_delegation(Document& targets, std::string_view name);
std::vector<std::string> delegated_names(const Document& targets);  // every bin included

// Succinct hash bins (TAP 15): 2^bit_length roles "<prefix>-<hex>" with one set of keys.
struct HashBins {
  static constexpr unsigned kBitLengthMax = 14;  // 16,384 bins; more make the snapshot larger than they save
  std::string prefix;
  unsigned bit_length = 0;
  [[nodiscard]] std::string name(std::uint32_t bin) const;
  [[nodiscard]] std::string name_for(std::string_view target_path) const;
  [[nodiscard]] std::uint32_t count() const { return 1u << bit_length; }
};
core::Result<void> set_hash_bins(Document& targets, const HashBins& bins, const RolePlan& who);
std::optional<HashBins> hash_bins_of(const Document& targets);

}  // namespace aseptic::publish
