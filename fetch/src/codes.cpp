// SPDX-License-Identifier: Apache-2.0
#include "aseptic/fetch/codes.h"

#include <array>

#include "aseptic/core/assert.h"

namespace aseptic::fetch {
namespace {

using enum core::ActionClass;

constexpr std::array<core::ErrorInfo, 6> kTable{{
    {501, "fetch.no_trusted_root", kHalt, "There is no trusted root to start from."},
    {502, "fetch.root_damaged", kHalt, "The stored trusted root does not verify."},
    {503, "fetch.target_name", kReject, "A target name would leave its directory."},
    {504, "fetch.role_name", kReject, "A delegated role has a name that cannot be stored."},
    {505, "fetch.configuration", kReject, "The addresses of the repository are not usable."},
    {506, "fetch.bundle", kReject, "A repository in one file does not have the form of one."},
}};

}  // namespace

const core::ErrorInfo& describe(FetchCode code) {
  const auto index = static_cast<std::size_t>(code) - kTable.front().number;
  ASEPTIC_ASSERT(index < kTable.size());
  return kTable[index];
}

std::span<const core::ErrorInfo> fetch_error_table() { return kTable; }

}  // namespace aseptic::fetch
