// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/signing_file.h"

#include <algorithm>

#include "aseptic/publish/codes.h"
#include "aseptic/trust/authority_policy.h"

namespace aseptic::publish {
namespace {

constexpr std::size_t kChainMax = 10;

core::Error damaged(std::string sentence) { return {PublishCode::kSigningFile, std::move(sentence)}; }

core::Result<Edition> read_edition(const core::JsonValue& value) {
  Edition edition;
  ASEPTIC_TRY(edition.role, value.string_at("role"));
  ASEPTIC_TRY_VOID(check_role_name(edition.role));
  ASEPTIC_TRY_VOID(value.object_at("document"));
  ASEPTIC_TRY(edition.document, Document::from_json(*value.find("document")));
  return edition;
}

std::string_view expected_type(std::string_view role) {
  if (role == "root") return "root";
  return role == kPolicySigningRole ? trust::kAuthorityPolicyType : "targets";
}

core::Result<void> check_types(const SigningFile& file) {
  if (file.document.type() != expected_type(file.role))
    return damaged("its document is not of type " + std::string(expected_type(file.role)));
  if (file.previous && file.previous->type() != file.document.type()) return damaged("its previous version is of another type");
  if (file.role != "root" && file.chain.empty()) return damaged("it does not carry the root that gives the role its keys");
  for (std::size_t i = 0; i < file.chain.size(); ++i) {
    const std::string_view type = i == 0 ? "root" : "targets";
    if (file.chain[i].document.type() != type || (i == 0) != (file.chain[i].role == "root"))
      return damaged("its chain of authority is not a root followed by targets documents");
  }
  return {};
}

core::Result<SigningFile> read_fields(const core::JsonValue& value) {
  ASEPTIC_TRY(const std::string format, value.string_at("format"));
  if (format != kSigningFormat) return damaged("its format is \"" + format.substr(0, 40) + "\", not " + std::string(kSigningFormat));
  SigningFile file;
  ASEPTIC_TRY(file.role, value.string_at("role"));
  ASEPTIC_TRY_VOID(check_role_name(file.role));
  ASEPTIC_TRY(const core::JsonArray* chain, value.array_at("chain"));
  if (chain->size() > kChainMax) return damaged("its chain of authority is too long");
  for (const core::JsonValue& link : *chain) {
    ASEPTIC_TRY(Edition edition, read_edition(link));
    file.chain.push_back(std::move(edition));
  }
  ASEPTIC_TRY_VOID(value.object_at("document"));
  ASEPTIC_TRY(file.document, Document::from_json(*value.find("document")));
  if (const core::JsonValue* previous = value.find("previous"); previous && !previous->is_null()) {
    ASEPTIC_TRY(file.previous, Document::from_json(*previous));
  }
  ASEPTIC_TRY(const core::JsonObject* attachments, value.object_at("attachments"));
  for (const auto& [path, content] : *attachments) {
    const std::string* text = content.as_string();
    if (!text) return damaged("the attachment " + path + " is not base64 text");
    ASEPTIC_TRY(core::Bytes bytes, core::from_base64(*text).within("attachment " + path));
    file.attachments.emplace(path, std::move(bytes));
  }
  ASEPTIC_TRY_VOID(check_types(file));
  return file;
}

}  // namespace

core::Result<SigningFile> SigningFile::parse(core::ByteView file) {
  auto value = core::parse_json_value(file, {.bytes_max = kSigningFileMax});
  if (!value) return damaged("not a signing file: " + value.error().sentence());
  auto fields = read_fields(*value);
  if (!fields) return damaged("not a usable signing file: " + fields.error().sentence());
  return fields;
}

core::Result<SigningFile> SigningFile::read(const Path& path) {
  ASEPTIC_TRY(const core::Bytes bytes, read_file(path, kSigningFileMax));
  return parse(bytes).within(path.string());
}

std::string SigningFile::file_text() const {
  core::JsonArray links;
  for (const Edition& link : chain) links.push_back(core::JsonObject{{"role", link.role}, {"document", link.document.to_json()}});
  core::JsonObject contents;
  for (const auto& [path, bytes] : attachments) contents[path] = core::to_base64(bytes);
  return core::pretty_json(core::JsonObject{{"format", kSigningFormat},
                                            {"role", role},
                                            {"chain", std::move(links)},
                                            {"previous", previous ? previous->to_json() : core::JsonValue()},
                                            {"document", document.to_json()},
                                            {"attachments", std::move(contents)}});
}

namespace {

core::Result<RoleKeys> keys_of(std::string_view role, const Document& authority) {
  if (role == kPolicySigningRole) return top_level_keys(authority, "root");
  return role == "targets" ? top_level_keys(authority, role) : delegated_keys(authority, role);
}

}  // namespace

core::Result<std::vector<RoleKeys>> SigningFile::signing_keys() const {
  std::vector<RoleKeys> sets;
  if (role == "root") {
    ASEPTIC_TRY(RoleKeys own, top_level_keys(document, "root"));
    sets.push_back(std::move(own));
    if (!chain.empty()) {
      ASEPTIC_TRY(RoleKeys old, top_level_keys(chain.back().document, "root"));
      sets.push_back(std::move(old));
    }
    return sets;
  }
  auto keys = keys_of(role, chain.back().document);
  if (!keys) return std::move(keys).error();
  sets.push_back(*std::move(keys));
  return sets;
}

core::Digest SigningFile::digest() const { return core::sha256(document.signed_bytes()); }

core::Result<std::vector<SigningFile::Progress>> SigningFile::progress() const {
  ASEPTIC_TRY(const std::vector<RoleKeys> sets, signing_keys());
  std::vector<Progress> all;
  for (const RoleKeys& keys : sets) all.push_back({valid_signers(document, keys).size(), keys.threshold});
  return all;
}

const core::Bytes* SigningFile::attachment(const Document& targets, std::string_view path) const {
  const auto at = attachments.find(path);
  const auto entry = find_target(targets, path);
  // The two versions may list one path with different content; the older one is kept under its digest.
  const auto matches = [&](const core::Bytes& bytes) { return entry && bytes.size() == entry->length && core::sha256(bytes) == entry->sha256; };
  if (at != attachments.end() && matches(at->second)) return &at->second;
  if (!entry) return nullptr;
  const auto old = attachments.find(std::string(path) + "@" + entry->sha256.hex());
  return old != attachments.end() && matches(old->second) ? &old->second : nullptr;
}

core::Result<void> merge_signatures(SigningFile& file, const SigningFile& other) {
  // SECURITY(T-82): signatures over other bytes are never carried over; what each person saw is what is signed.
  if (file.role != other.role || file.document.signed_bytes() != other.document.signed_bytes())
    return core::Error(PublishCode::kSigningFile, "the files do not hold the same document: " + file.role + " version " +
                                                      std::to_string(file.document.version()) + " and " + other.role + " version " +
                                                      std::to_string(other.document.version()) + " differ in what is signed");
  for (const core::JsonValue& signature : other.document.signatures) {
    ASEPTIC_TRY(const std::string id, signature.string_at("keyid"));
    const bool present = std::ranges::any_of(file.document.signatures, [&](const core::JsonValue& own) {
      return own.string_at("keyid").value_or("") == id;
    });
    if (!present) file.document.signatures.push_back(signature);
  }
  return {};
}

core::Result<void> check_chain(const SigningFile& file, const Document& trusted) {
  if (trusted.type() != "root") return core::Error(PublishCode::kInput, "the trusted root file is not a root document");
  const Document& first = file.chain.empty() ? file.document : file.chain.front().document;
  if (first.signed_bytes() != trusted.signed_bytes()) {
    if (first.version() != trusted.version() + 1)
      return core::Error(PublishCode::kUnverifiable, "the file builds on root version " + std::to_string(first.version()) +
                                                         ", which is neither the trusted root (version " +
                                                         std::to_string(trusted.version()) + ") nor its direct successor");
    ASEPTIC_TRY(const RoleKeys old, top_level_keys(trusted, "root"));
    ASEPTIC_TRY(const RoleKeys own, top_level_keys(first, "root"));
    ASEPTIC_TRY_VOID(check_threshold(first, old, "the root that the file builds on, by the trusted root's keys,"));
    ASEPTIC_TRY_VOID(check_threshold(first, own, "the root that the file builds on, by its own keys,"));
  }
  for (std::size_t i = 1; i < file.chain.size(); ++i) {
    const Edition& link = file.chain[i];
    ASEPTIC_TRY(const RoleKeys keys, keys_of(link.role, file.chain[i - 1].document));
    ASEPTIC_TRY_VOID(check_threshold(link.document, keys, "the document \"" + link.role + "\" that gives this role its keys"));
  }
  return {};
}

}  // namespace aseptic::publish
