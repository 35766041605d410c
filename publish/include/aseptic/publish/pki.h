// SPDX-License-Identifier: Apache-2.0
// A small private X.509 authority: one root certificate, server certificates, device certificates. Certificates only
// say who is at the other end of a connection; they vouch for no content.
//
// Called by `aseptic pki` and by device provisioning. P-256 with SHA-256 everywhere.
// Roles (protocol.md section 6): a server carries EKU serverAuth and the SAN URI urn:aseptic:role:server; a device
// carries EKU clientAuth and urn:aseptic:device:<id>; never both. The authority is name-constrained: it can vouch for
// the DNS names and addresses given at its making, and for nothing else.
// Security: only the issuer's signer can make a certificate; private keys are not seen here.
// Thread contract: pure but for the signer.
#pragma once

#include <chrono>

#include "aseptic/platform/entropy.h"
#include "aseptic/publish/role_signer.h"
#include "aseptic/core/utc_time.h"

namespace aseptic::publish {

struct Validity {
  core::UtcTime from;
  std::chrono::days length{365};
};

struct AuthorityPlan {
  std::string name;                     // common name
  std::vector<std::string> dns_names;   // permitted name spaces: "update.example", "localhost"
  std::vector<std::string> addresses;   // permitted IPv4 addresses, "127.0.0.1"
  Validity validity;
};
struct ServerPlan {
  std::vector<std::string> dns_names;
  std::vector<std::string> addresses;
  Validity validity;
};
struct DevicePlan {
  std::string device_id;
  Validity validity;
};

// Each returns the certificate as PEM.
core::Result<std::string> make_authority(IssuerSigner& issuer, const AuthorityPlan& plan, platform::Entropy& entropy);
core::Result<std::string> make_server_certificate(IssuerSigner& issuer, std::string_view authority_pem,
                                                  const core::PublicKey& server, const ServerPlan& plan, platform::Entropy& entropy);
core::Result<std::string> make_device_certificate(IssuerSigner& issuer, std::string_view authority_pem,
                                                  const core::PublicKey& device, const DevicePlan& plan, platform::Entropy& entropy);

core::Result<void> check_device_id(std::string_view id);

// Subject, validity, key, roles: for people.
core::Result<std::string> describe_certificate(std::string_view pem);

}  // namespace aseptic::publish
