// SPDX-License-Identifier: Apache-2.0
// Images that claim to be MCUboot's: no input crashes the reader, what it takes lies inside of the file, and an erased rest behind
// the last TLV changes nothing of it.
#include <cstdint>
#include <cstdlib>

#include "aseptic/publish/mcuboot.h"

namespace {

bool lies_in(aseptic::core::ByteView part, aseptic::core::ByteView whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void require(bool claim) {
  if (!claim) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace aseptic;
  const core::ByteView file(data, size);
  static const core::PublicKey key = core::PublicKey::from_ed25519(core::Bytes{0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
                                                                               0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16,
                                                                               0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20}).value();
  // Nobody has signed anything with this key.
  require(!publish::import_mcuboot(file, {key, 0x20000000, publish::Profile::kDevelopment}));
  const auto layout = publish::read_mcuboot_layout(file);
  if (!layout) return 0;
  for (const core::ByteView part : {layout->body, layout->signed_part, layout->hash, layout->key_hash, layout->key, layout->signature}) require(lies_in(part, file));
  require(lies_in(layout->body, layout->signed_part) && layout->body.size() >= 8 && layout->hash.size() == 32 && !layout->signature.empty());
  core::Bytes padded(file.begin(), file.end());
  padded.push_back(file.back() == 0 ? 0 : 0xFF);
  if (const auto again = publish::read_mcuboot_layout(padded)) require(again->signed_part.size() == layout->signed_part.size());
  return 0;
}
