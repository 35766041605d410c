// SPDX-License-Identifier: Apache-2.0
// The strict parser: Boost.JSON's tokeniser under our own rules. The only translation unit with Boost.JSON in it.
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/src.hpp>
#include <set>

#include "aseptic/core/codes.h"
#include "aseptic/core/json.h"

namespace aseptic::core {
namespace {

constexpr std::int64_t kIntegerMax = (std::int64_t{1} << 53) - 1;

// Boost.JSON's handler interface, turned into JsonEvents; keeps the first error and stops the tokeniser with it.
class Handler {
 public:
  using Text = boost::json::string_view;
  using Code = boost::json::error_code;
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = 64u << 10;
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  explicit Handler(JsonEvents& events) : events_(events) {}
  std::optional<Error> error;

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code& code) {
    keys_.emplace_back();
    return pass(events_.begin_object(), code);
  }
  bool on_object_end(std::size_t, Code& code) {
    keys_.pop_back();
    return pass(events_.end_object(), code);
  }
  bool on_array_begin(Code& code) { return pass(events_.begin_array(), code); }
  bool on_array_end(std::size_t, Code& code) { return pass(events_.end_array(), code); }
  bool on_key_part(Text part, std::size_t, Code&) { return collect(part); }
  bool on_key(Text part, std::size_t, Code& code) {
    collect(part);
    if (!keys_.back().insert(text_).second)
      return refuse(CoreCode::kJsonSyntax, "the key \"" + text_.substr(0, 80) + "\" appears twice in one object", code);
    return pass(events_.key(text_), code) && clear();
  }
  bool on_string_part(Text part, std::size_t, Code&) { return collect(part); }
  bool on_string(Text part, std::size_t, Code& code) {
    collect(part);
    return pass(events_.string(text_), code) && clear();
  }
  bool on_number_part(Text part, Code&) { return collect(part); }
  bool on_int64(std::int64_t value, Text part, Code& code) {
    collect(part);
    const bool minus_zero = value == 0 && text_.starts_with('-');
    clear();
    if (minus_zero || value > kIntegerMax || value < -kIntegerMax) return refuse_number(code);
    return pass(events_.integer(value), code);
  }
  bool on_uint64(std::uint64_t, Text, Code& code) { return refuse_number(code); }
  bool on_double(double, Text, Code& code) { return refuse_number(code); }
  bool on_bool(bool value, Code& code) { return pass(events_.boolean(value), code); }
  bool on_null(Code& code) { return pass(events_.null(), code); }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

 private:
  bool collect(Text part) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool clear() {
    text_.clear();
    return true;
  }
  bool pass(Result<void> result, Code& code) {
    if (result) return true;
    error = std::move(result).error();
    code = boost::json::error::syntax;
    return false;
  }
  bool refuse(CoreCode why, std::string sentence, Code& code) { return pass(Error(why, std::move(sentence)), code); }
  bool refuse_number(Code& code) {
    return refuse(CoreCode::kJsonSyntax, "numbers must be integers between -(2^53-1) and 2^53-1", code);
  }

  JsonEvents& events_;
  std::string text_;
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
};

bool is_white_space(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

}  // namespace

Result<void> parse_json(ByteView text, const JsonLimits& limits, JsonEvents& events) {
  if (text.size() > limits.bytes_max)
    return Error(CoreCode::kJsonLimit, "document has more than " + std::to_string(limits.bytes_max) + " bytes");
  boost::json::parse_options options;
  options.max_depth = limits.depth_max;
  boost::json::basic_parser<Handler> parser(options, events);
  boost::json::error_code code;
  const std::size_t used = parser.write_some(false, reinterpret_cast<const char*>(text.data()), text.size(), code);
  if (parser.handler().error) return *parser.handler().error;
  if (code == boost::json::error::too_deep)
    return Error(CoreCode::kJsonLimit, "document is nested deeper than " + std::to_string(limits.depth_max));
  if (code) return Error(CoreCode::kJsonSyntax, "not JSON at byte " + std::to_string(used) + ": " + code.message());
  if (!is_white_space(as_text(text.subspan(used))))
    return Error(CoreCode::kJsonSyntax, "bytes follow the document at byte " + std::to_string(used));
  return {};
}

}  // namespace aseptic::core
