// SPDX-License-Identifier: Apache-2.0
// Proof that a release is in the release log: signed checkpoint, inclusion, consistency with the last checkpoint.
// Format: docs/formats/log_proof.md. Tree: RFC 9162 section 2.1 with SHA-256.
// Thread contract: value types and pure functions.
#pragma once

#include "aseptic/core/utc_time.h"
#include "aseptic/trust/statement.h"

namespace aseptic::trust {

inline constexpr std::string_view kCheckpointType = "aseptic-log-checkpoint";

struct Checkpoint {
  std::string log;
  std::uint64_t size = 0;
  core::Digest root;
  core::UtcTime time;
  Unrecognized unrecognized;

  static core::Result<Checkpoint> parse(const core::JsonValue& signed_part);
  [[nodiscard]] core::JsonValue encode() const;
};

// Stands beside the release manifest as releases/<release-id>/log_proof.json.
struct LogProof {
  std::vector<std::string> critical;
  core::Digest release;
  std::uint64_t leaf_index = 0;
  std::vector<core::Digest> inclusion;
  std::uint64_t previous_size = 0;          // of the checkpoint that `consistency` starts from; 0 for none
  std::vector<core::Digest> consistency;
  std::string checkpoint;                   // the signed checkpoint file, as text
  Unrecognized unrecognized;

  static core::Result<LogProof> parse(core::ByteView bytes);
  [[nodiscard]] std::string encode() const;
};

core::Digest log_leaf_hash(core::ByteView leaf);
core::Digest log_node_hash(const core::Digest& left, const core::Digest& right);

struct InclusionClaim {
  core::Digest leaf;
  std::uint64_t index = 0;
  std::uint64_t size = 0;
  core::Digest root;
};
core::Result<void> verify_inclusion(const InclusionClaim& claim, const std::vector<core::Digest>& proof);

struct ConsistencyClaim {
  std::uint64_t old_size = 0;
  core::Digest old_root;
  std::uint64_t new_size = 0;
  core::Digest new_root;
};
core::Result<void> verify_consistency(const ConsistencyClaim& claim, const std::vector<core::Digest>& proof);

// Checkpoint signature, inclusion of the release digest, and consistency with the last accepted checkpoint.
// Returns the checkpoint to keep.
core::Result<Checkpoint> verify_log_proof(const LogProof& proof, const core::Digest& release,
                                          const core::PublicKey& log_key, const std::optional<Checkpoint>& last);

}  // namespace aseptic::trust
