// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/key_envelope.h"

#include <algorithm>

#include "statement_parts.h"

namespace aseptic::trust {
namespace {

constexpr std::string_view kFormat = "aseptic-key-envelope-1";
constexpr std::string_view kMembershipFormat = "aseptic-group-membership-1";
constexpr std::string_view kInfoDomain{"aseptic-key-envelope-v1\0", 24};
constexpr std::string_view kMembershipDomain{"aseptic-group-membership-v1\0", 28};
constexpr std::size_t kPointBytes = 64;
constexpr std::size_t kWrappedBytes = 40;  // 32 secret bytes under AES key wrap

void append(core::Bytes& out, core::ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

core::Bytes info_of(std::string_view domain, const core::Digest& first, std::string_view group, std::uint64_t epoch) {
  core::Bytes info(domain.begin(), domain.end());
  append(info, first.bytes);
  append(info, core::sha256(group).bytes);
  for (int i = 0; i < 8; ++i) info.push_back(static_cast<std::uint8_t>(epoch >> (8 * i)));
  return info;
}

// SECURITY(T-44): one algorithm, no negotiation.
core::Result<std::string> read_algorithm(ObjectReader& reader) {
  ASEPTIC_TRY(std::string algorithm, reader.text("algorithm"));
  if (algorithm != kEnvelopeAlgorithm) return reader.error("algorithm " + quoted(algorithm) + " is unknown");
  return algorithm;
}

core::Result<void> read_wrapped(ObjectReader& reader, core::Bytes& ephemeral, core::Bytes& wrapped) {
  ASEPTIC_TRY(ephemeral, reader.hex("ephemeral"));
  ASEPTIC_TRY(wrapped, reader.hex("wrapped"));
  if (ephemeral.size() != kPointBytes || wrapped.size() != kWrappedBytes)
    return reader.error("ephemeral needs 64 and wrapped 40 bytes");
  return {};
}

core::Result<WrappedContentKey> read_key(const core::JsonValue& value) {
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(value, "key envelope: key", TrustCode::kStatementFormat));
  WrappedContentKey key;
  ASEPTIC_TRY(key.payload, reader.digest("payload"));
  ASEPTIC_TRY_VOID(read_wrapped(reader, key.ephemeral, key.wrapped));
  return key;
}

}  // namespace

std::string envelope_target_path(const core::Digest& release, std::string_view group) {
  return "envelopes/" + release.hex() + "." + std::string(group) + ".json";
}

core::Result<KeyEnvelope> KeyEnvelope::parse(core::ByteView bytes) {
  ASEPTIC_TRY(const core::JsonValue value, parse_canonical(bytes, kStatementBytesMax, "key envelope"));
  ASEPTIC_TRY(ObjectReader reader, open_format(value, "key envelope", kFormat));
  KeyEnvelope envelope;
  ASEPTIC_TRY(envelope.critical, read_critical(reader));
  ASEPTIC_TRY(envelope.release, reader.digest("release"));
  ASEPTIC_TRY(envelope.group, reader.text("group"));
  ASEPTIC_TRY_VOID(check_identifier(envelope.group, "group"));
  ASEPTIC_TRY(envelope.group_epoch, reader.count("group_epoch"));
  ASEPTIC_TRY(envelope.algorithm, read_algorithm(reader));
  ASEPTIC_TRY(const core::JsonArray* const keys, reader.array("keys", kIndexEntriesMax));
  for (const core::JsonValue& item : *keys) {
    ASEPTIC_TRY(WrappedContentKey key, read_key(item));
    if (envelope.find(key.payload) != nullptr) return reader.error("payload " + key.payload.hex() + " is listed twice");
    envelope.keys.push_back(std::move(key));
  }
  if (envelope.keys.empty()) return reader.error("names no payload");
  ASEPTIC_TRY_VOID(check_critical(reader, envelope.critical));
  envelope.unrecognized = reader.rest();
  ASEPTIC_TRY_VOID(check_faithful(reader, envelope.encode(), bytes));
  return envelope;
}

std::string KeyEnvelope::encode() const {
  core::JsonArray list;
  for (const WrappedContentKey& key : keys)
    list.push_back(core::JsonObject{{"payload", key.payload.hex()}, {"ephemeral", core::to_hex(key.ephemeral)}, {"wrapped", core::to_hex(key.wrapped)}});
  core::JsonObject object = unrecognized;
  object["format"] = kFormat;
  object["critical"] = encode_texts(critical);
  object["release"] = release.hex();
  object["group"] = group;
  object["group_epoch"] = number(group_epoch);
  object["algorithm"] = algorithm;
  object["keys"] = std::move(list);
  return core::canonical_json(object);
}

std::string KeyEnvelope::target_path() const { return envelope_target_path(release, group); }

const WrappedContentKey* KeyEnvelope::find(const core::Digest& payload) const {
  const auto at = std::ranges::find(keys, payload, &WrappedContentKey::payload);
  return at == keys.end() ? nullptr : &*at;
}

core::Bytes KeyEnvelope::hkdf_info(const core::Digest& payload) const {
  core::Bytes info = info_of(kInfoDomain, release, group, group_epoch);
  append(info, payload.bytes);
  return info;
}

core::Result<GroupMembership> GroupMembership::parse(core::ByteView bytes) {
  ASEPTIC_TRY(const core::JsonValue value, parse_canonical(bytes, kStatementBytesMax, "group membership"));
  ASEPTIC_TRY(ObjectReader reader, open_format(value, "group membership", kMembershipFormat));
  GroupMembership membership;
  ASEPTIC_TRY(membership.critical, read_critical(reader));
  ASEPTIC_TRY(membership.device, reader.text("device"));
  ASEPTIC_TRY(membership.group, reader.text("group"));
  ASEPTIC_TRY_VOID(check_identifier(membership.group, "group"));
  ASEPTIC_TRY(membership.group_epoch, reader.count("group_epoch"));
  ASEPTIC_TRY(membership.algorithm, read_algorithm(reader));
  ASEPTIC_TRY_VOID(read_wrapped(reader, membership.ephemeral, membership.wrapped));
  ASEPTIC_TRY_VOID(check_critical(reader, membership.critical));
  membership.unrecognized = reader.rest();
  ASEPTIC_TRY_VOID(check_faithful(reader, membership.encode(), bytes));
  return membership;
}

std::string GroupMembership::encode() const {
  core::JsonObject object = unrecognized;
  object["format"] = kMembershipFormat;
  object["critical"] = encode_texts(critical);
  object["device"] = device;
  object["group"] = group;
  object["group_epoch"] = number(group_epoch);
  object["algorithm"] = algorithm;
  object["ephemeral"] = core::to_hex(ephemeral);
  object["wrapped"] = core::to_hex(wrapped);
  return core::canonical_json(object);
}

core::Bytes GroupMembership::hkdf_info() const { return info_of(kMembershipDomain, core::sha256(device), group, group_epoch); }

}  // namespace aseptic::trust
