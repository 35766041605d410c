// SPDX-License-Identifier: Apache-2.0
// Finds who may speak for one target path: pre-order depth-first search over the delegations (TUF 1.0.34 section
// 5.6.7), without I/O. The search says which role file it needs; the caller reads it from its cache or fetches it.
//
//   auto search = TargetSearch::begin(trusted, path);
//   while (auto request = search->needed()) {
//     if (cached copy exists && search->supply(cached)) continue;   // a refused file changes nothing
//     ASEPTIC_TRY_VOID(search->supply(fetched));                    // else: the search has failed
//     persist fetched
//   }
//   search->result()
//
// Security: each role file is verified against the delegator of THIS path (a diamond is no way in), by the same
// function as top-level roles: version, length, hash, threshold, expiry. SECURITY(T-13) wrong target.
// INVARIANT: names never become paths here; the caller percent-encodes them.
// Thread contract: one thread at a time; keeps the TrustedMetadata's files alive by itself.
#pragma once

#include "aseptic/trust/trusted_metadata.h"

namespace aseptic::trust {

// What the repository says about one target.
struct TargetInfo {
  std::string path;
  std::string role;  // who said it: "targets" or the delegated role
  std::uint64_t length = 0;
  Hashes hashes;     // at least one
  std::optional<core::JsonValue> custom;
};

class TargetSearch;

}  // namespace aseptic::trust

template <>
struct aseptic::core::VerifierOf<aseptic::trust::TargetInfo> {
  using type = aseptic::trust::TargetSearch;
};

namespace aseptic::trust {

class TargetSearch {
 public:
  static core::Result<TargetSearch> begin(const TrustedMetadata& trusted, std::string_view target_path);

  // The role file to supply next; nothing when the search has ended (then see result()).
  [[nodiscard]] std::optional<FileRequest> needed() const;
  core::Result<void> supply(core::ByteView role_file);

  // The target, or kNotFound. Call when needed() is empty.
  [[nodiscard]] core::Result<core::Verified<TargetInfo>> result() const;

 private:
  struct State;
  explicit TargetSearch(std::shared_ptr<State> state) : state_(std::move(state)) {}
  static core::Verified<TargetInfo> verified(TargetInfo info) { return core::Verified<TargetInfo>(std::move(info)); }
  std::shared_ptr<State> state_;
};

// The bytes are exactly the target: length and every listed hash. For targets small enough to be in memory.
core::Result<void> check_target_bytes(const core::Verified<TargetInfo>& target, core::ByteView bytes);

}  // namespace aseptic::trust
