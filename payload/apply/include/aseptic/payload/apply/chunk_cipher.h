// SPDX-License-Identifier: Apache-2.0
// Opens the sealed bytes of one payload, and names its chunks. Called by the installer; the key
// schedule also by payload/make, which seals.
//
// Order (CF-02): the stored bytes are hashed and compared with the authenticated table first, in the private copy that is then
// decrypted in place. AAD and nonce bind them to this payload and this place. The digests of image bytes are keyed, so that a
// table tells nobody which known chunks an image contains.
#pragma once

#include <array>
#include <memory>

#include "aseptic/core/result.h"
#include "aseptic/core/sealing.h"
#include "aseptic/payload/apply/core_hasher.h"
#include "aseptic/payload/format/page.h"

namespace aseptic::payload {

// What the publisher and the device derive from the content key.
struct SealKeys {
  explicit SealKeys(const core::SecretKey& content_key);
  core::Aes256Gcm cipher;
  core::SecretKey digests;
};

struct SealPlace {
  std::array<std::uint8_t, core::kSealNonceSize> nonce;
  std::array<std::uint8_t, 40> associated;
  SealPlace(const Digest& seal_digest, std::uint64_t index);
};

class ChunkCipher {
 public:
  // kContentKey when the key is not the one that the header names.
  static core::Result<std::unique_ptr<ChunkCipher>> begin(const PayloadHeader& header, const core::SecretKey* content_key);

  // `stored`: bytes that match `digest`; on success its front is the plain text, without the tag.
  Status open(std::uint64_t index, const Digest& digest, core::ByteSpan stored, boot::Hasher& hasher);
  [[nodiscard]] Digest keyed(const Digest& digest) const { return {core::hmac_sha256(keys_.digests.view(), digest).bytes}; }

  ChunkCipher(const Digest& seal_digest, const core::SecretKey& content_key) : seal_digest_(seal_digest), keys_(content_key) {}

 private:
  Digest seal_digest_;
  SealKeys keys_;
};

// The digest by which the table names image bytes.
class ChunkDigests {
 public:
  explicit ChunkDigests(const ChunkCipher* cipher = nullptr) : cipher_(cipher) {}
  [[nodiscard]] Digest of(boot::Hasher& hasher, core::ByteView bytes) const { return named(boot::hash_of(hasher, bytes)); }
  // The same, of bytes whose SHA-256 is known.
  [[nodiscard]] Digest named(const Digest& digest) const { return cipher_ != nullptr ? cipher_->keyed(digest) : digest; }

 private:
  const ChunkCipher* cipher_;
};

}  // namespace aseptic::payload
