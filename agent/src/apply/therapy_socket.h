// SPDX-License-Identifier: Apache-2.0
// TherapyLink over DEVICE/run/therapy.sock. The peer's uid is checked once per connection; what it says is believed only
// with the therapy key's signature.
#pragma once

#include <string>

#include "aseptic/agent/therapy_link.h"

namespace aseptic::agent {

class TherapySocket final : public TherapyLink {
 public:
  TherapySocket(std::string path, std::uint32_t uid) : path_(std::move(path)), uid_(uid) {}
  ~TherapySocket() override { close(); }

  bool connect() override;
  [[nodiscard]] bool is_connected() const override { return descriptor_ >= 0; }
  bool send(core::ByteView packet) override;
  std::optional<core::Bytes> receive() override;
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  void close();
  const std::string path_;
  const std::uint32_t uid_;
  int descriptor_ = -1;
};

}  // namespace aseptic::agent
