// SPDX-License-Identifier: Apache-2.0
// A digest that a verified statement vouches for. Code that writes to a slot takes this type, so that a digest from
// an unverified source cannot reach it.
#pragma once

#include "aseptic/core/hash.h"

namespace aseptic::trust {
class DigestIssuer;  // trust: metadata and statements that were verified
}
namespace aseptic::payload {
class HeaderVerifier;  // payload: a header whose own digest was authenticated
}
namespace aseptic::agent {
class BootReportReader;  // agent: what boot itself measured and confirmed
}

namespace aseptic::core {

class AuthenticatedDigest {
 public:
  [[nodiscard]] const Digest& value() const { return digest_; }
  [[nodiscard]] bool matches(const Digest& measured) const { return digest_ == measured; }

 private:
  friend class ::aseptic::trust::DigestIssuer;
  friend class ::aseptic::payload::HeaderVerifier;
  friend class ::aseptic::agent::BootReportReader;
  explicit AuthenticatedDigest(const Digest& digest) : digest_(digest) {}
  Digest digest_;
};

}  // namespace aseptic::core
