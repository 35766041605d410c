// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/envelope.h"

#include <algorithm>
#include <utility>

#include "aseptic/trust/limits.h"
#include "object_reader.h"

namespace aseptic::trust {
namespace {

core::JsonLimits limits_for(std::size_t bytes_max) { return {.bytes_max = bytes_max, .depth_max = kMetadataDepthMax}; }

// Collects {"signatures": [{"keyid": ..., "sig": ...}]} and walks past the signed part without keeping it.
class SignatureEvents final : public core::JsonEvents {
 public:
  std::vector<Signature> signatures;
  bool has_list = false;

  core::Result<void> begin_object() override {
    ++depth_;
    if (in_list() && depth_ == 3) keyid_.reset(), sig_.reset();
    return {};
  }
  core::Result<void> end_object() override {
    const bool complete = in_list() && depth_ == 3;
    --depth_;
    if (complete) return add();
    return {};
  }
  core::Result<void> begin_array() override {
    if (depth_ == 1 && section_ == "signatures") has_list = true;
    ++depth_;
    return {};
  }
  core::Result<void> end_array() override {
    --depth_;
    return {};
  }
  core::Result<void> key(std::string_view name) override {
    if (depth_ == 1) section_ = name;
    if (depth_ == 3) field_ = name;
    return {};
  }
  core::Result<void> string(std::string_view value) override {
    if (!in_list() || depth_ != 3) return scalar();
    if (field_ == "keyid") keyid_ = value;
    if (field_ == "sig") sig_ = value;
    return {};
  }
  core::Result<void> integer(std::int64_t) override { return scalar(); }
  core::Result<void> boolean(bool) override { return scalar(); }
  core::Result<void> null() override { return scalar(); }

 private:
  [[nodiscard]] bool in_list() const { return has_list && section_ == "signatures"; }
  core::Result<void> scalar() const {
    if (depth_ == 0) return core::Error(TrustCode::kFormat, "the file is not an object");
    if (in_list() && depth_ == 2) return core::Error(TrustCode::kFormat, "a signature is not an object");
    return {};
  }
  core::Result<void> add() {
    if (!keyid_ || !sig_) return core::Error(TrustCode::kFormat, "a signature has no \"keyid\" or no \"sig\"");
    if (signatures.size() == kSignaturesMax || keyid_->size() > kKeyIdBytesMax)
      return core::Error(TrustCode::kEndless, "more than " + std::to_string(kSignaturesMax) + " signatures, or a key id of more than " +
                                                  std::to_string(kKeyIdBytesMax) + " bytes");
    // SECURITY(T-04): a repeated signature must never bring a file closer to its threshold.
    if (!seen_.insert(*keyid_).second)
      return core::Error(TrustCode::kDuplicateSignature, "key id " + quoted(*keyid_) + " signs twice");
    auto value = core::from_hex(*sig_);
    if (!value) return core::Error(TrustCode::kFormat, "signature of key id " + quoted(*keyid_) + " is not hexadecimal");
    signatures.push_back({.keyid = *keyid_, .value = std::move(*value)});
    return {};
  }

  std::size_t depth_ = 0;
  std::string section_, field_;
  std::optional<std::string> keyid_, sig_;
  std::set<std::string> seen_;
};

}  // namespace

core::Result<SignedFile> SignedFile::parse(core::ByteView file, std::size_t bytes_max) {
  SignatureEvents events;
  ASEPTIC_TRY_VOID(core::parse_json(file, limits_for(bytes_max), events));
  if (!events.has_list) return core::Error(TrustCode::kFormat, "the file has no list \"signatures\"");
  SignedFile out;
  out.signatures = std::move(events.signatures);
  // Once per file, whatever the number of keys: a peer that did it once per key was 14 times slower.
  ASEPTIC_TRY(out.signed_bytes, core::canonical_member(file, "signed", limits_for(bytes_max)));
  return out;
}

core::Result<std::vector<core::Digest>> verify_signatures(const SignedFile& file, const RoleAuthority& authority) {
  const RoleKeys& role = *authority.role_keys;
  const std::size_t distinct = distinct_keys(role, *authority.keys);
  // SECURITY(T-03): a threshold of nothing would accept an unsigned file.
  if (role.threshold < 1 || role.threshold > distinct)
    return core::Error(TrustCode::kBadThreshold, "role " + quoted(authority.role) + " has threshold " +
                                                     std::to_string(role.threshold) + " and " + std::to_string(distinct) +
                                                     " distinct keys");
  std::set<core::Bytes> counted;
  std::vector<core::Digest> signers;
  for (const Signature& signature : file.signatures) {
    if (signers.size() == role.threshold) break;
    const auto key = authority.keys->find(signature.keyid);
    if (key == authority.keys->end() || !key->second.usable) continue;
    if (std::ranges::find(role.keyids, signature.keyid) == role.keyids.end()) continue;
    const core::PublicKey& public_key = *key->second.usable;
    // SECURITY(T-04): distinct public keys, not key ids.
    if (counted.contains(public_key.spki())) continue;
    if (!public_key.verify(core::as_bytes(file.signed_bytes), signature.value)) continue;
    counted.insert(public_key.spki());
    signers.push_back(public_key.fingerprint());
  }
  if (signers.size() < role.threshold)
    return core::Error(TrustCode::kThreshold, "role " + quoted(authority.role) + " needs " + std::to_string(role.threshold) +
                                                  " valid signatures by distinct keys and has " +
                                                  std::to_string(signers.size()));
  return signers;
}

core::Result<Envelope> Envelope::parse(core::ByteView file, std::size_t bytes_max) {
  ASEPTIC_TRY(SignedFile signed_file, SignedFile::parse(file, bytes_max));
  ASEPTIC_TRY(core::JsonValue tree, core::parse_json_value(file, limits_for(bytes_max)));
  Envelope out;
  out.signatures = std::move(signed_file.signatures);
  core::JsonObject* const members = tree.as_object();
  out.signed_part = std::move(members->find("signed")->second);
  members->erase("signed");
  members->erase("signatures");
  out.unrecognized = std::move(*members);
  return out;
}

std::string Envelope::signed_bytes() const { return core::canonical_json(signed_part); }

void Envelope::set_signature(Signature signature) {
  const auto at = std::ranges::find(signatures, signature.keyid, &Signature::keyid);
  if (at == signatures.end())
    signatures.push_back(std::move(signature));
  else
    *at = std::move(signature);
}

std::string Envelope::encode() const {
  core::JsonArray list;
  for (const Signature& signature : signatures)
    list.push_back(core::JsonObject{{"keyid", signature.keyid}, {"sig", core::to_hex(signature.value)}});
  core::JsonObject object = unrecognized;
  object["signatures"] = std::move(list);
  object["signed"] = signed_part;
  return core::compact_json(object);
}

}  // namespace aseptic::trust
