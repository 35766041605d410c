// SPDX-License-Identifier: Apache-2.0
// The signed envelope {"signatures": [{"keyid", "sig"}], "signed": {...}} of TUF metadata and of signed statements,
// and the one function that decides whether enough distinct keys signed it.
//
// Called by TrustedMetadata, TargetSearch and the statement verifiers; publish uses the writing half.
// Security: signatures cover the OLPC canonical form of `signed`, computed once per file. Duplicate signatures are
// refused, unknown key ids and unknown key types are ignored, and the threshold counts distinct public keys.
// Thread contract: value types and pure functions.
#pragma once

#include "aseptic/trust/tuf_key.h"

namespace aseptic::trust {

struct Signature {
  KeyId keyid;
  core::Bytes value;  // hexadecimal in the file; may be empty (an unsigned placeholder), which never counts

  bool operator==(const Signature&) const = default;
};

// What verification needs of a file: no tree of the signed part.
struct SignedFile {
  std::vector<Signature> signatures;
  std::string signed_bytes;  // canonical form of `signed`

  static core::Result<SignedFile> parse(core::ByteView file, std::size_t bytes_max);
};

// The file was signed by at least `threshold` distinct public keys of the role. Returns the fingerprints (SHA-256 of
// the SPKI) of the keys that did, in the order of the signatures.
core::Result<std::vector<core::Digest>> verify_signatures(const SignedFile& file, const RoleAuthority& authority);

// A file as a publisher handles it: everything kept.
struct Envelope {
  std::vector<Signature> signatures;
  core::JsonValue signed_part;
  core::JsonObject unrecognized;

  static core::Result<Envelope> parse(core::ByteView file, std::size_t bytes_max);
  [[nodiscard]] std::string signed_bytes() const;  // what to sign
  void set_signature(Signature signature);         // replaces one by the same key id
  [[nodiscard]] std::string encode() const;        // canonical-ordered JSON text for the file, valid JSON
};

}  // namespace aseptic::trust
