// SPDX-License-Identifier: Apache-2.0
// SHA-256 of core for the freestanding boot formats.
#pragma once

#include "aseptic/boot/format/hash.h"
#include "aseptic/core/hash.h"

namespace aseptic::publish {

class BootHasher final : public boot::Hasher {
 public:
  void reset() override { hash_ = core::Sha256(); }
  void update(boot::ByteView bytes) override { hash_.update(bytes); }
  void finish(boot::Digest& out) override { out = hash_.finish().bytes; }
  void mark() override { mark_.copy_from(hash_); }
  void rewind() override { hash_.copy_from(mark_); }

 private:
  core::Sha256 mark_;
  core::Sha256 hash_;
};

}  // namespace aseptic::publish
