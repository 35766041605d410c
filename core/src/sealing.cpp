// SPDX-License-Identifier: Apache-2.0
#include "aseptic/core/sealing.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "aseptic/core/assert.h"

namespace aseptic::core {
namespace {

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }  // also wipes the key schedule
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

int size_of(ByteView bytes) { return static_cast<int>(bytes.size()); }

}  // namespace

void wipe(ByteSpan bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

SecretKey::SecretKey(ByteView bytes) {
  ASEPTIC_ASSERT(bytes.size() == kSize);
  std::ranges::copy(bytes, bytes_.begin());
}
SecretKey::SecretKey(SecretKey&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_); }
SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
  if (this != &other) {
    bytes_ = other.bytes_;
    wipe(other.bytes_);
  }
  return *this;
}

Digest hmac_sha256(ByteView key, ByteView message) {
  Digest out;
  unsigned size = 0;
  ASEPTIC_ASSERT(HMAC(EVP_sha256(), key.data(), size_of(key), message.data(), message.size(), out.bytes.data(), &size) != nullptr);
  return out;
}

SecretKey hkdf_sha256(ByteView secret, ByteView info) {
  const std::array<std::uint8_t, 32> no_salt{};
  Digest extracted = hmac_sha256(no_salt, secret);
  Bytes message(info.begin(), info.end());
  message.push_back(1);
  Digest block = hmac_sha256(extracted.bytes, message);
  SecretKey key{ByteView(block.bytes)};
  wipe(extracted.bytes);
  wipe(block.bytes);
  return key;
}

Bytes wrap_key(const SecretKey& wrapping, const SecretKey& key) {
  const CipherContext context(EVP_CIPHER_CTX_new());
  EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  Bytes wrapped(kWrappedKeySize + 16);
  int size = 0, last = 0;
  ASEPTIC_ASSERT(EVP_EncryptInit_ex(context.get(), EVP_aes_256_wrap(), nullptr, wrapping.view().data(), nullptr) == 1 &&
                 EVP_EncryptUpdate(context.get(), wrapped.data(), &size, key.view().data(), size_of(key.view())) == 1 &&
                 EVP_EncryptFinal_ex(context.get(), wrapped.data() + size, &last) == 1);
  wrapped.resize(static_cast<std::size_t>(size + last));
  ASEPTIC_ASSERT(wrapped.size() == kWrappedKeySize);
  return wrapped;
}

std::optional<SecretKey> unwrap_key(const SecretKey& wrapping, ByteView wrapped) {
  if (wrapped.size() != kWrappedKeySize) return std::nullopt;
  const CipherContext context(EVP_CIPHER_CTX_new());
  EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  std::array<std::uint8_t, kWrappedKeySize + 16> out{};
  int size = 0, last = 0;
  const bool good = EVP_DecryptInit_ex(context.get(), EVP_aes_256_wrap(), nullptr, wrapping.view().data(), nullptr) == 1 &&
                    EVP_DecryptUpdate(context.get(), out.data(), &size, wrapped.data(), size_of(wrapped)) == 1 &&
                    EVP_DecryptFinal_ex(context.get(), out.data() + size, &last) == 1 && size + last == SecretKey::kSize;
  std::optional<SecretKey> key;
  if (good) key.emplace(ByteView(out).first(SecretKey::kSize));
  wipe(out);
  return key;
}

struct Aes256Gcm::Context {
  CipherContext cipher{EVP_CIPHER_CTX_new()};
  SecretKey key;
};

Aes256Gcm::Aes256Gcm(const SecretKey& key) : context_(std::make_unique<Context>()) { context_->key = SecretKey(key.view()); }
Aes256Gcm::~Aes256Gcm() = default;
Aes256Gcm::Aes256Gcm(Aes256Gcm&&) noexcept = default;

void Aes256Gcm::seal(ByteView nonce, ByteView associated, ByteSpan bytes, std::span<std::uint8_t, kSealTagSize> tag) {
  EVP_CIPHER_CTX* cipher = context_->cipher.get();
  ASEPTIC_ASSERT(nonce.size() == kSealNonceSize);
  int size = 0;
  ASEPTIC_ASSERT(EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), nullptr, context_->key.view().data(), nonce.data()) == 1 &&
                 EVP_EncryptUpdate(cipher, nullptr, &size, associated.data(), size_of(associated)) == 1 &&
                 EVP_EncryptUpdate(cipher, bytes.data(), &size, bytes.data(), size_of(bytes)) == 1 &&
                 EVP_EncryptFinal_ex(cipher, bytes.data() + size, &size) == 1 &&
                 EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, kSealTagSize, tag.data()) == 1);
}

bool Aes256Gcm::open(ByteView nonce, ByteView associated, ByteSpan bytes, ByteView tag) {
  EVP_CIPHER_CTX* cipher = context_->cipher.get();
  if (nonce.size() != kSealNonceSize || tag.size() != kSealTagSize) return false;
  int size = 0;
  Bytes expected(tag.begin(), tag.end());
  const bool good = EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), nullptr, context_->key.view().data(), nonce.data()) == 1 &&
                    EVP_DecryptUpdate(cipher, nullptr, &size, associated.data(), size_of(associated)) == 1 &&
                    EVP_DecryptUpdate(cipher, bytes.data(), &size, bytes.data(), size_of(bytes)) == 1 &&
                    EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, kSealTagSize, expected.data()) == 1 &&
                    EVP_DecryptFinal_ex(cipher, bytes.data() + size, &size) == 1;
  if (!good) wipe(bytes);
  return good;
}

}  // namespace aseptic::core
