// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/report.h"

#include "aseptic/trust/mailbox_report.h"
#include "statement_parts.h"

namespace aseptic::trust {
namespace {

constexpr std::size_t kNonceBytes = 32;
constexpr std::array<std::string_view, 3> kVerdicts = {"none", "matches", "differs"};

core::Result<void> check_nonce_size(const ObjectReader& reader, const core::Bytes& nonce, std::string_view what) {
  if (nonce.empty() || nonce.size() == kNonceBytes) return {};
  return reader.error(std::string(what) + " is neither empty nor 32 bytes");
}

core::Result<std::vector<ComponentStatus>> read_confirmed(ObjectReader& reader) {
  ASEPTIC_TRY(const core::JsonArray* const items, reader.array("confirmed", kComponentsMax));
  std::vector<ComponentStatus> out;
  for (const core::JsonValue& item : *items) {
    ASEPTIC_TRY(ObjectReader one, ObjectReader::of(item, "report: component", TrustCode::kStatementFormat));
    ComponentStatus status;
    ASEPTIC_TRY(status.id, one.uuid("id"));
    ASEPTIC_TRY(status.confirmed_manifest, one.digest("manifest_digest"));
    ASEPTIC_TRY(status.sequence, one.count("sequence"));
    ASEPTIC_TRY(status.version, one.text("version"));
    ASEPTIC_TRY(status.epoch, one.count32("epoch"));
    out.push_back(std::move(status));
  }
  return out;
}

core::Result<std::vector<ForwardedBootReport>> read_boot_reports(ObjectReader& reader) {
  std::vector<ForwardedBootReport> out;
  if (!reader.has("boot_reports")) return out;
  ASEPTIC_TRY(const core::JsonArray* const items, reader.array("boot_reports", kComponentsMax));
  for (const core::JsonValue& item : *items) {
    ASEPTIC_TRY(ObjectReader one, ObjectReader::of(item, "report: boot report", TrustCode::kStatementFormat));
    ForwardedBootReport forwarded;
    ASEPTIC_TRY(forwarded.component, one.uuid("component"));
    ASEPTIC_TRY(forwarded.report, one.hex("report"));
    ASEPTIC_TRY(forwarded.key, one.text("key"));
    for (const ForwardedBootReport& other : out)
      if (other.component == forwarded.component) return one.error("a component's boot report stands twice");
    out.push_back(std::move(forwarded));
  }
  if (out.empty()) return reader.error("boot_reports is empty");
  return out;
}

core::Result<std::vector<AttackNote>> read_attacks(ObjectReader& reader) {
  ASEPTIC_TRY(const core::JsonArray* const items, reader.array("attacks", kListMax));
  std::vector<AttackNote> out;
  for (const core::JsonValue& item : *items) {
    ASEPTIC_TRY(ObjectReader one, ObjectReader::of(item, "report: attack", TrustCode::kStatementFormat));
    AttackNote note;
    ASEPTIC_TRY(note.code, one.text("code"));
    ASEPTIC_TRY(note.count, one.count("count"));
    ASEPTIC_TRY(note.log_index, one.count("log_index"));
    out.push_back(std::move(note));
  }
  return out;
}

core::JsonArray encode_boot_reports(const std::vector<ForwardedBootReport>& reports) {
  core::JsonArray out;
  for (const ForwardedBootReport& one : reports)
    out.push_back(core::JsonObject{{"component", one.component.text()}, {"report", core::to_hex(one.report)}, {"key", one.key}});
  return out;
}

}  // namespace

core::Result<BootReport> BootReport::parse(const core::JsonValue& signed_part) {
  ASEPTIC_TRY(ObjectReader reader, open_signed(signed_part, "boot report", kBootReportType));
  BootReport report;
  ASEPTIC_TRY(report.boot_count, reader.count32("boot_count"));
  ASEPTIC_TRY(report.challenge, reader.hex("challenge"));
  ASEPTIC_TRY_VOID(check_nonce_size(reader, report.challenge, "challenge"));
  ASEPTIC_TRY(report.manifest_digest, reader.digest("manifest_digest"));
  ASEPTIC_TRY(report.boothash, (read_word<BootVerdict>(reader, "boothash", kVerdicts)));
  ASEPTIC_TRY(report.floor, reader.count32("floor"));
  ASEPTIC_TRY(report.revocations, reader.count32("revocations"));
  ASEPTIC_TRY(report.debug_open, reader.boolean("debug_open"));
  ASEPTIC_TRY(report.life_cycle, reader.text("life_cycle"));
  if (report.life_cycle != "dev" && report.life_cycle != "prod") return reader.error("life_cycle is neither dev nor prod");
  ASEPTIC_TRY(report.log_count, reader.count("log_count"));
  ASEPTIC_TRY(report.log_head, reader.digest("log_head"));
  ASEPTIC_TRY(report.alias_key, reader.hex("alias_key"));
  report.unrecognized = reader.rest();
  return report;
}

core::JsonValue BootReport::encode() const {
  core::JsonObject object = unrecognized;
  object["_type"] = kBootReportType;
  object["boot_count"] = number(boot_count);
  object["challenge"] = core::to_hex(challenge);
  object["manifest_digest"] = manifest_digest.hex();
  object["boothash"] = kVerdicts[static_cast<std::size_t>(boothash)];
  object["floor"] = number(floor);
  object["revocations"] = number(revocations);
  object["debug_open"] = debug_open;
  object["life_cycle"] = life_cycle;
  object["log_count"] = number(log_count);
  object["log_head"] = log_head.hex();
  object["alias_key"] = core::to_hex(alias_key);
  return object;
}

core::Result<Report> Report::parse(const core::JsonValue& signed_part) {
  ASEPTIC_TRY(ObjectReader reader, open_signed(signed_part, "report", kReportType));
  Report report;
  ASEPTIC_TRY(report.device, reader.text("device"));
  ASEPTIC_TRY_VOID(check_identifier(report.device, "device"));
  ASEPTIC_TRY(report.product, reader.uuid("product"));
  ASEPTIC_TRY(report.boot_count, reader.count32("boot_count"));
  ASEPTIC_TRY(report.sequence, reader.count("sequence"));
  ASEPTIC_TRY(report.nonce, reader.hex("nonce"));
  ASEPTIC_TRY_VOID(check_nonce_size(reader, report.nonce, "nonce"));
  ASEPTIC_TRY(report.time, reader.time("time"));
  ASEPTIC_TRY(report.time_trusted, reader.boolean("time_trusted"));
  ASEPTIC_TRY(report.agent_version, reader.version("agent_version"));
  ASEPTIC_TRY(report.confirmed, read_confirmed(reader));
  ASEPTIC_TRY(report.state, reader.text("state"));
  ASEPTIC_TRY(report.last_error, reader.text("last_error"));
  ASEPTIC_TRY(report.log_count, reader.count("log_count"));
  ASEPTIC_TRY(report.log_head, reader.digest("log_head"));
  ASEPTIC_TRY(report.attacks, read_attacks(reader));
  if (reader.has("boot_report")) {
    ASEPTIC_TRY(report.boot_report, reader.text("boot_report", kReportBytesMax));
  }
  ASEPTIC_TRY(report.boot_reports, read_boot_reports(reader));
  report.unrecognized = reader.rest();
  return report;
}

core::JsonValue Report::encode() const {
  core::JsonArray components, notes;
  for (const ComponentStatus& one : confirmed)
    components.push_back(core::JsonObject{{"id", one.id.text()},
                                          {"manifest_digest", one.confirmed_manifest.hex()},
                                          {"sequence", number(one.sequence)},
                                          {"version", one.version},
                                          {"epoch", number(one.epoch)}});
  for (const AttackNote& one : attacks)
    notes.push_back(core::JsonObject{{"code", one.code}, {"count", number(one.count)}, {"log_index", number(one.log_index)}});
  core::JsonObject object = unrecognized;
  object["_type"] = kReportType;
  object["device"] = device;
  object["product"] = product.text();
  object["boot_count"] = number(boot_count);
  object["sequence"] = number(sequence);
  object["nonce"] = core::to_hex(nonce);
  object["time"] = core::format_utc(time);
  object["time_trusted"] = time_trusted;
  object["agent_version"] = agent_version.text();
  object["confirmed"] = std::move(components);
  object["state"] = state;
  object["last_error"] = last_error;
  object["log_count"] = number(log_count);
  object["log_head"] = log_head.hex();
  object["attacks"] = std::move(notes);
  if (boot_report) object["boot_report"] = *boot_report;
  if (!boot_reports.empty()) object["boot_reports"] = encode_boot_reports(boot_reports);
  return object;
}

core::Result<void> check_boot_reports(const Report& report, const AuthorityPolicy& policy) {
  if (policy.provisioning_keys.empty()) return {};
  for (const ForwardedBootReport& one : report.boot_reports) {
    const std::string what = "report " + std::to_string(report.sequence) + " of " + quoted(report.device) + ", component " + one.component.text();
    // SECURITY(T-56): the device vouches for what it forwards with its own key only; the factory vouches for the boot.
    if (one.key.empty()) return core::Error(TrustCode::kBootKey, what + ": no factory has certified the key of its boot");
    ASEPTIC_TRY(const BootKey key, verify_boot_key(core::as_bytes(one.key), policy, report.device).within(what));
    if (key.statement()->component != one.component)
      return core::Error(TrustCode::kBootKey, what + ": the certified key is that of component " + key.statement()->component.text());
    ASEPTIC_TRY_VOID(verify_mailbox_report(one.report, key).within(what));
  }
  return {};
}

core::Result<Report> verify_report(core::ByteView file, const core::PublicKey& device_key) {
  const SingleKeyAuthority device("device", device_key);
  ASEPTIC_TRY(const core::JsonValue part, open_statement(file, kReportType, device.authority(), kReportBytesMax));
  return Report::parse(part);
}

core::Result<BootReport> verify_boot_report(core::ByteView file, const core::PublicKey& boot_key) {
  const SingleKeyAuthority boot("boot", boot_key);
  ASEPTIC_TRY(const core::JsonValue part, open_statement(file, kBootReportType, boot.authority(), kReportBytesMax));
  return BootReport::parse(part);
}

core::Result<ReportArrival> check_arrival(const Report& report, const core::Digest& file_digest, const LastReport& last,
                                          core::ByteView nonce_expected) {
  const std::string what = "report " + std::to_string(report.sequence) + " of " + quoted(report.device);
  if (report.sequence == last.sequence && last.sequence > 0) {
    if (file_digest == last.digest) return ReportArrival::kRepeated;
    // SECURITY(T-79): one identity, two devices.
    return core::Error(TrustCode::kClone, what + ": the same sequence came before with other content");
  }
  // SECURITY(T-22): an old report is no news.
  if (report.sequence <= last.sequence)
    return core::Error(TrustCode::kReplay, what + ": sequence " + std::to_string(last.sequence) + " came before");
  if (!nonce_expected.empty() && !core::ct_equal(report.nonce, nonce_expected))
    return core::Error(TrustCode::kNonce, what + ": does not answer the nonce that was given");
  // SECURITY(T-81): a log never gets shorter.
  const bool forked = report.log_count == last.log_count && report.log_head != last.log_head && last.log_count > 0;
  if (report.log_count < last.log_count || forked)
    return core::Error(TrustCode::kLogFork, what + ": its log is shorter than, or differs from, what was acknowledged");
  return ReportArrival::kNew;
}

}  // namespace aseptic::trust
