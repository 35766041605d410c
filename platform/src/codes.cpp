// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/codes.h"

#include <array>

#include "aseptic/core/assert.h"

namespace aseptic::platform {
namespace {

using enum core::ActionClass;

constexpr std::array<core::ErrorInfo, 16> kTable{{
    {401, "platform.not_found", kReject, "A file or key that was asked for does not exist."},
    {402, "platform.storage_io", kHalt, "The medium failed to read or write."},
    {403, "platform.storage_full", kWait, "There is no space left on the medium."},
    {404, "platform.storage_permission", kHalt, "The process may not access the file."},
    {405, "platform.block_range", kReject, "An access lies beyond the end of the slot."},
    {406, "platform.net_connect", kRetry, "The server cannot be reached."},
    {407, "platform.net_tls", kReject, "The TLS handshake failed or the peer's certificate is not acceptable."},
    {408, "platform.net_protocol", kRetry, "The server broke the HTTP protocol or dropped the connection."},
    {409, "platform.net_stalled", kRetry, "The server made no progress within the limit."},
    {410, "platform.net_too_large", kReject, "The server sent more bytes than the cap."},
    {411, "platform.net_status", kRetry, "The server answered with an unexpected HTTP status."},
    {412, "platform.signer_unavailable", kWait, "The key cannot be used now."},
    {413, "platform.key_format", kReject, "A key file is not usable."},
    {414, "platform.busy", kRetry, "Another process holds the lock."},
    {415, "platform.sandbox", kHalt, "The process could not be confined."},
    {416, "platform.name_refused", kReject, "A file name would leave its directory."},
}};

}  // namespace

const core::ErrorInfo& describe(PlatformCode code) {
  const auto index = static_cast<std::size_t>(code) - kTable.front().number;
  ASEPTIC_ASSERT(index < kTable.size());
  return kTable[index];
}

std::span<const core::ErrorInfo> platform_error_table() { return kTable; }

}  // namespace aseptic::platform
