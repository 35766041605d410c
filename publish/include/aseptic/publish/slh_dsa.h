// SPDX-License-Identifier: Apache-2.0
// SLH-DSA-SHA2-128s (FIPS 205): key generation and signing, pure, empty context. Verification: boot/signatures.
//
// Called by the post-quantum key store; tests sign with it directly. A signature costs about 2.2 million SHA-256
// blocks: a third of a second on one core with SHA instructions, and it is spread over all cores.
// Security: the caller gives every random byte. `randomizer` set: hedged signing, the default of FIPS 205; empty:
// deterministic (the same message gives the same signature). Secret bytes are wiped when a key is destroyed.
// Thread contract: free functions; a key may be read by several threads.
#pragma once

#include <array>
#include <functional>
#include <optional>

#include "aseptic/core/bytes.h"

namespace aseptic::publish {

inline constexpr std::size_t kSlhDsaPublicBytes = 32;     // PK.seed || PK.root
inline constexpr std::size_t kSlhDsaPrivateBytes = 64;    // SK.seed || SK.prf || PK.seed || PK.root
inline constexpr std::size_t kSlhDsaSignatureBytes = 7856;

class SlhDsaKey {
 public:
  // Three seeds of 16 random bytes: SK.seed, SK.prf, PK.seed (FIPS 205 algorithm 18).
  static SlhDsaKey from_seeds(const std::array<std::uint8_t, 48>& seeds);
  // The encoding of FIPS 205 section 9.1. The root is computed again: a damaged key is refused, not used.
  static core::Result<SlhDsaKey> from_private_bytes(core::ByteView bytes);

  SlhDsaKey(const SlhDsaKey&) = default;
  SlhDsaKey& operator=(const SlhDsaKey&) = default;
  ~SlhDsaKey();

  [[nodiscard]] const std::array<std::uint8_t, kSlhDsaPrivateBytes>& private_bytes() const { return bytes_; }
  [[nodiscard]] core::ByteView public_bytes() const { return core::ByteView(bytes_).last(kSlhDsaPublicBytes); }

 private:
  SlhDsaKey() = default;
  std::array<std::uint8_t, kSlhDsaPrivateBytes> bytes_{};
};

struct SlhDsaSigning {
  std::optional<std::array<std::uint8_t, 16>> randomizer;  // addrnd; empty: deterministic
  unsigned threads = 0;                                    // 0: one per core
  std::function<void(unsigned percent)> progress;          // called from the calling thread
};

// FIPS 205 algorithm 22 with an empty context.
core::Bytes sign_slh_dsa(const SlhDsaKey& key, core::ByteView message, const SlhDsaSigning& how);

}  // namespace aseptic::publish
