// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/director.h"

#include <algorithm>

#include "statement_parts.h"

namespace aseptic::trust {
namespace {

constexpr std::size_t kNonceBytes = 32;

core::Result<std::vector<core::Uuid>> read_components(ObjectReader& reader) {
  ASEPTIC_TRY(const std::vector<std::string> texts, reader.texts("components", kComponentsMax));
  std::vector<core::Uuid> out;
  for (const std::string& text : texts) {
    const auto uuid = core::Uuid::parse(text);
    if (!uuid || uuid->text() != text) return reader.error("components is not a list of uuids");
    if (std::ranges::find(out, *uuid) != out.end()) return reader.error("a component is listed twice");
    out.push_back(*uuid);
  }
  return out;
}

core::Error expired(std::string_view what, core::UtcTime end) {
  return core::Error(TrustCode::kStatementExpired, std::string(what) + ": expired " + core::format_utc(end));
}

}  // namespace

core::Result<DirectorStatement> DirectorStatement::parse(const core::JsonValue& signed_part) {
  ASEPTIC_TRY(ObjectReader reader, open_signed(signed_part, "director statement", kDirectorType));
  DirectorStatement statement;
  ASEPTIC_TRY(statement.critical, read_critical(reader));
  ASEPTIC_TRY(statement.device, reader.text("device"));
  ASEPTIC_TRY_VOID(check_identifier(statement.device, "device"));
  ASEPTIC_TRY(statement.components, read_components(reader));
  ASEPTIC_TRY(statement.version, reader.count("version"));
  ASEPTIC_TRY(statement.issued, reader.time("issued"));
  ASEPTIC_TRY(statement.expires, reader.time("expires"));
  ASEPTIC_TRY(statement.release_id, reader.text("release_id"));
  ASEPTIC_TRY_VOID(check_identifier(statement.release_id, "release_id"));
  ASEPTIC_TRY(statement.release, reader.digest("release"));
  ASEPTIC_TRY(statement.sequence, reader.count("sequence"));
  ASEPTIC_TRY(statement.attempt, reader.count32("attempt"));
  ASEPTIC_TRY(statement.withdrawn, read_withdrawals(reader));
  if (statement.components.empty()) return reader.error("names no component");
  if (statement.version < 1 || statement.sequence < 1 || statement.attempt < 1)
    return reader.error("version, sequence and attempt start at 1");
  ASEPTIC_TRY_VOID(check_critical(reader, statement.critical));
  statement.unrecognized = reader.rest();
  return statement;
}

core::JsonValue DirectorStatement::encode() const {
  core::JsonArray ids;
  for (const core::Uuid& id : components) ids.push_back(id.text());
  core::JsonObject object = unrecognized;
  object["_type"] = kDirectorType;
  object["critical"] = encode_texts(critical);
  object["device"] = device;
  object["components"] = std::move(ids);
  object["version"] = number(version);
  object["issued"] = core::format_utc(issued);
  object["expires"] = core::format_utc(expires);
  object["release_id"] = release_id;
  object["release"] = release.hex();
  object["sequence"] = number(sequence);
  object["attempt"] = number(attempt);
  object["withdrawn"] = encode_withdrawals(withdrawn);
  return object;
}

core::Result<DirectorStatement> verify_director(core::ByteView file, const RoleAuthority& director,
                                                const DirectorContext& context) {
  ASEPTIC_TRY(const core::JsonValue part, open_statement(file, kDirectorType, director, kStatementBytesMax));
  ASEPTIC_TRY(DirectorStatement statement, DirectorStatement::parse(part));
  if (statement.device != context.device)
    return core::Error(TrustCode::kWrongDevice, "director statement: is for device " + quoted(statement.device));
  for (const core::Uuid& id : statement.components)
    if (std::ranges::find(context.components, id) == context.components.end())
      return core::Error(TrustCode::kWrongDevice, "director statement: names component " + id.text() + ", which is not here");
  if (statement.version < context.version_seen)
    return core::Error(TrustCode::kRollback, "director statement: version " + std::to_string(statement.version) +
                                                 " is older than the accepted " + std::to_string(context.version_seen));
  if (statement.expires <= statement.issued || statement.expires - statement.issued > kDirectorLifetimeMax)
    return core::Error(TrustCode::kStatementFormat, "director statement: is valid for longer than a day, or never");
  if (context.now >= statement.expires) return expired("director statement", statement.expires);
  // SECURITY(T-19): the director chooses among what the release role made, and never back.
  if (statement.sequence < context.confirmed_sequence)
    return core::Error(TrustCode::kSequence, "director statement: sequence " + std::to_string(statement.sequence) +
                                                 " is older than the confirmed " + std::to_string(context.confirmed_sequence));
  ASEPTIC_TRY_VOID(check_not_withdrawn(statement.release, statement.withdrawn));
  return statement;
}

core::Result<DowngradeToken> DowngradeToken::parse(const core::JsonValue& signed_part) {
  ASEPTIC_TRY(ObjectReader reader, open_signed(signed_part, "downgrade token", kDowngradeTokenType));
  DowngradeToken token;
  ASEPTIC_TRY(token.critical, read_critical(reader));
  ASEPTIC_TRY(token.device, reader.text("device"));
  ASEPTIC_TRY_VOID(check_identifier(token.device, "device"));
  ASEPTIC_TRY(token.from, reader.digest("from"));
  ASEPTIC_TRY(token.to, reader.digest("to"));
  ASEPTIC_TRY(token.nonce, reader.hex("nonce"));
  ASEPTIC_TRY(token.issued, reader.time("issued"));
  ASEPTIC_TRY(token.not_after, reader.time("not_after"));
  ASEPTIC_TRY(token.reason, reader.text("reason"));
  ASEPTIC_TRY(token.hazard, reader.text("hazard"));
  if (token.nonce.size() != kNonceBytes) return reader.error("nonce does not have 32 bytes");
  if (token.reason.empty() || token.hazard.empty()) return reader.error("reason and hazard may not be empty");
  ASEPTIC_TRY_VOID(check_critical(reader, token.critical));
  token.unrecognized = reader.rest();
  return token;
}

core::JsonValue DowngradeToken::encode() const {
  core::JsonObject object = unrecognized;
  object["_type"] = kDowngradeTokenType;
  object["critical"] = encode_texts(critical);
  object["device"] = device;
  object["from"] = from.hex();
  object["to"] = to.hex();
  object["nonce"] = core::to_hex(nonce);
  object["issued"] = core::format_utc(issued);
  object["not_after"] = core::format_utc(not_after);
  object["reason"] = reason;
  object["hazard"] = hazard;
  return object;
}

core::Result<DowngradeToken> verify_downgrade_token(core::ByteView file, const RoleAuthority& release,
                                                    const DowngradeContext& context) {
  ASEPTIC_TRY(const core::JsonValue part, open_statement(file, kDowngradeTokenType, release, kStatementBytesMax));
  ASEPTIC_TRY(DowngradeToken token, DowngradeToken::parse(part));
  if (token.device != context.device)
    return core::Error(TrustCode::kWrongDevice, "downgrade token: is for device " + quoted(token.device));
  if (!core::ct_equal(token.nonce, context.nonce))
    return core::Error(TrustCode::kNonce, "downgrade token: answers another nonce, or one that was used");
  if (token.from != context.from || token.to != context.to)
    return core::Error(TrustCode::kTokenScope, "downgrade token: is for other images");
  if (token.not_after <= token.issued || token.not_after - token.issued > kDowngradeTokenLifetimeMax)
    return core::Error(TrustCode::kStatementFormat, "downgrade token: is valid for longer than a week, or never");
  if (context.now > token.not_after) return expired("downgrade token", token.not_after);
  // SECURITY(T-47): no signature goes below the floor.
  if (context.epoch_to < context.epoch_floor)
    return core::Error(TrustCode::kEpochFloor, "downgrade token: the image's epoch " + std::to_string(context.epoch_to) +
                                                   " is below the floor " + std::to_string(context.epoch_floor));
  return token;
}

}  // namespace aseptic::trust
