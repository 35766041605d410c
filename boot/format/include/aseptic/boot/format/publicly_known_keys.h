// SPDX-License-Identifier: Apache-2.0
// Public keys whose private halves anybody can look up, by the first eight bytes of their key id (SHA-256 of the raw
// public key, as in a manifest). Production refuses them in boot, publisher and factory alike (RB-08). The publisher's
// list of whole keys is tested to be covered by this one. Append only.
#pragma once
#include "aseptic/boot/format/bytes.h"

namespace aseptic::boot {

inline constexpr std::uint8_t kPubliclyKnownKeyIds[][8] = {
    {0xd6, 0xc2, 0x3e, 0x27, 0x44, 0xa8, 0x40, 0xcb},  // P-256, RFC 6979 appendix A.2.5
    {0x77, 0xd4, 0x67, 0x26, 0x44, 0xdc, 0x6f, 0xee},  // P-256, MCUboot root-ec-p256.pem
    {0x9d, 0x5b, 0x69, 0xaa, 0x74, 0xc4, 0x93, 0x94},  // SLH-DSA-SHA2-128s, seeds 00 01 .. 2f: tests/support/release_test_key.h
};

inline bool is_publicly_known(const Digest& key_id) {
  for (const auto& known : kPubliclyKnownKeyIds)
    if (equal(ByteView(key_id).first(sizeof known), known)) return true;
  return false;
}

}  // namespace aseptic::boot
