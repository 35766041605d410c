// SPDX-License-Identifier: Apache-2.0
// The signing log: an append-only, hash-chained text file, one JSON object a line. A line is durable before the
// signature that it tells of leaves the program (KM-09).
//
// Called by signing. Chaining shows edits and removals in the middle; the last line's digest, printed at each signing,
// shows a shortened file to whoever wrote it down. Thread contract: one process at a time appends (the file is locked).
#pragma once

#include "aseptic/core/hash.h"
#include "aseptic/core/json.h"
#include "aseptic/core/utc_time.h"
#include "aseptic/platform/signer.h"
#include "aseptic/publish/files.h"

namespace aseptic::publish {

struct SigningRecord {
  core::UtcTime time;
  std::string what;        // "targets version 5", "image 1.2.0"
  std::string key_id;
  core::Digest signed_digest;  // of the bytes that are signed
  core::Digest shown_digest;   // of the text that the person saw
  platform::KeyCustody custody = platform::KeyCustody::kDevelopmentFile;  // where the key was: a key file is on record for ever (US-03)
};

class SigningLog {
 public:
  explicit SigningLog(Path file) : file_(std::move(file)) {}
  // Verifies the chain, appends, and returns the digest of the new last line.
  core::Result<core::Digest> append(const SigningRecord& record);

  struct State {
    std::uint64_t lines = 0;
    core::Digest last;  // zero for an empty log
  };
  [[nodiscard]] core::Result<State> verify() const;

 private:
  Path file_;
};

}  // namespace aseptic::publish
