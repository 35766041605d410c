// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/release_description.h"

// toml++ asserts that a table header begins like a key, and says so in a sentence a line later: bad input must reach the sentence.
#define TOML_ASSERT(expr) static_cast<void>(0)
#include <toml++/toml.h>

#include <algorithm>
#include <set>

#include "aseptic/publish/codes.h"

namespace aseptic::publish {
namespace {

core::Error input(std::string sentence) { return {PublishCode::kInput, std::move(sentence)}; }

// A table whose keys must all be asked for; finish() refuses those that were not.
class Table {
 public:
  Table(const toml::table& table, std::string name) : table_(table), name_(std::move(name)) {}

  [[nodiscard]] bool has(std::string_view key) {
    asked_.insert(std::string(key));
    return table_.contains(key);
  }
  core::Result<std::string> text(std::string_view key) {
    asked_.insert(std::string(key));
    if (const auto value = table_[key].value_exact<std::string>()) return *value;
    return missing(key, "a text");
  }
  core::Result<std::uint64_t> count(std::string_view key) {
    asked_.insert(std::string(key));
    if (const auto value = table_[key].value_exact<std::int64_t>(); value && *value >= 0) return static_cast<std::uint64_t>(*value);
    return missing(key, "a whole number that is not negative");
  }
  core::Result<std::uint32_t> count32(std::string_view key) {
    ASEPTIC_TRY(const std::uint64_t value, count(key));
    if (value > 0xffff'ffffu) return missing(key, "a 32-bit number");
    return static_cast<std::uint32_t>(value);
  }
  core::Result<core::Uuid> uuid(std::string_view key) {
    ASEPTIC_TRY(const std::string value, text(key));
    return core::Uuid::parse(value).within(where(key));
  }
  core::Result<core::Digest> digest(std::string_view key) {
    ASEPTIC_TRY(const std::string value, text(key));
    return core::Digest::from_hex(value).within(where(key));
  }
  core::Result<core::UtcTime> time(std::string_view key) {
    ASEPTIC_TRY(const std::string value, text(key));
    return core::parse_utc(value).within(where(key));
  }
  core::Result<std::vector<std::string>> texts(std::string_view key) {
    asked_.insert(std::string(key));
    std::vector<std::string> values;
    const toml::array* list = table_[key].as_array();
    if (!list) return missing(key, "a list of texts");
    for (const toml::node& node : *list) {
      const auto value = node.value_exact<std::string>();
      if (!value) return missing(key, "a list of texts");
      values.push_back(*value);
    }
    return values;
  }
  core::Result<std::vector<Table>> tables(std::string_view key) {
    asked_.insert(std::string(key));
    std::vector<Table> values;
    const toml::array* list = table_[key].as_array();
    if (!list) return missing(key, "a list of tables");
    for (const toml::node& node : *list) {
      if (!node.as_table()) return missing(key, "a list of tables");
      values.emplace_back(*node.as_table(), name_ + "." + std::string(key));
    }
    return values;
  }
  core::Result<Table> table(std::string_view key) {
    asked_.insert(std::string(key));
    if (const toml::table* value = table_[key].as_table()) return Table(*value, name_ + "." + std::string(key));
    return missing(key, "a table");
  }
  [[nodiscard]] std::vector<std::string> keys() {
    std::vector<std::string> all;
    for (const auto& [key, value] : table_) all.emplace_back(key.str());
    return all;
  }
  core::Result<void> finish() const {
    for (const auto& [key, value] : table_)
      if (!asked_.contains(std::string(key.str())))
        return input("[" + name_ + "] has an unknown key \"" + std::string(key.str()) + "\"; check its spelling");
    return {};
  }

 private:
  [[nodiscard]] std::string where(std::string_view key) const { return "[" + name_ + "] " + std::string(key); }
  [[nodiscard]] core::Error missing(std::string_view key, std::string_view expected) const {
    return input(where(key) + " is missing or is not " + std::string(expected));
  }
  const toml::table& table_;
  std::string name_;
  std::set<std::string> asked_;
};

template <typename Enum, std::size_t N>
core::Result<Enum> word(Table& table, std::string_view key, const std::array<std::string_view, N>& words) {
  ASEPTIC_TRY(const std::string text, table.text(key));
  const auto at = std::ranges::find(words, text);
  if (at != words.end()) return static_cast<Enum>(at - words.begin());
  std::string all;
  for (const std::string_view one : words) all += (all.empty() ? "" : ", ") + std::string(one);
  return input(std::string(key) + " is \"" + text + "\"; allowed: " + all);
}

constexpr std::array<std::string_view, 4> kTypes = {"image", "data", "app", "foreign"};
constexpr std::array<std::string_view, 3> kClasses = {"security", "function", "recall"};
constexpr std::array<std::string_view, 3> kRestarts = {"none", "component", "device"};

core::Result<void> read_identity(Table& table, trust::ReleaseManifest& draft) {
  ASEPTIC_TRY(draft.release_id, table.text("id"));
  ASEPTIC_TRY(const std::string version, table.text("version"));
  ASEPTIC_TRY(draft.version, core::Version::parse(version).within("[release] version"));
  ASEPTIC_TRY(draft.sequence, table.count("sequence"));
  ASEPTIC_TRY(draft.vendor, table.uuid("vendor"));
  ASEPTIC_TRY(draft.product, table.uuid("product"));
  ASEPTIC_TRY(draft.device_class, table.uuid("class"));
  ASEPTIC_TRY(const std::string agent, table.text("agent_min"));
  ASEPTIC_TRY(draft.agent_version_min, core::Version::parse(agent).within("[release] agent_min"));
  ASEPTIC_TRY(Table sources, table.table("sources"));
  ASEPTIC_TRY(draft.sources.sequence_min, sources.count("min"));
  ASEPTIC_TRY(draft.sources.sequence_max, sources.count("max"));
  ASEPTIC_TRY_VOID(sources.finish());
  ASEPTIC_TRY(std::vector<Table> hardware, table.tables("hardware"));
  for (Table& one : hardware) {
    trust::HardwareRange range;
    ASEPTIC_TRY(range.id, one.uuid("id"));
    ASEPTIC_TRY(range.revision_min, one.count32("min"));
    ASEPTIC_TRY(range.revision_max, one.count32("max"));
    ASEPTIC_TRY_VOID(one.finish());
    draft.hardware.push_back(range);
  }
  return {};
}

core::Result<void> read_optional(Table& table, trust::ReleaseManifest& draft) {
  if (table.has("udi_di")) {
    ASEPTIC_TRY(draft.udi_di, table.texts("udi_di"));
  }
  if (table.has("not_after")) {
    ASEPTIC_TRY(draft.not_after, table.time("not_after"));
  }
  if (table.has("end_of_support")) {
    ASEPTIC_TRY(draft.end_of_support, table.time("end_of_support"));
  }
  if (table.has("provenance")) {
    ASEPTIC_TRY(draft.provenance, table.digest("provenance"));
  }
  return table.finish();
}

core::Result<void> read_safety(Table& table, const Path& folder, ReleaseDescription& description) {
  trust::Safety& safety = description.draft.safety;
  ASEPTIC_TRY(safety.update_class, (word<trust::UpdateClass>(table, "class", kClasses)));
  ASEPTIC_TRY(safety.states, table.texts("states"));
  ASEPTIC_TRY(safety.downtime_s_max, table.count("downtime_s_max"));
  ASEPTIC_TRY(safety.restart, (word<trust::Restart>(table, "restart", kRestarts)));
  ASEPTIC_TRY(safety.essential_performance, table.text("essential_performance"));
  ASEPTIC_TRY(safety.energy_mwh_min, table.count("energy_mwh_min"));
  if (table.has("recall_class")) {
    ASEPTIC_TRY(safety.recall_class, table.text("recall_class"));
  }
  ASEPTIC_TRY(std::vector<Table> jurisdictions, table.tables("jurisdictions"));
  for (Table& one : jurisdictions) {
    trust::Jurisdiction jurisdiction;
    ASEPTIC_TRY(jurisdiction.code, one.text("code"));
    ASEPTIC_TRY(jurisdiction.approval, one.text("approval"));
    ASEPTIC_TRY_VOID(one.finish());
    safety.jurisdictions.push_back(std::move(jurisdiction));
  }
  if (table.has("consent")) {
    ASEPTIC_TRY(Table consent, table.table("consent"));
    for (const std::string& language : consent.keys()) {
      ASEPTIC_TRY(const std::string file, consent.text(language));
      description.consent[language] = folder / file;
    }
  }
  return table.finish();
}

core::Result<trust::Component> read_component(Table& table, std::uint64_t release_sequence) {
  trust::Component component;
  ASEPTIC_TRY(component.id, table.uuid("id"));
  ASEPTIC_TRY(component.name, table.text("name"));
  ASEPTIC_TRY(component.type, (word<trust::ComponentType>(table, "type", kTypes)));
  ASEPTIC_TRY(component.location, table.text("location"));
  ASEPTIC_TRY(component.epoch, table.count32("epoch"));
  component.sequence = release_sequence;
  if (table.has("sequence")) {
    ASEPTIC_TRY(component.sequence, table.count("sequence"));
  }
  if (table.has("order")) {
    ASEPTIC_TRY(component.order, table.count32("order"));
  }
  if (table.has("dependencies")) {
    ASEPTIC_TRY(std::vector<Table> dependencies, table.tables("dependencies"));
    for (Table& one : dependencies) {
      trust::ComponentDependency dependency;
      ASEPTIC_TRY(dependency.component, one.uuid("component"));
      ASEPTIC_TRY(dependency.sequence_min, one.count("sequence_min"));
      ASEPTIC_TRY_VOID(one.finish());
      component.dependencies.push_back(dependency);
    }
  }
  ASEPTIC_TRY_VOID(table.finish());
  return component;
}

core::Result<void> read_advisories(Table& top, const Path& folder, trust::ReleaseManifest& draft) {
  static constexpr std::array<std::string_view, 2> kKinds = {"vex", "csaf"};
  if (!top.has("advisory")) return {};
  ASEPTIC_TRY(std::vector<Table> advisories, top.tables("advisory"));
  for (Table& one : advisories) {
    trust::AdvisoryReference advisory;
    ASEPTIC_TRY(advisory.kind, (word<trust::AdvisoryKind>(one, "kind", kKinds)));
    ASEPTIC_TRY(const std::string file, one.text("file"));
    ASEPTIC_TRY_VOID(one.finish());
    ASEPTIC_TRY(const core::Bytes bytes, read_file(folder / file));
    advisory.digest = core::sha256(bytes);
    draft.advisories.push_back(advisory);
  }
  return {};
}

// Further combinations of images that may run together.
core::Result<void> read_matrix(Table& top, trust::ReleaseManifest& draft) {
  if (!top.has("compatible")) return {};
  ASEPTIC_TRY(std::vector<Table> rows, top.tables("compatible"));
  for (Table& row : rows) {
    ASEPTIC_TRY(std::vector<Table> pairs, row.tables("together"));
    ASEPTIC_TRY_VOID(row.finish());
    trust::CompatibleRow together;
    for (Table& one : pairs) {
      trust::CompatiblePair pair;
      ASEPTIC_TRY(pair.component, one.uuid("component"));
      ASEPTIC_TRY(pair.manifest_digest, one.digest("manifest"));
      ASEPTIC_TRY_VOID(one.finish());
      together.push_back(pair);
    }
    draft.matrix.push_back(std::move(together));
  }
  return {};
}

core::Result<void> read_requirements(Table& release, trust::ReleaseManifest& draft) {
  if (!release.has("require")) return {};
  ASEPTIC_TRY(const std::vector<std::string> names, release.texts("require"));
  for (const std::string& name : names) {
    if (name == "attestation")
      draft.attestation = trust::Requirement::kRequired;
    else if (name == "encryption")
      draft.encryption = trust::Requirement::kRequired;
    else if (name == "log")
      draft.log = trust::Requirement::kRequired;
    else
      return input("[release] require names \"" + name + "\"; allowed: attestation, encryption, log");
  }
  return {};
}

core::Result<ReleaseDescription> read_tables(Table& top, const Path& folder) {
  ReleaseDescription description;
  ASEPTIC_TRY(Table release, top.table("release"));
  ASEPTIC_TRY_VOID(read_identity(release, description.draft));
  ASEPTIC_TRY_VOID(read_requirements(release, description.draft));
  ASEPTIC_TRY_VOID(read_optional(release, description.draft));
  ASEPTIC_TRY_VOID(read_advisories(top, folder, description.draft));
  ASEPTIC_TRY_VOID(read_matrix(top, description.draft));
  ASEPTIC_TRY(Table safety, top.table("safety"));
  ASEPTIC_TRY_VOID(read_safety(safety, folder, description));
  ASEPTIC_TRY(std::vector<Table> components, top.tables("component"));
  for (Table& one : components) {
    ASEPTIC_TRY(trust::Component component, read_component(one, description.draft.sequence));
    description.draft.components.push_back(std::move(component));
  }
  if (top.has("sbom")) {
    ASEPTIC_TRY(Table sbom, top.table("sbom"));
    ASEPTIC_TRY(const std::string file, sbom.text("file"));
    ASEPTIC_TRY(description.sbom_format, sbom.text("format"));
    ASEPTIC_TRY_VOID(sbom.finish());
    description.sbom = folder / file;
  }
  ASEPTIC_TRY_VOID(top.finish());
  return description;
}

}  // namespace

core::Result<ReleaseDescription> ReleaseDescription::read(const Path& file) {
  ASEPTIC_TRY(const core::Bytes bytes, read_file(file, 1u << 20));
  toml::table parsed;
  try {
    parsed = toml::parse(core::as_text(bytes), file.string());
  } catch (const toml::parse_error& error) {  // the library's only way to say no
    return input(file.string() + ", line " + std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
  }
  Table top(parsed, "");
  const Path folder = file.has_parent_path() ? file.parent_path() : Path(".");
  auto description = read_tables(top, folder);
  if (!description) return std::move(description).error().within(file.string());
  return description;
}

const trust::Component* ReleaseDescription::find(std::string_view component_name) const {
  const auto at = std::ranges::find(draft.components, component_name, &trust::Component::name);
  return at == draft.components.end() ? nullptr : &*at;
}

}  // namespace aseptic::publish
