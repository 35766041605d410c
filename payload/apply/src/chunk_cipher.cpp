// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/apply/chunk_cipher.h"

#include <algorithm>

#include "aseptic/payload/apply/codes.h"

namespace aseptic::payload {

SealKeys::SealKeys(const core::SecretKey& content_key)
    : cipher(core::hkdf_sha256(content_key.view(), core::as_bytes("aseptic-payload-chunks-v1"))),
      digests(core::hkdf_sha256(content_key.view(), core::as_bytes("aseptic-payload-digests-v1"))) {}

SealPlace::SealPlace(const Digest& seal_digest, std::uint64_t index) : nonce{}, associated{} {
  std::ranges::copy(seal_digest, associated.begin());
  for (std::size_t i = 0; i < 8; ++i) nonce[i] = associated[32 + i] = static_cast<std::uint8_t>(index >> (8 * i));
}

core::Result<std::unique_ptr<ChunkCipher>> ChunkCipher::begin(const PayloadHeader& header, const core::SecretKey* content_key) {
  if (!header.is_encrypted()) return std::unique_ptr<ChunkCipher>();
  CoreHasher hasher;
  // SECURITY(T-37): the header commits to one key; nothing is tried with another one.
  if (content_key == nullptr) return core::Error(PayloadCode::kContentKey, "the payload is encrypted, and this device has no key for it");
  if (!boot::equal(key_id_of(hasher, content_key->view()), header.key_id))
    return core::Error(PayloadCode::kContentKey, "the key at hand is not the one that the payload is encrypted with");
  return std::make_unique<ChunkCipher>(header.seal_digest, *content_key);
}

Status ChunkCipher::open(std::uint64_t index, const Digest& digest, core::ByteSpan stored, boot::Hasher& hasher) {
  // SECURITY(T-29): verify first, decrypt second.
  if (!boot::equal(boot::hash_of(hasher, stored), digest)) return Status::kStoredDigest;
  if (stored.size() <= kTagSize) return Status::kNotOpened;
  const SealPlace place(seal_digest_, index);
  const auto size = stored.size() - kTagSize;
  return keys_.cipher.open(place.nonce, place.associated, stored.first(size), stored.subspan(size)) ? Status::kOk : Status::kNotOpened;
}

}  // namespace aseptic::payload
