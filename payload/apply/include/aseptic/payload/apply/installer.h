// SPDX-License-Identifier: Apache-2.0
// Streams a payload into a slot: bytes in, verified and decoded chunks out, bounded memory (about 0.7 MiB, with a delta
// less than 8 MiB, whatever the image size).
//
// Called by the agent's apply process. Protocol: begin(); then feed() with bytes of the payload file in
// ascending order until is_complete(); then finish(); then measure_slot() (read_back.h), which alone says
// that the slot holds the image. Invariants: a stored byte is used only after the digest that covers it was
// checked, in a private copy (T-29), and decrypted only after that (CF-02); nothing is written outside [0, image_size) of the slot except that the
// rest is discarded; after an error every further call fails with the same error. Resume: chunks below
// ResumeHint.chunks_written are first looked for on the medium: read back, hashed, compared with the authenticated table's
// decoded digest, and kept when equal; next_offset() then skips their stored bytes. (Without a base: as long as that finds
// any, see chunk_finder.h.) The hint is untrusted: a wrong one costs reading, never correctness. Durability: progress().chunks_durable
// chunks survive a power cut; the device is flushed every InstallOptions::flush_every_bytes and in finish().
// Thread contract: one thread at a time.
#pragma once

#include <memory>

#include "aseptic/core/result.h"
#include "aseptic/core/sealing.h"
#include "aseptic/core/trusted.h"
#include "aseptic/payload/apply/header_verifier.h"
#include "aseptic/platform/block_device.h"

namespace aseptic::payload {

struct ResumeHint {
  std::uint64_t chunks_written = 0;  // as an earlier run's progress().chunks_durable; untrusted
};

// A slot that holds another image. A delta starts from it: its size is the image's, its digest was measured on the medium
// by the caller; every old byte is hashed again when it is used (T-29). A payload without a base takes from it
// the chunks that are the same in the same place, so that their stored bytes need not be fetched.
struct BaseSlot {
  platform::BlockDevice* device = nullptr;  // nullptr: there is none
  core::Digest image_digest;
  std::uint64_t image_size = 0;
};

struct InstallOptions {
  std::uint64_t flush_every_bytes =
      64ULL << 20U;  // distance of resume points; few flushes: each costs milliseconds
  const core::SecretKey* content_key = nullptr;  // of an encrypted payload; read in begin() only
};

struct InstallProgress {
  std::uint64_t chunks_done = 0;     // verified and written (or kept) so far
  std::uint64_t chunks_durable = 0;  // of these, surely on the medium: the next ResumeHint
  std::uint64_t chunks_kept = 0;     // found in their place on the medium
  std::uint64_t chunks_found = 0;    // found in the base slot
  std::uint64_t bytes_written = 0;
  std::uint64_t bytes_discarded = 0;
};

class PayloadInstaller {
 public:
  // Refuses a slot smaller than the image, a payload whose base image is not `base` (kBase), and an encrypted one without
  // its key (kContentKey). Writes nothing. `slot` and
  // the base's device outlive the installer.
  static core::Result<PayloadInstaller> begin(const core::Verified<PayloadHeader>& header,
                                              platform::BlockDevice& slot, ResumeHint hint = {},
                                              InstallOptions options = {}, BaseSlot base = {});
  ~PayloadInstaller();
  PayloadInstaller(PayloadInstaller&&) noexcept;
  PayloadInstaller& operator=(PayloadInstaller&&) noexcept;

  // `bytes` lie at file offset `offset` of the payload. Bytes before next_offset() are skipped (they are
  // known already); a gap is refused; bytes after the end of the payload are refused (T-34).
  core::Result<void> feed(std::uint64_t offset, core::ByteView bytes);

  // File offset of the next byte that is needed: where to continue, or to jump to after a resume.
  [[nodiscard]] std::uint64_t next_offset() const;
  // Number of bytes from next_offset() on that are certainly needed (0 when complete).
  [[nodiscard]] std::uint64_t wanted_bytes() const;

  [[nodiscard]] bool is_complete() const;
  [[nodiscard]] InstallProgress progress() const;

  // All chunks are there: discards the rest of the slot and flushes. kTruncated when chunks are missing.
  core::Result<void> finish();

 private:
  class Engine;
  explicit PayloadInstaller(std::unique_ptr<Engine> engine);
  std::unique_ptr<Engine> engine_;
};

}  // namespace aseptic::payload
