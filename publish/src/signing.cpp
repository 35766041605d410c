// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/signing.h"

#include <algorithm>

#include "aseptic/publish/codes.h"

namespace aseptic::publish {
namespace {

// The id under which one of the key sets knows the key.
core::Result<std::string> id_in_role(const SigningFile& file, const core::PublicKey& key) {
  ASEPTIC_TRY(const std::vector<RoleKeys> sets, file.signing_keys());
  for (const RoleKeys& keys : sets)
    if (const std::string* id = keys.id_of(key)) return *id;
  // SECURITY(T-20): a key that the role does not have cannot sign for it, whatever else it may sign (KM-03).
  return core::Error(PublishCode::kKeyNotInRole, "the key " + key_id(key).substr(0, 16) + "... may not sign for the role " + file.role);
}

template <typename Role>
core::Result<void> sign(SigningFile& file, const Agreement& agreement, RoleSigner<Role>& signer, const SigningDesk& desk) {
  const std::string message = file.document.signed_bytes();
  const core::Digest digest = core::sha256(message);
  // SECURITY(T-82): the bytes are those that the shown text was made from.
  if (digest != agreement.presentation().signed_digest)
    return core::Error(PublishCode::kSigningFile, "the document changed after it was shown; nothing was signed");
  ASEPTIC_TRY(const std::string id, id_in_role(file, signer.public_key()));
  const bool signed_already = std::ranges::any_of(file.document.signatures, [&](const core::JsonValue& signature) {
    return signature.string_at("keyid").value_or("") == id;
  });
  if (signed_already)
    return core::Error(PublishCode::kAlreadySigned, "the key " + id.substr(0, 16) + "... has signed this document already; the next "
                                                        "signature must come from another person's key");
  // DURABILITY: the log line is on the disk before the signature exists.
  ASEPTIC_TRY_VOID(desk.log.append({desk.now, agreement.presentation().what, id, digest, core::sha256(agreement.presentation().text), signer.custody()}));
  ASEPTIC_TRY(const core::Bytes signature, signer.sign(core::as_bytes(message)));
  ASEPTIC_TRY_VOID(signer.public_key().verify(core::as_bytes(message), signature).within("the signature just made"));
  file.document.add_signature(id, signature);
  return {};
}

}  // namespace

core::Result<Agreement> Agreement::ask(const Presentation& presentation, const AskPerson& ask) {
  if (ask(presentation)) return Agreement(presentation);
  return core::Error(PublishCode::kNotConfirmed, "nothing was signed, because the question was not answered with yes");
}

core::Result<void> sign_as_root(SigningFile& file, const Agreement& agreement, RootSigner& signer, const SigningDesk& desk) {
  if (file.role != "root" && file.role != kPolicySigningRole)
    return core::Error(PublishCode::kKeyNotInRole, "a root key signs root documents and authority policies only");
  return sign(file, agreement, signer, desk);
}

core::Result<void> sign_as_release(SigningFile& file, const Agreement& agreement, ReleaseSigner& signer, const SigningDesk& desk) {
  if (file.role == "root" || file.role == kPolicySigningRole)
    return core::Error(PublishCode::kKeyNotInRole, "a release key cannot sign what belongs to the root role");
  return sign(file, agreement, signer, desk);
}

}  // namespace aseptic::publish
