// SPDX-License-Identifier: Apache-2.0
#include "aseptic/device_log/verify.h"

#include <algorithm>

namespace aseptic::device_log {
namespace {

using core::Error;
using core::Result;

std::string at(std::uint64_t number) { return "record " + std::to_string(number); }

// Walks the chain; one object per verification.
class ChainWalk {
 public:
  ChainWalk(const VerifyOptions& options, const RecordVisitor& visit) : options_(options), visit_(visit) {
    summary_.signatures_checked = options.device_key != nullptr;
  }

  Result<void> segment(const Segment& segment, TornTail torn) {
    core::ByteView rest = segment.bytes;
    while (!rest.empty()) {
      const auto end = std::ranges::find(rest, std::uint8_t{'\n'});
      const auto size = static_cast<std::size_t>(end - rest.begin());
      if (size == rest.size()) return unfinished(rest, segment.name, torn);
      ASEPTIC_TRY_VOID(line(rest.first(size)).within(segment.name));
      rest = rest.subspan(size + 1);
    }
    return {};
  }

  Result<LogSummary> finish() {
    // The newest seal tells up to where older records were dropped on purpose; anything else missing was cut away.
    if (summary_.first > 1 && sealed_to_ != summary_.first - 1) {
      return Error(LogCode::kTruncated, "records before " + at(summary_.first) + " are missing and no seal covers them");
    }
    if (summary_.first > 1 && sealed_head_ != first_previous_) {
      return Error(LogCode::kCheckpoint, "the seal names another record before " + at(summary_.first));
    }
    ASEPTIC_TRY_VOID(check_acknowledged());
    return summary_;
  }

 private:
  Result<void> unfinished(core::ByteView rest, const std::string& name, TornTail torn) {
    if (torn == TornTail::kRefuse) return Error(LogCode::kTruncated, name + ": the last record is cut off");
    summary_.torn_bytes = rest.size();
    return {};
  }

  Result<void> line(core::ByteView bytes) {
    ASEPTIC_TRY(const Record record, parse_record(bytes));
    if (summary_.first == 0) {
      summary_.first = record.number;
      first_previous_ = record.previous;
      summary_.head = {record.number - 1, record.previous};
      if (record.number == 0 || (record.number == 1 && !record.previous.is_zero())) {
        return Error(LogCode::kEdited, at(record.number) + " does not begin a log");
      }
    }
    // SECURITY(T-81): the number finds a removed or moved record, the hash finds a changed one.
    if (record.number != summary_.head.count + 1) {
      return Error(LogCode::kReordered, at(record.number) + " stands where " + at(summary_.head.count + 1) + " belongs");
    }
    if (record.previous != summary_.head.head) {
      return Error(LogCode::kEdited, "the record before " + at(record.number) + " is not the one that was written");
    }
    if (record.type != RecordType::kEvent) ASEPTIC_TRY_VOID(checkpoint(record));
    summary_.head = {record.number, record_hash(bytes)};
    summary_.unsigned_tail = record.type == RecordType::kEvent ? summary_.unsigned_tail + 1 : 0;
    if (options_.acknowledged && options_.acknowledged->count == record.number &&
        options_.acknowledged->head != summary_.head.head) {
      return Error(LogCode::kForked, at(record.number) + " is not the one that was acknowledged");
    }
    if (visit_) visit_(record);
    return {};
  }

  Result<void> checkpoint(const Record& record) {
    ++summary_.checkpoints;
    if (!options_.device_id.empty() && record.device_id != options_.device_id) {
      return Error(LogCode::kCheckpoint, at(record.number) + " was signed for device " + record.device_id);
    }
    if (options_.device_key != nullptr && !options_.device_key->verify(checkpoint_message(record), record.signature)) {
      return Error(LogCode::kCheckpoint, at(record.number) + " was not signed by this device");
    }
    if (record.type != RecordType::kSeal) return {};
    if (record.sealed_to >= record.number || record.sealed_to < sealed_to_) {
      return Error(LogCode::kCheckpoint, at(record.number) + " seals records that it cannot know");
    }
    // A cut between writing the seal and dropping the segment leaves both: the segment's records are still checked.
    if (record.sealed_to + 1 > summary_.first) return {};
    sealed_to_ = record.sealed_to;
    sealed_head_ = record.sealed_head;
    return {};
  }

  Result<void> check_acknowledged() const {
    if (!options_.acknowledged) return {};
    const LogHead& known = *options_.acknowledged;
    if (summary_.head.count < known.count) {
      return Error(LogCode::kTruncated, "the log ends at " + at(summary_.head.count) + ", but " + at(known.count) +
                                            " was acknowledged");
    }
    if (known.count == sealed_to_ && sealed_to_ != 0 && known.head != sealed_head_) {
      return Error(LogCode::kForked, at(known.count) + " is not the one that was acknowledged");
    }
    return {};
  }

  const VerifyOptions& options_;
  const RecordVisitor& visit_;
  LogSummary summary_;
  core::Digest first_previous_;
  std::uint64_t sealed_to_ = 0;
  core::Digest sealed_head_;
};

}  // namespace

Result<LogSummary> verify_log(std::span<const Segment> segments, const VerifyOptions& options,
                              const RecordVisitor& visit) {
  ChainWalk walk(options, visit);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const bool newest = i + 1 == segments.size();
    ASEPTIC_TRY_VOID(walk.segment(segments[i], newest ? options.torn_tail : TornTail::kRefuse));
  }
  return walk.finish();
}

}  // namespace aseptic::device_log
