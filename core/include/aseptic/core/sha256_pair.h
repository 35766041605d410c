// SPDX-License-Identifier: Apache-2.0
// SHA-256 of two messages at once. Called where many blocks of one length are hashed: the leaves of a slot's tree
// (payload/apply). A processor with SHA instructions waits for its own last result in nearly every one of them; a second
// message fills the gaps. Elsewhere OpenSSL hashes one after the other: the results are the same. Thread contract: pure.
#pragma once

#include "aseptic/core/hash.h"

namespace aseptic::core {

struct DigestPair {
  Digest first;
  Digest second;
};

// SHA-256(prefix ‖ first) and SHA-256(prefix ‖ second). Both are equally long.
DigestPair sha256_pair(ByteView prefix, ByteView first, ByteView second);

// The same by OpenSSL alone; for processors without SHA instructions, and for the tests to compare with.
DigestPair sha256_one_by_one(ByteView prefix, ByteView first, ByteView second);

}  // namespace aseptic::core
