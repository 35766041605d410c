// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/hash_keys.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "aseptic/publish/codes.h"
#include "aseptic/publish/slh_dsa.h"

namespace aseptic::publish {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSlhDsaSuffix = ".slh", kLmsSuffix = ".lms";
constexpr std::uint64_t kLmsFileMax = 64u << 10;
// PrivateKeyInfo up to the 64 bytes: SEQUENCE { 0, SEQUENCE { id-slh-dsa-sha2-128s }, OCTET STRING } (RFC 9909).
constexpr std::uint8_t kPrivatePrefix[] = {0x30, 0x52, 0x02, 0x01, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86,
                                           0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x14, 0x04, 0x40};

class SlhDsaFileSigner final : public platform::PostQuantumSigner {
 public:
  SlhDsaFileSigner(SlhDsaKey key, core::PostQuantumPublicKey public_key, platform::Entropy& entropy, SigningProgress progress)
      : key_(std::move(key)), public_key_(std::move(public_key)), entropy_(entropy), progress_(std::move(progress)) {}

  [[nodiscard]] const core::PostQuantumPublicKey& public_key() const override { return public_key_; }
  [[nodiscard]] platform::KeyCustody custody() const override { return platform::KeyCustody::kDevelopmentFile; }
  core::Result<core::Bytes> sign(core::ByteView message) override {
    std::array<std::uint8_t, 16> randomizer{};
    entropy_.fill(randomizer);  // hedged: a fault in one signing does not meet the same tree twice
    return sign_slh_dsa(key_, message, {.randomizer = randomizer, .progress = progress_});
  }

 private:
  SlhDsaKey key_;
  core::PostQuantumPublicKey public_key_;
  platform::Entropy& entropy_;
  SigningProgress progress_;
};

// An LMS signer with the witness that it asks.
class LmsFileSigner final : public platform::PostQuantumSigner {
 public:
  static core::Result<std::unique_ptr<platform::PostQuantumSigner>> start(LmsKey key, platform::Storage& state, platform::Storage& second,
                                                                           platform::Entropy& entropy) {
    auto witness = std::make_unique<StorageWitness>(second, core::sha256(key.public_bytes()));
    ASEPTIC_TRY(std::unique_ptr<LmsSigner> signer, LmsSigner::start(std::move(key), state, witness.get(), entropy));
    return std::unique_ptr<platform::PostQuantumSigner>(new LmsFileSigner(std::move(witness), std::move(signer)));
  }
  [[nodiscard]] const core::PostQuantumPublicKey& public_key() const override { return signer_->public_key(); }
  [[nodiscard]] platform::KeyCustody custody() const override { return signer_->custody(); }
  core::Result<core::Bytes> sign(core::ByteView message) override { return signer_->sign(message); }

 private:
  LmsFileSigner(std::unique_ptr<StorageWitness> witness, std::unique_ptr<LmsSigner> signer)
      : witness_(std::move(witness)), signer_(std::move(signer)) {}
  std::unique_ptr<StorageWitness> witness_;
  std::unique_ptr<LmsSigner> signer_;
};

core::Result<Path> file_of(const Path& folder, const std::string& label, std::string_view suffix) {
  const bool allowed = !label.empty() && label.size() <= 64 && label.front() != '.' && std::ranges::all_of(label, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
  if (!allowed) return core::Error(PublishCode::kInput, "the key label \"" + label + "\" is not allowed; use up to 64 of a-z 0-9 . _ -");
  return folder / (label + std::string(suffix));
}

core::Result<void> check_private(const Path& file) {
  std::error_code error;
  const fs::perms others = fs::status(file, error).permissions() & (fs::perms::group_all | fs::perms::others_all);
  if (error) return core::Error(PublishCode::kFileIo, "cannot read " + file.string() + ": " + error.message());
  if (others != fs::perms::none)
    return core::Error(PublishCode::kFileIo, file.string() + ": others may access this file; replace the key, and keep key files at mode 0600");
  return {};
}

bool is_there(const core::Result<Path>& file) {
  std::error_code ignored;
  return file && fs::is_regular_file(*file, ignored);
}

}  // namespace

bool HashKeyFolder::has_slh_dsa(const std::string& label) const { return is_there(file_of(folder_, label, kSlhDsaSuffix)); }
bool HashKeyFolder::has_lms(const std::string& label) const { return is_there(file_of(folder_, label, kLmsSuffix)); }

std::vector<std::string> HashKeyFolder::labels() const {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored))
    if (entry.path().extension() == kSlhDsaSuffix || entry.path().extension() == kLmsSuffix) found.push_back(entry.path().stem().string());
  std::ranges::sort(found);
  return found;
}

core::Result<void> HashKeyFolder::check_free(const std::string& label) const {
  for (const std::string_view suffix : {kSlhDsaSuffix, kLmsSuffix, std::string_view(".pem")}) {
    ASEPTIC_TRY(const Path file, file_of(folder_, label, suffix));
    std::error_code ignored;
    if (fs::exists(file, ignored))
      return core::Error(PublishCode::kInput, "a key named " + label + " exists in " + folder_.string() + " already; keys are never replaced, choose another label");
  }
  return {};
}

core::Result<std::unique_ptr<platform::PostQuantumSigner>> HashKeyFolder::create_slh_dsa(const std::string& label) {
  ASEPTIC_TRY(const Path file, file_of(folder_, label, kSlhDsaSuffix));
  ASEPTIC_TRY_VOID(check_free(label));
  std::array<std::uint8_t, 48> seeds{};
  entropy_.fill(seeds);
  const SlhDsaKey key = SlhDsaKey::from_seeds(seeds);
  OPENSSL_cleanse(seeds.data(), seeds.size());
  core::Bytes der(std::begin(kPrivatePrefix), std::end(kPrivatePrefix));
  der.insert(der.end(), key.private_bytes().begin(), key.private_bytes().end());
  std::string pem = core::to_pem("PRIVATE KEY", der);
  ASEPTIC_TRY_VOID(make_folders(folder_));
  const auto written = write_secret_file(file, core::as_bytes(pem));
  OPENSSL_cleanse(der.data(), der.size());
  OPENSSL_cleanse(pem.data(), pem.size());
  if (!written) return written.error();
  return open_slh_dsa(label);
}

core::Result<std::unique_ptr<platform::PostQuantumSigner>> HashKeyFolder::open_slh_dsa(const std::string& label) {
  ASEPTIC_TRY(const Path file, file_of(folder_, label, kSlhDsaSuffix));
  ASEPTIC_TRY_VOID(check_private(file));
  ASEPTIC_TRY(core::Bytes pem, read_file(file, 4096));
  auto der = core::from_pem("PRIVATE KEY", core::as_text(pem));
  OPENSSL_cleanse(pem.data(), pem.size());
  const core::Error wrong(PublishCode::kInput, file.string() + " is not an SLH-DSA-SHA2-128s private key");
  if (!der || der->size() != sizeof kPrivatePrefix + kSlhDsaPrivateBytes || !std::equal(std::begin(kPrivatePrefix), std::end(kPrivatePrefix), der->begin()))
    return wrong;
  auto key = SlhDsaKey::from_private_bytes(core::ByteView(*der).subspan(sizeof kPrivatePrefix));
  OPENSSL_cleanse(der->data(), der->size());
  if (!key) return std::move(key).error().within(file.string());
  ASEPTIC_TRY(core::PostQuantumPublicKey public_key,
              core::PostQuantumPublicKey::from_raw(core::PostQuantumAlgorithm::kSlhDsaSha2_128s, key->public_bytes()));
  return std::unique_ptr<platform::PostQuantumSigner>(
      std::make_unique<SlhDsaFileSigner>(*std::move(key), std::move(public_key), entropy_, progress_));
}

core::Result<core::PostQuantumPublicKey> HashKeyFolder::create_lms(const std::string& label, LmsShape shape, platform::Storage& witness) {
  ASEPTIC_TRY(const Path file, file_of(folder_, label, kLmsSuffix));
  ASEPTIC_TRY_VOID(check_free(label));
  std::array<std::uint8_t, 16> identifier{};
  std::array<std::uint8_t, 32> seed{};
  entropy_.fill(identifier);
  entropy_.fill(seed);
  auto key = LmsKey::make(shape, identifier, seed, progress_);
  OPENSSL_cleanse(seed.data(), seed.size());
  if (!key) return key.error();
  ASEPTIC_TRY(core::PostQuantumPublicKey public_key,
              core::PostQuantumPublicKey::from_raw(core::PostQuantumAlgorithm::kLmsSha256, key->public_bytes()));
  // DURABILITY: the witness first. A cut leaves one that no key belongs to, never a key that could get a second witness.
  ASEPTIC_TRY_VOID(StorageWitness(witness, public_key.key_id()).create());
  ASEPTIC_TRY_VOID(make_folders(folder_));
  core::Bytes bytes = key->encode();
  const auto written = write_secret_file(file, bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  if (!written) return written.error();
  return public_key;
}

core::Result<LmsKey> HashKeyFolder::read_lms(const std::string& label) const {
  ASEPTIC_TRY(const Path file, file_of(folder_, label, kLmsSuffix));
  ASEPTIC_TRY_VOID(check_private(file));
  ASEPTIC_TRY(core::Bytes bytes, read_file(file, kLmsFileMax));
  auto key = LmsKey::decode(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return std::move(key).within(file.string());
}

core::Result<std::unique_ptr<platform::PostQuantumSigner>> HashKeyFolder::open_lms(const std::string& label, platform::Storage& state,
                                                                                   platform::Storage* witness) {
  ASEPTIC_TRY(LmsKey key, read_lms(label));
  if (!witness) return LmsIndexes::open(state, nullptr, core::sha256(key.public_bytes()), key.capacity()).error();
  return LmsFileSigner::start(std::move(key), state, *witness, entropy_);
}

core::Result<LmsKeyState> HashKeyFolder::lms_state(const std::string& label, platform::Storage& state, platform::Storage* witness) const {
  ASEPTIC_TRY(const LmsKey key, read_lms(label));
  ASEPTIC_TRY(core::PostQuantumPublicKey public_key,
              core::PostQuantumPublicKey::from_raw(core::PostQuantumAlgorithm::kLmsSha256, key.public_bytes()));
  LmsKeyState found{std::move(public_key), key.capacity()};
  const core::Digest key_id = found.public_key.key_id();
  if (!witness) {
    ASEPTIC_TRY(found.left, LmsIndexes::left_at_most(state, key_id, found.capacity));
    return found;
  }
  StorageWitness second(*witness, key_id);
  ASEPTIC_TRY(LmsIndexes indexes, LmsIndexes::open(state, &second, key_id, found.capacity));
  ASEPTIC_TRY(found.left, indexes.left());
  found.is_witnessed = true;
  return found;
}

}  // namespace aseptic::publish
