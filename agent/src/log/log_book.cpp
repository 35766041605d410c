// SPDX-License-Identifier: Apache-2.0
#include "aseptic/agent/log_book.h"

#include <algorithm>
#include <cstdio>

namespace aseptic::agent {
namespace {

using core::Result;
using device_log::LogHead;
using device_log::Record;
using device_log::RecordType;
using device_log::Segment;

constexpr std::string_view kDirectory = "log";
constexpr std::string_view kReserve = "log/reserve.bin";
constexpr std::size_t kReserveSize = 64u << 10;  // one segment: enough to say why the device is full
// A step of the wall clock against the monotonic one that cannot be drift within one start.
constexpr std::chrono::seconds kClockJumpMin{120};

std::string segment_name(std::uint64_t first) {
  char text[32];
  std::snprintf(text, sizeof text, "log/%012llu.log", static_cast<unsigned long long>(first));
  return text;
}

bool is_segment(std::string_view name) { return name.size() == 16 && name.ends_with(".log"); }

class FileLogBook final : public LogBook {
 public:
  FileLogBook(platform::Storage& storage, platform::Clock& clock, platform::Signer& key, LogIdentity identity,
              LogLimits limits)
      : storage_(storage), clock_(clock), key_(key), identity_(std::move(identity)), limits_(limits) {}

  Result<void> load(std::optional<LogHead> acknowledged) {
    ASEPTIC_TRY_VOID(storage_.make_directory(kDirectory));
    ASEPTIC_TRY(std::vector<Segment> segments, read_log_segments(storage_));
    ASEPTIC_TRY_VOID(cut_torn_tail(segments));
    const device_log::VerifyOptions options{.device_key = &key_.public_key(),
                                            .device_id = identity_.device_id,
                                            .acknowledged = acknowledged};
    auto summary = device_log::verify_log(segments, options, [this](const Record& record) { remember(record); });
    if (!summary) {
      ASEPTIC_TRY_VOID(set_aside(segments));
      tampered_ = summary.error();
      reasons_.clear();
      segments.clear();
    } else {
      head_ = summary->head;
    }
    for (const Segment& segment : segments) segments_.push_back({segment.name, segment.bytes.size()});
    drop_sealed_leftovers(segments);
    fill_reserve();
    if (tampered_) {
      note({.outcome = device_log::Outcome::kRefused, .reason = std::string(tampered_->name()),
            .text = "the earlier device log does not verify and was set aside: " + tampered_->sentence()});
    }
    return {};
  }

  void set_time_floor(core::UtcTime floor) override { floor_ = floor; }

  void note(const LogEvent& event) override {
    Record record = stamped(RecordType::kEvent);
    record.outcome = event.outcome;
    record.reason = event.reason;
    record.text = event.text;
    record.actor = event.actor;
    record.from = event.from;
    record.to = event.to;
    record.lost = lost_;
    if (store(record)) {
      lost_ = 0;
      count_reason(event.reason);
    } else {
      ++lost_;
    }
  }

  void checkpoint() override {
    if (last_is_checkpoint_) return;
    static_cast<void>(store_signed(stamped(RecordType::kCheckpoint)));
  }

  [[nodiscard]] LogHead head() const override { return head_; }
  [[nodiscard]] std::uint64_t lost() const override { return lost_; }
  [[nodiscard]] const std::optional<core::Error>& tampered() const override { return tampered_; }

 private:
  struct Known {
    std::string name;
    std::uint64_t size;
  };

  Record stamped(RecordType type) {
    Record record;
    record.type = type;
    record.boot_count = identity_.boot_count;
    record.since_boot = clock_.since_boot();
    record.wall = clock_.wall();
    record.wall_trust = judge(record);
    if (type != RecordType::kEvent) record.device_id = identity_.device_id;
    return record;
  }

  // SECURITY(T-69): a clock that jumps against the monotonic one, or lies before verified signed time, is not believed.
  device_log::WallTrust judge(const Record& record) {
    if (record.wall < floor_) return device_log::WallTrust::kUntrusted;
    const auto offset = std::chrono::sys_time<std::chrono::milliseconds>(record.wall) - record.since_boot;
    if (!offset_) offset_ = offset;
    const auto step = offset > *offset_ ? offset - *offset_ : *offset_ - offset;
    return step > kClockJumpMin ? device_log::WallTrust::kUntrusted : device_log::WallTrust::kAboveFloor;
  }

  bool store_signed(Record record) {
    record.number = head_.count + 1;
    record.previous = head_.head;
    auto signature = key_.sign(device_log::checkpoint_message(record));
    if (!signature) return false;  // the chain stays whole; the next checkpoint covers these records
    record.signature = *std::move(signature);
    return store(record);
  }

  bool store(Record record) {
    record.number = head_.count + 1;
    record.previous = head_.head;
    std::string line = device_log::encode_record(record);
    const core::Digest hash = device_log::record_hash(core::as_bytes(line));
    line += '\n';
    if (!make_room(record.type, line.size())) return false;
    // Making room may have written a seal: then this record is not next any more and is encoded again.
    if (record.number != head_.count + 1) return record.type == RecordType::kEvent ? store(record) : store_signed(record);
    if (!append_or_spend_reserve(line)) return false;
    segments_.back().size += line.size();
    head_ = {record.number, hash};
    last_is_checkpoint_ = record.type != RecordType::kEvent;
    return true;
  }

  bool make_room(RecordType type, std::size_t size) {
    if (!segments_.empty() && segments_.back().size + size <= limits_.segment_bytes) return true;
    segments_.push_back({segment_name(head_.count + 1), 0});
    if (segments_.size() > limits_.segments_max && type != RecordType::kSeal) seal_oldest();
    return true;
  }

  // The seal is durable in the newest segment before the oldest is removed: a cut in between leaves both.
  void seal_oldest() {
    const std::string victim = segments_.front().name;
    auto bytes = storage_.read(victim, limits_.segment_bytes + device_log::kRecordSizeMax);
    if (!bytes || bytes->empty()) return;
    const auto line_end = bytes->end() - 1;
    const auto last_begin = std::find(std::reverse_iterator(line_end), bytes->rend(), std::uint8_t{'\n'}).base();
    const core::ByteView last(&*last_begin, static_cast<std::size_t>(line_end - last_begin));
    auto record = device_log::parse_record(last);
    if (!record) return;
    Record seal = stamped(RecordType::kSeal);
    seal.sealed_to = record->number;
    seal.sealed_head = device_log::record_hash(last);
    seal.sealed_reasons = reasons_;
    if (!store_signed(std::move(seal))) return;
    if (storage_.remove(victim)) segments_.erase(segments_.begin());
  }

  bool append_or_spend_reserve(const std::string& line) {
    const auto bytes = core::as_bytes(line);
    const std::string& name = segments_.back().name;
    if (storage_.append(name, bytes)) return true;
    // A failed append may have left a part of the line; the file is brought back to what the chain knows.
    const auto repair = [&] {
      auto content = storage_.read(name, limits_.segment_bytes + device_log::kRecordSizeMax);
      if (!content || content->size() <= segments_.back().size) return;
      content->resize(segments_.back().size);
      static_cast<void>(storage_.replace(name, *content));
    };
    static_cast<void>(storage_.remove(kReserve));
    repair();
    if (storage_.append(name, bytes)) return true;
    repair();
    return false;
  }

  Result<void> cut_torn_tail(std::vector<Segment>& segments) {
    if (segments.empty()) return {};
    Segment& newest = segments.back();
    const auto end = std::find(newest.bytes.rbegin(), newest.bytes.rend(), std::uint8_t{'\n'}).base();
    if (end == newest.bytes.end()) return {};
    newest.bytes.erase(end, newest.bytes.end());
    if (!newest.bytes.empty()) return storage_.replace(newest.name, newest.bytes);
    ASEPTIC_TRY_VOID(storage_.remove(newest.name));
    segments.pop_back();
    return {};
  }

  // Evidence is kept: the newest segment of a log that does not verify stays readable under another name.
  Result<void> set_aside(const std::vector<Segment>& segments) {
    if (segments.empty()) return {};
    ASEPTIC_TRY_VOID(storage_.replace("log/rejected.bin", segments.back().bytes));
    for (const Segment& segment : segments) ASEPTIC_TRY_VOID(storage_.remove(segment.name));
    return {};
  }

  void drop_sealed_leftovers(const std::vector<Segment>& segments) {
    while (segments_.size() > 1 && sealed_to_ != 0) {
      const auto index = segments.size() - segments_.size();
      const core::ByteView next = segments[index + 1].bytes;
      const auto end = std::ranges::find(next, std::uint8_t{'\n'});
      const auto record = device_log::parse_record(next.first(static_cast<std::size_t>(end - next.begin())));
      if (!record || record->number > sealed_to_ + 1) return;
      if (!storage_.remove(segments_.front().name)) return;
      segments_.erase(segments_.begin());
    }
  }

  void fill_reserve() {
    if (auto there = storage_.read(kReserve, kReserveSize); there && there->size() == kReserveSize) return;
    // Not zero: a file system may keep zero blocks without space behind them.
    static_cast<void>(storage_.replace(kReserve, core::Bytes(kReserveSize, 0x5a)));
  }

  void remember(const Record& record) {
    last_is_checkpoint_ = record.type != RecordType::kEvent;
    if (record.type == RecordType::kEvent) count_reason(record.reason);
    if (record.type != RecordType::kSeal) return;
    sealed_to_ = record.sealed_to;
    for (const auto& [reason, count] : record.sealed_reasons) reasons_[reason] = std::max(reasons_[reason], count);
  }

  void count_reason(const std::string& reason) {
    const bool known = reasons_.contains(reason) || reasons_.size() < device_log::kSealReasonsMax;
    ++reasons_[known ? reason : "other"];
  }

  platform::Storage& storage_;
  platform::Clock& clock_;
  platform::Signer& key_;
  LogIdentity identity_;
  LogLimits limits_;
  LogHead head_;
  std::vector<Known> segments_;
  std::map<std::string, std::uint64_t, std::less<>> reasons_;
  std::uint64_t sealed_to_ = 0;
  std::uint64_t lost_ = 0;
  bool last_is_checkpoint_ = false;
  core::UtcTime floor_{};
  std::optional<std::chrono::sys_time<std::chrono::milliseconds>> offset_;
  std::optional<core::Error> tampered_;
};

}  // namespace

Result<std::unique_ptr<LogBook>> LogBook::open(platform::Storage& storage, platform::Clock& clock,
                                               platform::Signer& device_key, LogIdentity identity,
                                               std::optional<LogHead> acknowledged, LogLimits limits) {
  auto book = std::make_unique<FileLogBook>(storage, clock, device_key, std::move(identity), limits);
  ASEPTIC_TRY_VOID(book->load(acknowledged).within("open the device log"));
  return std::unique_ptr<LogBook>(std::move(book));
}

void LogBook::refuse(const core::Error& error, std::string_view what) {
  const bool refused = error.action() == core::ActionClass::kReject || error.action() == core::ActionClass::kHalt;
  note({.outcome = refused ? device_log::Outcome::kRefused : device_log::Outcome::kFailed,
        .reason = std::string(error.name()),
        .text = std::string(what) + ": " + error.sentence()});
}

Result<std::vector<Segment>> read_log_segments(platform::Storage& storage) {
  ASEPTIC_TRY(const auto names, storage.list(kDirectory));
  std::vector<Segment> segments;
  for (const std::string& name : names) {
    if (!is_segment(name)) continue;
    const std::string path = std::string(kDirectory) + "/" + name;
    ASEPTIC_TRY(auto bytes, storage.read(path, 1u << 20));
    segments.push_back({path, std::move(bytes)});
  }
  return segments;
}

}  // namespace aseptic::agent
