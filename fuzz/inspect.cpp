// SPDX-License-Identifier: Apache-2.0
// Inspection reads files of any origin: no input crashes it or puts a control character on the screen.
#include <cstdint>
#include <cstdlib>

#include "aseptic/publish/inspect.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace aseptic;
  const core::ByteView bytes(data, size);
  for (const bool with_secret : {false, true}) {
    publish::InspectOptions options;
    if (with_secret) options.device_secret = core::Bytes(32, 9);
    const auto found = publish::inspect_bytes(bytes, options);
    if (!found) continue;
    for (const char c : found->text())
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || static_cast<unsigned char>(c) >= 0x7f) std::abort();
  }
  return 0;
}
