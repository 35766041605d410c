// SPDX-License-Identifier: Apache-2.0
// core's strict parser and both canonical writers against the slow decoder: they agree on every input.
#include <cstdint>
#include <cstdlib>

#include "aseptic/core/json.h"
#include "trust/tests/slow_canonical_json.h"

using namespace aseptic;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const core::ByteView bytes(data, size);
  const auto fast = core::parse_json_value(bytes);
  const auto slow = trust::test::SlowCanonical::of(core::as_text(bytes));
  if (fast.has_value() != slow.has_value()) std::abort();
  if (!fast) return 0;
  if (core::canonical_json(*fast) != *slow) std::abort();
  // What people read is the same value.
  const std::string pretty = core::pretty_json(*fast);
  const auto again = core::parse_json_value(core::as_bytes(pretty));
  if (!again || !(*again == *fast)) std::abort();
  const std::string wrapped = "{\"signed\":" + std::string(core::as_text(bytes)) + "}";
  const auto member = core::canonical_member(core::as_bytes(wrapped), "signed", {.bytes_max = 8u << 20, .depth_max = 33});
  if (!member || *member != *slow) std::abort();
  return 0;
}
