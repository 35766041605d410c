// SPDX-License-Identifier: Apache-2.0
// The one parser for signed JSON, and canonical JSON.
//
// Strict (MF-08, T-39): UTF-8, one value, no trailing bytes except white space, no duplicate keys, no floats or
// exponents, integers within +-(2^53 - 1), bounded depth and size. Unknown fields are kept by whoever keeps bytes.
// Canonical form is OLPC canonical JSON: keys in code point order, only '"' and '\' escaped, control characters raw.
//
// Two ways in: events (JsonEvents, for files of megabytes that must not become a tree) and a small tree (JsonValue).
// Thread contract: no shared state.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <variant>

#include "aseptic/core/bytes.h"

namespace aseptic::core {

struct JsonLimits {
  std::size_t bytes_max = 8u << 20;
  std::size_t depth_max = 32;
};

// Events in document order. Returning an error ends the parse with that error.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual Result<void> begin_object() = 0;
  virtual Result<void> key(std::string_view name) = 0;
  virtual Result<void> end_object() = 0;
  virtual Result<void> begin_array() = 0;
  virtual Result<void> end_array() = 0;
  virtual Result<void> string(std::string_view value) = 0;
  virtual Result<void> integer(std::int64_t value) = 0;
  virtual Result<void> boolean(bool value) = 0;
  virtual Result<void> null() = 0;
};

Result<void> parse_json(ByteView text, const JsonLimits& limits, JsonEvents& events);

class JsonValue;
using JsonArray = std::vector<JsonValue>;
using JsonObject = std::map<std::string, JsonValue, std::less<>>;

// A small JSON tree; copies are deep.
class JsonValue {
 public:
  JsonValue() = default;
  JsonValue(std::nullptr_t) {}
  JsonValue(bool value) : data_(value) {}
  JsonValue(std::int64_t value) : data_(value) {}
  JsonValue(int value) : data_(std::int64_t{value}) {}
  JsonValue(std::string value) : data_(std::move(value)) {}
  JsonValue(std::string_view value) : data_(std::string(value)) {}
  JsonValue(const char* value) : data_(std::string(value)) {}
  JsonValue(JsonArray value) : data_(std::move(value)) {}
  JsonValue(JsonObject value) : data_(std::move(value)) {}

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  [[nodiscard]] const bool* as_bool() const { return std::get_if<bool>(&data_); }
  [[nodiscard]] const std::int64_t* as_integer() const { return std::get_if<std::int64_t>(&data_); }
  [[nodiscard]] const std::string* as_string() const { return std::get_if<std::string>(&data_); }
  [[nodiscard]] const JsonArray* as_array() const { return std::get_if<JsonArray>(&data_); }
  [[nodiscard]] const JsonObject* as_object() const { return std::get_if<JsonObject>(&data_); }
  [[nodiscard]] JsonArray* as_array() { return std::get_if<JsonArray>(&data_); }
  [[nodiscard]] JsonObject* as_object() { return std::get_if<JsonObject>(&data_); }

  // Members of an object, by required type; the error names the path that is missing or wrong.
  [[nodiscard]] const JsonValue* find(std::string_view name) const;
  [[nodiscard]] Result<std::string> string_at(std::string_view name) const;
  [[nodiscard]] Result<std::int64_t> integer_at(std::string_view name) const;   // may be negative
  [[nodiscard]] Result<std::uint64_t> count_at(std::string_view name) const;    // refuses negative values
  [[nodiscard]] Result<bool> boolean_at(std::string_view name) const;
  [[nodiscard]] Result<const JsonObject*> object_at(std::string_view name) const;
  [[nodiscard]] Result<const JsonArray*> array_at(std::string_view name) const;

  bool operator==(const JsonValue&) const = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, std::string, JsonArray, JsonObject> data_;
};

Result<JsonValue> parse_json_value(ByteView text, const JsonLimits& limits = {});

std::string canonical_json(const JsonValue& value);
// Without a space, for every JSON parser: control characters are escaped, unlike in the canonical form.
std::string compact_json(const JsonValue& value);
// Human form for files that people read and TUF clients parse: two spaces, sorted keys, final newline.
std::string pretty_json(const JsonValue& value);

// Canonical form of one member of the top-level object, without building a tree: the bytes that a TUF signature
// covers. Memory: the canonical text plus a few words per member.
Result<std::string> canonical_member(ByteView text, std::string_view member, const JsonLimits& limits);

}  // namespace aseptic::core
