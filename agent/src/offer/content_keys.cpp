// SPDX-License-Identifier: Apache-2.0
#include "offer/content_keys.h"

#include <unistd.h>

#include "aseptic/payload/apply/codes.h"
#include "aseptic/trust/key_envelope.h"
#include "aseptic/trust/limits.h"

namespace aseptic::agent {
namespace {

using core::Error;
using core::Result;
using core::SecretKey;

constexpr std::string_view kGroupsFolder = "groups";
constexpr std::size_t kGroupsMax = 16;  // each costs one look into the repository

Error no_key(std::string sentence) { return {payload::PayloadCode::kContentKey, std::move(sentence)}; }

}  // namespace

Result<std::optional<ContentKeys>> ContentKeys::open(const std::string& key_file, std::string device_id) {
  if (::access(key_file.c_str(), F_OK) != 0) return std::optional<ContentKeys>();
  ASEPTIC_TRY(auto key, platform::AgreementKey::read_pem(key_file));
  return std::optional<ContentKeys>(ContentKeys(std::move(key), std::move(device_id)));
}

Result<SecretKey> ContentKeys::open_with(core::ByteView file, ReleaseSource& source, const core::Digest& release,
                                         const core::Digest& payload) const {
  ASEPTIC_TRY(const auto membership, trust::GroupMembership::parse(file));
  if (membership.device != device_id_) return no_key("the membership is another device's");
  ASEPTIC_TRY(const auto target, source.find(trust::envelope_target_path(release, membership.group)));
  ASEPTIC_TRY(const core::Bytes bytes, source.read(target, trust::kStatementBytesMax));
  ASEPTIC_TRY(const auto envelope, trust::KeyEnvelope::parse(bytes));
  const trust::WrappedContentKey* wrapped = envelope.find(payload);
  if (envelope.release != release || envelope.group != membership.group || wrapped == nullptr)
    return no_key("the envelope is for another release, group or payload");
  if (envelope.group_epoch != membership.group_epoch)
    return no_key("the envelope is for epoch " + std::to_string(envelope.group_epoch) + " of the group " + membership.group +
                  ", the device's membership for epoch " + std::to_string(membership.group_epoch));
  ASEPTIC_TRY(const SecretKey scalar, key_.unwrap({membership.ephemeral, membership.wrapped}, membership.hkdf_info()).within("membership"));
  ASEPTIC_TRY(const auto group, platform::AgreementKey::from_scalar(scalar));
  return group.unwrap({wrapped->ephemeral, wrapped->wrapped}, envelope.hkdf_info(payload)).within("envelope");
}

Result<SecretKey> ContentKeys::find(platform::Storage& state, ReleaseSource& source, const core::Digest& release,
                                    const core::Digest& payload) const {
  ASEPTIC_TRY(const auto files, state.list(kGroupsFolder).within("group memberships"));
  Error last = no_key("the device is a member of no group");
  std::size_t tried = 0;
  for (const std::string& name : files) {
    if (!name.ends_with(".json") || tried++ == kGroupsMax) continue;
    auto key = [&]() -> Result<SecretKey> {
      ASEPTIC_TRY(const core::Bytes file, state.read(std::string(kGroupsFolder) + "/" + name, trust::kStatementBytesMax));
      return open_with(file, source, release, payload);
    }();
    if (key) return key;
    last = no_key(name + ": " + key.error().sentence());
  }
  return last;
}

}  // namespace aseptic::agent
