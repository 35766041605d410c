// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/offline_bundle.h"

#include <algorithm>

#include "statement_parts.h"

namespace aseptic::trust {
namespace {

bool is_bundle_path(std::string_view path) {
  if (!path.starts_with("metadata/") && !path.starts_with("targets/")) return false;
  std::string_view rest = path;
  while (true) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part.empty() || part == "." || part == ".." || part.find('\\') != std::string_view::npos) return false;
    if (slash == std::string_view::npos) return true;
    rest.remove_prefix(slash + 1);
  }
}

core::Result<std::vector<BundleFile>> read_files(ObjectReader& reader) {
  ASEPTIC_TRY(const core::JsonArray* const items, reader.array("files", kIndexEntriesMax));
  std::vector<BundleFile> out;
  std::set<std::string> paths;
  for (const core::JsonValue& item : *items) {
    ASEPTIC_TRY(ObjectReader one, ObjectReader::of(item, "offline bundle: file", TrustCode::kStatementFormat));
    BundleFile file;
    ASEPTIC_TRY(file.path, one.text("path"));
    ASEPTIC_TRY(file.length, one.count("length"));
    ASEPTIC_TRY(file.digest, one.digest("digest"));
    // SECURITY(T-41): names from a stick stay below its own two folders.
    if (!is_bundle_path(file.path) || !paths.insert(file.path).second)
      return one.error("path " + quoted(file.path) + " is not below metadata/ or targets/, or is listed twice");
    out.push_back(std::move(file));
  }
  return out;
}

core::Result<std::vector<std::string>> read_identifiers(ObjectReader& reader, std::string_view name) {
  ASEPTIC_TRY(std::vector<std::string> texts, reader.texts(name, kListMax));
  for (const std::string& text : texts) ASEPTIC_TRY_VOID(check_identifier(text, name));
  return texts;
}

bool is_bound_to(const OfflineBundle& bundle, const BundleContext& context) {
  if (std::ranges::find(bundle.devices, context.device) != bundle.devices.end()) return true;
  return std::ranges::find_first_of(bundle.groups, context.groups) != bundle.groups.end();
}

}  // namespace

core::Result<OfflineBundle> OfflineBundle::parse(const core::JsonValue& signed_part) {
  ASEPTIC_TRY(ObjectReader reader, open_signed(signed_part, "offline bundle", kOfflineBundleType));
  OfflineBundle bundle;
  ASEPTIC_TRY(bundle.critical, read_critical(reader));
  ASEPTIC_TRY(bundle.product, reader.uuid("product"));
  ASEPTIC_TRY(bundle.bundle_id, reader.text("bundle_id"));
  ASEPTIC_TRY_VOID(check_identifier(bundle.bundle_id, "bundle_id"));
  ASEPTIC_TRY(bundle.not_before, reader.time("not_before"));
  ASEPTIC_TRY(bundle.not_after, reader.time("not_after"));
  ASEPTIC_TRY(bundle.devices, read_identifiers(reader, "devices"));
  ASEPTIC_TRY(bundle.groups, read_identifiers(reader, "groups"));
  ASEPTIC_TRY(bundle.root_version, reader.count("root_version"));
  ASEPTIC_TRY(bundle.timestamp_version, reader.count("timestamp_version"));
  ASEPTIC_TRY(bundle.snapshot_version, reader.count("snapshot_version"));
  ASEPTIC_TRY(bundle.targets_version, reader.count("targets_version"));
  ASEPTIC_TRY(bundle.release, reader.digest("release"));
  ASEPTIC_TRY(bundle.channel_revision, reader.count("channel_revision"));
  ASEPTIC_TRY(bundle.withdrawn, read_withdrawals(reader));
  ASEPTIC_TRY(bundle.files, read_files(reader));
  if (bundle.devices.empty() && bundle.groups.empty()) return reader.error("is bound to no device and no group");
  ASEPTIC_TRY_VOID(check_critical(reader, bundle.critical));
  bundle.unrecognized = reader.rest();
  return bundle;
}

core::JsonValue OfflineBundle::encode() const {
  core::JsonArray list;
  for (const BundleFile& file : files)
    list.push_back(core::JsonObject{{"path", file.path}, {"length", number(file.length)}, {"digest", file.digest.hex()}});
  core::JsonObject object = unrecognized;
  object["_type"] = kOfflineBundleType;
  object["critical"] = encode_texts(critical);
  object["product"] = product.text();
  object["bundle_id"] = bundle_id;
  object["not_before"] = core::format_utc(not_before);
  object["not_after"] = core::format_utc(not_after);
  object["devices"] = encode_texts(devices);
  object["groups"] = encode_texts(groups);
  object["root_version"] = number(root_version);
  object["timestamp_version"] = number(timestamp_version);
  object["snapshot_version"] = number(snapshot_version);
  object["targets_version"] = number(targets_version);
  object["release"] = release.hex();
  object["channel_revision"] = number(channel_revision);
  object["withdrawn"] = encode_withdrawals(withdrawn);
  object["files"] = std::move(list);
  return object;
}

core::Result<OfflineBundle> verify_offline_bundle(core::ByteView file, const RoleAuthority& offline,
                                                  const BundleContext& context) {
  ASEPTIC_TRY(const core::JsonValue part, open_statement(file, kOfflineBundleType, offline, kTargetsBytesMax));
  ASEPTIC_TRY(OfflineBundle bundle, OfflineBundle::parse(part));
  if (bundle.product != context.product)
    return core::Error(TrustCode::kWrongProduct, "offline bundle: is for product " + bundle.product.text());
  if (!is_bound_to(bundle, context))
    return core::Error(TrustCode::kWrongDevice, "offline bundle: is for neither this device nor a group it belongs to");
  if (context.now < bundle.not_before || context.now > bundle.not_after)
    return core::Error(TrustCode::kStatementExpired, "offline bundle: is valid from " + core::format_utc(bundle.not_before) +
                                                         " to " + core::format_utc(bundle.not_after));
  // SECURITY(T-05): a stick may be older than the network, but never older than the trusted root or targets.
  if (bundle.root_version < context.root_version || bundle.targets_version < context.targets_version)
    return core::Error(TrustCode::kRollback, "offline bundle: holds root " + std::to_string(bundle.root_version) +
                                                 " and targets " + std::to_string(bundle.targets_version) +
                                                 ", trusted are " + std::to_string(context.root_version) + " and " +
                                                 std::to_string(context.targets_version));
  ASEPTIC_TRY_VOID(check_not_withdrawn(bundle.release, bundle.withdrawn));
  return bundle;
}

const std::vector<Withdrawal>& newer_withdrawn(std::uint64_t revision_a, const std::vector<Withdrawal>& a,
                                               std::uint64_t revision_b, const std::vector<Withdrawal>& b) {
  return revision_b > revision_a ? b : a;
}

}  // namespace aseptic::trust
