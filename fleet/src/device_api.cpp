// SPDX-License-Identifier: Apache-2.0
#include "aseptic/fleet/device_api.h"

#include <algorithm>
#include <charconv>

#include "aseptic/core/json.h"
#include "aseptic/fleet/codes.h"
#include "aseptic/platform/codes.h"
#include "aseptic/trust/codes.h"

namespace aseptic::fleet {
namespace {

using core::ActionClass;
using core::Error;
using core::JsonObject;
using core::JsonValue;

Answer refusal(int status, const Error& error) {
  Answer answer{.status = status};
  answer.body = core::canonical_json(JsonObject{{"reason", std::string(error.name())}, {"sentence", error.sentence()}}) + "\n";
  return answer;
}

Answer not_found() { return refusal(404, Error(FleetCode::kRequest, "there is no such file or function")); }

// What a refused report means in HTTP: 409 contradicts what was reported before, 400 is not a valid report of this
// device, 503 is our fault.
int status_of(const Error& error) {
  if (error.action() != ActionClass::kReject) return 503;
  for (const auto code : {trust::TrustCode::kReplay, trust::TrustCode::kClone, trust::TrustCode::kLogFork, trust::TrustCode::kNonce})
    if (error.is(code)) return 409;
  return error.is(FleetCode::kDeviceMismatch) ? 403 : 400;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<unsigned char> hex_byte(std::string_view two) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(two.data(), two.data() + two.size(), value, 16);
  if (two.size() != 2 || error != std::errc() || end != two.data() + 2) return std::nullopt;
  return static_cast<unsigned char>(value);
}

}  // namespace

std::optional<std::string> decode_target(std::string_view target) {
  target = target.substr(0, target.find('?'));
  if (!target.starts_with('/')) return std::nullopt;
  target.remove_prefix(1);
  std::string path;
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (target[i] != '%') {
      path.push_back(target[i]);
      continue;
    }
    const auto byte = hex_byte(target.substr(i + 1, 2));
    if (!byte) return std::nullopt;
    path.push_back(static_cast<char>(*byte));
    i += 2;
  }
  return path;
}

std::optional<ByteRange> parse_range(std::string_view header, std::uint64_t size) {
  if (!header.starts_with("bytes=")) return std::nullopt;
  header.remove_prefix(6);
  const auto dash = header.find('-');
  if (dash == std::string_view::npos || header.find(',') != std::string_view::npos) return std::nullopt;
  const auto first_text = header.substr(0, dash);
  const auto last_text = header.substr(dash + 1);
  if (first_text.empty()) {
    const auto suffix = number(last_text);
    if (!suffix) return std::nullopt;
    const std::uint64_t count = std::min(*suffix, size);
    return ByteRange{size - count, count};
  }
  const auto first = number(first_text);
  const auto last = last_text.empty() ? std::optional(UINT64_MAX) : number(last_text);
  if (!first || !last || *last < *first) return std::nullopt;
  if (*first >= size) return ByteRange{0, 0};
  return ByteRange{*first, std::min(*last, size - 1) - *first + 1};
}

Answer DeviceApi::answer(const DeviceIdentity& device, const Question& question) {
  if (question.method == "GET") return give_file(question);
  if (question.method != "POST") return refusal(405, Error(FleetCode::kRequest, "only GET and POST exist here"));
  if (question.target == "/v1/nonce") return give_nonce(device);
  if (question.target == "/v1/reports") return take_report(device, question.body);
  return not_found();
}

Answer DeviceApi::give_file(const Question& question) {
  const auto path = decode_target(question.target);
  if (!path) return not_found();
  auto file = repository_.open_file(*path);
  if (!file) return not_found();
  const std::uint64_t size = file->size();
  Answer answer{.content_type = path->ends_with(".json") ? "application/json" : "application/octet-stream"};
  ByteRange range{0, size};
  if (!question.range.empty()) {
    if (const auto wanted = parse_range(question.range, size)) {
      if (wanted->count == 0) {
        Answer refused = refusal(416, Error(FleetCode::kRequest, "the range lies behind the end of the file"));
        refused.content_range = "bytes */" + std::to_string(size);
        return refused;
      }
      range = *wanted;
      answer.status = 206;
      answer.content_range = "bytes " + std::to_string(range.first) + "-" + std::to_string(range.first + range.count - 1) + "/" + std::to_string(size);
    }
  }
  answer.file = FileSlice{.file = *std::move(file), .offset = range.first, .size = range.count};
  return answer;
}

Answer DeviceApi::give_nonce(const DeviceIdentity& device) {
  const auto nonce = desk_.issue_nonce(device);
  if (!nonce) return refusal(status_of(nonce.error()), nonce.error());
  return {.body = core::canonical_json(JsonObject{{"nonce", core::to_hex(*nonce)}}) + "\n"};
}

Answer DeviceApi::take_report(const DeviceIdentity& device, core::ByteView file) {
  const auto receipt = desk_.submit(device, file);
  if (!receipt) {
    Answer refused = refusal(status_of(receipt.error()), receipt.error());
    refused.log_line = "report of " + device.id + " refused: " + receipt.error().sentence() + " [" + std::string(receipt.error().name()) + "]";
    return refused;
  }
  const trust::LastReport& last = receipt->acknowledged;
  const bool is_new = receipt->arrival == trust::ReportArrival::kNew;
  const JsonObject acknowledged{{"sequence", static_cast<std::int64_t>(last.sequence)},
                                {"log_count", static_cast<std::int64_t>(last.log_count)},
                                {"log_head", last.log_head.hex()}};
  Answer answer{.body = core::canonical_json(JsonObject{{"arrival", is_new ? "new" : "repeated"}, {"acknowledged", acknowledged}}) + "\n"};
  answer.log_line = "report " + std::to_string(last.sequence) + " of " + device.id + (is_new ? " stored" : " came again");
  return answer;
}

Answer refuse_stranger(const Error& why) {
  Answer answer = refusal(403, why);
  answer.ends_session = true;
  answer.log_line = "session refused: " + why.sentence() + " [" + std::string(why.name()) + "]";
  return answer;
}

}  // namespace aseptic::fleet
