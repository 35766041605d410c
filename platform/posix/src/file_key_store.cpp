// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/posix/file_key_store.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "aseptic/platform/posix/posix_storage.h"
#include "posix_files.h"
#include "private_key_file.h"

namespace aseptic::platform {
namespace {

using core::Error;
using core::KeyAlgorithm;
using core::Result;

constexpr std::size_t kLabelBytesMax = 64;
constexpr int kRsaBits = 3072;
constexpr int kPssSaltBytes = 32;
constexpr std::string_view kSuffix = ".pem";

bool label_is_valid(std::string_view label) {
  return !label.empty() && label.size() <= kLabelBytesMax && label.front() != '.' &&
         std::ranges::all_of(label, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
         });
}

Result<std::string> file_of(std::string_view label) {
  if (!label_is_valid(label))
    return Error(PlatformCode::kNameRefused,
                 "the key label \"" + std::string(label) + "\" is not allowed; use up to 64 of a-z 0-9 . _ -");
  return std::string(label) + std::string(kSuffix);
}

KeyHandle generate(KeyAlgorithm algorithm) {
  switch (algorithm) {
    case KeyAlgorithm::kEd25519: return KeyHandle(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    case KeyAlgorithm::kEcdsaP256: return KeyHandle(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    case KeyAlgorithm::kRsaPss: return KeyHandle(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(kRsaBits)));
  }
  return nullptr;
}

Result<core::PublicKey> public_half(EVP_PKEY* key) {
  std::uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return Error(PlatformCode::kKeyFormat, "the public half of the key cannot be encoded");
  const core::Bytes spki(der, der + size);
  OPENSSL_free(der);
  return core::PublicKey::from_spki(spki);
}

class FileSigner : public Signer {
 public:
  FileSigner(KeyHandle key, core::PublicKey public_key) : key_(std::move(key)), public_key_(std::move(public_key)) {}

  [[nodiscard]] const core::PublicKey& public_key() const override { return public_key_; }
  [[nodiscard]] KeyCustody custody() const override { return KeyCustody::kDevelopmentFile; }
  Result<core::Bytes> sign(core::ByteView message) override;
  Result<core::Bytes> sign_raw(core::ByteView message) override;

 private:
  KeyHandle key_;
  core::PublicKey public_key_;
};

bool prepare(EVP_MD_CTX* context, EVP_PKEY* key, KeyAlgorithm algorithm) {
  EVP_PKEY_CTX* parameters = nullptr;
  const EVP_MD* digest = algorithm == KeyAlgorithm::kEd25519 ? nullptr : EVP_sha256();
  if (EVP_DigestSignInit(context, &parameters, digest, nullptr, key) != 1) return false;
  if (algorithm != KeyAlgorithm::kRsaPss) return true;
  return EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, kPssSaltBytes) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(parameters, EVP_sha256()) == 1;
}

Result<core::Bytes> FileSigner::sign(core::ByteView message) {
  const Error failed(PlatformCode::kSignerUnavailable, "the development key could not sign");
  const DigestContextHandle context(EVP_MD_CTX_new());
  if (!context || !prepare(context.get(), key_.get(), public_key_.algorithm())) return failed;
  std::size_t size = 0;
  if (EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) != 1) return failed;
  core::Bytes signature(size);
  if (EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1) return failed;
  signature.resize(size);
  return signature;
}

struct EcdsaFree {
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};

Result<core::Bytes> FileSigner::sign_raw(core::ByteView message) {
  if (public_key_.algorithm() != KeyAlgorithm::kEcdsaP256)
    return Error(PlatformCode::kSignerUnavailable, "raw signatures exist only for ECDSA P-256 keys");
  ASEPTIC_TRY(const core::Bytes der, sign(message));
  const std::uint8_t* cursor = der.data();
  const std::unique_ptr<ECDSA_SIG, EcdsaFree> parts(d2i_ECDSA_SIG(nullptr, &cursor, static_cast<long>(der.size())));
  core::Bytes raw(64);
  if (!parts || BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), raw.data(), 32) != 32 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), raw.data() + 32, 32) != 32)
    return Error(PlatformCode::kSignerUnavailable, "the development key gave a signature that cannot be read");
  return raw;
}

Result<core::Bytes> private_pem(EVP_PKEY* key) {
  const BioHandle bio(BIO_new(BIO_s_secmem()));
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return Error(PlatformCode::kKeyFormat, "the new key cannot be encoded");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return core::Bytes(text, text + size);
}

}  // namespace

struct FileKeyStore::State {
  std::string path;
  UniqueFd directory;
  std::unique_ptr<PosixStorage> storage;
};

Result<std::unique_ptr<FileKeyStore>> FileKeyStore::open_directory(const std::string& directory) {
  auto state = std::make_unique<State>();
  state->path = directory;
  ASEPTIC_TRY(state->storage, PosixStorage::open(directory, {.missing = PosixStorage::Missing::kCreate}));
  state->directory = UniqueFd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!state->directory.is_open()) return errno_error("open key directory", directory);
  return std::unique_ptr<FileKeyStore>(new FileKeyStore(std::move(state)));
}

FileKeyStore::FileKeyStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
FileKeyStore::~FileKeyStore() = default;

Result<std::unique_ptr<Signer>> FileKeyStore::create(std::string_view label, KeyAlgorithm algorithm) {
  ASEPTIC_TRY(const std::string file, file_of(label));
  if (::faccessat(state_->directory.get(), file.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
    return Error(PlatformCode::kNameRefused, "a key named " + std::string(label) + " exists in " + state_->path +
                                                 " already; keys are never replaced, choose another label");
  const KeyHandle key = generate(algorithm);
  if (!key) return Error(PlatformCode::kSignerUnavailable, "no key could be made: " + openssl_reason());
  ASEPTIC_TRY(core::Bytes pem, private_pem(key.get()));
  auto stored = state_->storage->replace(file, pem);
  OPENSSL_cleanse(pem.data(), pem.size());
  if (!stored) return std::move(stored).error();
  return open(label);
}

Result<std::unique_ptr<Signer>> FileKeyStore::open(std::string_view label) {
  ASEPTIC_TRY(const std::string file, file_of(label));
  ASEPTIC_TRY(KeyHandle key, read_private_key(state_->directory.get(), file));
  auto public_key = public_half(key.get()).within("key " + file);
  if (!public_key) return std::move(public_key).error();
  return std::unique_ptr<Signer>(std::make_unique<FileSigner>(std::move(key), *std::move(public_key)));
}

Result<std::vector<std::string>> FileKeyStore::labels() {
  ASEPTIC_TRY(const std::vector<std::string> files, state_->storage->list(""));
  std::vector<std::string> labels;
  for (const auto& file : files)
    if (file.ends_with(kSuffix)) labels.push_back(file.substr(0, file.size() - kSuffix.size()));
  return labels;
}

Result<std::shared_ptr<TlsKey>> FileKeyStore::tls_key(std::string_view label) {
  ASEPTIC_TRY(const std::string file, file_of(label));
  return load_tls_key(state_->path + "/" + file);
}

}  // namespace aseptic::platform
