// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/posix/certificate.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "aseptic/platform/codes.h"
#include "aseptic/platform/posix/tls_identity.h"
#include "openssl_handles.h"

namespace aseptic::platform {
namespace {

using core::Error;
using core::Result;

constexpr std::size_t kDeviceIdBytesMax = 128;

Error refused(std::string why) { return {PlatformCode::kNetTls, "the certificate is refused: " + std::move(why)}; }

using NamesHandle = std::unique_ptr<GENERAL_NAMES, OpensslFree<GENERAL_NAMES_free>>;
using UsageHandle = std::unique_ptr<EXTENDED_KEY_USAGE, OpensslFree<EXTENDED_KEY_USAGE_free>>;

bool is_device_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

}  // namespace

Result<Certificate> Certificate::from_der(core::ByteView der) {
  const std::uint8_t* cursor = der.data();
  const CertificateHandle parsed(d2i_X509(nullptr, &cursor, static_cast<long>(der.size())));
  if (!parsed || cursor != der.data() + der.size()) return refused("it cannot be read (" + openssl_reason() + ")");
  Certificate certificate;
  certificate.der_.assign(der.begin(), der.end());
  certificate.is_ca_ = X509_check_ca(parsed.get()) != 0;

  std::uint8_t* spki = nullptr;
  const int spki_size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(parsed.get()), &spki);
  if (spki_size <= 0) return refused("its key cannot be read");
  certificate.spki_.assign(spki, spki + spki_size);
  OPENSSL_free(spki);

  const NamesHandle names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(parsed.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* text = name->d.uniformResourceIdentifier;
    certificate.uris_.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                                   static_cast<std::size_t>(ASN1_STRING_length(text)));
  }
  const UsageHandle usages(static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(parsed.get(), NID_ext_key_usage, nullptr, nullptr)));
  for (int i = 0; usages && i < sk_ASN1_OBJECT_num(usages.get()); ++i) {
    const int usage = OBJ_obj2nid(sk_ASN1_OBJECT_value(usages.get(), i));
    if (usage == NID_server_auth) certificate.server_auth_ = true;
    else if (usage == NID_client_auth) certificate.client_auth_ = true;
    else certificate.other_usage_ = true;
  }
  return certificate;
}

Result<Certificate> Certificate::from_pem(std::string_view pem) {
  const BioHandle bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const CertificateHandle parsed(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!parsed) return refused("it is not PEM (" + openssl_reason() + ")");
  std::uint8_t* der = nullptr;
  const int size = i2d_X509(parsed.get(), &der);
  if (size <= 0) return refused("it cannot be read");
  const core::Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return from_der(bytes);
}

Result<core::PublicKey> Certificate::public_key() const { return core::PublicKey::from_spki(spki_); }

// SECURITY(T-28): a valid chain is not enough; the leaf must have been issued for exactly this role.
Result<void> Certificate::require_server(std::string_view role_uri) const {
  if (is_ca_) return refused("it is the certificate of an authority, not of a server");
  if (!server_auth_ || client_auth_ || other_usage_) return refused("it was not issued for a server alone (extended key usage)");
  if (uris_.size() != 1 || uris_.front() != role_uri)
    return refused("it does not carry the server role " + std::string(role_uri) + " and nothing else");
  return {};
}

Result<std::string> Certificate::device_id() const {
  if (is_ca_) return refused("it is the certificate of an authority, not of a device");
  if (!client_auth_ || server_auth_ || other_usage_) return refused("it was not issued for a device alone (extended key usage)");
  if (uris_.size() != 1 || !uris_.front().starts_with(kDeviceRolePrefix))
    return refused("it does not carry the device role " + std::string(kDeviceRolePrefix) + "<id> and nothing else");
  std::string id = uris_.front().substr(kDeviceRolePrefix.size());
  if (id.empty() || id.size() > kDeviceIdBytesMax || !std::ranges::all_of(id, is_device_id_character))
    return refused("its device id is not well formed");
  return id;
}

}  // namespace aseptic::platform
