// SPDX-License-Identifier: Apache-2.0
#include "state/state_store.h"

#include "aseptic/agent/codes.h"
#include "aseptic/core/json.h"
#include "aseptic/platform/codes.h"

namespace aseptic::agent {
namespace {

using core::JsonArray;
using core::JsonObject;
using core::JsonValue;
using core::Result;

constexpr std::string_view kTransactionFile = "transaction.json";
constexpr std::string_view kMemoryFile = "memory.json";
constexpr std::size_t kStateBytesMax = 64u << 10;
constexpr std::int64_t kFormat = 1;

JsonValue number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

core::Error damaged(const std::string& sentence) { return {AgentCode::kState, sentence}; }

Result<core::Digest> digest_at(const JsonValue& json, std::string_view name) {
  ASEPTIC_TRY(const std::string text, json.string_at(name));
  return core::Digest::from_hex(text);
}

Result<std::uint32_t> small_at(const JsonValue& json, std::string_view name) {
  ASEPTIC_TRY(const std::uint64_t value, json.count_at(name));
  if (value > UINT32_MAX) return damaged(std::string(name) + " is out of range");
  return static_cast<std::uint32_t>(value);
}

Result<JsonValue> parse_state(core::ByteView text) {
  ASEPTIC_TRY(JsonValue json, core::parse_json_value(text, {.bytes_max = kStateBytesMax, .depth_max = 6}));
  ASEPTIC_TRY(const std::uint64_t format, json.count_at("format"));
  if (format != kFormat) return damaged("the state file has an unknown format");
  return json;
}

// Absent: a device with one component.
Result<std::vector<RecordedComponent>> read_others(const JsonValue& json) {
  std::vector<RecordedComponent> others;
  if (json.find("others") == nullptr) return others;
  ASEPTIC_TRY(const JsonArray* list, json.array_at("others"));
  if (list->size() > kOtherComponentsMax) return damaged("the list of components is too long");
  for (const JsonValue& entry : *list) {
    RecordedComponent other;
    ASEPTIC_TRY(const std::string id, entry.string_at("component"));
    ASEPTIC_TRY(other.component, core::Uuid::parse(id));
    ASEPTIC_TRY(other.manifest, digest_at(entry, "manifest"));
    ASEPTIC_TRY(other.image_size, entry.count_at("image_size"));
    others.push_back(other);
  }
  return others;
}

JsonArray write_others(const std::vector<RecordedComponent>& others) {
  JsonArray list;
  for (const RecordedComponent& other : others)
    list.push_back(JsonObject{{"component", other.component.text()}, {"manifest", other.manifest.hex()}, {"image_size", number(other.image_size)}});
  return list;
}

Result<TransactionRecord> read_transaction(const JsonValue& json) {
  TransactionRecord r;
  ASEPTIC_TRY(const std::string state, json.string_at("state"));
  if (!state_from_string(state, r.state)) return damaged("unknown state " + state);
  ASEPTIC_TRY(r.id, json.string_at("id"));
  ASEPTIC_TRY(r.boot_count, small_at(json, "boot_count"));
  ASEPTIC_TRY(r.release_id, json.string_at("release_id"));
  ASEPTIC_TRY(r.release, digest_at(json, "release"));
  ASEPTIC_TRY(r.version, json.string_at("version"));
  ASEPTIC_TRY(r.sequence, json.count_at("sequence"));
  ASEPTIC_TRY(r.attempt, small_at(json, "attempt"));
  ASEPTIC_TRY(r.manifest, digest_at(json, "manifest"));
  ASEPTIC_TRY(r.image, digest_at(json, "image"));
  ASEPTIC_TRY(r.set, digest_at(json, "set"));
  ASEPTIC_TRY(r.image_size, json.count_at("image_size"));
  ASEPTIC_TRY(r.slot, json.string_at("slot"));
  ASEPTIC_TRY(r.chunks_durable, json.count_at("chunks_durable"));
  ASEPTIC_TRY(r.switch_tries, small_at(json, "switch_tries"));
  ASEPTIC_TRY(r.from_version, json.string_at("from_version"));
  ASEPTIC_TRY(r.from_manifest, digest_at(json, "from_manifest"));
  ASEPTIC_TRY(r.approved_by, json.string_at("approved_by"));
  ASEPTIC_TRY(r.others, read_others(json));
  if (json.find("from_area") != nullptr) {
    ASEPTIC_TRY(r.from_area, digest_at(json, "from_area"));
  }
  if (r.slot != "a" && r.slot != "b") return damaged("the slot is neither a nor b");
  ASEPTIC_TRY(const auto id, core::from_hex(r.id));
  if (id.size() != 16) return damaged("the transaction id is not 16 bytes");
  return r;
}

Result<std::vector<FailedImage>> read_failed(const JsonValue& json) {
  ASEPTIC_TRY(const JsonArray* list, json.array_at("failed"));
  if (list->size() > kFailedMax) return damaged("the list of failed images is too long");
  std::vector<FailedImage> failed;
  for (const JsonValue& entry : *list) {
    FailedImage image;
    ASEPTIC_TRY(image.manifest, digest_at(entry, "manifest"));
    ASEPTIC_TRY(image.attempt, small_at(entry, "attempt"));
    ASEPTIC_TRY(image.reason, entry.string_at("reason"));
    if (entry.find("set") != nullptr) {
      ASEPTIC_TRY(image.set, digest_at(entry, "set"));
    }
    failed.push_back(std::move(image));
  }
  return failed;
}

Result<Memory> read_memory(const JsonValue& json) {
  Memory m;
  ASEPTIC_TRY(m.report_sequence, json.count_at("report_sequence"));
  if (const JsonValue* head = json.find("acknowledged")) {
    device_log::LogHead known;
    ASEPTIC_TRY(known.count, head->count_at("count"));
    ASEPTIC_TRY(known.head, digest_at(*head, "head"));
    m.acknowledged = known;
  }
  ASEPTIC_TRY(m.failed, read_failed(json));
  ASEPTIC_TRY(m.confirmed_sequence, json.count_at("confirmed_sequence"));
  ASEPTIC_TRY(m.confirmed_version, json.string_at("confirmed_version"));
  ASEPTIC_TRY(m.confirmed_manifest, digest_at(json, "confirmed_manifest"));
  ASEPTIC_TRY(m.synced_manifest, digest_at(json, "synced_manifest"));
  ASEPTIC_TRY(m.touched_boot, small_at(json, "touched_boot"));
  ASEPTIC_TRY(const std::string until, json.string_at("refused_until"));
  ASEPTIC_TRY(m.refused_until, core::parse_utc(until));
  ASEPTIC_TRY(m.refused, digest_at(json, "refused"));
  ASEPTIC_TRY(m.refusals, small_at(json, "refusals"));
  if (json.find("last_contact") != nullptr) {
    ASEPTIC_TRY(const std::string contact, json.string_at("last_contact"));
    ASEPTIC_TRY(m.last_contact, core::parse_utc(contact));
  }
  return m;
}

template <typename T>
Result<T> as_state_error(Result<T> result) {
  if (!result) return damaged(result.error().sentence());
  return result;
}

}  // namespace

std::string encode_transaction(const TransactionRecord& r) {
  return core::canonical_json(JsonObject{{"format", kFormat},
                                         {"state", to_string(r.state)},
                                         {"id", r.id},
                                         {"boot_count", number(r.boot_count)},
                                         {"release_id", r.release_id},
                                         {"release", r.release.hex()},
                                         {"version", r.version},
                                         {"sequence", number(r.sequence)},
                                         {"attempt", number(r.attempt)},
                                         {"manifest", r.manifest.hex()},
                                         {"image", r.image.hex()},
                                         {"set", r.set.hex()},
                                         {"image_size", number(r.image_size)},
                                         {"slot", r.slot},
                                         {"chunks_durable", number(r.chunks_durable)},
                                         {"switch_tries", number(r.switch_tries)},
                                         {"from_version", r.from_version},
                                         {"from_manifest", r.from_manifest.hex()},
                                         {"approved_by", r.approved_by},
                                         {"others", write_others(r.others)},
                                         {"from_area", r.from_area.hex()}});
}

Result<TransactionRecord> parse_transaction(core::ByteView text) {
  auto json = parse_state(text);
  if (!json) return damaged(json.error().sentence());
  return as_state_error(read_transaction(*json));
}

std::string encode_memory(const Memory& m) {
  JsonArray failed;
  for (const FailedImage& image : m.failed) {
    JsonObject entry{{"manifest", image.manifest.hex()}, {"attempt", number(image.attempt)}, {"reason", image.reason}};
    if (image.set != core::Digest{}) entry.emplace("set", image.set.hex());
    failed.push_back(std::move(entry));
  }
  JsonObject json{{"format", kFormat},
                  {"report_sequence", number(m.report_sequence)},
                  {"failed", std::move(failed)},
                  {"confirmed_sequence", number(m.confirmed_sequence)},
                  {"confirmed_version", m.confirmed_version},
                  {"confirmed_manifest", m.confirmed_manifest.hex()},
                  {"synced_manifest", m.synced_manifest.hex()},
                  {"touched_boot", number(m.touched_boot)},
                  {"refused_until", core::format_utc(m.refused_until)},
                  {"refused", m.refused.hex()},
                  {"refusals", number(m.refusals)},
                  {"last_contact", core::format_utc(m.last_contact)}};
  if (m.acknowledged) {
    json.emplace("acknowledged",
                 JsonObject{{"count", number(m.acknowledged->count)}, {"head", m.acknowledged->head.hex()}});
  }
  return core::canonical_json(std::move(json));
}

Result<Memory> parse_memory(core::ByteView text) {
  auto json = parse_state(text);
  if (!json) return damaged(json.error().sentence());
  return as_state_error(read_memory(*json));
}

Result<TransactionRecord> StateStore::load_transaction() {
  auto bytes = storage_.read(kTransactionFile, kStateBytesMax);
  if (!bytes && bytes.error().is(platform::PlatformCode::kNotFound)) return TransactionRecord{};
  if (!bytes) return bytes.error();
  return parse_transaction(*bytes);
}

Result<Memory> StateStore::load_memory() {
  auto bytes = storage_.read(kMemoryFile, kStateBytesMax);
  if (!bytes && bytes.error().is(platform::PlatformCode::kNotFound)) return Memory{};
  if (!bytes) return bytes.error();
  return parse_memory(*bytes);
}

Result<void> StateStore::save(const TransactionRecord& record) {
  return storage_.replace(kTransactionFile, core::as_bytes(encode_transaction(record)));
}

Result<void> StateStore::save(const Memory& memory) {
  return storage_.replace(kMemoryFile, core::as_bytes(encode_memory(memory)));
}

Result<void> StateStore::clear_transaction() { return storage_.remove(kTransactionFile); }

}  // namespace aseptic::agent
