// SPDX-License-Identifier: Apache-2.0
// Any bytes on a component's line: frames are found or dropped; what comes out is within its limits and encodes to the same bytes.
#include <cstdlib>

#include "aseptic/component/frame.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace aseptic;
  component::FrameReader reader;
  component::Frame frame;
  for (std::size_t i = 0; i < size; ++i) {
    if (!reader.push(data[i], frame)) continue;
    component::FrameBytes bytes;
    const std::size_t length = component::encode_frame(frame, bytes);
    if (frame.data.size() > component::kDataMax || length > i + 1) std::abort();
    if (!boot::equal(boot::ByteView(bytes).first(length), boot::ByteView(data + i + 1 - length, length))) std::abort();
  }
  return 0;
}
