// SPDX-License-Identifier: Apache-2.0
// A component's store that already holds an image: what is written is not kept.
#pragma once

#include <algorithm>

#include "aseptic/platform/block_device.h"

namespace aseptic::agent {

class FilledStore final : public platform::BlockDevice {
 public:
  core::Bytes content;
  [[nodiscard]] std::uint64_t size() const override { return content.size(); }
  core::Result<void> read(std::uint64_t offset, core::ByteSpan out) override {
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  }
  core::Result<void> read_back(std::uint64_t offset, core::ByteSpan out) override { return read(offset, out); }
  core::Result<void> write(std::uint64_t, core::ByteView) override { return {}; }
  core::Result<void> discard(std::uint64_t, std::uint64_t) override { return {}; }
  core::Result<void> flush() override { return {}; }
};

}  // namespace aseptic::agent
