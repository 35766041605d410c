// SPDX-License-Identifier: Apache-2.0
#include "aseptic/device_log/record.h"

#include <algorithm>
#include <array>

#include "aseptic/core/json.h"

namespace aseptic::device_log {
namespace {

using core::JsonObject;
using core::JsonValue;
using core::Result;

constexpr std::string_view kChainDomain{"aseptic-log-v1\0", 15};
constexpr std::string_view kCheckpointDomain{"aseptic-log-checkpoint-v1\0", 26};

template <typename Enum>
struct Word {
  Enum value;
  std::string_view text;
};
constexpr std::array kTypes{Word{RecordType::kEvent, "event"}, Word{RecordType::kCheckpoint, "checkpoint"},
                            Word{RecordType::kSeal, "seal"}};
constexpr std::array kOutcomes{Word{Outcome::kDone, "done"}, Word{Outcome::kRefused, "refused"},
                               Word{Outcome::kFailed, "failed"}, Word{Outcome::kNote, "note"}};
constexpr std::array kTrusts{Word{WallTrust::kUntrusted, "untrusted"}, Word{WallTrust::kAboveFloor, "above_floor"}};

template <typename Table, typename Enum>
std::string word_of(const Table& table, Enum value) {
  for (const auto& word : table)
    if (word.value == value) return std::string(word.text);
  return {};
}

core::Error malformed(std::string sentence) { return {LogCode::kFormat, std::move(sentence)}; }

template <typename Table>
auto value_of(const Table& table, std::string_view text) -> Result<decltype(table.front().value)> {
  for (const auto& word : table)
    if (word.text == text) return word.value;
  return malformed("unknown word in a log record");
}

// INVARIANT: only printable ASCII reaches a line, so no sentence can smuggle in a line feed or an escape sequence.
std::string printable(std::string_view text, std::size_t size_max) {
  std::string out(text.substr(0, size_max));
  for (char& c : out)
    if (c < 0x20 || c > 0x7e) c = '?';
  return out;
}

JsonValue count_json(std::uint64_t value) { return static_cast<std::int64_t>(value); }

JsonValue image_json(const ImageName& image) {
  return JsonObject{{"manifest", image.manifest.hex()}, {"version", printable(image.version, kWordMax)}};
}

void add_event(const Record& record, JsonObject& out) {
  out.emplace("actor", printable(record.actor, kWordMax));
  out.emplace("outcome", word_of(kOutcomes, record.outcome));
  out.emplace("reason", printable(record.reason, kWordMax));
  out.emplace("text", printable(record.text, kTextMax));
  if (record.from) out.emplace("from", image_json(*record.from));
  if (record.to) out.emplace("to", image_json(*record.to));
  if (record.lost != 0) out.emplace("lost", count_json(record.lost));
}

void add_seal(const Record& record, JsonObject& out) {
  JsonObject reasons;
  for (const auto& [reason, count] : record.sealed_reasons) reasons.emplace(printable(reason, kWordMax), count_json(count));
  out.emplace("sealed_head", record.sealed_head.hex());
  out.emplace("sealed_reasons", std::move(reasons));
  out.emplace("sealed_to", count_json(record.sealed_to));
}

std::string encode_without_signature(const Record& record, std::string_view signature) {
  JsonObject out{{"boot", count_json(record.boot_count)},
                 {"mono_ms", std::int64_t{record.since_boot.count()}},
                 {"n", count_json(record.number)},
                 {"prev", record.previous.hex()},
                 {"type", word_of(kTypes, record.type)},
                 {"wall", core::format_utc(record.wall)},
                 {"wall_trust", word_of(kTrusts, record.wall_trust)}};
  if (record.type == RecordType::kEvent) {
    add_event(record, out);
  } else {
    out.emplace("device", printable(record.device_id, kWordMax));
    if (record.type == RecordType::kSeal) add_seal(record, out);
    if (!signature.empty()) out.emplace("signature", signature);
  }
  return core::canonical_json(std::move(out));
}

Result<core::Digest> digest_at(const JsonValue& object, std::string_view name) {
  ASEPTIC_TRY(const std::string text, object.string_at(name));
  return core::Digest::from_hex(text);
}

Result<std::optional<ImageName>> image_at(const JsonValue& object, std::string_view name) {
  const JsonValue* member = object.find(name);
  if (member == nullptr) return std::optional<ImageName>{};
  ImageName image;
  ASEPTIC_TRY(image.version, member->string_at("version"));
  ASEPTIC_TRY(image.manifest, digest_at(*member, "manifest"));
  return std::optional<ImageName>{std::move(image)};
}

Result<void> read_event(const JsonValue& json, Record& record) {
  ASEPTIC_TRY(record.actor, json.string_at("actor"));
  ASEPTIC_TRY(const std::string outcome, json.string_at("outcome"));
  ASEPTIC_TRY(record.outcome, value_of(kOutcomes, outcome));
  ASEPTIC_TRY(record.reason, json.string_at("reason"));
  ASEPTIC_TRY(record.text, json.string_at("text"));
  ASEPTIC_TRY(record.from, image_at(json, "from"));
  ASEPTIC_TRY(record.to, image_at(json, "to"));
  if (json.find("lost") != nullptr) {
    ASEPTIC_TRY(record.lost, json.count_at("lost"));
  }
  return {};
}

Result<void> read_seal(const JsonValue& json, Record& record) {
  ASEPTIC_TRY(record.sealed_head, digest_at(json, "sealed_head"));
  ASEPTIC_TRY(record.sealed_to, json.count_at("sealed_to"));
  ASEPTIC_TRY(const JsonObject* reasons, json.object_at("sealed_reasons"));
  if (reasons->size() > kSealReasonsMax + 1) return malformed("a seal counts more reasons than allowed");
  for (const auto& [reason, count] : *reasons) {
    const std::int64_t* number = count.as_integer();
    if (number == nullptr || *number < 0) return malformed("a seal's count is not a number");
    record.sealed_reasons.emplace(reason, static_cast<std::uint64_t>(*number));
  }
  return {};
}

Result<Record> read_record(const JsonValue& json) {
  Record record;
  ASEPTIC_TRY(const std::string type, json.string_at("type"));
  ASEPTIC_TRY(record.type, value_of(kTypes, type));
  ASEPTIC_TRY(record.number, json.count_at("n"));
  ASEPTIC_TRY(record.previous, digest_at(json, "prev"));
  ASEPTIC_TRY(const std::uint64_t boot_count, json.count_at("boot"));
  if (boot_count > UINT32_MAX) return malformed("a boot count is out of range");
  record.boot_count = static_cast<std::uint32_t>(boot_count);
  ASEPTIC_TRY(const std::uint64_t since_boot, json.count_at("mono_ms"));
  record.since_boot = std::chrono::milliseconds(static_cast<std::int64_t>(since_boot));
  ASEPTIC_TRY(const std::string wall, json.string_at("wall"));
  ASEPTIC_TRY(record.wall, core::parse_utc(wall));
  ASEPTIC_TRY(const std::string trust, json.string_at("wall_trust"));
  ASEPTIC_TRY(record.wall_trust, value_of(kTrusts, trust));
  if (record.type == RecordType::kEvent) {
    ASEPTIC_TRY_VOID(read_event(json, record));
    return record;
  }
  ASEPTIC_TRY(record.device_id, json.string_at("device"));
  ASEPTIC_TRY(const std::string signature, json.string_at("signature"));
  ASEPTIC_TRY(record.signature, core::from_base64(signature));
  if (record.type == RecordType::kSeal) ASEPTIC_TRY_VOID(read_seal(json, record));
  return record;
}

}  // namespace

std::string encode_record(const Record& record) {
  return encode_without_signature(record, core::to_base64(record.signature));
}

Result<Record> parse_record(core::ByteView line) {
  if (line.size() > kRecordSizeMax) return malformed("a line is longer than a record can be");
  auto json = core::parse_json_value(line, {.bytes_max = kRecordSizeMax, .depth_max = 4});
  if (!json) return malformed(json.error().sentence());
  auto record = read_record(*json);
  if (!record) return malformed(record.error().sentence());
  // One record, one spelling: unknown members, other order or white space would be bytes without a meaning.
  if (encode_record(*record) != core::as_text(line)) return malformed("a line is not in its canonical form");
  return record;
}

core::Digest record_hash(core::ByteView line) { return core::Sha256().update(kChainDomain).update(line).finish(); }

core::Bytes checkpoint_message(const Record& record) {
  const std::string body = encode_without_signature(record, {});
  core::Bytes message(kCheckpointDomain.size() + body.size());
  const auto after_domain = std::ranges::copy(kCheckpointDomain, message.begin()).out;
  std::ranges::copy(body, after_domain);
  return message;
}

}  // namespace aseptic::device_log
