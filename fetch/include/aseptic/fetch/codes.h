// SPDX-License-Identifier: Apache-2.0
// Error codes of fetch (5xx). What metadata is worth, trust says (2xx); what the network did, platform says (4xx).
#pragma once

#include <span>

#include "aseptic/core/error.h"

namespace aseptic::fetch {

enum class FetchCode : std::uint16_t {
  kNoTrustedRoot = 501,  // nothing to start from: the store has no root
  kRootDamaged = 502,    // the stored root does not verify
  kTargetName = 503,     // a target name that would leave its directory
  kRoleName = 504,       // a delegated role with the name of a top-level one, or too long to be a file
  kConfiguration = 505,  // no mirror, or an address that is not one
  kBundle = 506,         // a repository in one file is refused as a whole
};

const core::ErrorInfo& describe(FetchCode code);
std::span<const core::ErrorInfo> fetch_error_table();

}  // namespace aseptic::fetch
