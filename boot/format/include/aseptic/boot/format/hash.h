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

namespace raw {
struct Piece {
  const std::uint8_t* data;
  std::size_t size;
};
Digest hash(Hasher& hasher, const Piece* pieces, std::size_t count);
Digest hmac(Hasher& hasher, const Digest& key, const Piece* pieces, std::size_t count);
}  // namespace raw

// The digest of the views one behind the other.
template <class... Views>
[[gnu::always_inline]] inline Digest hash_of(Hasher& hasher, const Views&... views) {
  const raw::Piece pieces[] = {{ByteView(views).data(), ByteView(views).size()}...};
  return raw::hash(hasher, pieces, sizeof...(views));
}

// HMAC-SHA-256 over the views one behind the other with a 32-byte key.
template <class... Views>
[[gnu::always_inline]] inline Digest hmac(Hasher& hasher, const Digest& key, const Views&... views) {
  const raw::Piece pieces[] = {{ByteView(views).data(), ByteView(views).size()}...};
  return raw::hmac(hasher, key, pieces, sizeof...(views));
}

// "text\0" with its terminating zero, which every domain string of the formats includes.
template <std::size_t N>
ByteView domain(const char (&text)[N]) {
  return {reinterpret_cast<const std::uint8_t*>(text), N};
}

}  // namespace aseptic::boot
