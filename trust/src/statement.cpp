// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/statement.h"

#include "statement_parts.h"

namespace aseptic::trust {
namespace {

constexpr std::size_t kIdentifierMax = 64;

}  // namespace

SingleKeyAuthority::SingleKeyAuthority(std::string role, const core::PublicKey& key) : role_(std::move(role)) {
  const KeyId id = single_key_id(key);
  keys_.emplace(id, TufKey::from_public_key(key));
  role_keys_.keyids = {id};
}

KeyId single_key_id(const core::PublicKey& key) { return key.fingerprint().hex(); }

core::Result<core::JsonValue> open_statement(core::ByteView file, std::string_view type, const RoleAuthority& authority,
                                             std::size_t bytes_max) {
  const std::string what = "statement " + quoted(type);
  ASEPTIC_TRY(const SignedFile signed_file, SignedFile::parse(file, bytes_max).within(what));
  ASEPTIC_TRY_VOID(verify_signatures(signed_file, authority).within(what));
  ASEPTIC_TRY(core::JsonValue tree, core::parse_json_value(file, {.bytes_max = bytes_max, .depth_max = kStatementDepthMax}));
  core::JsonValue part = std::move(tree.as_object()->find("signed")->second);
  const auto written = part.string_at("_type");
  // SECURITY(T-25): a valid signature over another kind of statement is no signature over this one.
  if (!written || *written != type) return core::Error(TrustCode::kWrongType, what + ": the file is of another kind");
  return part;
}

core::Result<void> check_identifier(std::string_view text, std::string_view what) {
  constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  const bool good = !text.empty() && text.size() <= kIdentifierMax && text.front() != '.' &&
                    text.find_first_not_of(kAllowed) == std::string_view::npos;
  if (good) return {};
  return core::Error(TrustCode::kStatementFormat, std::string(what) + " " + quoted(text) +
                                                      " is not 1 to 64 characters of [A-Za-z0-9._-] without a leading dot");
}

core::Result<core::JsonValue> parse_canonical(core::ByteView bytes, std::size_t bytes_max, std::string_view what) {
  ASEPTIC_TRY(core::JsonValue value, core::parse_json_value(bytes, {.bytes_max = bytes_max, .depth_max = kStatementDepthMax})
                                         .within(what));
  // SECURITY(T-39): one value, one encoding; two parsers cannot read two meanings.
  if (core::canonical_json(value) != core::as_text(bytes))
    return core::Error(TrustCode::kStatementFormat, std::string(what) + ": is not canonical JSON");
  return value;
}

core::Result<ObjectReader> open_format(const core::JsonValue& value, std::string_view what, std::string_view format) {
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(value, std::string(what), TrustCode::kStatementFormat));
  ASEPTIC_TRY(const std::string written, reader.text("format"));
  if (written != format) return reader.error("format " + quoted(written) + " is not " + quoted(format));
  return reader;
}

core::Result<ObjectReader> open_signed(const core::JsonValue& part, std::string_view what, std::string_view type) {
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(part, std::string(what), TrustCode::kStatementFormat));
  ASEPTIC_TRY(const std::string written, reader.text("_type"));
  if (written != type) return core::Error(TrustCode::kWrongType, std::string(what) + ": is of another kind");
  return reader;
}

core::Result<std::vector<std::string>> read_critical(ObjectReader& reader) { return reader.texts("critical", kListMax); }

core::Result<void> check_critical(const ObjectReader& reader, const std::vector<std::string>& critical) {
  for (const std::string& name : critical)
    if (!reader.was_read(name))
      return core::Error(TrustCode::kCriticalUnknown,
                         reader.error("field " + quoted(name) + " is critical and unknown here; a newer version is needed").sentence());
  return {};
}

core::Result<void> check_faithful(const ObjectReader& reader, std::string_view encoded, core::ByteView bytes) {
  if (encoded == core::as_text(bytes)) return {};
  return reader.error("has an unknown member in an object that is closed to extensions");
}

core::Result<std::vector<Withdrawal>> read_withdrawals(ObjectReader& reader) {
  ASEPTIC_TRY(const core::JsonArray* const items, reader.array("withdrawn", kListMax));
  std::vector<Withdrawal> out;
  for (const core::JsonValue& item : *items) {
    ASEPTIC_TRY(ObjectReader one, ObjectReader::of(item, "withdrawal", TrustCode::kStatementFormat));
    Withdrawal withdrawal;
    ASEPTIC_TRY(withdrawal.release, one.digest("release"));
    ASEPTIC_TRY(withdrawal.sequence, one.count("sequence"));
    ASEPTIC_TRY(withdrawal.reason, one.text("reason"));
    out.push_back(std::move(withdrawal));
  }
  return out;
}

core::JsonValue encode_withdrawals(const std::vector<Withdrawal>& withdrawn) {
  core::JsonArray out;
  for (const Withdrawal& one : withdrawn)
    out.push_back(core::JsonObject{
        {"release", one.release.hex()}, {"sequence", number(one.sequence)}, {"reason", one.reason}});
  return out;
}

core::Result<std::vector<core::Digest>> read_digests(ObjectReader& reader, std::string_view name, std::size_t items_max) {
  ASEPTIC_TRY(const std::vector<std::string> texts, reader.texts(name, items_max));
  std::vector<core::Digest> out;
  for (const std::string& text : texts) {
    const auto digest = core::Digest::from_hex(text);
    if (!digest || digest->hex() != text) return reader.error("field " + quoted(name) + " is not a list of digests");
    out.push_back(*digest);
  }
  return out;
}

core::JsonValue encode_digests(const std::vector<core::Digest>& digests) {
  core::JsonArray out;
  for (const core::Digest& digest : digests) out.push_back(digest.hex());
  return out;
}

core::JsonValue encode_texts(const std::vector<std::string>& texts) {
  core::JsonArray out;
  for (const std::string& text : texts) out.push_back(text);
  return out;
}

}  // namespace aseptic::trust
