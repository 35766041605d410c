// SPDX-License-Identifier: Apache-2.0
// Symmetric cryptography of encrypted payloads: a secret key that wipes itself, AES-256-GCM, HKDF, HMAC, AES key wrap.
//
// Who: payload/apply opens chunks, payload/make seals them, platform's agreement keys wrap content keys. Pure: randomness and
// secrets come in as arguments. Security: no function compares secrets or tags in variable time; a failed open leaves no
// plaintext in the buffer. Thread contract: one object, one thread.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "aseptic/core/bytes.h"
#include "aseptic/core/hash.h"

namespace aseptic::core {

// Overwrites in a way that the compiler keeps.
void wipe(ByteSpan bytes);

// 32 secret bytes, wiped when the object ends. Moved, never copied.
class SecretKey {
 public:
  static constexpr std::size_t kSize = 32;
  SecretKey() = default;
  explicit SecretKey(ByteView bytes);  // exactly kSize bytes
  ~SecretKey() { wipe(bytes_); }
  SecretKey(SecretKey&& other) noexcept;
  SecretKey& operator=(SecretKey&& other) noexcept;

  [[nodiscard]] ByteView view() const { return bytes_; }
  [[nodiscard]] ByteSpan span() { return bytes_; }

 private:
  std::array<std::uint8_t, kSize> bytes_{};
};

Digest hmac_sha256(ByteView key, ByteView message);
// RFC 5869 without salt, one block of output.
SecretKey hkdf_sha256(ByteView secret, ByteView info);

inline constexpr std::size_t kWrappedKeySize = 40;
// RFC 3394 with a 256-bit key-encryption key.
Bytes wrap_key(const SecretKey& wrapping, const SecretKey& key);
std::optional<SecretKey> unwrap_key(const SecretKey& wrapping, ByteView wrapped);

inline constexpr std::size_t kSealTagSize = 16;
inline constexpr std::size_t kSealNonceSize = 12;
class Aes256Gcm {
 public:
  explicit Aes256Gcm(const SecretKey& key);
  ~Aes256Gcm();
  Aes256Gcm(Aes256Gcm&&) noexcept;

  // In place. A nonce must never be used twice with one key: callers count.
  void seal(ByteView nonce, ByteView associated, ByteSpan bytes, std::span<std::uint8_t, kSealTagSize> tag);
  // In place; false leaves zeros.
  [[nodiscard]] bool open(ByteView nonce, ByteView associated, ByteSpan bytes, ByteView tag);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace aseptic::core
