// SPDX-License-Identifier: Apache-2.0
// Who we are and whom we believe in a TLS session. Used by the HTTP client and, with the roles swapped, by the server.
//
// Security: anchors are the PEM certificates given here and nothing else: the system store, SSL_CERT_FILE and
// SSL_CERT_DIR are never read (ID-04). TLS 1.3 only, no resumption, so every session checks both certificates
// (ID-02). Certificate time is judged at max(clock, time_floor), so a reset RTC can neither lock the device out for
// good nor make an expired certificate good again (protocol.md section 5).
// Roles: a server certificate must carry EKU serverAuth and the SAN URI kServerRoleUri; a device certificate must
// carry EKU clientAuth and a SAN URI kDeviceRolePrefix + device id. A certificate with both EKUs or both kinds of
// URI is refused: a device can never be a server. The EKU must be present; absence means "anything" in X.509.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "aseptic/core/utc_time.h"
#include "aseptic/core/bytes.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY, held by reference only

namespace aseptic::platform {

inline constexpr std::string_view kServerRoleUri = "urn:aseptic:role:server";
inline constexpr std::string_view kDeviceRolePrefix = "urn:aseptic:device:";

// A private key that TLS may use: a file today, a TPM or token behind an OpenSSL provider later.
class TlsKey {
 public:
  virtual ~TlsKey() = default;
  // Stays owned by this object.
  [[nodiscard]] virtual evp_pkey_st* handle() const = 0;
};

// A development key: PEM file that neither group nor others may access.
core::Result<std::shared_ptr<TlsKey>> load_tls_key(const std::string& pem_file);

struct TlsIdentity {
  std::string anchors_pem;               // one or more certificates; required
  std::string certificate_chain_pem;     // own certificate first; empty = no client certificate
  std::shared_ptr<TlsKey> key;           // required with certificate_chain_pem
  std::string server_role_uri{kServerRoleUri};  // SAN URI the server must carry
  core::UtcTime time_floor{};            // see protocol.md section 5; 0 = only the clock
};

}  // namespace aseptic::platform
