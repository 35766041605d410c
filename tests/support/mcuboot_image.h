// SPDX-License-Identifier: Apache-2.0
// Images as imgtool signs them for MCUboot, and deliberately malformed ones. Written from MCUboot's documented format (its
// design document and the layout that imgtool writes), apart from the reader in publish; vectors that imgtool's own code made
// stand in tests/vectors/mcuboot.txt.
#pragma once

#include <functional>
#include <vector>

#include "aseptic/core/hash.h"

namespace aseptic::test {

struct McubootTlv {
  std::uint16_t type = 0;
  core::Bytes value;
};

struct McubootSpec {
  core::Bytes body;
  std::uint32_t load_address = 0, flags = 0, pad = 0;
  std::uint16_t header_size = 0x200;
  std::uint8_t major = 1, minor = 2;
  std::uint16_t revision = 3;
  std::uint32_t build = 0;
  std::vector<McubootTlv> protected_tlvs;
};

// Header, body and protected TLVs: what hash and signature cover.
core::Bytes mcuboot_signed_part(const McubootSpec& spec);
// A TLV area with its head.
core::Bytes mcuboot_area(std::uint16_t magic, const std::vector<McubootTlv>& tlvs);

inline constexpr std::uint16_t kMcubootPlain = 0x6907, kMcubootProtected = 0x6908;

// As imgtool: hash, key hash, signature. `sign` gets the signed part and its hash.
struct McubootSigner {
  std::uint16_t type = 0x22;
  core::Bytes public_key;  // as MCUboot encodes it
  std::function<core::Bytes(core::ByteView signed_part, core::ByteView hash)> sign;
};
std::vector<McubootTlv> mcuboot_tlvs(core::ByteView signed_part, const McubootSigner& signer);
core::Bytes mcuboot_image(const McubootSpec& spec, const McubootSigner& signer);

// A program that the reader takes: stack pointer, reset handler inside of it, then content.
core::Bytes mcuboot_program(std::uint32_t address, std::size_t size = 4096);

}  // namespace aseptic::test
