// SPDX-License-Identifier: Apache-2.0
// The packet connection to the therapy application. Implementations: a SOCK_SEQPACKET Unix socket whose peer's uid is
// checked (apply process), the simulator's pump (tests).
// Contract: never blocks. A closed connection is reported once by is_connected() and reopened by the next connect().
#pragma once

#include <optional>

#include "aseptic/core/bytes.h"

namespace aseptic::agent {

class TherapyLink {
 public:
  virtual ~TherapyLink() = default;
  virtual bool connect() = 0;  // true when connected (already or now)
  [[nodiscard]] virtual bool is_connected() const = 0;
  virtual bool send(core::ByteView packet) = 0;             // false: not sent at all
  virtual std::optional<core::Bytes> receive() = 0;         // nothing: no packet now
};

}  // namespace aseptic::agent
