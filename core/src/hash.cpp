// SPDX-License-Identifier: Apache-2.0
#include "aseptic/core/hash.h"

#include <openssl/evp.h>

#include <algorithm>

#include "aseptic/core/assert.h"
#include "aseptic/core/codes.h"

namespace aseptic::core {
namespace {

// Fetched once: EVP_sha256() would search the providers at every init.
const EVP_MD* fetched(const char* name) { return EVP_MD_fetch(nullptr, name, nullptr); }
const EVP_MD* sha256_method() {
  static const EVP_MD* const method = fetched("SHA256");
  return method;
}
const EVP_MD* sha512_method() {
  static const EVP_MD* const method = fetched("SHA512");
  return method;
}

class MessageDigest {
 public:
  explicit MessageDigest(const EVP_MD* method) : method_(method), context_(EVP_MD_CTX_new()) { start(); }
  MessageDigest(const MessageDigest&) = delete;
  MessageDigest& operator=(const MessageDigest&) = delete;
  ~MessageDigest() { EVP_MD_CTX_free(context_); }

  void update(ByteView bytes) {
    ASEPTIC_ASSERT(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1);
  }
  void finish(std::uint8_t* out) {
    ASEPTIC_ASSERT(EVP_DigestFinal_ex(context_, out, nullptr) == 1);
    start();
  }
  void copy_from(const MessageDigest& other) { ASEPTIC_ASSERT(EVP_MD_CTX_copy_ex(context_, other.context_) == 1); }

 private:
  void start() { ASEPTIC_ASSERT(context_ && method_ && EVP_DigestInit_ex2(context_, method_, nullptr) == 1); }
  const EVP_MD* method_;
  EVP_MD_CTX* context_;
};

}  // namespace

struct Sha256::Context : MessageDigest {
  Context() : MessageDigest(sha256_method()) {}
};
struct Sha512::Context : MessageDigest {
  Context() : MessageDigest(sha512_method()) {}
};

Result<Digest> Digest::from_hex(std::string_view text) {
  ASEPTIC_TRY(const Bytes bytes, core::from_hex(text));
  return from_bytes(bytes);
}

Result<Digest> Digest::from_bytes(ByteView view) {
  if (view.size() != kSize) return Error(CoreCode::kEncoding, "a SHA-256 digest has 32 bytes");
  Digest digest;
  std::ranges::copy(view, digest.bytes.begin());
  return digest;
}

Sha256::Sha256() : context_(std::make_unique<Context>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256& Sha256::update(ByteView bytes) {
  context_->update(bytes);
  return *this;
}
void Sha256::copy_from(const Sha256& other) { context_->copy_from(*other.context_); }
Digest Sha256::finish() {
  Digest digest;
  context_->finish(digest.bytes.data());
  return digest;
}

Sha512::Sha512() : context_(std::make_unique<Context>()) {}
Sha512::~Sha512() = default;
Sha512::Sha512(Sha512&&) noexcept = default;
Sha512& Sha512::operator=(Sha512&&) noexcept = default;
Sha512& Sha512::update(ByteView bytes) {
  context_->update(bytes);
  return *this;
}
std::array<std::uint8_t, 64> Sha512::finish() {
  std::array<std::uint8_t, 64> digest;
  context_->finish(digest.data());
  return digest;
}

Digest sha256(ByteView bytes) { return Sha256().update(bytes).finish(); }
std::array<std::uint8_t, 64> sha512(ByteView bytes) { return Sha512().update(bytes).finish(); }

}  // namespace aseptic::core
