// SPDX-License-Identifier: Apache-2.0
// core's SHA-256 behind the hash interface of the freestanding parts. One thread at a time.
#pragma once

#include <optional>

#include "aseptic/boot/format/hash.h"
#include "aseptic/core/hash.h"

namespace aseptic::payload {

class CoreHasher final : public boot::Hasher {
 public:
  void reset() override {
    if (dirty_) static_cast<void>(hash_.finish());
    dirty_ = false;
  }
  void update(boot::ByteView bytes) override {
    dirty_ = true;
    hash_.update(bytes);
  }
  void finish(boot::Digest& out) override {
    dirty_ = false;
    out = hash_.finish().bytes;
  }
  void mark() override {
    if (!mark_) mark_.emplace();
    mark_->copy_from(hash_);
  }
  void rewind() override {
    if (mark_) hash_.copy_from(*mark_);
    dirty_ = true;
  }

 private:
  core::Sha256 hash_;
  std::optional<core::Sha256> mark_;
  bool dirty_ = false;
};

}  // namespace aseptic::payload
