// SPDX-License-Identifier: Apache-2.0
// The key that signs a processor's boot reports, as the factory certified it: a statement by a provisioning key of the authority
// policy that binds device, component, boot stage, life cycle and key. Format: docs/formats/boot_key.md.
//
// Called where a boot report is believed: agent (a component's), fleet (what a device forwards), publish (`aseptic device check`).
// Made by publish (`aseptic boot provision`).
// Security: SECURITY(T-56) a key that nobody certified, or that was certified for another device, boot stage or life cycle, signs
// nothing that is believed. Only a device whose policy names no provisioning key (development) may list a bare key.
// Thread contract: value types and pure functions.
#pragma once

#include "aseptic/trust/authority_policy.h"

namespace aseptic::trust {

struct BootKeyStatement {
  std::vector<std::string> critical;
  std::string device;         // device id, as in certificate and reports: of the whole device, not of the component
  core::Uuid product;
  core::Uuid component;
  core::Uuid boot_id;         // the device id that this boot writes into its reports
  core::Digest boot_digest;   // of the boot stage that the key was derived with
  std::string life_cycle;     // "dev" or "prod"; the debug port is closed in either
  core::Bytes key;            // SubjectPublicKeyInfo, P-256
  Unrecognized unrecognized;

  static core::Result<BootKeyStatement> parse(const core::JsonValue& signed_part);
  [[nodiscard]] core::JsonValue encode() const;  // the `signed` part, with _type
  bool operator==(const BootKeyStatement&) const = default;
};

inline constexpr std::string_view kBootKeyType = "aseptic-boot-key";

// A key that boot reports may be judged by.
class BootKey {
 public:
  // Binds the signature to this key and nothing else. For a device whose policy names no provisioning key.
  static BootKey listed(core::PublicKey key) { return BootKey(std::move(key), std::nullopt, {}); }

  [[nodiscard]] const core::PublicKey& key() const { return key_; }
  [[nodiscard]] const std::optional<BootKeyStatement>& statement() const { return statement_; }  // none: only listed
  [[nodiscard]] const std::string& file() const { return file_; }  // the statement as signed, to be forwarded; empty: only listed

 private:
  friend core::Result<BootKey> verify_boot_key(core::ByteView file, const AuthorityPolicy& policy, std::string_view device);
  BootKey(core::PublicKey key, std::optional<BootKeyStatement> statement, std::string file)
      : key_(std::move(key)), statement_(std::move(statement)), file_(std::move(file)) {}
  core::PublicKey key_;
  std::optional<BootKeyStatement> statement_;
  std::string file_;
};

// Signed by one of the policy's provisioning keys, for this device and the policy's product.
core::Result<BootKey> verify_boot_key(core::ByteView file, const AuthorityPolicy& policy, std::string_view device);

}  // namespace aseptic::trust
