// SPDX-License-Identifier: Apache-2.0
#include "private_key_file.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include "aseptic/platform/posix/tls_identity.h"
#include "posix_files.h"

namespace aseptic::platform {
namespace {

constexpr std::uint64_t kKeyFileBytesMax = 16384;  // an RSA-8192 PKCS#8 PEM has 6,400

// An encrypted key must fail, not ask on the terminal.
int no_pass_phrase(char*, int, int, void*) { return -1; }

class OwnedTlsKey : public TlsKey {
 public:
  explicit OwnedTlsKey(KeyHandle key) : key_(std::move(key)) {}
  [[nodiscard]] evp_pkey_st* handle() const override { return key_.get(); }

 private:
  KeyHandle key_;
};

}  // namespace

core::Result<KeyHandle> read_private_key(int directory, const std::string& name) {
  const UniqueFd file = open_at(directory, name, O_RDONLY | O_NONBLOCK);
  if (!file.is_open()) return errno_error("open key", name);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return errno_error("open key", name);
  if ((status.st_mode & 0077) != 0)
    return core::Error(PlatformCode::kStoragePermission,
                       "key " + name + ": others may access this file; replace the key, and keep key files at mode 0600");
  ASEPTIC_TRY(core::Bytes pem, read_regular(file.get(), kKeyFileBytesMax, name));
  const BioHandle bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  KeyHandle key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_pass_phrase, nullptr));
  OPENSSL_cleanse(pem.data(), pem.size());
  if (!key)
    return core::Error(PlatformCode::kKeyFormat, "key " + name + ": it is not an unencrypted PEM private key (" + openssl_reason() + ")");
  return key;
}

core::Result<std::shared_ptr<TlsKey>> load_tls_key(const std::string& pem_file) {
  ASEPTIC_TRY(KeyHandle key, read_private_key(AT_FDCWD, pem_file));
  return std::shared_ptr<TlsKey>(std::make_shared<OwnedTlsKey>(std::move(key)));
}

}  // namespace aseptic::platform
