// SPDX-License-Identifier: Apache-2.0
// What the benches of payloads share: a slot image around any file, digests without metadata, an end with one sentence.
#pragma once

#include <string>

#include "aseptic/core/authenticated_digest.h"
#include "aseptic/core/result.h"

// The bench has no metadata: it issues the digests that it has just made.
namespace aseptic::trust {
class DigestIssuer {
 public:
  static core::AuthenticatedDigest issue(const core::Digest& digest) { return core::AuthenticatedDigest(digest); }
  static core::AuthenticatedDigest issue(const std::string& hex);
};
}  // namespace aseptic::trust

namespace aseptic::bench {

[[noreturn]] void fail(const std::string& why);

template <typename T>
T value_of(core::Result<T> result) {
  if (!result) fail(result.error().sentence());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

// `source`, filled up to whole blocks, as the one tree-verified region of a slot image; zero blocks stay holes. Its signatures
// are no signatures: nobody verifies them here.
void write_slot_image(const std::string& source, const std::string& target);

}  // namespace aseptic::bench
