// SPDX-License-Identifier: Apache-2.0
// SHA-256 and SHA-512 (FIPS 180-4) over OpenSSL EVP. A Sha256 object is used by one thread at a time.
#pragma once

#include <array>
#include <compare>
#include <memory>

#include "aseptic/core/bytes.h"

namespace aseptic::core {

// A SHA-256 digest. Not yet a statement that anything is authentic: see authenticated_digest.h.
struct Digest {
  static constexpr std::size_t kSize = 32;
  std::array<std::uint8_t, kSize> bytes{};

  static Result<Digest> from_hex(std::string_view text);
  static Result<Digest> from_bytes(ByteView view);  // exactly 32 bytes
  [[nodiscard]] std::string hex() const { return to_hex(bytes); }
  [[nodiscard]] bool is_zero() const { return *this == Digest{}; }
  auto operator<=>(const Digest&) const = default;
};

// Incremental SHA-256. finish() gives the digest and makes the object ready for the next message.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  Sha256& update(ByteView bytes);
  Sha256& update(std::string_view text) { return update(as_bytes(text)); }
  Digest finish();
  // Takes over the message that `other` has begun, which goes on with its own.
  void copy_from(const Sha256& other);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Digest sha256(ByteView bytes);
inline Digest sha256(std::string_view text) { return sha256(as_bytes(text)); }
std::array<std::uint8_t, 64> sha512(ByteView bytes);

// Incremental SHA-512, for TUF targets that list it.
class Sha512 {
 public:
  Sha512();
  ~Sha512();
  Sha512(Sha512&&) noexcept;
  Sha512& operator=(Sha512&&) noexcept;
  Sha512& update(ByteView bytes);
  std::array<std::uint8_t, 64> finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace aseptic::core
