// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/format/hash.h"

namespace aseptic::boot {

Digest hmac(Hasher& hasher, const Digest& key, ByteView first, ByteView second, ByteView third) {
  std::array<std::uint8_t, 64> pad{};  // SHA-256 block
  copy_bytes(pad, key);
  for (auto& byte : pad)
    byte ^= 0x36U;
  Digest inner{};
  hasher.reset();
  hasher.update(pad);
  hasher.update(first);
  hasher.update(second);
  hasher.update(third);
  hasher.finish(inner);
  for (auto& byte : pad)
    byte ^= 0x36U ^ 0x5CU;
  return hash_of(hasher, pad, inner);
}

}  // namespace aseptic::boot
