// SPDX-License-Identifier: Apache-2.0
// What signing and verifying SLH-DSA-SHA2-128s have in common: the compressed address, the message digest and the
// place in the hypertree that it names. Called by slh_dsa.cpp and by the publisher's signer.
#pragma once
#include "aseptic/boot/signatures/slh_dsa.h"

namespace aseptic::boot {

enum class SlhAddressType : std::uint8_t {  // FIPS 205 table 1
  kWotsHash = 0,
  kWotsPublicKey = 1,
  kTree = 2,
  kForsTree = 3,
  kForsRoots = 4,
  kWotsSecret = 5,
  kForsSecret = 6,
};

// ADRSc, section 11.2: layer (1) ‖ tree (8) ‖ type (1) ‖ three words of four bytes, big-endian. The words are key pair,
// chain or tree height, hash or tree index.
class SlhAddress {
 public:
  void set_tree(unsigned layer, std::uint64_t tree) {
    bytes_[0] = static_cast<std::uint8_t>(layer);
    put(1, static_cast<std::uint32_t>(tree >> 32U));
    put(5, static_cast<std::uint32_t>(tree));
  }
  // setTypeAndClear, then the key pair (0 where the type has none).
  void set_type(SlhAddressType type, std::uint32_t key_pair) {
    bytes_[9] = static_cast<std::uint8_t>(type);
    put(10, key_pair);
    set_height_and_index(0, 0);
  }
  void set_height_and_index(std::uint32_t height, std::uint32_t index) {
    put(14, height);
    put(18, index);
  }
  void set_chain(std::uint32_t chain, std::uint32_t step) { set_height_and_index(chain, step); }
  ByteView bytes() const { return bytes_; }

 private:
  void put(std::size_t at, std::uint32_t value) {
    value = __builtin_bswap32(value);  // ports are little-endian, see bytes.h
    __builtin_memcpy(&bytes_[at], &value, sizeof value);
  }
  std::array<std::uint8_t, 22> bytes_{};
};

// H_msg, section 11.2.1: MGF1-SHA-256(R ‖ PK.seed ‖ SHA-256(R ‖ PK.seed ‖ PK.root ‖ M'), m). With m = 30 one block of
// MGF1 is enough, with the counter 0; the two bytes behind m stay unused.
inline void slh_message_digest(Hasher& hasher, const SlhNode& randomizer, SlhDsaPublicKey key, const SignedMessage& message,
                               Digest& out) {
  static constexpr std::array<std::uint8_t, 4> kZeros{};
  static_assert(kSlhDigestSize <= kDigestSize);
  hasher.reset();
  hasher.update(randomizer);
  hasher.update(key);
  hasher.update(ByteView(kZeros).first(2));  // pure, context of no bytes
  hasher.update(message.domain);
  hasher.update(message.body);
  hasher.finish(out);
  hasher.reset();
  hasher.update(randomizer);
  hasher.update(key.first<kSlhN>());
  hasher.update(out);
  hasher.update(kZeros);
  hasher.finish(out);
}

// The tree of the lowest layer and the leaf in it: algorithm 20, lines 6 to 13. md is the digest's first 21 bytes.
struct SlhPosition {
  std::uint64_t tree = 0;
  std::uint32_t leaf = 0;
};
inline SlhPosition slh_position(const Digest& digest) {
  SlhPosition position;
  for (std::size_t i = 21; i < 28; ++i)
    position.tree = (position.tree << 8U) | digest[i];
  position.tree &= (1ULL << (kSlhLayers * kSlhTreeHeight - kSlhTreeHeight)) - 1U;
  position.leaf = ((std::uint32_t{digest[28]} << 8U) | digest[29]) & ((1U << kSlhTreeHeight) - 1U);
  return position;
}

// The digits of a WOTS+ message and of its checksum, in order: algorithm 7 lines 1 to 8. `checksum` starts as 0 and
// grows while the 32 message digits are asked for; chains 32 to 34 then give its digits (it has 12 bits).
inline unsigned slh_chain_digit(const SlhNode& message, unsigned& checksum, unsigned chain) {
  constexpr unsigned kMessageChains = 2 * kSlhN;
  if (chain >= kMessageChains) return (checksum >> (4U * (kSlhChains - 1U - chain))) & 15U;
  const unsigned digit = chain % 2 == 0 ? message[chain / 2] >> 4U : message[chain / 2] & 15U;
  checksum += kSlhChainMax - digit;
  return digit;
}

}  // namespace aseptic::boot
