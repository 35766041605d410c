// SPDX-License-Identifier: Apache-2.0
#include "object_reader.h"

#include <limits>

namespace aseptic::trust {
namespace {

constexpr std::size_t kQuotedMax = 80;

}  // namespace

std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (const char c : name.substr(0, kQuotedMax)) text += c >= 0x20 && c < 0x7f && c != '"' ? c : '?';
  if (name.size() > kQuotedMax) text += "...";
  return text + '"';
}

core::Result<ObjectReader> ObjectReader::of(const core::JsonValue& value, std::string what, TrustCode code) {
  if (const core::JsonObject* object = value.as_object()) return ObjectReader(*object, std::move(what), code);
  return core::Error(code, what + ": is not an object");
}

core::Error ObjectReader::error(std::string_view sentence) const {
  return core::Error(code_, what_ + ": " + std::string(sentence));
}

core::Error ObjectReader::wrong(std::string_view name, std::string_view expected) const {
  return error("field " + quoted(name) + " is missing or is not " + std::string(expected));
}

core::Result<const core::JsonValue*> ObjectReader::value(std::string_view name) {
  const auto at = object_->find(name);
  if (at == object_->end()) return wrong(name, "present");
  read_.emplace(name);
  return &at->second;
}

core::Result<std::string> ObjectReader::text(std::string_view name, std::size_t bytes_max) {
  const auto member = value(name);
  const std::string* text = member ? (*member)->as_string() : nullptr;
  if (!text) return wrong(name, "a string");
  if (text->size() > bytes_max) return wrong(name, "a string of at most " + std::to_string(bytes_max) + " bytes");
  return *text;
}

core::Result<std::uint64_t> ObjectReader::count(std::string_view name) {
  const auto member = value(name);
  const std::int64_t* number = member ? (*member)->as_integer() : nullptr;
  if (!number || *number < 0) return wrong(name, "an integer that is not negative");
  return static_cast<std::uint64_t>(*number);
}

core::Result<std::uint32_t> ObjectReader::count32(std::string_view name) {
  ASEPTIC_TRY(const std::uint64_t number, count(name));
  if (number > std::numeric_limits<std::uint32_t>::max()) return wrong(name, "below 2^32");
  return static_cast<std::uint32_t>(number);
}

core::Result<bool> ObjectReader::boolean(std::string_view name) {
  const auto member = value(name);
  const bool* truth = member ? (*member)->as_bool() : nullptr;
  if (!truth) return wrong(name, "true or false");
  return *truth;
}

core::Result<const core::JsonObject*> ObjectReader::object(std::string_view name) {
  const auto member = value(name);
  const core::JsonObject* object = member ? (*member)->as_object() : nullptr;
  if (!object) return wrong(name, "an object");
  return object;
}

core::Result<const core::JsonArray*> ObjectReader::array(std::string_view name, std::size_t items_max) {
  const auto member = value(name);
  const core::JsonArray* array = member ? (*member)->as_array() : nullptr;
  if (!array) return wrong(name, "a list");
  if (array->size() > items_max) return wrong(name, "a list of at most " + std::to_string(items_max) + " items");
  return array;
}

core::Result<std::vector<std::string>> ObjectReader::texts(std::string_view name, std::size_t items_max) {
  ASEPTIC_TRY(const core::JsonArray* const items, array(name, items_max));
  std::vector<std::string> out;
  for (const core::JsonValue& item : *items) {
    const std::string* text = item.as_string();
    if (!text || text->size() > kTextBytesMax) return wrong(name, "a list of strings");
    out.push_back(*text);
  }
  return out;
}

core::Result<core::UtcTime> ObjectReader::time(std::string_view name) {
  ASEPTIC_TRY(const std::string written, text(name));
  const auto parsed = core::parse_utc(written);
  if (!parsed) return wrong(name, "a time written as YYYY-MM-DDTHH:MM:SSZ");
  return *parsed;
}

core::Result<core::Bytes> ObjectReader::hex(std::string_view name) {
  ASEPTIC_TRY(const std::string written, text(name));
  auto bytes = core::from_hex(written);
  if (!bytes || core::to_hex(*bytes) != written) return wrong(name, "lower-case hexadecimal");
  return std::move(*bytes);
}

core::Result<core::Digest> ObjectReader::digest(std::string_view name) {
  ASEPTIC_TRY(const core::Bytes bytes, hex(name));
  if (bytes.size() != core::Digest::kSize) return wrong(name, "64 characters of hexadecimal");
  return core::Digest::from_bytes(bytes);
}

core::Result<core::Uuid> ObjectReader::uuid(std::string_view name) {
  ASEPTIC_TRY(const std::string written, text(name));
  const auto parsed = core::Uuid::parse(written);
  if (!parsed || parsed->text() != written) return wrong(name, "a lower-case uuid");
  return *parsed;
}

core::Result<core::Version> ObjectReader::version(std::string_view name) {
  ASEPTIC_TRY(const std::string written, text(name));
  const auto parsed = core::Version::parse(written);
  if (!parsed || parsed->text() != written) return wrong(name, "a version such as 1.4.12");
  return *parsed;
}

core::JsonObject ObjectReader::rest() const {
  core::JsonObject left;
  for (const auto& [name, member] : *object_)
    if (!read_.contains(name)) left.emplace(name, member);
  return left;
}

}  // namespace aseptic::trust
