// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/format/hash.h"

namespace aseptic::boot {

namespace raw {
namespace {

void update(Hasher& hasher, const Piece* pieces, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    hasher.update({pieces[i].data, pieces[i].size});
}

}  // namespace

Digest hash(Hasher& hasher, const Piece* pieces, std::size_t count) {
  Digest digest;
  hasher.reset();
  update(hasher, pieces, count);
  hasher.finish(digest);
  return digest;
}

Digest hmac(Hasher& hasher, const Digest& key, const Piece* pieces, std::size_t count) {
  std::array<std::uint8_t, 64> pad{};  // SHA-256 block
  copy_bytes(pad, key);
  for (auto& byte : pad)
    byte ^= 0x36U;
  Digest digest;
  hasher.reset();
  hasher.update(pad);
  update(hasher, pieces, count);
  hasher.finish(digest);
  for (auto& byte : pad)
    byte ^= 0x36U ^ 0x5CU;
  hasher.reset();
  hasher.update(pad);
  hasher.update(digest);
  hasher.finish(digest);
  return digest;
}

}  // namespace raw
}  // namespace aseptic::boot
