// SPDX-License-Identifier: Apache-2.0
// The agent's durable memory: docs/formats/agent_state.md. Three small files, each replaced as a whole.
//
// INVARIANT: nothing here is believed against boot: which image runs, is confirmed or quarantined comes from boot's
// report. A damaged or missing file is an empty one (T-06).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "aseptic/agent/transaction.h"
#include "aseptic/core/hash.h"
#include "aseptic/core/uuid.h"
#include "aseptic/core/utc_time.h"
#include "aseptic/device_log/verify.h"
#include "aseptic/platform/storage.h"

namespace aseptic::agent {

// What a further component must come to hold.
struct RecordedComponent {
  core::Uuid component;
  core::Digest manifest;
  std::uint64_t image_size = 0;
  bool operator==(const RecordedComponent&) const = default;
};
inline constexpr std::size_t kOtherComponentsMax = 8;

// transaction.json: what the agent is doing.
struct TransactionRecord {
  State state = State::kIdle;
  std::string id;                  // 32 hexadecimal digits, random
  std::uint32_t boot_count = 0;    // of the start in which `state` was entered
  std::string release_id;
  core::Digest release;            // digest of release.json
  std::string version;
  std::uint64_t sequence = 0;
  std::uint32_t attempt = 1;
  core::Digest manifest;
  core::Digest image;
  core::Digest set;
  std::uint64_t image_size = 0;
  std::string slot;                // "a" or "b": the slot that is written
  std::uint64_t chunks_durable = 0;  // a hint for resuming, never trusted
  std::uint32_t switch_tries = 0;
  std::string from_version;
  core::Digest from_manifest;
  std::string approved_by;         // "site-policy" or "local:<uid>"
  std::vector<RecordedComponent> others;  // of the release, beside the main component
  core::Digest from_area;  // manifest and signatures of the image to go back to, as measured before the other slot was erased

  bool operator==(const TransactionRecord&) const = default;
};

struct FailedImage {
  core::Digest manifest;
  std::uint32_t attempt = 1;
  std::string reason;
  core::Digest set;  // where its set was taken back: a component that confirms it after all lifts the entry
  bool operator==(const FailedImage&) const = default;
};

// memory.json: what outlives a transaction.
struct Memory {
  std::uint64_t report_sequence = 0;  // made durable before a report with it is made (LG-05)
  std::optional<device_log::LogHead> acknowledged;
  std::vector<FailedImage> failed;    // newest last
  std::uint64_t confirmed_sequence = 0;
  std::string confirmed_version;
  core::Digest confirmed_manifest;
  core::Digest synced_manifest;       // the other slot was measured to hold this image
  std::uint32_t touched_boot = 0;     // start in which the other slot was last written: boot's older word about it is stale
  core::UtcTime refused_until{};      // release `refused` is not tried before
  core::Digest refused;
  std::uint32_t refusals = 0;
  core::UtcTime last_contact{};       // look at the repository that succeeded; not kept at each one
  bool operator==(const Memory&) const = default;
};

inline constexpr std::size_t kFailedMax = 16;  // boot's own list holds 8; the oldest falls out

std::string encode_transaction(const TransactionRecord& record);
core::Result<TransactionRecord> parse_transaction(core::ByteView text);
std::string encode_memory(const Memory& memory);
core::Result<Memory> parse_memory(core::ByteView text);

class StateStore {
 public:
  explicit StateStore(platform::Storage& storage) : storage_(storage) {}

  // Absent is empty; damaged is an error that the caller logs before it goes on with an empty one.
  core::Result<TransactionRecord> load_transaction();
  core::Result<Memory> load_memory();
  core::Result<void> save(const TransactionRecord& record);
  core::Result<void> save(const Memory& memory);
  core::Result<void> clear_transaction();

 private:
  platform::Storage& storage_;
};

}  // namespace aseptic::agent
