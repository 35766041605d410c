// SPDX-License-Identifier: Apache-2.0
#include "role_file.h"

#include "object_reader.h"

namespace aseptic::trust {

core::Result<void> check_hashes(const Hashes& hashes, core::ByteView bytes, std::string_view what) {
  if (hashes.sha256 && *hashes.sha256 != core::sha256(bytes))
    return core::Error(TrustCode::kHash, std::string(what) + ": SHA-256 differs from the listed one");
  if (hashes.sha512 && *hashes.sha512 != core::sha512(bytes))
    return core::Error(TrustCode::kHash, std::string(what) + ": SHA-512 differs from the listed one");
  return {};
}

core::Result<std::vector<core::Digest>> verify_role_file(core::ByteView file, const RoleFileRules& rules) {
  const std::string what = "role " + quoted(rules.authority.role);
  // SECURITY(T-15): a reader that stopped at the cap hands over at most one byte more than it.
  if (file.size() > rules.bytes_max)
    return core::Error(TrustCode::kEndless, what + ": more than " + std::to_string(rules.bytes_max) + " bytes");
  if (rules.listed && rules.listed->length && file.size() != *rules.listed->length)
    return core::Error(TrustCode::kLength, what + ": has " + std::to_string(file.size()) + " bytes, listed are " +
                                               std::to_string(*rules.listed->length));
  // Hashes before signatures, so that no byte of a swapped file is interpreted.
  if (rules.listed) ASEPTIC_TRY_VOID(check_hashes(rules.listed->hashes, file, what));
  ASEPTIC_TRY(const SignedFile signed_file, SignedFile::parse(file, rules.bytes_max).within(what));
  return verify_signatures(signed_file, rules.authority);
}

core::Result<void> check_version(const MetadataHeader& header, std::string_view role, std::uint64_t listed) {
  if (header.version == listed) return {};
  // SECURITY(T-11): a file of another moment of the repository.
  return core::Error(TrustCode::kMixAndMatch, "role " + quoted(role) + ": version " + std::to_string(header.version) +
                                                  " is not the listed version " + std::to_string(listed));
}

core::Result<void> check_unexpired(const MetadataHeader& header, std::string_view role, core::UtcTime update_start) {
  if (update_start < header.expires) return {};
  // SECURITY(T-08): an attacker who holds back new metadata cannot do so past its expiry.
  return core::Error(TrustCode::kFreeze, "role " + quoted(role) + ": expired " + core::format_utc(header.expires) +
                                             ", this update started " + core::format_utc(update_start));
}

}  // namespace aseptic::trust
