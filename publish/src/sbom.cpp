// SPDX-License-Identifier: Apache-2.0
// SBOMs are read leniently (they may hold floats), only to show names and versions; nothing is decided from them.
// The library's code is linked from core.
#include <boost/json.hpp>

#include "aseptic/publish/codes.h"
#include "aseptic/publish/review.h"

namespace aseptic::publish {
namespace {

namespace json = boost::json;

std::string text_at(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

// Adds {name, version} of each element of `list`.
void add_packages(const json::value* list, std::string_view version_field, std::map<std::string, std::string>& packages) {
  if (!list || !list->is_array()) return;
  for (const json::value& item : list->get_array())
    if (item.is_object()) {
      const std::string name = text_at(item.get_object(), "name");
      if (!name.empty()) packages[printable(name)] = printable(text_at(item.get_object(), version_field));
    }
}

}  // namespace

core::Result<std::map<std::string, std::string>> sbom_packages(core::ByteView sbom) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = 64;
  const json::value document = json::parse(core::as_text(sbom), error, {}, options);
  if (error || !document.is_object()) return core::Error(PublishCode::kInput, "the SBOM is not a JSON object");
  const json::object& top = document.get_object();
  std::map<std::string, std::string> packages;
  if (!text_at(top, "spdxVersion").empty())
    add_packages(top.if_contains("packages"), "versionInfo", packages);
  else if (text_at(top, "bomFormat") == "CycloneDX")
    add_packages(top.if_contains("components"), "version", packages);
  else
    return core::Error(PublishCode::kInput, "the SBOM is neither SPDX nor CycloneDX in JSON");
  return packages;
}

core::Result<std::vector<std::string>> sbom_difference(core::ByteView before, core::ByteView after) {
  ASEPTIC_TRY(const auto old_packages, sbom_packages(before).within("the SBOM before"));
  ASEPTIC_TRY(const auto new_packages, sbom_packages(after).within("the SBOM now"));
  std::vector<std::string> lines;
  for (const auto& [name, version] : new_packages) {
    const auto old = old_packages.find(name);
    if (old == old_packages.end())
      lines.push_back("+ " + name + " " + version);
    else if (old->second != version)
      lines.push_back("~ " + name + " " + old->second + " -> " + version);
  }
  for (const auto& [name, version] : old_packages)
    if (!new_packages.contains(name)) lines.push_back("- " + name + " " + version);
  return lines;
}

}  // namespace aseptic::publish
