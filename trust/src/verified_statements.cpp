// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/verified_statements.h"

#include "object_reader.h"

namespace aseptic::trust {
namespace {

// The target's role and path are the ones that may carry this statement, and the bytes are the target's.
core::Result<void> check_origin(const core::Verified<TargetInfo>& target, core::ByteView bytes, std::string_view role) {
  if (target->role != role)
    return core::Error(TrustCode::kStatementMismatch, "target " + quoted(target->path) + ": role " + quoted(target->role) +
                                                          " may not make this statement, only " + quoted(role));
  return check_target_bytes(target, bytes);
}

core::Result<void> check_path(const core::Verified<TargetInfo>& target, const std::string& path) {
  if (target->path == path) return {};
  return core::Error(TrustCode::kStatementMismatch,
                     "target " + quoted(target->path) + ": its content belongs at " + quoted(path));
}

core::Result<const Component*> component_of(const core::Verified<ReleaseManifest>& release, const core::Uuid& id) {
  if (const Component* component = release->find(id)) return component;
  return core::Error(TrustCode::kComponentUnknown, "release has no component " + id.text());
}

}  // namespace

core::Result<core::Verified<Channel>> StatementVerifier::channel(const core::Verified<TargetInfo>& target,
                                                                 core::ByteView bytes) {
  ASEPTIC_TRY_VOID(check_origin(target, bytes, kTargetsRole));
  ASEPTIC_TRY(Channel channel, Channel::parse(bytes));
  ASEPTIC_TRY_VOID(check_path(target, channel.target_path()));
  return core::Verified<Channel>(std::move(channel));
}

core::Result<core::Verified<ReleaseManifest>> StatementVerifier::release(const core::Verified<TargetInfo>& target,
                                                                         core::ByteView bytes) {
  ASEPTIC_TRY_VOID(check_origin(target, bytes, kTargetsRole));
  ASEPTIC_TRY(ReleaseManifest release, ReleaseManifest::parse(bytes));
  ASEPTIC_TRY_VOID(check_path(target, release.target_path()));
  return core::Verified<ReleaseManifest>(std::move(release));
}

core::Result<core::Verified<PayloadIndex>> StatementVerifier::payload_index(
    const core::Verified<TargetInfo>& target, core::ByteView bytes, const core::Verified<ReleaseManifest>& release) {
  ASEPTIC_TRY_VOID(check_origin(target, bytes, kPayloadIndexRole));
  ASEPTIC_TRY(PayloadIndex index, PayloadIndex::parse(bytes));
  ASEPTIC_TRY_VOID(check_path(target, index.target_path()));
  ASEPTIC_TRY_VOID(check_index(index, *release, release->digest()));
  return core::Verified<PayloadIndex>(std::move(index));
}

core::Result<void> StatementVerifier::selects(const core::Verified<Channel>& channel,
                                              const core::Verified<ReleaseManifest>& release) {
  if (channel->release != release->digest() || channel->sequence != release->sequence ||
      channel->product != release->product || channel->release_id != release->release_id)
    return core::Error(TrustCode::kStatementMismatch, "channel " + quoted(channel->name) + " selects another release than " +
                                                          quoted(release->release_id));
  return {};
}

core::Result<core::AuthenticatedDigest> DigestIssuer::target_sha256(const core::Verified<TargetInfo>& target) {
  if (target->hashes.sha256) return core::AuthenticatedDigest(*target->hashes.sha256);
  return core::Error(TrustCode::kHash, "target " + quoted(target->path) + " lists no SHA-256");
}

core::Result<core::AuthenticatedDigest> DigestIssuer::image(const core::Verified<ReleaseManifest>& release,
                                                            const core::Uuid& component) {
  ASEPTIC_TRY(const Component* const found, component_of(release, component));
  return core::AuthenticatedDigest(found->image_digest);
}

core::Result<core::AuthenticatedDigest> DigestIssuer::manifest(const core::Verified<ReleaseManifest>& release,
                                                               const core::Uuid& component) {
  ASEPTIC_TRY(const Component* const found, component_of(release, component));
  return core::AuthenticatedDigest(found->manifest_digest);
}

core::Result<core::AuthenticatedDigest> DigestIssuer::payload_header(const core::Verified<PayloadIndex>& payloads,
                                                                     const core::Digest& image, std::size_t index) {
  const ImagePayloads* const found = payloads->find(image);
  if (!found || index >= found->payloads.size())
    return core::Error(TrustCode::kNotFound, "payload index has no such payload for image " + image.hex());
  return core::AuthenticatedDigest(found->payloads[index].header_digest);
}

}  // namespace aseptic::trust
