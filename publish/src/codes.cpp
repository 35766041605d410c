// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/codes.h"

#include <array>

#include "aseptic/core/assert.h"

namespace aseptic::publish {
namespace {

using enum core::ActionClass;

constexpr std::array<core::ErrorInfo, 16> kTable{{
    {601, "publish.file_io", kHalt, "A file of the publisher cannot be read or written."},
    {602, "publish.input", kReject, "An argument or a description file is not acceptable."},
    {603, "publish.repository_state", kReject, "The repository on disk is not in the state that the operation needs."},
    {604, "publish.busy", kRetry, "Another process is changing the repository."},
    {605, "publish.threshold", kWait, "There are not enough signatures by distinct keys."},
    {606, "publish.key_not_in_role", kReject, "The key may not sign for this role."},
    {607, "publish.already_signed", kReject, "This key has signed already."},
    {608, "publish.development_key", kReject, "Production refuses development keys and publicly known keys."},
    {609, "publish.signing_file", kReject, "The signing file is damaged or contradicts itself."},
    {610, "publish.unverifiable", kReject, "What is to be signed or published does not follow from what is trusted."},
    {611, "publish.image", kReject, "An image cannot be built or does not verify."},
    {612, "publish.certificate", kReject, "A certificate cannot be made or read."},
    {613, "publish.target_path", kReject, "A target or role name is not allowed."},
    {614, "publish.format_unknown", kReject, "The file is in none of the known formats."},
    {615, "publish.not_confirmed", kReject, "The person did not confirm what was shown."},
    {616, "publish.one_time_state", kHalt, "The one-time state of an LMS key does not allow a signature."},
}};

}  // namespace

const core::ErrorInfo& describe(PublishCode code) {
  const auto index = static_cast<std::size_t>(code) - kTable.front().number;
  ASEPTIC_ASSERT(index < kTable.size());
  return kTable[index];
}

std::span<const core::ErrorInfo> publish_error_table() { return kTable; }

}  // namespace aseptic::publish
