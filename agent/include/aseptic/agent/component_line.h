// SPDX-License-Identifier: Apache-2.0
// A further component of the device with a processor of its own (a pump's microcontroller), as the engine is given it.
// Implementations of the line: a Unix socket to a serial line (apply process), real firmware in process (tests).
// Contract: send() and receive() block for the given time at most; a broken line is opened again by the next send().
#pragma once

#include <chrono>
#include <string>

#include "aseptic/core/bytes.h"
#include "aseptic/core/public_key.h"
#include "aseptic/core/uuid.h"
#include "aseptic/platform/block_device.h"
#include "aseptic/trust/boot_key.h"

namespace aseptic::agent {

class ComponentLine {
 public:
  virtual ~ComponentLine() = default;
  virtual bool send(core::ByteView bytes) = 0;
  // How many bytes came within `patience`; 0: none.
  virtual std::size_t receive(core::ByteSpan out, std::chrono::milliseconds patience) = 0;
};

struct ComponentPart {
  core::Uuid id;
  std::string location;          // as provisioned; compared with the release
  ComponentLine& line;
  platform::BlockDevice& store;  // keeps the verified image until the component has confirmed and copied it
  // Verifies the component's boot report: certified at provisioning. The error says why there is none that may be believed.
  core::Result<trust::BootKey> boot_key;
  core::PublicKey lease_key;     // verifies the leases of its guard
};

}  // namespace aseptic::agent
