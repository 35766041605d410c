// SPDX-License-Identifier: Apache-2.0
// The authority policy: which statements a device demands. Signed by root, fixed at provisioning; the network cannot
// change it, and a missing required statement is a refusal. Format: docs/formats/authority_policy.md.
// Thread contract: value type.
#pragma once

#include "aseptic/trust/metadata.h"
#include "aseptic/trust/release_manifest.h"

namespace aseptic::trust {

enum class Need : std::uint8_t { kRequired, kNotUsed };

struct AuthorityPolicy {
  std::vector<std::string> critical;
  core::Uuid product;
  std::uint64_t version = 1;
  Need image_repository = Need::kRequired;  // always required
  Need director = Need::kNotUsed;
  Need site = Need::kNotUsed;
  Need log = Need::kNotUsed;
  bool offline_allowed = false;             // a site may arm without a fresh director statement
  std::vector<TufKey> provisioning_keys;    // any one signs provisioning attributes; empty: the device has none
  Unrecognized unrecognized;

  static core::Result<AuthorityPolicy> parse(const core::JsonValue& signed_part);
  [[nodiscard]] core::JsonValue encode() const;  // the `signed` part, with _type
};

inline constexpr std::string_view kAuthorityPolicyType = "aseptic-authority-policy";

// Statements at hand, to be compared with the policy.
struct StatementsPresent {
  bool image_repository = false;
  bool director = false;
  bool site = false;
  bool log = false;
};

core::Result<AuthorityPolicy> verify_authority_policy(core::ByteView file, const Root& root);

// The policy as a device holds it: signed by the root file that was provisioned with it. A later rotation of root's keys
// leaves it valid, and a later root cannot replace it.
core::Result<AuthorityPolicy> verify_provisioned_policy(core::ByteView file, core::ByteView provisioned_root);
core::Result<void> check_statements(const AuthorityPolicy& policy, const StatementsPresent& present);

}  // namespace aseptic::trust
