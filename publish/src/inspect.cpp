// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/inspect.h"

#include "aseptic/publish/codes.h"
#include "aseptic/publish/review.h"
#include "inspect_formats.h"

namespace aseptic::publish {
namespace {

constexpr std::uint64_t kHeadSize = 64u << 20;  // images and payloads are recognised by their heads

std::string scalar_text(const core::JsonValue& value) {
  if (const std::string* text = value.as_string()) return printable(*text);
  return core::canonical_json(value);
}

void append(std::string& out, std::string_view name, const core::JsonValue& value, std::size_t depth) {
  const std::string indent(2 * depth, ' ');
  if (const core::JsonObject* object = value.as_object()) {
    out += indent + printable(name) + ":\n";
    for (const auto& [key, member] : *object) append(out, key, member, depth + 1);
  } else if (const core::JsonArray* array = value.as_array()) {
    out += indent + printable(name) + ":" + (array->empty() ? " none\n" : "\n");
    std::size_t index = 0;
    for (const core::JsonValue& member : *array) append(out, std::to_string(index++), member, depth + 1);
  } else {
    out += indent + printable(name) + ": " + scalar_text(value) + "\n";
  }
}

}  // namespace

std::string Inspection::text() const {
  std::string out;
  append(out, format, fields, 0);
  return out;
}

core::Result<Inspection> inspect_bytes(core::ByteView bytes, const InspectOptions& options) {
  ASEPTIC_TRY(std::optional<Inspection> boot, inspect_boot_format(bytes, options));
  if (boot) return *std::move(boot);
  ASEPTIC_TRY(std::optional<Inspection> text, inspect_text_format(bytes));
  if (text) return *std::move(text);
  ASEPTIC_TRY(std::optional<Inspection> json, inspect_json_format(bytes));
  if (json) return *std::move(json);
  return core::Error(PublishCode::kFormatUnknown, "the file is in none of the known formats");
}

core::Result<Inspection> inspect_file(const Path& path, const InspectOptions& options) {
  ASEPTIC_TRY(const core::Bytes head, read_head_of_file(path, kHeadSize));
  auto inspection = inspect_bytes(head, options);
  if (!inspection) return std::move(inspection).error().within(path.string());
  return inspection;
}

}  // namespace aseptic::publish
