// SPDX-License-Identifier: Apache-2.0
// What all statements share: strict canonical JSON, `format`, `critical`, unknown fields kept.
//
// Two kinds. TUF targets (channel, release manifest, payload index): the file is the canonical JSON itself and TUF
// metadata vouches for its bytes. Signed statements (authority policy, director, tokens, reports): the envelope of
// envelope.h with `signed._type` naming the kind, so that no signature can be taken for another kind's.
// Rules for both: canonical bytes only (one value has one encoding), no control characters in strings, no floats,
// and a name in `critical` that this version does not know is a refusal (MF-08).
// Thread contract: pure functions.
#pragma once

#include "aseptic/core/uuid.h"
#include "aseptic/trust/envelope.h"

namespace aseptic::trust {

// The statement at this level carries fields this version does not know; they are kept and written again.
using Unrecognized = core::JsonObject;

// The authority of one key alone, for statements of devices and servers.
class SingleKeyAuthority {
 public:
  SingleKeyAuthority(std::string role, const core::PublicKey& key);
  [[nodiscard]] RoleAuthority authority() const { return {role_, &keys_, &role_keys_}; }

 private:
  std::string role_;
  KeyMap keys_;
  RoleKeys role_keys_;
};

// The key id under which a single key signs: the hexadecimal fingerprint of its SPKI.
KeyId single_key_id(const core::PublicKey& key);

// Checks the threshold, then `_type`; returns the signed part.
core::Result<core::JsonValue> open_statement(core::ByteView file, std::string_view type, const RoleAuthority& authority,
                                             std::size_t bytes_max);

// Device and log names: 1 to 64 characters of [A-Za-z0-9._-], not starting with a dot.
core::Result<void> check_identifier(std::string_view text, std::string_view what);

}  // namespace aseptic::trust
