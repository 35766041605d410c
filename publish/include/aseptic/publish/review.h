// SPDX-License-Identifier: Apache-2.0
// What a person is shown before signing: computed from the bytes that will be signed and from nothing else.
//
// Called by `aseptic sign`, `aseptic release sign`, `aseptic image sign`, `aseptic inspect`. Statements are read by the
// same parsers that devices use, so what is shown is what a device will understand.
// Security (T-82): attached files count only when they match the entry of the document that is signed; what the text
// compares with is said, and whether it could be verified. Text from files is printed with control characters
// replaced, so that no statement can rewrite the screen.
// Thread contract: pure functions.
#pragma once

#include "aseptic/publish/signing.h"

namespace aseptic::publish {

// `trusted_root` is the root that the person holds; without it the text says that nothing vouches for the file.
core::Result<Presentation> review(const SigningFile& file, const std::optional<Document>& trusted_root);

// One line a change: "+ name version", "- name version", "~ name old -> new". SPDX 2.x and CycloneDX 1.x, both JSON.
core::Result<std::vector<std::string>> sbom_difference(core::ByteView before, core::ByteView after);
// Packages named in an SBOM: name -> version.
core::Result<std::map<std::string, std::string>> sbom_packages(core::ByteView sbom);

// Text for a terminal: control characters and invalid UTF-8 are replaced by '?'.
std::string printable(std::string_view text);
std::string grouped(std::uint64_t number);  // 1,234,567

}  // namespace aseptic::publish
