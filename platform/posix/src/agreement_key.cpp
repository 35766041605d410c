// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/posix/agreement_key.h"

#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <algorithm>

#include "aseptic/platform/codes.h"
#include "openssl_handles.h"
#include "private_key_file.h"

namespace aseptic::platform {
namespace {

using core::Error;
using core::Result;
using core::SecretKey;

constexpr std::size_t kPointSize = 64;

struct FreeBuild {
  void operator()(OSSL_PARAM_BLD* build) const { OSSL_PARAM_BLD_free(build); }
};
struct FreeParameters {
  // OpenSSL wipes only what lies in its secure heap.
  void operator()(OSSL_PARAM* parameters) const {
    for (OSSL_PARAM* one = parameters; one->key != nullptr; ++one) OPENSSL_cleanse(one->data, one->data_size);
    OSSL_PARAM_free(parameters);
  }
};
struct ClearNumber {
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
};
struct FreeGroup {
  void operator()(EC_GROUP* group) const { EC_GROUP_free(group); }
};
struct FreePoint {
  void operator()(EC_POINT* point) const { EC_POINT_free(point); }
};

Error unusable(const char* what) { return {PlatformCode::kKeyFormat, std::string(what) + " (" + openssl_reason() + ")"}; }

using Encoded = std::array<std::uint8_t, kPointSize + 1>;  // 0x04 ‖ x ‖ y

Result<KeyHandle> key_of(const Encoded& point, const BIGNUM* scalar) {
  const std::unique_ptr<OSSL_PARAM_BLD, FreeBuild> build(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  if (scalar != nullptr) OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar);
  const std::unique_ptr<OSSL_PARAM, FreeParameters> parameters(OSSL_PARAM_BLD_to_param(build.get()));
  const KeyContextHandle context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  const int selection = scalar != nullptr ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
  if (EVP_PKEY_fromdata_init(context.get()) != 1 || EVP_PKEY_fromdata(context.get(), &key, selection, parameters.get()) != 1)
    return unusable("not a P-256 key");
  return KeyHandle(key);
}

Result<KeyHandle> public_key_of(core::ByteView point) {
  if (point.size() != kPointSize) return Error(PlatformCode::kKeyFormat, "a P-256 point has 64 bytes");
  Encoded encoded{4};
  std::ranges::copy(point, encoded.begin() + 1);
  return key_of(encoded, nullptr);  // refuses a point that is not on the curve
}

Result<core::Bytes> point_of(EVP_PKEY* key) {
  Encoded encoded{};
  std::size_t size = 0;
  if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, encoded.data(), encoded.size(), &size) != 1 ||
      size != encoded.size() || encoded[0] != 4)
    return unusable("the key has no uncompressed P-256 point");
  return core::Bytes(encoded.begin() + 1, encoded.end());
}

// The key-encryption key of two parties.
Result<SecretKey> agree(EVP_PKEY* own, EVP_PKEY* peer, core::ByteView info) {
  const KeyContextHandle context(EVP_PKEY_CTX_new(own, nullptr));
  std::array<std::uint8_t, 32> shared{};
  std::size_t size = shared.size();
  const bool good = EVP_PKEY_derive_init(context.get()) == 1 && EVP_PKEY_derive_set_peer(context.get(), peer) == 1 &&
                    EVP_PKEY_derive(context.get(), shared.data(), &size) == 1 && size == shared.size();
  if (!good) return unusable("no agreement with this key");
  SecretKey key = core::hkdf_sha256(shared, info);
  core::wipe(shared);
  return key;
}

bool is_p256(EVP_PKEY* key) {
  std::array<char, 32> name{};
  std::size_t size = 0;
  return EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name.data(), name.size(), &size) == 1 &&
         std::string_view(name.data(), size) == "prime256v1";
}

}  // namespace

struct AgreementKey::State {
  KeyHandle key;
};

AgreementKey::AgreementKey(std::unique_ptr<State> state) : state_(std::move(state)) {}
AgreementKey::~AgreementKey() = default;
AgreementKey::AgreementKey(AgreementKey&&) noexcept = default;
AgreementKey& AgreementKey::operator=(AgreementKey&&) noexcept = default;

Result<AgreementKey> AgreementKey::generate() {
  KeyHandle key(EVP_EC_gen("P-256"));
  if (!key) return unusable("no key could be made");
  return AgreementKey(std::make_unique<State>(State{std::move(key)}));
}

Result<AgreementKey> AgreementKey::from_scalar(const SecretKey& scalar) {
  const std::unique_ptr<EC_GROUP, FreeGroup> group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const std::unique_ptr<BIGNUM, ClearNumber> number(BN_bin2bn(scalar.view().data(), SecretKey::kSize, nullptr));
  if (BN_is_zero(number.get()) || BN_cmp(number.get(), EC_GROUP_get0_order(group.get())) >= 0)
    return Error(PlatformCode::kKeyFormat, "not a scalar of P-256");
  const std::unique_ptr<EC_POINT, FreePoint> point(EC_POINT_new(group.get()));
  Encoded encoded{};
  if (EC_POINT_mul(group.get(), point.get(), number.get(), nullptr, nullptr, nullptr) != 1 ||
      EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, encoded.data(), encoded.size(), nullptr) != encoded.size())
    return unusable("no point for this scalar");
  ASEPTIC_TRY(KeyHandle key, key_of(encoded, number.get()));
  return AgreementKey(std::make_unique<State>(State{std::move(key)}));
}

Result<AgreementKey> AgreementKey::read_pem(const std::string& file) {
  ASEPTIC_TRY(KeyHandle key, read_private_key(AT_FDCWD, file));
  if (!is_p256(key.get())) return Error(PlatformCode::kKeyFormat, file + ": not a P-256 key");
  return AgreementKey(std::make_unique<State>(State{std::move(key)}));
}

Result<void> AgreementKey::write_pem(const std::string& file) const {
  const BioHandle bio(BIO_new(BIO_s_secmem()));
  if (PEM_write_bio_PKCS8PrivateKey(bio.get(), state_->key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return unusable("the key cannot be written");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return Error(PlatformCode::kStorageIo, file + ": cannot be created; a key is never replaced");
  const bool good = ::write(fd, text, static_cast<std::size_t>(size)) == size && ::fsync(fd) == 0;
  ::close(fd);
  if (!good) return Error(PlatformCode::kStorageIo, file + ": cannot be written");
  return {};
}

Result<core::Bytes> AgreementKey::point() const { return point_of(state_->key.get()); }

Result<SecretKey> AgreementKey::scalar() const {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(state_->key.get(), OSSL_PKEY_PARAM_PRIV_KEY, &number) != 1) return unusable("the key has no scalar");
  const std::unique_ptr<BIGNUM, ClearNumber> holder(number);
  SecretKey scalar;
  BN_bn2binpad(number, scalar.span().data(), SecretKey::kSize);
  return scalar;
}

Result<SecretKey> AgreementKey::unwrap(const WrappedKey& key, core::ByteView info) const {
  ASEPTIC_TRY(const KeyHandle peer, public_key_of(key.ephemeral));
  ASEPTIC_TRY(const SecretKey wrapping, agree(state_->key.get(), peer.get(), info));
  auto opened = core::unwrap_key(wrapping, key.wrapped);
  if (!opened) return Error(PlatformCode::kKeyFormat, "this wrapped key is not for this receiver, or it was changed");
  return *std::move(opened);
}

Result<WrappedKey> wrap_for(core::ByteView point, core::ByteView info, const SecretKey& key) {
  ASEPTIC_TRY(const KeyHandle peer, public_key_of(point));
  const KeyHandle ephemeral(EVP_EC_gen("P-256"));
  if (!ephemeral) return unusable("no ephemeral key could be made");
  ASEPTIC_TRY(const SecretKey wrapping, agree(ephemeral.get(), peer.get(), info));
  WrappedKey out;
  ASEPTIC_TRY(out.ephemeral, point_of(ephemeral.get()));
  out.wrapped = core::wrap_key(wrapping, key);
  return out;
}

}  // namespace aseptic::platform
