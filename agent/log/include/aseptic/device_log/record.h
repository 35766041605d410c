// SPDX-License-Identifier: Apache-2.0
// One record of the device log: a line of canonical JSON, chained by SHA-256. Format: docs/formats/device_log.md.
//
// Who: the agent's LogBook writes, verify.h and `aseptic log` read. Pure; no I/O, no keys.
// INVARIANT: parse_record(encode_record(r)) == r, and every accepted line is its own canonical form, so that one record
// has one spelling and one hash.
// Security: text comes from error sentences and may carry attacker-chosen bytes; encode_record replaces control and
// non-ASCII characters, so a log line can never become two.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "aseptic/core/hash.h"
#include "aseptic/core/utc_time.h"
#include "aseptic/device_log/codes.h"

namespace aseptic::device_log {

inline constexpr std::size_t kRecordSizeMax = 4096;  // a line; bounds what a reader must hold
inline constexpr std::size_t kTextMax = 512;         // longer sentences are cut
inline constexpr std::size_t kWordMax = 96;          // reason, actor, version
inline constexpr std::size_t kSealReasonsMax = 24;   // distinct reasons a seal counts; the rest is "other"

enum class RecordType : std::uint8_t { kEvent, kCheckpoint, kSeal };
enum class Outcome : std::uint8_t { kDone, kRefused, kFailed, kNote };

// May a reader rely on `wall`? kAboveFloor: not before the newest verified signed time, and no jump against the
// monotonic clock within this start of the device (LG-09).
enum class WallTrust : std::uint8_t { kUntrusted, kAboveFloor };

struct ImageName {
  std::string version;
  core::Digest manifest;
  bool operator==(const ImageName&) const = default;
};

struct Record {
  RecordType type = RecordType::kEvent;
  std::uint64_t number = 0;  // 1, 2, 3 ...
  core::Digest previous;     // hash of the record before; zero for the first
  std::uint32_t boot_count = 0;
  std::chrono::milliseconds since_boot{0};
  core::UtcTime wall{};
  WallTrust wall_trust = WallTrust::kUntrusted;

  // kEvent
  Outcome outcome = Outcome::kNote;
  std::string reason;  // "<part>.<name>"
  std::string actor;   // "agent", "boot", "therapy", "server", "local:<uid>"
  std::string text;
  std::optional<ImageName> from;
  std::optional<ImageName> to;
  std::uint64_t lost = 0;  // records that could not be stored before this one

  // kCheckpoint, kSeal
  std::string device_id;
  core::Bytes signature;  // DER, over checkpoint_message()

  // kSeal: what older segments held
  std::uint64_t sealed_to = 0;  // last record number that was dropped
  core::Digest sealed_head;     // its hash
  std::map<std::string, std::uint64_t, std::less<>> sealed_reasons;

  bool operator==(const Record&) const = default;
};

std::string encode_record(const Record& record);  // without the line feed
core::Result<Record> parse_record(core::ByteView line);

// SHA-256("aseptic-log-v1\0" || line). The record holds `previous`, so this is the head of the chain up to it.
core::Digest record_hash(core::ByteView line);

// What the device key signs: "aseptic-log-checkpoint-v1\0" || the record without its signature.
core::Bytes checkpoint_message(const Record& record);

}  // namespace aseptic::device_log
