// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/edits.h"

#include <algorithm>
#include <set>

#include "aseptic/publish/codes.h"

namespace aseptic::publish {
namespace {

core::Error input(std::string sentence) { return {PublishCode::kInput, std::move(sentence)}; }

core::Result<void> check_plan(const RolePlan& plan, std::string_view role) {
  std::set<core::Bytes> distinct;
  for (const core::PublicKey& key : plan.keys)
    if (!distinct.insert(key.spki()).second)
      return input("the same key is named twice for the role " + std::string(role) + "; each signer needs a key of their own");
  if (plan.threshold < 1 || plan.threshold > plan.keys.size())
    return input("the role " + std::string(role) + " has " + std::to_string(plan.keys.size()) + " keys and a threshold of " +
                 std::to_string(plan.threshold) + "; the threshold must lie between 1 and the number of keys");
  return {};
}

core::JsonArray key_ids(const RolePlan& plan) {
  core::JsonArray ids;
  for (const core::PublicKey& key : plan.keys) ids.emplace_back(key_id(key));
  return ids;
}

void add_keys(core::JsonObject& all, const RolePlan& plan) {
  for (const core::PublicKey& key : plan.keys) all[key_id(key)] = key_object(key);
}

// Drops the keys that none of `users` (objects with keyids) names.
void drop_unused_keys(core::JsonObject& all, const std::vector<const core::JsonValue*>& users) {
  std::set<std::string> used;
  for (const core::JsonValue* user : users)
    if (const auto ids = user->array_at("keyids"))
      for (const core::JsonValue& id : **ids) used.insert(id.as_string() ? *id.as_string() : "");
  std::erase_if(all, [&](const auto& entry) { return !used.contains(entry.first); });
}

core::JsonObject& member_object(core::JsonObject& parent, std::string_view name) {
  core::JsonValue& value = parent[std::string(name)];
  if (!value.as_object()) value = core::JsonObject{};
  return *value.as_object();
}

core::JsonObject base_fields(std::string_view type, core::UtcTime expires) {
  return {{"_type", type}, {"spec_version", kSpecVersion}, {"version", 1}, {"expires", core::format_utc(expires)}};
}

core::Result<TargetEntry> read_entry(std::string_view path, const core::JsonValue& value) {
  TargetEntry entry{.path = std::string(path)};
  ASEPTIC_TRY(entry.length, value.count_at("length"));
  const core::JsonValue* hashes = value.find("hashes");
  if (!hashes) return input("the target " + entry.path + " lists no hashes");
  ASEPTIC_TRY(const std::string hex, hashes->string_at("sha256"));
  ASEPTIC_TRY(entry.sha256, core::Digest::from_hex(hex));
  if (const core::JsonValue* custom = value.find("custom")) entry.custom = *custom;
  return entry;
}

core::JsonArray& delegation_roles(core::JsonObject& delegations) {
  core::JsonValue& roles = delegations["roles"];
  if (!roles.as_array()) roles = core::JsonArray{};
  return *roles.as_array();
}

void drop_unused_delegation_keys(core::JsonObject& delegations) {
  std::vector<const core::JsonValue*> users;
  for (const core::JsonValue& role : delegation_roles(delegations)) users.push_back(&role);
  drop_unused_keys(member_object(delegations, "keys"), users);
}

core::Result<void> check_pattern(std::string_view pattern) {
  std::string plain(pattern);
  std::ranges::replace(plain, '*', 'x');
  std::ranges::replace(plain, '?', 'x');
  return check_target_path(plain).within("path pattern " + std::string(pattern));
}

}  // namespace

core::Result<Document> new_root(const RootPlan& plan) {
  Document root{base_fields("root", plan.expires), {}};
  root.fields()["consistent_snapshot"] = true;
  for (const auto& [name, role] : {std::pair{"root", &plan.root}, {"targets", &plan.targets},
                                   {"snapshot", &plan.snapshot}, {"timestamp", &plan.timestamp}})
    ASEPTIC_TRY_VOID(set_role(root, name, *role));
  return root;
}

Document empty_targets(core::UtcTime expires) {
  Document targets{base_fields("targets", expires), {}};
  targets.fields()["targets"] = core::JsonObject{};
  return targets;
}

core::Result<void> set_role(Document& root, std::string_view role, const RolePlan& plan) {
  ASEPTIC_TRY_VOID(check_plan(plan, role));
  core::JsonObject& keys = member_object(root.fields(), "keys");
  core::JsonObject& roles = member_object(root.fields(), "roles");
  add_keys(keys, plan);
  roles[std::string(role)] = core::JsonObject{{"keyids", key_ids(plan)}, {"threshold", static_cast<std::int64_t>(plan.threshold)}};
  std::vector<const core::JsonValue*> users;
  for (const auto& [name, entry] : roles) users.push_back(&entry);
  drop_unused_keys(keys, users);
  return {};
}

core::Result<void> add_target(Document& targets, const TargetEntry& entry) {
  ASEPTIC_TRY_VOID(check_target_path(entry.path));
  core::JsonObject fields{{"length", static_cast<std::int64_t>(entry.length)},
                          {"hashes", core::JsonObject{{"sha256", entry.sha256.hex()}}}};
  if (entry.custom) fields["custom"] = *entry.custom;
  member_object(targets.fields(), "targets")[entry.path] = std::move(fields);
  return {};
}

core::Result<void> remove_target(Document& targets, std::string_view path) {
  core::JsonObject& all = member_object(targets.fields(), "targets");
  const auto at = all.find(path);
  if (at == all.end()) return input("there is no target " + std::string(path) + " in this role");
  all.erase(at);
  return {};
}

core::Result<TargetEntry> find_target(const Document& targets, std::string_view path) {
  const core::JsonValue* all = targets.signed_part.find("targets");
  const core::JsonValue* value = all ? all->find(path) : nullptr;
  if (!value) return input("there is no target " + std::string(path) + " in this role");
  return read_entry(path, *value);
}

core::Result<std::vector<TargetEntry>> targets_of(const Document& targets) {
  ASEPTIC_TRY(const core::JsonObject* all, targets.signed_part.object_at("targets"));
  std::vector<TargetEntry> entries;
  for (const auto& [path, value] : *all) {
    ASEPTIC_TRY(TargetEntry entry, read_entry(path, value));
    entries.push_back(std::move(entry));
  }
  return entries;
}

core::Result<void> set_delegation(Document& targets, const Delegation& delegation) {
  static constexpr std::string_view kTopLevel[] = {"root", "targets", "snapshot", "timestamp"};
  ASEPTIC_TRY_VOID(check_role_name(delegation.name));
  if (std::ranges::find(kTopLevel, delegation.name) != std::end(kTopLevel))
    return input("a delegated role cannot be called " + delegation.name);
  ASEPTIC_TRY_VOID(check_plan(delegation.who, delegation.name));
  if (delegation.paths.empty()) return input("a delegation needs at least one path pattern");
  for (const std::string& pattern : delegation.paths) ASEPTIC_TRY_VOID(check_pattern(pattern));
  if (hash_bins_of(targets)) return input("this role delegates to hash bins; it cannot delegate to named roles as well");
  core::JsonObject& delegations = member_object(targets.fields(), "delegations");
  add_keys(member_object(delegations, "keys"), delegation.who);
  core::JsonArray paths;
  for (const std::string& pattern : delegation.paths) paths.emplace_back(pattern);
  core::JsonValue entry = core::JsonObject{{"name", delegation.name},
                                           {"keyids", key_ids(delegation.who)},
                                           {"threshold", static_cast<std::int64_t>(delegation.who.threshold)},
                                           {"terminating", delegation.search == Search::kEndsHere},
                                           {"paths", std::move(paths)}};
  core::JsonArray& roles = delegation_roles(delegations);
  const auto old = std::ranges::find_if(
      roles, [&](const core::JsonValue& role) { return role.string_at("name").value_or("") == delegation.name; });
  if (old == roles.end())
    roles.push_back(std::move(entry));
  else
    *old = std::move(entry);
  drop_unused_delegation_keys(delegations);
  return {};
}

core::Result<void> remove_delegation(Document& targets, std::string_view name) {
  core::JsonObject& delegations = member_object(targets.fields(), "delegations");
  member_object(delegations, "keys");
  const std::size_t removed = std::erase_if(delegation_roles(delegations), [&](const core::JsonValue& role) {
    return role.string_at("name").value_or("") == name;
  });
  if (removed == 0) return input("there is no delegation to the role " + std::string(name));
  drop_unused_delegation_keys(delegations);
  return {};
}

std::vector<std::string> delegated_names(const Document& targets) {
  std::vector<std::string> names;
  if (const auto bins = hash_bins_of(targets)) {
    for (std::uint32_t bin = 0; bin < bins->count(); ++bin) names.push_back(bins->name(bin));
    return names;
  }
  const core::JsonValue* delegations = targets.signed_part.find("delegations");
  if (!delegations) return names;
  if (const auto roles = delegations->array_at("roles"))
    for (const core::JsonValue& role : **roles) names.push_back(role.string_at("name").value_or(""));
  return names;
}

std::string HashBins::name(std::uint32_t bin) const {
  static constexpr char kDigits[] = "0123456789abcdef";
  const unsigned digits = (bit_length + 3) / 4;
  std::string suffix(digits, '0');
  for (unsigned i = digits; i-- > 0; bin >>= 4) suffix[i] = kDigits[bin & 0xf];
  return prefix + "-" + suffix;
}

std::string HashBins::name_for(std::string_view target_path) const {
  const core::Digest digest = core::sha256(target_path);
  const std::uint32_t first = static_cast<std::uint32_t>(digest.bytes[0]) << 24 | static_cast<std::uint32_t>(digest.bytes[1]) << 16 |
                              static_cast<std::uint32_t>(digest.bytes[2]) << 8 | digest.bytes[3];
  return name(first >> (32 - bit_length));
}

core::Result<void> set_hash_bins(Document& targets, const HashBins& bins, const RolePlan& who) {
  ASEPTIC_TRY_VOID(check_role_name(bins.prefix));
  ASEPTIC_TRY_VOID(check_plan(who, bins.prefix));
  if (bins.bit_length < 1 || bins.bit_length > HashBins::kBitLengthMax)
    return input("hash bins need 1 to " + std::to_string(HashBins::kBitLengthMax) + " bits");
  if (!hash_bins_of(targets) && !delegated_names(targets).empty())
    return input("this role delegates to named roles; hash bins need a role of their own");
  core::JsonObject keys;
  add_keys(keys, who);
  targets.fields()["delegations"] =
      core::JsonObject{{"keys", std::move(keys)},
                       {"succinct_roles", core::JsonObject{{"keyids", key_ids(who)},
                                                           {"threshold", static_cast<std::int64_t>(who.threshold)},
                                                           {"bit_length", static_cast<std::int64_t>(bins.bit_length)},
                                                           {"name_prefix", bins.prefix}}}};
  return {};
}

std::optional<HashBins> hash_bins_of(const Document& targets) {
  const core::JsonValue* delegations = targets.signed_part.find("delegations");
  const core::JsonValue* bins = delegations ? delegations->find("succinct_roles") : nullptr;
  if (!bins) return std::nullopt;
  const auto bits = bins->count_at("bit_length");
  const auto prefix = bins->string_at("name_prefix");
  if (!bits || !prefix || *bits < 1 || *bits > HashBins::kBitLengthMax) return std::nullopt;
  return HashBins{*prefix, static_cast<unsigned>(*bits)};
}

}  // namespace aseptic::publish
