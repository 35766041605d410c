// SPDX-License-Identifier: Apache-2.0
// A directory that shows complete files only: content is written out of sight and appears under its name in one step.
//
// Called by fetch for downloaded targets. Names follow storage_name_is_valid() without '/'.
// Durability: a file is durable when publish() returns; a PendingFile that is destroyed before leaves nothing behind.
// Thread contract: one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "aseptic/core/bytes.h"

namespace aseptic::platform {

class PendingFile {
 public:
  virtual ~PendingFile() = default;
  virtual core::Result<void> write(core::ByteView bytes) = 0;
  // Makes the content durable, then visible under this name; an older file of that name is replaced.
  virtual core::Result<void> publish(std::string_view name) = 0;
};

class FileDrop {
 public:
  virtual ~FileDrop() = default;
  virtual core::Result<std::unique_ptr<PendingFile>> begin() = 0;
  // The whole file in parts; kNotFound when there is none.
  virtual core::Result<void> read(std::string_view name, const std::function<core::Result<void>(core::ByteView)>& sink) = 0;
};

}  // namespace aseptic::platform
