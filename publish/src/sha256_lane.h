// SPDX-License-Identifier: Apache-2.0
// SHA-256 for millions of short messages: one per thread, copied by assignment, no allocation, no virtual call.
// OpenSSL's low-level interface is deprecated for new code because providers cannot replace it; here that indirection would
// cost more than the hash. The deprecation is silenced for this library alone.
#pragma once

#include <openssl/sha.h>

#include "aseptic/boot/format/hash.h"

namespace aseptic::publish {

class Sha256Lane final : public boot::Hasher {
 public:
  Sha256Lane() { SHA256_Init(&now_); }
  void reset() override { SHA256_Init(&now_); }
  void update(boot::ByteView bytes) override { SHA256_Update(&now_, bytes.data(), bytes.size()); }
  void finish(boot::Digest& out) override { SHA256_Final(out.data(), &now_); }
  void mark() override { mark_ = now_; }
  void rewind() override { now_ = mark_; }

 private:
  SHA256_CTX now_{};
  SHA256_CTX mark_{};
};

}  // namespace aseptic::publish
