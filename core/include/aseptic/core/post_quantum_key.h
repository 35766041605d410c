// SPDX-License-Identifier: Apache-2.0
// The public key of a hash-based signature: the post-quantum half of the pair that a boot manifest is signed with.
//
// A plain value: what it verifies is verified in boot/signatures, not here, so no TUF role can have such a key.
// PEM: SubjectPublicKeyInfo, SLH-DSA as in RFC 9909, LMS (HSS, one level) as in RFC 9708; OpenSSL 3.5 and BouncyCastle read it.
// Thread contract: a value.
#pragma once

#include "aseptic/core/hash.h"

namespace aseptic::core {

enum class PostQuantumAlgorithm : std::uint8_t { kSlhDsaSha2_128s = 1, kLmsSha256 = 2 };  // numbers of the boot manifest

std::string_view to_string(PostQuantumAlgorithm algorithm);

class PostQuantumPublicKey {
 public:
  static Result<PostQuantumPublicKey> from_pem(std::string_view pem);  // text around the block is refused
  static Result<PostQuantumPublicKey> from_raw(PostQuantumAlgorithm algorithm, ByteView raw);

  [[nodiscard]] PostQuantumAlgorithm algorithm() const { return algorithm_; }
  [[nodiscard]] const Bytes& raw() const { return raw_; }              // SLH-DSA: 32 bytes; LMS: 60 bytes
  [[nodiscard]] Digest key_id() const { return sha256(raw_); }         // as in a boot manifest
  [[nodiscard]] std::string pem() const;
  bool operator==(const PostQuantumPublicKey&) const = default;

 private:
  PostQuantumPublicKey(PostQuantumAlgorithm algorithm, Bytes raw) : algorithm_(algorithm), raw_(std::move(raw)) {}
  PostQuantumAlgorithm algorithm_;
  Bytes raw_;
};

// "-----BEGIN name-----", base64 in lines of 64, "-----END name-----"; and back, strictly.
std::string to_pem(std::string_view name, ByteView der);
Result<Bytes> from_pem(std::string_view name, std::string_view text);

}  // namespace aseptic::core
