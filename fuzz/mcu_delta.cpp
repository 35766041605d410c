// SPDX-License-Identifier: Apache-2.0
// A microcontroller's delta from arbitrary bytes, signed by somebody who signs anything, over an old image of firmware. The
// product and the second decoder of the tests agree; what is written never exceeds the announced size.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "../payload/make/tests/firmware.h"
#include "../payload/make/tests/slow_delta.cpp"  // the one file; the target links no test program

using namespace aseptic;
using namespace aseptic::payload;

namespace {
void need(bool condition) {
  if (!condition) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const core::Bytes old_image = tests::make_firmware(40, 0);
  if (size < kMcuDeltaHeaderSize) return 0;
  core::Bytes patch(data, data + size);
  boot::Le32 old_size;
  old_size.set(static_cast<std::uint32_t>(old_image.size()));
  std::copy_n(old_size.raw, 4, patch.begin() + 12);
  const Digest old_digest = core::sha256(old_image).bytes;
  std::copy(old_digest.begin(), old_digest.end(), patch.begin() + 32);
  const Digest body = core::sha256(core::ByteView(patch).subspan(kMcuDeltaHeaderSize)).bytes;
  std::copy(body.begin(), body.end(), patch.begin() + 96);
  McuDeltaHeader header;
  if (!ok(decode_mcu_delta_header(patch, header)) || header.new_size > 32768) return 0;  // keeps one run short
  tests::Flash flash;
  flash.old_image = old_image;
  const Status status = flash.apply(patch);
  need(flash.new_image.size() <= header.new_size);
  const bool is_decoded = ok(status) || status == Status::kNewDigest;
  const auto slow = tests::slow_mcu_delta(patch, old_image);
  need(is_decoded == slow.has_value());
  if (is_decoded) need(flash.new_image == *slow);
  return 0;
}
