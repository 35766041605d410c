// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/hash_keys.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "aseptic/publish/codes.h"
#include "aseptic/publish/slh_dsa.h"

namespace aseptic::publish {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".slh";
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

core::Result<Path> file_of(const Path& folder, const std::string& label) {
  const bool allowed = !label.empty() && label.size() <= 64 && label.front() != '.' && std::ranges::all_of(label, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
  if (!allowed) return core::Error(PublishCode::kInput, "the key label \"" + label + "\" is not allowed; use up to 64 of a-z 0-9 . _ -");
  return folder / (label + std::string(kSuffix));
}

core::Result<void> check_private(const Path& file) {
  std::error_code error;
  const fs::perms others = fs::status(file, error).permissions() & (fs::perms::group_all | fs::perms::others_all);
  if (error) return core::Error(PublishCode::kFileIo, "cannot read " + file.string() + ": " + error.message());
  if (others != fs::perms::none)
    return core::Error(PublishCode::kFileIo, file.string() + ": others may access this file; replace the key, and keep key files at mode 0600");
  return {};
}

}  // namespace

bool HashKeyFolder::has_slh_dsa(const std::string& label) const {
  const auto file = file_of(folder_, label);
  std::error_code ignored;
  return file && fs::is_regular_file(*file, ignored);
}

std::vector<std::string> HashKeyFolder::labels() const {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored))
    if (entry.path().extension() == kSuffix) found.push_back(entry.path().stem().string());
  std::ranges::sort(found);
  return found;
}

core::Result<std::unique_ptr<platform::PostQuantumSigner>> HashKeyFolder::create_slh_dsa(const std::string& label) {
  ASEPTIC_TRY(const Path file, file_of(folder_, label));
  std::error_code ignored;
  if (fs::exists(file, ignored) || fs::exists(folder_ / (label + ".pem"), ignored))
    return core::Error(PublishCode::kInput, "a key named " + label + " exists in " + folder_.string() + " already; keys are never replaced, choose another label");
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
  ASEPTIC_TRY(const Path file, file_of(folder_, label));
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

}  // namespace aseptic::publish
