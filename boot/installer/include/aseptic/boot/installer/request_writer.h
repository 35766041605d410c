// SPDX-License-Identifier: Apache-2.0
// Writes the request area of a microcontroller: flash that is programmed once per erase. Called by the
// application (pump firmware) and by Installer. Boot erases the area before each run, so that within one run
// every request finds its cell blank; a request that replaces another one of its kind costs an erase, which a
// power cut can turn into "no requests": the application then asks again. DURABILITY: each call returns after
// sync and read-back. Memory: about 1.3 KiB of stack. Not thread safe.
#pragma once
#include "aseptic/boot/journal/requests.h"
#include "aseptic/boot/journal/storage.h"

namespace aseptic::boot {

class RequestWriter {
 public:
  // `boot_count` of the run that asks (BootReport::boot_count).
  RequestWriter(Storage& storage, std::uint32_t boot_count) : storage_(storage), boot_count_(boot_count) {}

  Status arm() { return write_kind(RequestKind::kArm); }
  Status revert() { return write_kind(RequestKind::kRevert); }
  Status confirm(const Digest& token);
  Status challenge(const Digest& challenge, const Digest& log_head, std::uint64_t log_count);
  // REQ_STAGE and REQ_SYNCED come from Installer, which has read the slot back.
  Status write(Request request);

 private:
  Status write_kind(RequestKind kind);

  Storage& storage_;
  std::uint32_t boot_count_;
};

}  // namespace aseptic::boot
