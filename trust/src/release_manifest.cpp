// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/release_manifest.h"

#include <algorithm>

#include "aseptic/core/assert.h"
#include "statement_parts.h"

namespace aseptic::trust {
namespace {

constexpr std::string_view kFormat = "aseptic-release-1";
constexpr std::string_view kSetDomain{"aseptic-set-v1\0", 15};
constexpr std::array<std::string_view, 4> kComponentTypes = {"image", "data", "app", "foreign"};
constexpr std::array<std::string_view, 3> kUpdateClasses = {"security", "function", "recall"};
constexpr std::array<std::string_view, 3> kRestarts = {"none", "component", "device"};
constexpr std::array<std::string_view, 2> kRequirements = {"none", "required"};
constexpr std::array<std::string_view, 1> kSetPolicies = {"all-or-nothing"};
constexpr std::array<std::string_view, 2> kAdvisoryKinds = {"vex", "csaf"};

template <std::size_t N, typename Enum>
std::string_view word(const std::array<std::string_view, N>& words, Enum value) {
  return words[static_cast<std::size_t>(value)];
}

template <typename T, typename Read>
core::Result<std::vector<T>> read_list(ObjectReader& reader, std::string_view name, std::size_t items_max, Read read) {
  ASEPTIC_TRY(const core::JsonArray* const items, reader.array(name, items_max));
  std::vector<T> out;
  for (const core::JsonValue& item : *items) {
    ASEPTIC_TRY(ObjectReader one, ObjectReader::of(item, "release manifest: item of " + quoted(name), reader.code()));
    ASEPTIC_TRY(T value, read(one));
    out.push_back(std::move(value));
  }
  return out;
}

template <typename T, typename Encode>
core::JsonValue encode_list(const std::vector<T>& items, Encode encode) {
  core::JsonArray out;
  for (const T& item : items) out.push_back(encode(item));
  return out;
}

core::Result<HardwareRange> read_hardware(ObjectReader& reader) {
  HardwareRange range;
  ASEPTIC_TRY(range.id, reader.uuid("id"));
  ASEPTIC_TRY(range.revision_min, reader.count32("revision_min"));
  ASEPTIC_TRY(range.revision_max, reader.count32("revision_max"));
  if (range.revision_min > range.revision_max) return reader.error("revision_min is above revision_max");
  return range;
}

core::JsonValue encode_hardware(const HardwareRange& range) {
  return core::JsonObject{{"id", range.id.text()},
                          {"revision_min", number(range.revision_min)},
                          {"revision_max", number(range.revision_max)}};
}

core::Result<ComponentDependency> read_dependency(ObjectReader& reader) {
  ComponentDependency dependency;
  ASEPTIC_TRY(dependency.component, reader.uuid("component"));
  ASEPTIC_TRY(dependency.sequence_min, reader.count("sequence_min"));
  return dependency;
}

core::JsonValue encode_dependency(const ComponentDependency& dependency) {
  return core::JsonObject{{"component", dependency.component.text()}, {"sequence_min", number(dependency.sequence_min)}};
}

core::Result<TreeParameters> read_tree(const core::JsonValue& value) {
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(value, "release manifest: tree", TrustCode::kStatementFormat));
  TreeParameters tree;
  ASEPTIC_TRY(const std::string hash, reader.text("hash"));
  if (hash != "sha256") return reader.error("hash " + quoted(hash) + " is not sha256");
  ASEPTIC_TRY(tree.root, reader.digest("root"));
  ASEPTIC_TRY(tree.salt, reader.digest("salt"));
  ASEPTIC_TRY(tree.block_log2, reader.count32("block_log2"));
  return tree;
}

core::JsonValue encode_tree(const TreeParameters& tree) {
  return core::JsonObject{{"hash", "sha256"},
                          {"root", tree.root.hex()},
                          {"salt", tree.salt.hex()},
                          {"block_log2", number(tree.block_log2)}};
}

core::Result<Component> read_component(ObjectReader& reader) {
  Component component;
  ASEPTIC_TRY(component.id, reader.uuid("id"));
  ASEPTIC_TRY(component.name, reader.text("name"));
  // SECURITY(T-25): an unknown component type is refused, never guessed.
  ASEPTIC_TRY(component.type, (read_word<ComponentType>(reader, "type", kComponentTypes)));
  ASEPTIC_TRY(component.location, reader.text("location"));
  ASEPTIC_TRY_VOID(check_identifier(component.location, "location"));
  ASEPTIC_TRY(component.manifest_digest, reader.digest("manifest_digest"));
  ASEPTIC_TRY(component.size, reader.count("size"));
  if (component.size == 0) return reader.error("size is zero");
  ASEPTIC_TRY(component.image_digest, reader.digest("image_digest"));
  if (reader.has("tree")) {
    ASEPTIC_TRY(const core::JsonValue* const tree, reader.value("tree"));
    ASEPTIC_TRY(component.tree, read_tree(*tree));
  }
  if (reader.has("verity_root")) {
    ASEPTIC_TRY(component.verity_root, reader.digest("verity_root"));
  }
  ASEPTIC_TRY(component.sequence, reader.count("sequence"));
  ASEPTIC_TRY(component.epoch, reader.count32("epoch"));
  ASEPTIC_TRY(component.order, reader.count32("order"));
  ASEPTIC_TRY(component.dependencies, read_list<ComponentDependency>(reader, "dependencies", kComponentsMax, read_dependency));
  component.unrecognized = reader.rest();
  return component;
}

core::JsonValue encode_component(const Component& component) {
  core::JsonObject object = component.unrecognized;
  object["id"] = component.id.text();
  object["name"] = component.name;
  object["type"] = word(kComponentTypes, component.type);
  object["location"] = component.location;
  object["manifest_digest"] = component.manifest_digest.hex();
  object["size"] = number(component.size);
  object["image_digest"] = component.image_digest.hex();
  if (component.tree) object["tree"] = encode_tree(*component.tree);
  if (component.verity_root) object["verity_root"] = component.verity_root->hex();
  object["sequence"] = number(component.sequence);
  object["epoch"] = number(component.epoch);
  object["order"] = number(component.order);
  object["dependencies"] = encode_list(component.dependencies, encode_dependency);
  return object;
}

core::Result<CompatiblePair> read_pair(ObjectReader& reader) {
  CompatiblePair pair;
  ASEPTIC_TRY(pair.component, reader.uuid("component"));
  ASEPTIC_TRY(pair.manifest_digest, reader.digest("manifest_digest"));
  return pair;
}

core::JsonValue encode_pair(const CompatiblePair& pair) {
  return core::JsonObject{{"component", pair.component.text()}, {"manifest_digest", pair.manifest_digest.hex()}};
}

core::Result<CompatibleRow> read_row(ObjectReader& reader) {
  return read_list<CompatiblePair>(reader, "together", kComponentsMax, read_pair);
}

core::JsonValue encode_row(const CompatibleRow& row) { return core::JsonObject{{"together", encode_list(row, encode_pair)}}; }

core::Result<Jurisdiction> read_jurisdiction(ObjectReader& reader) {
  Jurisdiction jurisdiction;
  ASEPTIC_TRY(jurisdiction.code, reader.text("code"));
  ASEPTIC_TRY(jurisdiction.approval, reader.text("approval"));
  if (jurisdiction.code.empty()) return reader.error("code is empty");
  return jurisdiction;
}

core::JsonValue encode_jurisdiction(const Jurisdiction& jurisdiction) {
  return core::JsonObject{{"code", jurisdiction.code}, {"approval", jurisdiction.approval}};
}

core::Result<Safety> read_safety(const core::JsonValue& value) {
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(value, "release manifest: safety", TrustCode::kStatementFormat));
  Safety safety;
  ASEPTIC_TRY(safety.update_class, (read_word<UpdateClass>(reader, "class", kUpdateClasses)));
  ASEPTIC_TRY(safety.states, reader.texts("states", kListMax));
  ASEPTIC_TRY(safety.downtime_s_max, reader.count("downtime_s_max"));
  ASEPTIC_TRY(safety.restart, (read_word<Restart>(reader, "restart", kRestarts)));
  ASEPTIC_TRY(safety.essential_performance, reader.text("essential_performance"));
  ASEPTIC_TRY(safety.energy_mwh_min, reader.count("energy_mwh_min"));
  ASEPTIC_TRY(const core::JsonObject* const consent, reader.object("consent"));
  for (const auto& [language, text] : *consent) {
    const std::string* hex = text.as_string();
    const auto digest = hex ? core::Digest::from_hex(*hex) : core::Result<core::Digest>(reader.error("no digest"));
    if (!digest || digest->hex() != *hex) return reader.error("consent of language " + quoted(language) + " is not a digest");
    safety.consent.emplace(language, *digest);
  }
  ASEPTIC_TRY(safety.jurisdictions, read_list<Jurisdiction>(reader, "jurisdictions", kListMax, read_jurisdiction));
  ASEPTIC_TRY(safety.recall_class, reader.text("recall_class"));
  if ((safety.update_class == UpdateClass::kRecall) == safety.recall_class.empty())
    return reader.error("recall_class is given exactly when the class is recall");
  return safety;
}

core::JsonValue encode_safety(const Safety& safety) {
  core::JsonObject consent;
  for (const auto& [language, digest] : safety.consent) consent.emplace(language, digest.hex());
  return core::JsonObject{{"class", word(kUpdateClasses, safety.update_class)},
                          {"states", encode_texts(safety.states)},
                          {"downtime_s_max", number(safety.downtime_s_max)},
                          {"restart", word(kRestarts, safety.restart)},
                          {"essential_performance", safety.essential_performance},
                          {"energy_mwh_min", number(safety.energy_mwh_min)},
                          {"consent", std::move(consent)},
                          {"jurisdictions", encode_list(safety.jurisdictions, encode_jurisdiction)},
                          {"recall_class", safety.recall_class}};
}

core::Result<SbomReference> read_sbom(ObjectReader& reader) {
  SbomReference sbom;
  ASEPTIC_TRY(sbom.format, reader.text("format"));
  ASEPTIC_TRY(sbom.digest, reader.digest("digest"));
  return sbom;
}

core::JsonValue encode_sbom(const SbomReference& sbom) {
  return core::JsonObject{{"format", sbom.format}, {"digest", sbom.digest.hex()}};
}

core::Result<AdvisoryReference> read_advisory(ObjectReader& reader) {
  AdvisoryReference advisory;
  ASEPTIC_TRY(advisory.kind, (read_word<AdvisoryKind>(reader, "kind", kAdvisoryKinds)));
  ASEPTIC_TRY(advisory.digest, reader.digest("digest"));
  return advisory;
}

core::JsonValue encode_advisory(const AdvisoryReference& advisory) {
  return core::JsonObject{{"kind", word(kAdvisoryKinds, advisory.kind)}, {"digest", advisory.digest.hex()}};
}

core::Result<void> check_consistency(const ReleaseManifest& release, const ObjectReader& reader) {
  if (release.sequence < 1) return reader.error("sequence is below 1");
  if (release.hardware.empty()) return reader.error("names no hardware");
  if (release.sources.sequence_min > release.sources.sequence_max) return reader.error("source range is empty");
  std::set<core::Uuid> ids;
  std::size_t main_components = 0;
  for (const Component& component : release.components) {
    if (!ids.insert(component.id).second) return reader.error("component " + component.id.text() + " is listed twice");
    if (component.order == 0) ++main_components;
  }
  if (main_components != 1) return reader.error("needs exactly one component of order 0");
  if (release.set_digest != release_set_digest(release.components)) return reader.error("set_digest does not fit the components");
  return {};
}

}  // namespace

std::string_view to_string(ComponentType type) { return word(kComponentTypes, type); }
std::string_view to_string(UpdateClass update_class) { return word(kUpdateClasses, update_class); }

core::Digest release_set_digest(const std::vector<Component>& components) {
  std::vector<const Component*> sorted;
  for (const Component& component : components) sorted.push_back(&component);
  std::ranges::sort(sorted, {}, [](const Component* c) { return c->id; });
  core::Bytes message(kSetDomain.begin(), kSetDomain.end());
  const auto append_le = [&message](std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) message.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  };
  append_le(sorted.size(), 4);
  for (const Component* component : sorted) {
    message.insert(message.end(), component->id.bytes.begin(), component->id.bytes.end());
    append_le(component->sequence, 8);
    append_le(component->epoch, 4);
    message.insert(message.end(), component->image_digest.bytes.begin(), component->image_digest.bytes.end());
  }
  return core::sha256(message);
}

core::Result<ReleaseManifest> ReleaseManifest::parse(core::ByteView bytes) {
  ASEPTIC_TRY(const core::JsonValue value, parse_canonical(bytes, kStatementBytesMax, "release manifest"));
  ASEPTIC_TRY(ObjectReader reader, open_format(value, "release manifest", kFormat));
  ReleaseManifest release;
  ASEPTIC_TRY(release.critical, read_critical(reader));
  ASEPTIC_TRY(release.agent_version_min, reader.version("agent_version_min"));
  ASEPTIC_TRY(release.vendor, reader.uuid("vendor"));
  ASEPTIC_TRY(release.product, reader.uuid("product"));
  ASEPTIC_TRY(release.device_class, reader.uuid("class"));
  ASEPTIC_TRY(release.hardware, read_list<HardwareRange>(reader, "hardware", kListMax, read_hardware));
  ASEPTIC_TRY(release.release_id, reader.text("release_id"));
  ASEPTIC_TRY_VOID(check_identifier(release.release_id, "release_id"));
  ASEPTIC_TRY(release.version, reader.version("version"));
  ASEPTIC_TRY(release.sequence, reader.count("sequence"));
  ASEPTIC_TRY(const core::JsonValue* const sources, reader.value("sources"));
  ASEPTIC_TRY(ObjectReader range, ObjectReader::of(*sources, "release manifest: sources", reader.code()));
  ASEPTIC_TRY(release.sources.sequence_min, range.count("sequence_min"));
  ASEPTIC_TRY(release.sources.sequence_max, range.count("sequence_max"));
  ASEPTIC_TRY(release.components, read_list<Component>(reader, "components", kComponentsMax, read_component));
  ASEPTIC_TRY(release.set_policy, (read_word<SetPolicy>(reader, "set_policy", kSetPolicies)));
  ASEPTIC_TRY(release.set_digest, reader.digest("set_digest"));
  ASEPTIC_TRY(release.matrix, read_list<CompatibleRow>(reader, "matrix", kListMax, read_row));
  ASEPTIC_TRY(const core::JsonValue* const safety, reader.value("safety"));
  ASEPTIC_TRY(release.safety, read_safety(*safety));
  ASEPTIC_TRY(release.udi_di, reader.texts("udi_di", kListMax));
  ASEPTIC_TRY(release.sbom, read_list<SbomReference>(reader, "sbom", kListMax, read_sbom));
  ASEPTIC_TRY(release.advisories, read_list<AdvisoryReference>(reader, "advisories", kListMax, read_advisory));
  if (reader.has("provenance")) {
    ASEPTIC_TRY(release.provenance, reader.digest("provenance"));
  }
  ASEPTIC_TRY(release.attestation, (read_word<Requirement>(reader, "attestation", kRequirements)));
  ASEPTIC_TRY(release.encryption, (read_word<Requirement>(reader, "encryption", kRequirements)));
  ASEPTIC_TRY(release.log, (read_word<Requirement>(reader, "log", kRequirements)));
  if (reader.has("not_after")) {
    ASEPTIC_TRY(release.not_after, reader.time("not_after"));
  }
  if (reader.has("end_of_support")) {
    ASEPTIC_TRY(release.end_of_support, reader.time("end_of_support"));
  }
  ASEPTIC_TRY_VOID(check_critical(reader, release.critical));
  ASEPTIC_TRY_VOID(check_consistency(release, reader));
  release.unrecognized = reader.rest();
  ASEPTIC_TRY_VOID(check_faithful(reader, release.encode(), bytes));
  return release;
}

std::string ReleaseManifest::encode() const {
  core::JsonObject object = unrecognized;
  object["format"] = kFormat;
  object["critical"] = encode_texts(critical);
  object["agent_version_min"] = agent_version_min.text();
  object["vendor"] = vendor.text();
  object["product"] = product.text();
  object["class"] = device_class.text();
  object["hardware"] = encode_list(hardware, encode_hardware);
  object["release_id"] = release_id;
  object["version"] = version.text();
  object["sequence"] = number(sequence);
  object["sources"] = core::JsonObject{{"sequence_min", number(sources.sequence_min)},
                                       {"sequence_max", number(sources.sequence_max)}};
  object["components"] = encode_list(components, encode_component);
  object["set_policy"] = word(kSetPolicies, set_policy);
  object["set_digest"] = set_digest.hex();
  object["matrix"] = encode_list(matrix, encode_row);
  object["safety"] = encode_safety(safety);
  object["udi_di"] = encode_texts(udi_di);
  object["sbom"] = encode_list(sbom, encode_sbom);
  object["advisories"] = encode_list(advisories, encode_advisory);
  if (provenance) object["provenance"] = provenance->hex();
  object["attestation"] = word(kRequirements, attestation);
  object["encryption"] = word(kRequirements, encryption);
  object["log"] = word(kRequirements, log);
  if (not_after) object["not_after"] = core::format_utc(*not_after);
  if (end_of_support) object["end_of_support"] = core::format_utc(*end_of_support);
  return core::canonical_json(object);
}

const Component* ReleaseManifest::find(const core::Uuid& component) const {
  const auto at = std::ranges::find(components, component, &Component::id);
  return at == components.end() ? nullptr : &*at;
}

const Component& ReleaseManifest::main_component() const {
  const auto at = std::ranges::find(components, 0U, &Component::order);
  ASEPTIC_ASSERT(at != components.end());
  return *at;
}

std::string ReleaseManifest::target_path() const { return release_target_path(release_id); }

}  // namespace aseptic::trust
