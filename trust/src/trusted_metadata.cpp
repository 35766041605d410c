// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/trusted_metadata.h"

#include <algorithm>

#include "aseptic/trust/limits.h"
#include "object_reader.h"
#include "role_file.h"
#include "streamed_file.h"
#include "targets_file.h"

namespace aseptic::trust {
namespace {

// The signed part of a small file as a tree. Call only after its signatures were verified, except for the root that
// brings its own keys.
core::Result<core::JsonValue> signed_tree(core::ByteView file, std::size_t bytes_max) {
  ASEPTIC_TRY(core::JsonValue tree,
              core::parse_json_value(file, {.bytes_max = bytes_max, .depth_max = kMetadataDepthMax}));
  const core::JsonValue* const part = tree.find("signed");
  if (!part) return core::Error(TrustCode::kFormat, "the file has no \"signed\"");
  return *part;
}

core::Error out_of_order(std::string_view sentence) { return core::Error(TrustCode::kOrder, std::string(sentence)); }

std::size_t cap(const std::optional<std::uint64_t>& length, std::size_t bytes_max) {
  return length ? static_cast<std::size_t>(std::min<std::uint64_t>(*length, bytes_max)) : bytes_max;
}

}  // namespace

TrustedMetadata::TrustedMetadata(Root root, std::string bytes)
    : root_(std::make_shared<const Root>(std::move(root))), root_bytes_(std::move(bytes)) {}

core::Result<TrustedMetadata> TrustedMetadata::from_root(core::ByteView file) {
  if (file.size() > kRootBytesMax) return core::Error(TrustCode::kEndless, "trusted root is larger than allowed");
  ASEPTIC_TRY(const core::JsonValue tree, signed_tree(file, kRootBytesMax).within("trusted root"));
  ASEPTIC_TRY(Root root, Root::parse(tree).within("trusted root"));
  ASEPTIC_TRY_VOID(
      verify_role_file(file, {.authority = root.authority(kRootRole), .bytes_max = kRootBytesMax}).within("trusted root"));
  return TrustedMetadata(std::move(root), std::string(core::as_text(file)));
}

core::Result<void> TrustedMetadata::update_root(core::ByteView file) {
  if (update_start_) return out_of_order("a root came after the root chain was finished");
  if (rotations_ == kRootRotationsPerRunMax)
    return core::Error(TrustCode::kEndless, "more than " + std::to_string(kRootRotationsPerRunMax) +
                                                " new roots in one run; run the update again to go on");
  // SECURITY(T-21): today's keys vouch for the next root before a byte of its content is believed.
  ASEPTIC_TRY_VOID(verify_role_file(file, {.authority = root_->authority(kRootRole), .bytes_max = kRootBytesMax})
                       .within("next root, by the keys of root " + std::to_string(root_->version)));
  ASEPTIC_TRY(const core::JsonValue tree, signed_tree(file, kRootBytesMax));
  ASEPTIC_TRY(Root next, Root::parse(tree));
  if (next.version != root_->version + 1)
    return core::Error(TrustCode::kRootChain, "next root has version " + std::to_string(next.version) + ", expected " +
                                                  std::to_string(root_->version + 1));
  ASEPTIC_TRY_VOID(verify_role_file(file, {.authority = next.authority(kRootRole), .bytes_max = kRootBytesMax})
                       .within("next root, by its own keys"));
  root_ = std::make_shared<const Root>(std::move(next));
  root_bytes_ = core::as_text(file);
  ++rotations_;
  return {};
}

core::Result<void> TrustedMetadata::finish_root(core::UtcTime update_start) {
  if (update_start_) return out_of_order("the root chain was finished before");
  // Only the last root's expiry matters; the ones on the way are bridges.
  ASEPTIC_TRY_VOID(trust::check_unexpired(*root_, kRootRole, update_start));
  update_start_ = update_start;
  return {};
}

core::Result<TrustedMetadata::Held<Timestamp>> TrustedMetadata::verified_timestamp(core::ByteView file) const {
  ASEPTIC_TRY(std::vector<core::Digest> signers, verify_role_file(file, {.authority = root_->authority(kTimestampRole),
                                                                         .bytes_max = kTimestampBytesMax}));
  ASEPTIC_TRY(const core::JsonValue tree, signed_tree(file, kTimestampBytesMax));
  ASEPTIC_TRY(Timestamp timestamp, Timestamp::parse(tree));
  return Held<Timestamp>{.value = std::move(timestamp), .signers = std::move(signers)};
}

core::Result<TrustedMetadata::Held<Snapshot>> TrustedMetadata::verified_snapshot(core::ByteView file,
                                                                                 const MetaFile* listed) const {
  ASEPTIC_TRY(std::vector<core::Digest> signers,
              verify_role_file(file, {.authority = root_->authority(kSnapshotRole),
                                      .listed = listed,
                                      .bytes_max = kSnapshotBytesMax}));
  ASEPTIC_TRY(Snapshot snapshot, stream_snapshot(file, kSnapshotBytesMax));
  Hashes hashes{.sha256 = core::sha256(file), .sha512 = core::sha512(file)};
  return Held<Snapshot>{.value = std::move(snapshot), .signers = std::move(signers), .hashes = hashes, .length = file.size()};
}

core::Result<void> TrustedMetadata::load_timestamp(core::ByteView cached) {
  if (!update_start_) return out_of_order("a cached timestamp came before the root chain was finished");
  if (timestamp_) return out_of_order("a cached timestamp came after another one");
  // SECURITY(T-10): a file signed by keys that root has replaced is forgotten, and a fast-forward with it.
  ASEPTIC_TRY(Held<Timestamp> held, verified_timestamp(cached).within("cached timestamp"));
  timestamp_ = std::make_shared<const Held<Timestamp>>(std::move(held));
  return {};
}

core::Result<void> TrustedMetadata::load_snapshot(core::ByteView cached) {
  if (!update_start_) return out_of_order("a cached snapshot came before the root chain was finished");
  if (snapshot_ || timestamp_is_current_) return out_of_order("a cached snapshot came too late");
  auto held = verified_snapshot(cached, nullptr);
  if (!held) {
    // SECURITY(T-10): the snapshot's keys were replaced. The timestamp that lists its version was misled by the same
    // fast-forward, so it goes as well (TUF 1.0.34 section 5.3.11).
    if (held.error().is(TrustCode::kThreshold)) timestamp_.reset();
    return std::move(held).error().within("cached snapshot");
  }
  snapshot_ = std::make_shared<const Held<Snapshot>>(std::move(*held));
  return {};
}

core::Result<TimestampChange> TrustedMetadata::update_timestamp(core::ByteView file) {
  if (!update_start_) return out_of_order("a timestamp came before the root chain was finished");
  if (snapshot_is_current_) return out_of_order("a timestamp came after the snapshot");
  ASEPTIC_TRY(Held<Timestamp> next, verified_timestamp(file));
  if (timestamp_) {
    const Timestamp& held = timestamp_->value;
    // SECURITY(T-05): no role goes back.
    if (next.value.version < held.version)
      return core::Error(TrustCode::kRollback, "timestamp: version " + std::to_string(next.value.version) +
                                                   " is older than the trusted " + std::to_string(held.version));
    if (next.value.version == held.version) {
      ASEPTIC_TRY_VOID(trust::check_unexpired(held, kTimestampRole, *update_start_));
      timestamp_is_current_ = true;
      return TimestampChange::kSame;
    }
    if (next.value.snapshot.version < held.snapshot.version)
      return core::Error(TrustCode::kRollback, "timestamp: lists snapshot version " +
                                                   std::to_string(next.value.snapshot.version) + ", older than the trusted " +
                                                   std::to_string(held.snapshot.version));
  }
  ASEPTIC_TRY_VOID(trust::check_unexpired(next.value, kTimestampRole, *update_start_));
  timestamp_ = std::make_shared<const Held<Timestamp>>(std::move(next));
  timestamp_is_current_ = true;
  return TimestampChange::kNew;
}

bool TrustedMetadata::snapshot_is_current() const {
  if (snapshot_is_current_) return true;
  if (!timestamp_is_current_ || !snapshot_) return false;
  const MetaFile& listed = timestamp_->value.snapshot;
  const Held<Snapshot>& held = *snapshot_;
  if (held.value.version != listed.version || !(*update_start_ < held.value.expires)) return false;
  if (listed.length && *listed.length != held.length) return false;
  if (listed.hashes.sha256 && listed.hashes.sha256 != held.hashes.sha256) return false;
  return !listed.hashes.sha512 || listed.hashes.sha512 == held.hashes.sha512;
}

core::Result<void> TrustedMetadata::update_snapshot(core::ByteView file) {
  if (!timestamp_is_current_) return out_of_order("a snapshot came before the timestamp");
  if (targets_) return out_of_order("a snapshot came after the targets");
  ASEPTIC_TRY(Held<Snapshot> next, verified_snapshot(file, &timestamp_->value.snapshot));
  ASEPTIC_TRY_VOID(check_version(next.value, kSnapshotRole, timestamp_->value.snapshot.version));
  if (snapshot_) ASEPTIC_TRY_VOID(check_no_role_goes_back(snapshot_->value, next.value));
  ASEPTIC_TRY_VOID(trust::check_unexpired(next.value, kSnapshotRole, *update_start_));
  snapshot_ = std::make_shared<const Held<Snapshot>>(std::move(next));
  snapshot_is_current_ = true;
  return {};
}

core::Result<void> TrustedMetadata::check_no_role_goes_back(const Snapshot& held, const Snapshot& next) {
  for (const auto& [role, listed] : held.meta) {
    const auto at = next.meta.find(role);
    // SECURITY(T-05): a role may neither vanish nor go back.
    if (at == next.meta.end())
      return core::Error(TrustCode::kRollback, "snapshot: no longer lists role " + quoted(role));
    if (at->second.version < listed.version)
      return core::Error(TrustCode::kRollback, "snapshot: lists role " + quoted(role) + " in version " +
                                                   std::to_string(at->second.version) + ", older than the trusted " +
                                                   std::to_string(listed.version));
  }
  return {};
}

core::Result<void> TrustedMetadata::update_targets(core::ByteView file) {
  if (!snapshot_is_current()) return out_of_order("targets came before the snapshot");
  const auto listed = snapshot_->value.meta.find(kTargetsRole);
  if (listed == snapshot_->value.meta.end()) return core::Error(TrustCode::kNotListed, "snapshot does not list targets");
  ASEPTIC_TRY_VOID(verify_role_file(file, {.authority = root_->authority(kTargetsRole),
                                           .listed = &listed->second,
                                           .bytes_max = kTargetsBytesMax}));
  ASEPTIC_TRY(TargetsHead head, stream_targets(file, {}));
  ASEPTIC_TRY_VOID(check_version(head, kTargetsRole, listed->second.version));
  ASEPTIC_TRY_VOID(trust::check_unexpired(head, kTargetsRole, *update_start_));
  snapshot_is_current_ = true;
  targets_ = std::make_shared<const TargetsFile>(
      TargetsFile{.version = head.version, .delegations = std::move(head.delegations), .bytes = {file.begin(), file.end()}});
  return {};
}

FileRequest TrustedMetadata::next_root_request() const {
  return {.role = std::string(kRootRole), .version = root_->version + 1, .bytes_max = kRootBytesMax};
}

FileRequest TrustedMetadata::timestamp_request() const {
  return {.role = std::string(kTimestampRole), .bytes_max = kTimestampBytesMax};
}

core::Result<FileRequest> TrustedMetadata::snapshot_request() const {
  if (!timestamp_is_current_) return out_of_order("a snapshot is asked for before the timestamp");
  const MetaFile& listed = timestamp_->value.snapshot;
  FileRequest request{.role = std::string(kSnapshotRole), .bytes_max = cap(listed.length, kSnapshotBytesMax)};
  if (root_->consistent_snapshot) request.version = listed.version;
  return request;
}

core::Result<FileRequest> TrustedMetadata::role_request(std::string_view role) const {
  if (!snapshot_is_current()) return out_of_order("a targets role is asked for before the snapshot");
  const auto listed = snapshot_->value.meta.find(role);
  if (listed == snapshot_->value.meta.end())
    return core::Error(TrustCode::kNotListed, "snapshot does not list role " + quoted(role));
  FileRequest request{.role = std::string(role), .bytes_max = cap(listed->second.length, kTargetsBytesMax)};
  if (root_->consistent_snapshot) request.version = listed->second.version;
  return request;
}

core::Result<FileRequest> TrustedMetadata::targets_request() const { return role_request(kTargetsRole); }

std::optional<std::uint64_t> TrustedMetadata::targets_version() const {
  return targets_ ? std::optional(targets_->version) : std::nullopt;
}

std::optional<core::Digest> TrustedMetadata::timestamp_key() const {
  return timestamp_is_current_ ? std::optional(timestamp_->signers.front()) : std::nullopt;
}

}  // namespace aseptic::trust
