// SPDX-License-Identifier: Apache-2.0
// A component's serial line behind a Unix stream socket (the emulator's, or a bridge to a real port). Used by the apply process.
// A line that breaks is opened again by the next send(). Thread contract: one thread.
#pragma once

#include "aseptic/agent/component_line.h"

namespace aseptic::agent {

class UnixLine final : public ComponentLine {
 public:
  explicit UnixLine(std::string path) : path_(std::move(path)) {}
  ~UnixLine() override { close(); }
  UnixLine(const UnixLine&) = delete;
  UnixLine& operator=(const UnixLine&) = delete;

  bool send(core::ByteView bytes) override;
  std::size_t receive(core::ByteSpan out, std::chrono::milliseconds patience) override;

 private:
  bool connect();
  void close();

  std::string path_;
  int descriptor_ = -1;
};

}  // namespace aseptic::agent
