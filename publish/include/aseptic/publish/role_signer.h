// SPDX-License-Identifier: Apache-2.0
// A key that was admitted to one role. The roles are distinct types, so that code which holds a builder, an online or
// (elsewhere) a director key cannot be made to sign a release: it does not compile.
//
// Called by the `aseptic` command, which admits the key that the operator named, for the role that the file needs.
// Security: admission refuses publicly known keys always, and development keys in the production profile (RB-08).
// Thread contract: one thread at a time, as platform::Signer.
#pragma once

#include "aseptic/platform/signer.h"

namespace aseptic::publish {

enum class Profile : std::uint8_t { kDevelopment, kProduction };

struct RootRole {
  static constexpr std::string_view kName = "root";
};
struct ReleaseRole {  // the TUF role "targets" and offline delegations
  static constexpr std::string_view kName = "release";
};
struct BuilderRole {
  static constexpr std::string_view kName = "builder";
};
struct OnlineRole {  // snapshot, timestamp, payload index
  static constexpr std::string_view kName = "online";
};
struct IssuerRole {  // the private certificate authority
  static constexpr std::string_view kName = "issuer";
};

struct ProvisioningRole {  // the factory: says what one device is
  static constexpr std::string_view kName = "provisioning";
};

template <typename Role>
class RoleSigner {
 public:
  using role = Role;

  static core::Result<RoleSigner> admit(std::unique_ptr<platform::Signer> signer, Profile profile);

  [[nodiscard]] const core::PublicKey& public_key() const { return signer_->public_key(); }
  [[nodiscard]] platform::KeyCustody custody() const { return signer_->custody(); }
  core::Result<core::Bytes> sign(core::ByteView message) { return signer_->sign(message); }
  core::Result<core::Bytes> sign_raw(core::ByteView message) { return signer_->sign_raw(message); }

 private:
  explicit RoleSigner(std::unique_ptr<platform::Signer> signer) : signer_(std::move(signer)) {}
  std::unique_ptr<platform::Signer> signer_;
};

using RootSigner = RoleSigner<RootRole>;
using ReleaseSigner = RoleSigner<ReleaseRole>;
using BuilderSigner = RoleSigner<BuilderRole>;
using OnlineSigner = RoleSigner<OnlineRole>;
using IssuerSigner = RoleSigner<IssuerRole>;
using ProvisioningSigner = RoleSigner<ProvisioningRole>;

// The release role's second key for images: post-quantum, offline. Its own type: it signs images only, and no other key
// can sign in its place.
class ImageReleaseSigner {
 public:
  static core::Result<ImageReleaseSigner> admit(std::unique_ptr<platform::PostQuantumSigner> signer, Profile profile);

  [[nodiscard]] const core::PostQuantumPublicKey& public_key() const { return signer_->public_key(); }
  [[nodiscard]] platform::KeyCustody custody() const { return signer_->custody(); }
  core::Result<core::Bytes> sign(core::ByteView message) { return signer_->sign(message); }

 private:
  explicit ImageReleaseSigner(std::unique_ptr<platform::PostQuantumSigner> signer) : signer_(std::move(signer)) {}
  std::unique_ptr<platform::PostQuantumSigner> signer_;
};

// Refuses a key that may not be used at all (public test key) or not in this profile (development custody).
core::Result<void> check_admissible(const core::PublicKey& key, platform::KeyCustody custody, Profile profile);
// The same for the second key of an image. A published one is refused in production only: the tests' own key signs in development.
core::Result<void> check_admissible(const core::PostQuantumPublicKey& key, platform::KeyCustody custody, Profile profile);

template <typename Role>
core::Result<RoleSigner<Role>> RoleSigner<Role>::admit(std::unique_ptr<platform::Signer> signer, Profile profile) {
  ASEPTIC_TRY_VOID(check_admissible(signer->public_key(), signer->custody(), profile)
                       .within(std::string("the key for the role ") + std::string(Role::kName)));
  return RoleSigner(std::move(signer));
}

}  // namespace aseptic::publish
