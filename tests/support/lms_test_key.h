// SPDX-License-Identifier: Apache-2.0
// An LMS key pair of this process (profile cnsa2), for tests that need images which really verify: random, so nobody can look
// its private half up. Each message takes an index of its own, once; signatures are remembered. One thread at a time.
#pragma once

#include <map>

#include "aseptic/boot/format/manifest.h"
#include "aseptic/publish/lms.h"

namespace aseptic::test {

class LmsTestKey {
 public:
  explicit LmsTestKey(publish::LmsShape shape = {.height = 10, .width = 4});

  [[nodiscard]] boot::PostQuantumKey public_key() const;
  [[nodiscard]] std::size_t signature_size() const;
  // Signs the region at the start of `slot` and puts the signature into its place in the signature block.
  void put_signature(core::ByteSpan slot);

 private:
  publish::LmsKey key_;
  std::uint32_t next_ = 0;
  std::map<core::Bytes, core::Bytes> signatures_;
};

}  // namespace aseptic::test
