// SPDX-License-Identifier: Apache-2.0
// SHA-256 as the boot parts see it: injected by the port (BearSSL on the host, OpenSSL in hosted parts), and
// HMAC on top of it. Contract of a Hasher: `reset` starts, `update` any number of times, `finish` writes the
// digest and leaves the object ready for `reset`. `mark` remembers the message begun so far; `rewind` goes back
// to it, any number of times and whatever came between, so that a common beginning is hashed once (boot/signatures:
// two thousand hashes that all begin with the same block). Not thread safe; no failure is possible.
#pragma once
#include "aseptic/boot/format/bytes.h"

namespace aseptic::boot {

class Hasher {
 public:
  virtual void reset() = 0;
  virtual void update(ByteView bytes) = 0;
  virtual void finish(Digest& out) = 0;
  virtual void mark() = 0;
  virtual void rewind() = 0;

 protected:
  ~Hasher() = default;
};

inline Digest hash_of(Hasher& hasher, ByteView first, ByteView second = {}, ByteView third = {}) {
  Digest digest{};
  hasher.reset();
  hasher.update(first);
  hasher.update(second);
  hasher.update(third);
  hasher.finish(digest);
  return digest;
}

// HMAC-SHA-256 over first ‖ second ‖ third with a 32-byte key.
Digest hmac(Hasher& hasher, const Digest& key, ByteView first, ByteView second = {}, ByteView third = {});

// "text\0" with its terminating zero, which every domain string of the formats includes.
template <std::size_t N>
ByteView domain(const char (&text)[N]) {
  return {reinterpret_cast<const std::uint8_t*>(text), N};
}

}  // namespace aseptic::boot
