// SPDX-License-Identifier: Apache-2.0
#include "journal_listing.h"

#include <algorithm>

#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/journal/journal.h"
#include "aseptic/publish/codes.h"

namespace aseptic::publish {
namespace {

using core::JsonArray;
using core::JsonObject;
using core::JsonValue;

constexpr std::uint8_t kErasedValue = 0xFF;

std::string hex(const boot::Digest& digest) { return core::to_hex(digest); }

// The journal area in memory; a listing never writes.
class ReadOnlyArea final : public boot::Storage {
 public:
  explicit ReadOnlyArea(core::ByteView bytes) : bytes_(bytes) {}
  std::uint64_t size(boot::Area) override { return bytes_.size(); }
  boot::Status read(boot::Area, std::uint64_t offset, boot::MutableBytes out) override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) return boot::Status::kOutOfRange;
    boot::copy_bytes(out, bytes_.subspan(static_cast<std::size_t>(offset), out.size()));
    return boot::Status::kOk;
  }
  boot::Status program(boot::Area, std::uint64_t, boot::ByteView) override { return boot::Status::kIoError; }
  boot::Status erase(boot::Area, std::uint64_t, std::uint64_t) override { return boot::Status::kIoError; }
  boot::Status sync(boot::Area) override { return boot::Status::kOk; }
  std::uint8_t erased_value() const override { return kErasedValue; }

 private:
  core::ByteView bytes_;
};

JsonValue image_fields(const boot::ImageInfo& image) {
  if (!image.exists()) return "none";
  return JsonObject{{"manifest", hex(image.manifest)}, {"sequence", number(image.sequence)}, {"epoch", number(image.epoch)}, {"set", hex(image.set)}};
}

JsonValue trial_fields(const boot::JournalState& s) {
  if (!s.trial_open) return "none";
  return JsonObject{{"boot_count", number(s.trial_boot_count)}, {"forced", s.trial_forced}};
}

JsonValue boothash_fields(const boot::BootHash& h) {
  if (boot::is_zero(h.manifest)) return "none";
  return JsonObject{{"manifest", hex(h.manifest)}, {"image", hex(h.image)}, {"slot", number(h.slot)}};
}

JsonObject state_fields(const boot::JournalState& s) {
  return {{"boot_count", number(s.boot_count)},
          {"generation", number(s.generation)},
          {"confirmed", image_fields(s.confirmed)},
          {"confirmed_at_boot", number(s.confirmed_at)},
          {"previous", image_fields(s.previous)},
          {"staged", image_fields(s.staged)},
          {"staged_slot", s.staged_slot == 0 ? "a" : "b"},
          {"staged_attempt", number(s.staged_attempt)},
          {"interrupted_trials", number(s.interrupted)},
          {"trial", trial_fields(s)},
          {"trial_open", s.trial_open},
          {"synced", s.synced},
          {"floor_intent", number(s.floor_intent)},
          {"revoke_intent", number(s.revoke_intent)},
          {"boothash", boothash_fields(s.boot_hash)},
          {"quarantine", quarantine_fields(std::span(s.quarantine).first(std::min<std::size_t>(s.quarantine_count, boot::kQuarantineMax)))}};
}

enum class Condition : std::uint8_t { kErased, kBurnt, kTorn, kWhole };

Condition condition_of(const boot::RecordSealer& sealer, std::span<const std::uint8_t, boot::kRecordSize> bytes, boot::Record& out) {
  if (boot::all_bytes_are(bytes, kErasedValue)) return Condition::kErased;
  const boot::Status status = boot::decode_record(sealer, bytes, out);
  if (boot::ok(status)) return Condition::kWhole;
  return status == boot::Status::kNotFound ? Condition::kBurnt : Condition::kTorn;
}

JsonObject record_row(const boot::Record& record) {
  return {{"condition", "written"},
          {"tag", record_tag_name(static_cast<std::uint8_t>(record.tag)).value_or("UNKNOWN")},
          {"sequence", number(record.sequence)},
          {"digest", hex(record.digest)},
          {"slot", number(record.slot)},
          {"detail", number(record.detail)},
          {"attempt", number(record.attempt)},
          {"value", number(record.value)}};
}

struct HalfListing {
  JsonArray rows;
  std::size_t whole = 0, torn = 0, burnt = 0, erased = 0;
};

HalfListing list_half(core::ByteView area, std::size_t half, const boot::RecordSealer& sealer) {
  HalfListing out;
  const std::size_t begin = half * (area.size() / 2);
  for (std::size_t at = begin; at + boot::kRecordSize <= begin + area.size() / 2; at += boot::kRecordSize) {
    boot::Record record;
    JsonObject row{{"condition", "torn"}};
    switch (condition_of(sealer, area.subspan(at).first<boot::kRecordSize>(), record)) {
      case Condition::kErased: ++out.erased; continue;
      case Condition::kBurnt: ++out.burnt; row["condition"] = "burnt"; break;
      case Condition::kTorn: ++out.torn; break;
      case Condition::kWhole: ++out.whole; row = record_row(record); break;
    }
    row["at"] = number(at);
    row["half"] = number(half);
    out.rows.push_back(std::move(row));
  }
  return out;
}

// The other half blanked: what boot would make of this one alone. Nothing: it holds no closed snapshot.
std::optional<boot::JournalState> state_of_half(core::ByteView area, std::size_t half, const boot::RecordSealer& sealer) {
  core::Bytes alone(area.begin(), area.end());
  std::fill_n(alone.begin() + static_cast<std::ptrdiff_t>((1 - half) * (area.size() / 2)), area.size() / 2, kErasedValue);
  ReadOnlyArea storage(alone);
  boot::Journal journal(storage, sealer);
  if (!boot::ok(journal.load())) return std::nullopt;
  return journal.state();
}

JsonValue half_fields(const HalfListing& listing, bool is_closed) {
  return JsonObject{{"written", number(listing.whole)}, {"torn", number(listing.torn)}, {"burnt", number(listing.burnt)},
                    {"erased", number(listing.erased)}, {"snapshot", is_closed ? "closed" : "none"}};
}

}  // namespace

JsonValue number(std::uint64_t value) {
  if (value <= 9007199254740991u) return static_cast<std::int64_t>(value);
  return std::to_string(value);
}

JsonArray quarantine_fields(std::span<const boot::Quarantined> list) {
  JsonArray rows;
  for (const boot::Quarantined& one : list) rows.push_back(JsonObject{{"manifest", hex(one.digest)}, {"attempt", number(one.attempt)}});
  return rows;
}

std::optional<std::string_view> record_tag_name(std::uint8_t tag) {
  using enum boot::RecordTag;
  switch (static_cast<boot::RecordTag>(tag)) {
    case kNone: return std::nullopt;
    case kBoot: return "BOOT";
    case kStagedSet: return "STAGED_SET";
    case kStagedInfo: return "STAGED_INFO";
    case kStaged: return "STAGED";
    case kAttemptToken: return "ATTEMPT_TOKEN";
    case kAttempt: return "ATTEMPT";
    case kConfirmed: return "CONFIRMED";
    case kTrialFailed: return "TRIAL_FAILED";
    case kTrialInterrupted: return "TRIAL_INTERRUPTED";
    case kAutoRevert: return "AUTO_REVERT";
    case kSynced: return "SYNCED";
    case kFloor: return "FLOOR";
    case kBootHashImage: return "BOOTHASH_IMAGE";
    case kBootHash: return "BOOTHASH";
    case kSnapshotBegin: return "SNAPSHOT_BEGIN";
    case kSnapshotItem: return "SNAPSHOT_ITEM";
    case kSnapshotCommit: return "SNAPSHOT_COMMIT";
  }
  return std::nullopt;
}

core::Result<boot::RecordSealer> keyed_sealer(boot::Hasher& hasher, core::ByteView secret) {
  if (secret.size() != boot::kDigestSize) return core::Error(PublishCode::kInput, "a device secret has 32 bytes");
  boot::Digest key{};
  std::ranges::copy(secret, key.begin());
  return boot::RecordSealer{&hasher, true, boot::derive_keys(hasher, key).journal};
}

JournalListing list_journal(core::ByteView area, const boot::RecordSealer& sealer) {
  JournalListing out;
  JsonArray records, halves;
  for (const std::size_t half : {std::size_t{0}, std::size_t{1}}) {
    HalfListing listing = list_half(area, half, sealer);
    out.whole_records += listing.whole;
    halves.push_back(half_fields(listing, listing.whole != 0 && state_of_half(area, half, sealer).has_value()));
    std::ranges::move(listing.rows, std::back_inserter(records));
  }
  out.fields = {{"records", std::move(records)}, {"halves", std::move(halves)}};
  ReadOnlyArea storage(area);
  boot::Journal journal(storage, sealer);
  if (const auto status = journal.load(); !boot::ok(status)) {
    out.fields["state"] = boot::describe(status).sentence;
    return out;
  }
  out.state = journal.state();
  JsonObject state = state_fields(*out.state);
  state["damaged_records"] = number(journal.damaged_records());
  out.fields["state"] = std::move(state);
  return out;
}

StoreReading read_store(core::ByteView area) {
  StoreReading out;
  for (std::size_t i = 0; i < boot::kMonotonicCellCount; ++i) {
    const std::size_t at = i * boot::kMonotonicCellStride;
    boot::MonotonicCell cell;
    if (at > area.size() || area.size() - at < boot::kMonotonicCellSize) break;
    if (!boot::ok(boot::decode_monotonic_cell(area.subspan(at).first<boot::kMonotonicCellSize>(), cell))) continue;
    ++out.whole_cells;
    if (!out.newest || cell.write_count > out.newest->write_count) out.newest = cell;
  }
  return out;
}

JsonObject store_fields(const StoreReading& store) {
  const boot::MonotonicState& s = store.newest->state;
  return {{"writes", number(store.newest->write_count)},
          {"whole_cells", number(store.whole_cells)},
          {"generation", number(s.generation)},
          {"floor", number(s.floor)},
          {"revoked", number(s.revoked)},
          {"confirmed", hex(s.confirmed)},
          {"confirmed_sequence", number(s.confirmed_sequence)},
          {"boot_count", number(s.boot_count)},
          {"quarantine", quarantine_fields(std::span(s.quarantine).first(s.quarantine_count))}};
}

}  // namespace aseptic::publish
