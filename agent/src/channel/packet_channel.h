// SPDX-License-Identifier: Apache-2.0
// One end of the SOCK_SEQPACKET pair between apply and acquire; borrows the descriptor.
#pragma once

#include <chrono>
#include <optional>

#include "aseptic/core/bytes.h"
#include "aseptic/core/result.h"

namespace aseptic::agent {

class PacketChannel {
 public:
  explicit PacketChannel(int descriptor) : descriptor_(descriptor) {}

  core::Result<void> send(core::ByteView packet);  // waits while the other side is slow
  // Nothing after `timeout` without a packet. kUnreachable when the pair is closed.
  core::Result<std::optional<core::Bytes>> receive(std::chrono::milliseconds timeout);
  [[nodiscard]] bool has_packet() const;

 private:
  int descriptor_;
};

}  // namespace aseptic::agent
