// SPDX-License-Identifier: Apache-2.0
// What an X.509 certificate says about the role of its holder. The chain is verified by TLS; this judges the leaf.
// Used by the HTTP client (is it a server?) and by the fleet server (which device is it?).
//
// Security: roles exclude one another (tls_identity.h). Every SAN URI and the EKU are looked at; a certificate without
// EKU, with both EKUs, or with URIs of two roles is refused, so a device certificate can be neither server nor operator.
// Thread contract: value type, immutable.
#pragma once

#include <string>
#include <vector>

#include "aseptic/core/public_key.h"

namespace aseptic::platform {

class Certificate {
 public:
  static core::Result<Certificate> from_der(core::ByteView der);
  static core::Result<Certificate> from_pem(std::string_view pem);  // the first certificate of the text

  [[nodiscard]] const core::Bytes& der() const { return der_; }
  [[nodiscard]] core::Digest fingerprint() const { return core::sha256(der_); }
  [[nodiscard]] core::Result<core::PublicKey> public_key() const;
  [[nodiscard]] const std::vector<std::string>& uris() const { return uris_; }

  // Refuses unless this is a server certificate with that role URI.
  [[nodiscard]] core::Result<void> require_server(std::string_view role_uri) const;
  // The device id of a device certificate; refuses every other certificate.
  [[nodiscard]] core::Result<std::string> device_id() const;

 private:
  Certificate() = default;
  core::Bytes der_;
  core::Bytes spki_;
  std::vector<std::string> uris_;
  bool server_auth_ = false;
  bool client_auth_ = false;
  bool other_usage_ = false;   // any other EKU, anyExtendedKeyUsage included
  bool is_ca_ = false;
};

}  // namespace aseptic::platform
