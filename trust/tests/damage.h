// SPDX-License-Identifier: Apache-2.0
// A JSON document with one member at a time removed or replaced, at any depth: what a hostile or buggy writer sends.
#pragma once

#include <functional>

#include "aseptic/core/json.h"

namespace aseptic::trust::test {

using UseDamaged = std::function<void(const core::JsonValue&)>;

inline void for_each_damage(const core::JsonValue& value, const UseDamaged& use) {
  if (const core::JsonObject* object = value.as_object()) {
    for (const auto& [name, member] : *object) {
      core::JsonObject copy = *object;
      copy.erase(name);
      use(copy);
      for (const core::JsonValue& other :
           {core::JsonValue(nullptr), core::JsonValue(true), core::JsonValue(-1), core::JsonValue(0), core::JsonValue(""),
            core::JsonValue("\n"), core::JsonValue(core::JsonArray{}), core::JsonValue(core::JsonArray{nullptr}),
            core::JsonValue(core::JsonObject{}), core::JsonValue(core::JsonObject{{"", nullptr}})}) {
        if (other == member) continue;
        copy[name] = other;
        use(copy);
      }
      for_each_damage(member, [&, key = name](const core::JsonValue& inner) {
        core::JsonObject outer = *object;
        outer[key] = inner;
        use(outer);
      });
    }
  } else if (const core::JsonArray* array = value.as_array()) {
    for (std::size_t i = 0; i < array->size(); ++i)
      for_each_damage((*array)[i], [&](const core::JsonValue& inner) {
        core::JsonArray outer = *array;
        outer[i] = inner;
        use(outer);
      });
  }
}

}  // namespace aseptic::trust::test
