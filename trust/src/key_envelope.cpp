// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/key_envelope.h"

#include "statement_parts.h"

namespace aseptic::trust {
namespace {

constexpr std::string_view kFormat = "aseptic-key-envelope-1";
constexpr std::string_view kAlgorithm = "p256-hkdf-sha256-aes256gcm";
constexpr std::string_view kInfoDomain{"aseptic-key-envelope-v1\0", 24};
constexpr std::size_t kPointBytes = 64;
constexpr std::size_t kWrappedBytes = 48;  // AES-256 key and GCM tag

}  // namespace

core::Result<KeyEnvelope> KeyEnvelope::parse(core::ByteView bytes) {
  ASEPTIC_TRY(const core::JsonValue value, parse_canonical(bytes, kStatementBytesMax, "key envelope"));
  ASEPTIC_TRY(ObjectReader reader, open_format(value, "key envelope", kFormat));
  KeyEnvelope envelope;
  ASEPTIC_TRY(envelope.critical, read_critical(reader));
  ASEPTIC_TRY(envelope.release, reader.digest("release"));
  ASEPTIC_TRY(envelope.group, reader.text("group"));
  ASEPTIC_TRY_VOID(check_identifier(envelope.group, "group"));
  ASEPTIC_TRY(envelope.group_epoch, reader.count("group_epoch"));
  ASEPTIC_TRY(envelope.algorithm, reader.text("algorithm"));
  ASEPTIC_TRY(envelope.ephemeral, reader.hex("ephemeral"));
  ASEPTIC_TRY(envelope.wrapped, reader.hex("wrapped"));
  ASEPTIC_TRY(envelope.payloads, read_digests(reader, "payloads", kIndexEntriesMax));
  // SECURITY(T-44): one algorithm, no negotiation.
  if (envelope.algorithm != kAlgorithm) return reader.error("algorithm " + quoted(envelope.algorithm) + " is unknown");
  if (envelope.ephemeral.size() != kPointBytes || envelope.wrapped.size() != kWrappedBytes)
    return reader.error("ephemeral needs 64 and wrapped 48 bytes");
  if (envelope.payloads.empty()) return reader.error("names no payload");
  ASEPTIC_TRY_VOID(check_critical(reader, envelope.critical));
  envelope.unrecognized = reader.rest();
  ASEPTIC_TRY_VOID(check_faithful(reader, envelope.encode(), bytes));
  return envelope;
}

std::string KeyEnvelope::encode() const {
  core::JsonObject object = unrecognized;
  object["format"] = kFormat;
  object["critical"] = encode_texts(critical);
  object["release"] = release.hex();
  object["group"] = group;
  object["group_epoch"] = number(group_epoch);
  object["algorithm"] = algorithm;
  object["ephemeral"] = core::to_hex(ephemeral);
  object["wrapped"] = core::to_hex(wrapped);
  object["payloads"] = encode_digests(payloads);
  return core::canonical_json(object);
}

core::Bytes KeyEnvelope::hkdf_info() const {
  core::Bytes info(kInfoDomain.begin(), kInfoDomain.end());
  const auto append = [&info](core::ByteView bytes) { info.insert(info.end(), bytes.begin(), bytes.end()); };
  append(release.bytes);
  append(core::sha256(group).bytes);
  for (int i = 0; i < 8; ++i) info.push_back(static_cast<std::uint8_t>(group_epoch >> (8 * i)));
  for (const core::Digest& payload : payloads) append(payload.bytes);
  return info;
}

}  // namespace aseptic::trust
