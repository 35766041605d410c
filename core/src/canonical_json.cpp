// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "aseptic/core/codes.h"
#include "aseptic/core/json.h"

namespace aseptic::core {
namespace {

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

// For every JSON parser: control characters are escaped, unlike in the canonical form.
void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      (out += '\\') += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20) {
      ((out += "\\u00") += kHex[byte >> 4]) += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

using AppendText = void (*)(std::string& out, std::string_view text);

// JSON without a space; the two forms differ only in how they write a text.
void append_value(std::string& out, const JsonValue& value, AppendText append_text) {
  if (const auto* truth = value.as_bool()) {
    out += *truth ? "true" : "false";
  } else if (const auto* number = value.as_integer()) {
    out += std::to_string(*number);
  } else if (const auto* text = value.as_string()) {
    append_text(out, *text);
  } else if (const auto* array = value.as_array()) {
    out += '[';
    for (const JsonValue& item : *array) {
      if (&item != array->data()) out += ',';
      append_value(out, item, append_text);
    }
    out += ']';
  } else if (const auto* object = value.as_object()) {
    out += '{';
    bool first = true;
    for (const auto& [name, member] : *object) {
      if (!std::exchange(first, false)) out += ',';
      append_text(out, name);
      out += ':';
      append_value(out, member, append_text);
    }
    out += '}';
  } else {
    out += "null";
  }
}

void append_pretty(std::string& out, const JsonValue& value, std::size_t indent) {
  const std::string margin(indent + 2, ' ');
  const auto* array = value.as_array();
  const auto* object = value.as_object();
  if (array && !array->empty()) {
    out += '[';
    for (std::size_t i = 0; i < array->size(); ++i) {
      (out += i ? ",\n" : "\n") += margin;
      append_pretty(out, (*array)[i], indent + 2);
    }
    ((out += '\n') += std::string(indent, ' ')) += ']';
  } else if (object && !object->empty()) {
    out += '{';
    bool first = true;
    for (const auto& [name, member] : *object) {
      (out += std::exchange(first, false) ? "\n" : ",\n") += margin;
      append_escaped(out, name);
      out += ": ";
      append_pretty(out, member, indent + 2);
    }
    ((out += '\n') += std::string(indent, ' ')) += '}';
  } else if (const auto* text = value.as_string()) {
    append_escaped(out, *text);
  } else {
    append_value(out, value, append_escaped);
  }
}

// Writes the canonical form of one top-level member while the events pass by. An object's members are written as
// they come; at its end they are put in order if they were not.
class MemberCanonicaliser final : public JsonEvents {
 public:
  explicit MemberCanonicaliser(std::string_view member) : member_(member) {}

  std::string text;
  bool found = false;

  Result<void> begin_object() override {
    begin_value();
    ++depth_;
    if (!writing_) return {};
    text += '{';
    open_.push_back({.object = true, .begin = text.size()});
    return {};
  }
  Result<void> end_object() override {
    if (writing_) close_object();
    return end_container('}');
  }
  Result<void> begin_array() override {
    begin_value();
    ++depth_;
    if (!writing_) return {};
    text += '[';
    open_.push_back({.object = false, .begin = text.size()});
    return {};
  }
  Result<void> end_array() override { return end_container(']'); }
  Result<void> key(std::string_view name) override {
    if (depth_ == 1) {
      next_is_member_ = name == member_;
    } else if (writing_) {
      Open& object = open_.back();
      if (!object.members.empty()) text += ',';
      object.members.push_back({.begin = text.size(), .name = std::string(name)});
      append_quoted(text, name);
      text += ':';
    }
    return {};
  }
  Result<void> string(std::string_view value) override {
    begin_value();
    if (writing_) append_quoted(text, value);
    return end_value();
  }
  Result<void> integer(std::int64_t value) override { return word(std::to_string(value)); }
  Result<void> boolean(bool value) override { return word(value ? "true" : "false"); }
  Result<void> null() override { return word("null"); }

 private:
  struct Member {
    std::size_t begin;
    std::string name;
  };
  struct Open {
    bool object;
    std::size_t begin;
    std::vector<Member> members;
    bool has_items = false;
  };

  Result<void> word(std::string_view value) {
    begin_value();
    if (writing_) text += value;
    return end_value();
  }
  void begin_value() {
    if (depth_ == 1 && next_is_member_) writing_ = found = true;
    if (open_.empty() || open_.back().object) return;
    if (std::exchange(open_.back().has_items, true)) text += ',';
  }
  Result<void> end_value() {
    if (depth_ == 1) writing_ = next_is_member_ = false;
    return {};
  }
  Result<void> end_container(char bracket) {
    --depth_;
    if (writing_) {
      text += bracket;
      open_.pop_back();
    }
    return end_value();
  }
  void close_object() {
    Open& object = open_.back();
    const auto by_name = [](const Member& a, const Member& b) { return a.name < b.name; };
    if (std::ranges::is_sorted(object.members, by_name)) return;
    const std::string body = text.substr(object.begin);
    struct Slice {
      std::string_view name, body;
    };
    std::vector<Slice> slices;
    for (std::size_t i = 0; i < object.members.size(); ++i) {
      const std::size_t begin = object.members[i].begin - object.begin;
      const std::size_t end = i + 1 < object.members.size() ? object.members[i + 1].begin - object.begin - 1 : body.size();
      slices.push_back({object.members[i].name, std::string_view(body).substr(begin, end - begin)});
    }
    std::ranges::sort(slices, {}, &Slice::name);
    text.resize(object.begin);
    for (const Slice& slice : slices) {
      if (&slice != slices.data()) text += ',';
      text += slice.body;
    }
  }

  std::string_view member_;
  std::size_t depth_ = 0;
  bool next_is_member_ = false;
  bool writing_ = false;
  std::vector<Open> open_;
};

}  // namespace

std::string canonical_json(const JsonValue& value) {
  std::string out;
  append_value(out, value, append_quoted);
  return out;
}

std::string compact_json(const JsonValue& value) {
  std::string out;
  append_value(out, value, append_escaped);
  return out;
}

std::string pretty_json(const JsonValue& value) {
  std::string out;
  append_pretty(out, value, 0);
  return out += '\n';
}

Result<std::string> canonical_member(ByteView text, std::string_view member, const JsonLimits& limits) {
  MemberCanonicaliser canonicaliser(member);
  ASEPTIC_TRY_VOID(parse_json(text, limits, canonicaliser));
  if (!canonicaliser.found)
    return Error(CoreCode::kJsonShape, "field \"" + std::string(member) + "\" is missing");
  return std::move(canonicaliser.text);
}

}  // namespace aseptic::core
