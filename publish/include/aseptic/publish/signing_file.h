// SPDX-License-Identifier: Apache-2.0
// The signing file: one metadata document on its way from person to person, with what each needs to judge it.
//
// Called by `aseptic repo`, `aseptic release`, `aseptic sign`. It carries the document, the signatures so far, the
// documents that give the role its keys, the version that it follows, and the small target files that it adds.
// Format: docs/formats/signing_file.md. It is not trusted: every step is checked again when somebody signs, and
// publication does not read anything but the document from it.
// Thread contract: value type.
#pragma once

#include "aseptic/publish/edits.h"
#include "aseptic/publish/files.h"

namespace aseptic::publish {

inline constexpr std::string_view kSigningFormat = "aseptic-signing-1";
inline constexpr std::string_view kPolicySigningRole = "authority-policy";  // signed by the root role
inline constexpr std::uint64_t kSigningFileMax = 64u << 20;
inline constexpr std::uint64_t kAttachmentMax = 16u << 20;  // release manifests, channels, SBOMs

struct SigningFile {
  std::string role;
  std::vector<Edition> chain;         // root first, down to the document that names the role; empty for the first root
  std::optional<Document> previous;   // the published version that this one follows
  Document document;
  std::map<std::string, core::Bytes, std::less<>> attachments;  // by target path, of this version and the previous one

  static core::Result<SigningFile> parse(core::ByteView file);
  static core::Result<SigningFile> read(const Path& path);
  [[nodiscard]] std::string file_text() const;

  // Who may sign. For root: the keys of the new version and those of the one before.
  [[nodiscard]] core::Result<std::vector<RoleKeys>> signing_keys() const;
  // SHA-256 of the bytes that a signature covers.
  [[nodiscard]] core::Digest digest() const;
  // Signatures that count, and those that are still missing, over all key sets.
  struct Progress {
    std::size_t valid = 0;
    std::size_t needed = 0;
    [[nodiscard]] bool is_complete() const { return valid >= needed; }
  };
  [[nodiscard]] core::Result<std::vector<Progress>> progress() const;  // one per key set of signing_keys()
  // An attachment whose bytes match the entry of `targets`; nullptr when there is none.
  [[nodiscard]] const core::Bytes* attachment(const Document& targets, std::string_view path) const;
};

// Brings the signatures of `other` into `file`. Refuses when they do not sign the same bytes.
core::Result<void> merge_signatures(SigningFile& file, const SigningFile& other);

// Refuses unless root `trusted` is the first of the chain, or the one that the chain's first directly follows with
// the threshold of both; and unless each document of the chain is signed by the one before.
core::Result<void> check_chain(const SigningFile& file, const Document& trusted);

}  // namespace aseptic::publish
