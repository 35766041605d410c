// SPDX-License-Identifier: Apache-2.0
// Key envelopes and group memberships: no input crashes, and what is accepted is exactly what would be written again. First
// byte: k or g, see trust/tests/write_corpus.cpp.
#include <cstdint>
#include <cstdlib>

#include "aseptic/trust/key_envelope.h"

using namespace aseptic;
using namespace aseptic::trust;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const core::ByteView bytes(data + 1, size - 1);
  if (data[0] == 'k') {
    const auto envelope = KeyEnvelope::parse(bytes);
    if (!envelope) return 0;
    if (envelope->encode() != core::as_text(bytes)) std::abort();
    for (const WrappedContentKey& key : envelope->keys)
      if (envelope->find(key.payload) != &key || envelope->hkdf_info(key.payload).size() != 24 + 3 * 32 + 8) std::abort();
  } else {
    const auto membership = GroupMembership::parse(bytes);
    if (membership && (membership->encode() != core::as_text(bytes) || membership->hkdf_info().size() != 28 + 2 * 32 + 8)) std::abort();
  }
  return 0;
}
