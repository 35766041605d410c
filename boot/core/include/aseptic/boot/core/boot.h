// SPDX-License-Identifier: Apache-2.0
// One power-up: from a reset to the image that runs. The whole decision of docs/boot_rules.md, the same code on
// every port, in the simulator and in the tests.
// Contract: `power_up` may be cut at any write; the next call starts again from what is durable. When it returns
// kOk, the image is in Port::memory, sealed and verified there, the mailbox is written, all requests are used up,
// and nothing is left to burn. Any other result: nothing may run (stop with an alarm).
// Not thread safe; no allocation, no global state.
#pragma once
#include "aseptic/boot/core/port.h"
#include "aseptic/boot/journal/state.h"

namespace aseptic::boot {

struct Decision {
  RunKind kind = RunKind::kNone;
  ImagePlace place = ImagePlace::kNone;
  ImageInfo image;
  // Private half of the alias key in the report; zero on a port without a device secret. For what runs, and nobody else:
  // the port wipes it when it is handed over.
  alignas(4) Digest alias_key{};
  std::uint64_t entry = 0;
  std::uint32_t boot_count = 0;
  ByteView copy;           // what was sealed and measured: a port that jumps to an address compares it
  std::uint32_t seal = 0;  // jump_seal(entry), made by the second pass over the image only (hardened.h)
};

Status power_up(Port& port, Decision& out);

}  // namespace aseptic::boot
