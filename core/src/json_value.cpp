// SPDX-License-Identifier: Apache-2.0
#include "aseptic/core/codes.h"
#include "aseptic/core/json.h"

namespace aseptic::core {
namespace {

// Builds the tree from events; the stack holds the containers that are open and the key each waits for.
class TreeBuilder final : public JsonEvents {
 public:
  Result<void> begin_object() override { return open(JsonObject{}); }
  Result<void> begin_array() override { return open(JsonArray{}); }
  Result<void> end_object() override { return close(); }
  Result<void> end_array() override { return close(); }
  Result<void> key(std::string_view name) override {
    open_.back().key = name;
    return {};
  }
  Result<void> string(std::string_view value) override { return add(JsonValue(value)); }
  Result<void> integer(std::int64_t value) override { return add(JsonValue(value)); }
  Result<void> boolean(bool value) override { return add(JsonValue(value)); }
  Result<void> null() override { return add(JsonValue(nullptr)); }

  JsonValue root;

 private:
  struct Open {
    JsonValue value;
    std::string key;
  };
  Result<void> open(JsonValue container) {
    open_.push_back({std::move(container), {}});
    return {};
  }
  Result<void> close() {
    JsonValue done = std::move(open_.back().value);
    open_.pop_back();
    return add(std::move(done));
  }
  Result<void> add(JsonValue value) {
    if (open_.empty())
      root = std::move(value);
    else if (JsonObject* object = open_.back().value.as_object())
      object->emplace(std::move(open_.back().key), std::move(value));
    else
      open_.back().value.as_array()->push_back(std::move(value));
    return {};
  }
  std::vector<Open> open_;
};

Error shape(std::string_view name, std::string_view expected) {
  return Error(CoreCode::kJsonShape, "field \"" + std::string(name) + "\" is missing or is not " + std::string(expected));
}

}  // namespace

Result<JsonValue> parse_json_value(ByteView text, const JsonLimits& limits) {
  TreeBuilder builder;
  ASEPTIC_TRY_VOID(parse_json(text, limits, builder));
  return std::move(builder.root);
}

const JsonValue* JsonValue::find(std::string_view name) const {
  const JsonObject* object = as_object();
  if (!object) return nullptr;
  const auto at = object->find(name);
  return at == object->end() ? nullptr : &at->second;
}

Result<std::string> JsonValue::string_at(std::string_view name) const {
  const JsonValue* value = find(name);
  if (const std::string* text = value ? value->as_string() : nullptr) return *text;
  return shape(name, "a string");
}

Result<std::int64_t> JsonValue::integer_at(std::string_view name) const {
  const JsonValue* value = find(name);
  if (const std::int64_t* number = value ? value->as_integer() : nullptr) return *number;
  return shape(name, "an integer");
}

Result<std::uint64_t> JsonValue::count_at(std::string_view name) const {
  const auto number = integer_at(name);
  if (!number || *number < 0) return shape(name, "an integer that is not negative");
  return static_cast<std::uint64_t>(*number);
}

Result<bool> JsonValue::boolean_at(std::string_view name) const {
  const JsonValue* value = find(name);
  if (const bool* truth = value ? value->as_bool() : nullptr) return *truth;
  return shape(name, "true or false");
}

Result<const JsonObject*> JsonValue::object_at(std::string_view name) const {
  const JsonValue* value = find(name);
  if (const JsonObject* object = value ? value->as_object() : nullptr) return object;
  return shape(name, "an object");
}

Result<const JsonArray*> JsonValue::array_at(std::string_view name) const {
  const JsonValue* value = find(name);
  if (const JsonArray* array = value ? value->as_array() : nullptr) return array;
  return shape(name, "an array");
}

}  // namespace aseptic::core
