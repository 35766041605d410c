// SPDX-License-Identifier: Apache-2.0
// The part of a review that understands release statements. Called by review.cpp.
#pragma once

#include "aseptic/publish/review.h"

namespace aseptic::publish {

// Lines about the statement at `path` (release manifest, channel), indented; empty for other targets. When the file is
// not attached, the lines say so: the person would sign what they cannot read.
std::string statement_review(const SigningFile& file, std::string_view path);

core::Result<std::string> policy_review(const Document& policy);

}  // namespace aseptic::publish
