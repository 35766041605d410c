// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/log_proof.h"

#include <bit>

#include "statement_parts.h"

namespace aseptic::trust {
namespace {

constexpr std::string_view kFormat = "aseptic-log-proof-1";

core::Error no_proof(std::string_view sentence) {
  return core::Error(TrustCode::kLogProof, "log proof: " + std::string(sentence));
}

}  // namespace

core::Result<Checkpoint> Checkpoint::parse(const core::JsonValue& signed_part) {
  ASEPTIC_TRY(ObjectReader reader, open_signed(signed_part, "checkpoint", kCheckpointType));
  Checkpoint checkpoint;
  ASEPTIC_TRY(checkpoint.log, reader.text("log"));
  ASEPTIC_TRY_VOID(check_identifier(checkpoint.log, "log"));
  ASEPTIC_TRY(checkpoint.size, reader.count("size"));
  ASEPTIC_TRY(checkpoint.root, reader.digest("root"));
  ASEPTIC_TRY(checkpoint.time, reader.time("time"));
  checkpoint.unrecognized = reader.rest();
  return checkpoint;
}

core::JsonValue Checkpoint::encode() const {
  core::JsonObject object = unrecognized;
  object["_type"] = kCheckpointType;
  object["log"] = log;
  object["size"] = number(size);
  object["root"] = root.hex();
  object["time"] = core::format_utc(time);
  return object;
}

core::Result<LogProof> LogProof::parse(core::ByteView bytes) {
  ASEPTIC_TRY(const core::JsonValue value, parse_canonical(bytes, kReportBytesMax, "log proof"));
  ASEPTIC_TRY(ObjectReader reader, open_format(value, "log proof", kFormat));
  LogProof proof;
  ASEPTIC_TRY(proof.critical, read_critical(reader));
  ASEPTIC_TRY(proof.release, reader.digest("release"));
  ASEPTIC_TRY(proof.leaf_index, reader.count("leaf_index"));
  ASEPTIC_TRY(proof.inclusion, read_digests(reader, "inclusion", kProofHashesMax));
  ASEPTIC_TRY(proof.previous_size, reader.count("previous_size"));
  ASEPTIC_TRY(proof.consistency, read_digests(reader, "consistency", kProofHashesMax));
  ASEPTIC_TRY(proof.checkpoint, reader.text("checkpoint", kReportBytesMax));
  ASEPTIC_TRY_VOID(check_critical(reader, proof.critical));
  proof.unrecognized = reader.rest();
  ASEPTIC_TRY_VOID(check_faithful(reader, proof.encode(), bytes));
  return proof;
}

std::string LogProof::encode() const {
  core::JsonObject object = unrecognized;
  object["format"] = kFormat;
  object["critical"] = encode_texts(critical);
  object["release"] = release.hex();
  object["leaf_index"] = number(leaf_index);
  object["inclusion"] = encode_digests(inclusion);
  object["previous_size"] = number(previous_size);
  object["consistency"] = encode_digests(consistency);
  object["checkpoint"] = checkpoint;
  return core::canonical_json(object);
}

core::Digest log_leaf_hash(core::ByteView leaf) {
  constexpr std::uint8_t kLeaf = 0;
  return core::Sha256().update({&kLeaf, 1}).update(leaf).finish();
}

core::Digest log_node_hash(const core::Digest& left, const core::Digest& right) {
  constexpr std::uint8_t kNode = 1;
  return core::Sha256().update({&kNode, 1}).update(left.bytes).update(right.bytes).finish();
}

// RFC 9162 section 2.1.3.2.
core::Result<void> verify_inclusion(const InclusionClaim& claim, const std::vector<core::Digest>& proof) {
  if (claim.index >= claim.size) return no_proof("the leaf is beyond the tree");
  std::uint64_t index = claim.index, last = claim.size - 1;
  core::Digest root = claim.leaf;
  for (const core::Digest& hash : proof) {
    if (last == 0) return no_proof("has too many hashes");
    if ((index & 1) != 0 || index == last) {
      root = log_node_hash(hash, root);
      while ((index & 1) == 0 && index != 0) index >>= 1, last >>= 1;
    } else {
      root = log_node_hash(root, hash);
    }
    index >>= 1, last >>= 1;
  }
  if (last != 0 || root != claim.root) return no_proof("the release is not in the log");
  return {};
}

// RFC 9162 section 2.1.4.2.
core::Result<void> verify_consistency(const ConsistencyClaim& claim, const std::vector<core::Digest>& proof) {
  if (claim.old_size == 0) return {};
  const core::Error fork(TrustCode::kLogFork, "log proof: the log is not a continuation of the last checkpoint");
  if (claim.old_size > claim.new_size) return fork;
  if (claim.old_size == claim.new_size) {
    if (!proof.empty() || claim.old_root != claim.new_root) return fork;
    return {};
  }
  std::vector<core::Digest> path = proof;
  if (std::has_single_bit(claim.old_size)) path.insert(path.begin(), claim.old_root);
  if (path.empty()) return fork;
  std::uint64_t index = claim.old_size - 1, last = claim.new_size - 1;
  while ((index & 1) != 0) index >>= 1, last >>= 1;
  core::Digest old_root = path.front(), new_root = path.front();
  for (std::size_t i = 1; i < path.size(); ++i) {
    if (last == 0) return fork;
    if ((index & 1) != 0 || index == last) {
      old_root = log_node_hash(path[i], old_root);
      new_root = log_node_hash(path[i], new_root);
      while ((index & 1) == 0 && index != 0) index >>= 1, last >>= 1;
    } else {
      new_root = log_node_hash(new_root, path[i]);
    }
    index >>= 1, last >>= 1;
  }
  if (last != 0 || old_root != claim.old_root || new_root != claim.new_root) return fork;
  return {};
}

core::Result<Checkpoint> verify_log_proof(const LogProof& proof, const core::Digest& release,
                                          const core::PublicKey& log_key, const std::optional<Checkpoint>& last) {
  const SingleKeyAuthority log("log", log_key);
  ASEPTIC_TRY(const core::JsonValue part,
              open_statement(core::as_bytes(proof.checkpoint), kCheckpointType, log.authority(), kReportBytesMax));
  ASEPTIC_TRY(Checkpoint checkpoint, Checkpoint::parse(part));
  // SECURITY(T-72): software that nobody else can see is not installed.
  if (proof.release != release) return no_proof("is for another release");
  ASEPTIC_TRY_VOID(verify_inclusion({.leaf = log_leaf_hash(release.bytes),
                                     .index = proof.leaf_index,
                                     .size = checkpoint.size,
                                     .root = checkpoint.root},
                                    proof.inclusion));
  if (!last) return checkpoint;
  if (last->log != checkpoint.log) return no_proof("is of another log");
  if (last->size > 0 && last->size != checkpoint.size && proof.previous_size != last->size)
    return no_proof("its consistency proof does not start at the checkpoint that this device holds");
  ASEPTIC_TRY_VOID(verify_consistency({.old_size = last->size,
                                       .old_root = last->root,
                                       .new_size = checkpoint.size,
                                       .new_root = checkpoint.root},
                                      last->size == checkpoint.size ? std::vector<core::Digest>{} : proof.consistency));
  return checkpoint;
}

}  // namespace aseptic::trust
