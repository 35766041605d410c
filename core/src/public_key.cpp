// SPDX-License-Identifier: Apache-2.0
#include "aseptic/core/public_key.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>

#include "aseptic/core/assert.h"
#include "aseptic/core/codes.h"

namespace aseptic::core {
namespace {

constexpr std::size_t kSpkiSizeMax = 4096;  // an RSA-8192 key needs 1,062 bytes
constexpr int kRsaBitsMin = 2048;
constexpr int kRsaBitsMax = 8192;
constexpr std::size_t kP256Bytes = 32;

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using KeyHandle = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using KeyContextHandle = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using BioHandle = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using DigestHandle = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;

// The DER prefixes that precede the raw key in a SubjectPublicKeyInfo (RFC 8410, RFC 5480).
constexpr std::uint8_t kEd25519Prefix[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                           0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
constexpr std::uint8_t kP256Prefix[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                        0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                        0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

constexpr std::size_t kEd25519SpkiSize = sizeof kEd25519Prefix + 32;
constexpr std::size_t kP256SpkiSize = sizeof kP256Prefix + 2 * kP256Bytes;
constexpr std::size_t kP256PointAt = sizeof kP256Prefix - 1;  // SEC 1: 0x04 ‖ x ‖ y

Bytes joined(ByteView prefix, ByteView raw) {
  Bytes der(prefix.begin(), prefix.end());
  der.insert(der.end(), raw.begin(), raw.end());
  return der;
}

Result<KeyAlgorithm> allowed_algorithm(EVP_PKEY* key) {
  const int type = EVP_PKEY_get_base_id(key);
  if (type == EVP_PKEY_ED25519) return KeyAlgorithm::kEd25519;
  if (type == EVP_PKEY_EC) {
    char group[64] = {};
    std::size_t length = 0;
    if (EVP_PKEY_get_group_name(key, group, sizeof group, &length) == 1 &&
        std::string_view(group) == "prime256v1")
      return KeyAlgorithm::kEcdsaP256;
    return Error(CoreCode::kKeyAlgorithm, "only the curve P-256 is allowed for ECDSA");
  }
  if (type == EVP_PKEY_RSA || type == EVP_PKEY_RSA_PSS) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits >= kRsaBitsMin && bits <= kRsaBitsMax) return KeyAlgorithm::kRsaPss;
    return Error(CoreCode::kKeyAlgorithm, "RSA keys need 2048 to 8192 bits");
  }
  return Error(CoreCode::kKeyAlgorithm, "only Ed25519, ECDSA P-256 and RSA-PSS keys are allowed");
}

KeyHandle p256_key(ByteView point) {
  const KeyContextHandle context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  char group[] = "prime256v1";
  Bytes encoded(point.begin(), point.end());
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, encoded.data(), encoded.size()),
      OSSL_PARAM_construct_end()};
  EVP_PKEY* key = nullptr;  // refuses a point that is not on the curve
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
    return nullptr;
  return KeyHandle(key);
}

bool is_plain_ed25519(ByteView der) {
  return der.size() == kEd25519SpkiSize && std::ranges::equal(der.first(sizeof kEd25519Prefix), kEd25519Prefix);
}
bool is_plain_p256(ByteView der) {
  return der.size() == kP256SpkiSize && std::ranges::equal(der.first(sizeof kP256Prefix), kP256Prefix);
}

// OpenSSL's general decoder takes two to three times as long as a verification, so the two forms that nearly
// every key has (their DER has one length and one prefix) are read directly; null if `der` is no key.
KeyHandle key_of(ByteView der) {
  if (is_plain_ed25519(der))
    return KeyHandle(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, der.data() + sizeof kEd25519Prefix, 32));
  if (is_plain_p256(der)) return p256_key(der.subspan(kP256PointAt));
  const std::uint8_t* at = der.data();
  KeyHandle key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  return at == der.data() + der.size() ? std::move(key) : nullptr;
}

Bytes spki_of(EVP_PKEY* key) {
  std::uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return {};
  Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

bool set_pss_parameters(EVP_PKEY_CTX* context) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_AUTO) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

// DER INTEGER of an unsigned 32-byte number.
void append_der_integer(Bytes& out, ByteView number) {
  auto first = std::ranges::find_if(number, [](std::uint8_t b) { return b != 0; });
  if (first == number.end()) --first;
  const bool sign_byte = (*first & 0x80) != 0;
  out.push_back(0x02);
  out.push_back(static_cast<std::uint8_t>((number.end() - first) + (sign_byte ? 1 : 0)));
  if (sign_byte) out.push_back(0);
  out.insert(out.end(), first, number.end());
}

Bytes ecdsa_der(ByteView raw64) {
  Bytes body;
  append_der_integer(body, raw64.first(kP256Bytes));
  append_der_integer(body, raw64.last(kP256Bytes));
  Bytes der{0x30, static_cast<std::uint8_t>(body.size())};
  der.insert(der.end(), body.begin(), body.end());
  return der;
}

}  // namespace

struct PublicKey::State {
  KeyHandle key;
  KeyAlgorithm algorithm;
  Bytes spki;
};

std::string_view to_string(KeyAlgorithm algorithm) {
  switch (algorithm) {
    case KeyAlgorithm::kEd25519:
      return "ed25519";
    case KeyAlgorithm::kEcdsaP256:
      return "ecdsa-p256";
    case KeyAlgorithm::kRsaPss:
      return "rsa-pss";
  }
  return "unknown";
}

Result<PublicKey> PublicKey::from_spki(ByteView der) {
  if (der.empty() || der.size() > kSpkiSizeMax)
    return Error(CoreCode::kKeyFormat, "public key is empty or too long");
  KeyHandle key = key_of(der);
  ERR_clear_error();
  if (!key) return Error(CoreCode::kKeyFormat, "not a SubjectPublicKeyInfo");
  ASEPTIC_TRY(const KeyAlgorithm algorithm, allowed_algorithm(key.get()));
  const bool is_canonical = is_plain_ed25519(der) || is_plain_p256(der);
  Bytes spki = is_canonical ? Bytes(der.begin(), der.end()) : spki_of(key.get());
  if (spki.empty()) return Error(CoreCode::kKeyFormat, "public key cannot be encoded");
  return PublicKey(std::make_shared<const State>(State{std::move(key), algorithm, std::move(spki)}));
}

Result<PublicKey> PublicKey::from_pem(std::string_view pem) {
  if (pem.size() > 2 * kSpkiSizeMax) return Error(CoreCode::kKeyFormat, "PEM text is too long");
  BioHandle bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  char* name = nullptr;
  char* header = nullptr;
  std::uint8_t* data = nullptr;
  long size = 0;
  const bool read = bio && PEM_read_bio(bio.get(), &name, &header, &data, &size) == 1;
  ERR_clear_error();
  if (!read) return Error(CoreCode::kKeyFormat, "not a PEM block");
  const bool is_public = std::string_view(name) == "PUBLIC KEY";
  const Bytes der(data, data + size);
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_free(data);
  if (!is_public) return Error(CoreCode::kKeyFormat, "PEM block is not a PUBLIC KEY");
  char* rest = nullptr;
  const long left = BIO_get_mem_data(bio.get(), &rest);
  const std::string_view after(rest, static_cast<std::size_t>(std::max(left, 0L)));
  if (after.find_first_not_of(" \t\r\n") != std::string_view::npos)
    return Error(CoreCode::kKeyFormat, "text after the PEM block");
  return from_spki(der);
}

Result<PublicKey> PublicKey::from_ed25519(ByteView raw32) {
  if (raw32.size() != 32) return Error(CoreCode::kKeyFormat, "an Ed25519 public key has 32 bytes");
  return from_spki(joined(kEd25519Prefix, raw32));
}

Result<PublicKey> PublicKey::from_p256_point(ByteView raw64) {
  if (raw64.size() != 2 * kP256Bytes) return Error(CoreCode::kKeyFormat, "a P-256 point has 64 bytes");
  return from_spki(joined(kP256Prefix, raw64));
}

Result<PublicKey> PublicKey::from_p256_x(ByteView x32) {
  const std::unique_ptr<EC_GROUP, Deleter<EC_GROUP_free>> group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const std::unique_ptr<EC_POINT, Deleter<EC_POINT_free>> point(EC_POINT_new(group.get()));
  const std::uint8_t even = 0x02;
  const Bytes compressed = joined({&even, 1}, x32);
  std::uint8_t whole[1 + 2 * kP256Bytes];
  if (x32.size() != kP256Bytes || EC_POINT_oct2point(group.get(), point.get(), compressed.data(), compressed.size(), nullptr) != 1 ||
      EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, whole, sizeof whole, nullptr) != sizeof whole) {
    ERR_clear_error();
    return Error(CoreCode::kKeyFormat, "no point of P-256 has this x");
  }
  return from_p256_point(ByteView(whole).subspan(1));
}

KeyAlgorithm PublicKey::algorithm() const {
  return state_->algorithm;
}
const Bytes& PublicKey::spki() const {
  return state_->spki;
}
Digest PublicKey::fingerprint() const {
  return sha256(state_->spki);
}

std::string PublicKey::pem() const {
  const std::string base64 = to_base64(state_->spki);
  std::string text = "-----BEGIN PUBLIC KEY-----\n";
  for (std::size_t i = 0; i < base64.size(); i += 64)
    text += base64.substr(i, 64) + "\n";
  return text + "-----END PUBLIC KEY-----\n";
}

Result<Bytes> PublicKey::p256_point() const {
  if (state_->algorithm != KeyAlgorithm::kEcdsaP256) return Error(CoreCode::kKeyAlgorithm, "not a P-256 key");
  std::uint8_t point[65];
  std::size_t size = 0;
  const int got =
      EVP_PKEY_get_octet_string_param(state_->key.get(), OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &size);
  if (got != 1 || size != sizeof point || point[0] != 4)
    return Error(CoreCode::kKeyFormat, "P-256 key is not an uncompressed point");
  return Bytes(point + 1, point + sizeof point);
}

Result<Bytes> PublicKey::ed25519_raw() const {
  if (state_->algorithm != KeyAlgorithm::kEd25519)
    return Error(CoreCode::kKeyAlgorithm, "not an Ed25519 key");
  return Bytes(state_->spki.end() - 32, state_->spki.end());
}

Result<void> PublicKey::verify(ByteView message, ByteView signature) const {
  const DigestHandle context(EVP_MD_CTX_new());
  if (!context) return Error(CoreCode::kCryptoBackend, "out of memory");
  EVP_PKEY_CTX* parameters = nullptr;
  const EVP_MD* const hash = state_->algorithm == KeyAlgorithm::kEd25519 ? nullptr : EVP_sha256();
  bool ready = EVP_DigestVerifyInit(context.get(), &parameters, hash, nullptr, state_->key.get()) == 1;
  if (ready && state_->algorithm == KeyAlgorithm::kRsaPss) ready = set_pss_parameters(parameters);
  if (!ready) return Error(CoreCode::kCryptoBackend, "signature verification cannot start");
  const int verdict =
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size());
  ERR_clear_error();
  if (verdict != 1) return Error(CoreCode::kSignatureInvalid, "signature does not match");
  return {};
}

Result<void> PublicKey::verify_raw(ByteView message, ByteView signature64) const {
  if (state_->algorithm != KeyAlgorithm::kEcdsaP256 || signature64.size() != 2 * kP256Bytes)
    return Error(CoreCode::kSignatureInvalid, "a raw signature is 64 bytes of ECDSA P-256");
  return verify(message, ecdsa_der(signature64));
}

}  // namespace aseptic::core
