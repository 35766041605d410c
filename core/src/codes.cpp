// SPDX-License-Identifier: Apache-2.0
#include "aseptic/core/codes.h"

#include <array>

#include "aseptic/core/assert.h"

namespace aseptic::core {
namespace {

using enum ActionClass;

constexpr std::array<ErrorInfo, 10> kTable{{
    {101, "core.encoding", kReject, "Text is not valid hexadecimal or base64."},
    {102, "core.json_syntax", kReject, "The document is not strict JSON."},
    {103, "core.json_limit", kReject, "The document is larger or deeper than allowed."},
    {104, "core.json_shape", kReject, "A field is missing or has the wrong type."},
    {105, "core.key_format", kReject, "A public key cannot be read."},
    {106, "core.key_algorithm", kReject, "A key's algorithm or size is not on the allow-list."},
    {107, "core.signature_invalid", kReject, "A signature does not match its message and key."},
    {108, "core.time_format", kReject, "A point in time is not written as YYYY-MM-DDTHH:MM:SSZ."},
    {109, "core.value_format", kReject, "An identifier, uuid or version is not well formed."},
    {110, "core.crypto_backend", kHalt, "The cryptographic library refused a basic operation."},
}};

}  // namespace

const ErrorInfo& describe(CoreCode code) {
  const auto index = static_cast<std::size_t>(code) - kTable.front().number;
  ASEPTIC_ASSERT(index < kTable.size());
  return kTable[index];
}

std::span<const ErrorInfo> core_error_table() { return kTable; }

}  // namespace aseptic::core
