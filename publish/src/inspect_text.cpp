// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/codes.h"
#include "aseptic/publish/edits.h"
#include "aseptic/publish/pki.h"
#include "aseptic/publish/review.h"
#include "aseptic/publish/signing_file.h"
#include "aseptic/trust/authority_policy.h"
#include "aseptic/trust/channel.h"
#include "aseptic/trust/payload_index.h"
#include "aseptic/trust/release_manifest.h"
#include "inspect_formats.h"

namespace aseptic::publish {
namespace {

using core::JsonArray;
using core::JsonObject;
using core::JsonValue;

constexpr std::size_t kFieldsMax = 100;  // of targets or roles that are listed in full

// A statement that its own parser accepts; the fields shown are those of the file.
template <typename Statement>
Recognised statement(std::string_view format, core::ByteView bytes, const JsonValue& value) {
  const auto parsed = Statement::parse(bytes);
  if (!parsed) return core::Error(PublishCode::kFormatUnknown, std::string(format) + ": " + parsed.error().sentence());
  JsonObject fields = *value.as_object();
  fields["sha256"] = core::sha256(bytes).hex();
  return Inspection{std::string(format), std::move(fields)};
}

JsonValue role_summary(const RoleKeys& role) {
  JsonArray ids;
  for (const auto& [id, key] : role.keys) ids.push_back(JsonObject{{"keyid", id}, {"algorithm", core::to_string(key.algorithm())}});
  return JsonObject{{"threshold", static_cast<std::int64_t>(role.threshold)}, {"keys", std::move(ids)}};
}

core::Result<JsonObject> tuf_fields(const Document& document) {
  JsonObject fields{{"type", document.type()}, {"version", static_cast<std::int64_t>(document.version())}};
  if (const auto expires = document.expires()) fields["expires"] = core::format_utc(*expires);
  if (document.type() == "root") {
    for (const std::string role : {"root", "targets", "snapshot", "timestamp"}) {
      ASEPTIC_TRY(const RoleKeys keys, top_level_keys(document, role));
      fields[role] = role_summary(keys);
    }
    return fields;
  }
  if (document.type() == "targets") {
    ASEPTIC_TRY(const std::vector<TargetEntry> entries, targets_of(document));
    fields["target_count"] = static_cast<std::int64_t>(entries.size());
    JsonObject targets;
    for (const TargetEntry& entry : entries)
      if (targets.size() < kFieldsMax)
        targets[entry.path] = JsonObject{{"length", static_cast<std::int64_t>(entry.length)}, {"sha256", entry.sha256.hex()}};
    fields["targets"] = std::move(targets);
    const std::vector<std::string> names = delegated_names(document);
    JsonArray delegations;
    for (const std::string& name : names)
      if (delegations.size() < kFieldsMax) delegations.emplace_back(name);
    fields["delegated_roles"] = std::move(delegations);
    return fields;
  }
  if (const JsonValue* meta = document.signed_part.find("meta"); meta && meta->as_object() && meta->as_object()->size() <= kFieldsMax)
    fields["meta"] = *meta;
  if (const auto issued = document.signed_part.string_at("issued")) fields["issued"] = *issued;
  return fields;
}

Recognised inspect_signed(const JsonValue& value) {
  ASEPTIC_TRY(const Document document, Document::from_json(value));
  const std::string type = document.type();
  JsonArray signers;
  for (const JsonValue& signature : document.signatures) signers.emplace_back(signature.string_at("keyid").value_or(""));
  if (type == "root" || type == "targets" || type == "snapshot" || type == "timestamp") {
    ASEPTIC_TRY(JsonObject fields, tuf_fields(document));
    fields["signatures"] = std::move(signers);
    return Inspection{"TUF " + type, std::move(fields)};
  }
  JsonObject fields = document.fields();
  fields["signatures"] = std::move(signers);
  return Inspection{"signed statement " + printable(type), std::move(fields)};
}

Recognised inspect_signing(core::ByteView bytes) {
  ASEPTIC_TRY(const SigningFile file, SigningFile::parse(bytes));
  ASEPTIC_TRY(const Presentation presentation, review(file, std::nullopt));
  JsonArray lines;
  for (std::string_view rest = presentation.text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    lines.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return Inspection{"signing file", JsonObject{{"role", file.role}, {"review", std::move(lines)}}};
}

core::Result<JsonArray> log_records(std::string_view text) {
  JsonArray records;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    ASEPTIC_TRY(JsonValue record, core::parse_json_value(core::as_bytes(text.substr(0, end))));
    records.push_back(std::move(record));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return records;
}

}  // namespace

Recognised inspect_json_format(core::ByteView bytes) {
  const auto value = core::parse_json_value(bytes, {.bytes_max = kSigningFileMax});
  if (!value || !value->as_object()) return std::optional<Inspection>();
  if (value->find("signed") && value->find("signatures")) return inspect_signed(*value);
  const std::string format = value->string_at("format").value_or("");
  if (format == "aseptic-release-1") return statement<trust::ReleaseManifest>("release manifest", bytes, *value);
  if (format == "aseptic-channel-1") return statement<trust::Channel>("channel", bytes, *value);
  if (format == "aseptic-payload-index-1") return statement<trust::PayloadIndex>("payload index", bytes, *value);
  if (format == kSigningFormat) return inspect_signing(bytes);
  if (!format.empty()) return Inspection{printable(format), *value};
  return std::optional<Inspection>();
}

Recognised inspect_text_format(core::ByteView bytes) {
  const std::string_view text = core::as_text(bytes);
  if (text.starts_with("-----BEGIN CERTIFICATE-----")) {
    ASEPTIC_TRY(const std::string description, describe_certificate(text));
    JsonArray lines;
    for (std::string_view rest = description; !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      lines.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return Inspection{"certificate", JsonObject{{"description", std::move(lines)}}};
  }
  if (text.starts_with("-----BEGIN PUBLIC KEY-----")) {
    ASEPTIC_TRY(const core::PublicKey key, core::PublicKey::from_pem(text));
    return Inspection{"public key", JsonObject{{"algorithm", core::to_string(key.algorithm())},
                                               {"keyid", key_id(key)}, {"sha256", key.fingerprint().hex()}}};
  }
  // A device or signing log: the first line is an object that names the record before it.
  const auto first = core::parse_json_value(core::as_bytes(text.substr(0, text.find('\n'))));
  if (!first || !first->find("previous") || text.find('\n') == text.npos) return std::optional<Inspection>();
  if (first->find("document")) return std::optional<Inspection>();
  ASEPTIC_TRY(JsonArray records, log_records(text));
  return Inspection{"log", JsonObject{{"records", std::move(records)}}};
}

}  // namespace aseptic::publish
