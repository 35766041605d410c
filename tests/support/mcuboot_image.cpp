// SPDX-License-Identifier: Apache-2.0
#include "tests/support/mcuboot_image.h"

namespace aseptic::test {
namespace {

void put16(core::Bytes& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value));
  out.push_back(static_cast<std::uint8_t>(value >> 8));
}
void put32(core::Bytes& out, std::uint32_t value) {
  put16(out, value & 0xFFFF);
  put16(out, value >> 16);
}
void append(core::Bytes& out, core::ByteView more) { out.insert(out.end(), more.begin(), more.end()); }

}  // namespace

core::Bytes mcuboot_area(std::uint16_t magic, const std::vector<McubootTlv>& tlvs) {
  core::Bytes entries;
  for (const McubootTlv& tlv : tlvs) {
    put16(entries, tlv.type);
    put16(entries, tlv.value.size());
    append(entries, tlv.value);
  }
  core::Bytes area;
  put16(area, magic);
  put16(area, entries.size() + 4);
  append(area, entries);
  return area;
}

core::Bytes mcuboot_signed_part(const McubootSpec& spec) {
  const core::Bytes area = spec.protected_tlvs.empty() ? core::Bytes() : mcuboot_area(kMcubootProtected, spec.protected_tlvs);
  core::Bytes out;
  put32(out, 0x96f3b83d);
  put32(out, spec.load_address);
  put16(out, spec.header_size);
  put16(out, area.size());
  put32(out, static_cast<std::uint32_t>(spec.body.size()));
  put32(out, spec.flags);
  out.push_back(spec.major);
  out.push_back(spec.minor);
  put16(out, spec.revision);
  put32(out, spec.build);
  put32(out, spec.pad);
  out.resize(std::max<std::size_t>(spec.header_size, out.size()), 0xFF);
  append(out, spec.body);
  append(out, area);
  return out;
}

std::vector<McubootTlv> mcuboot_tlvs(core::ByteView signed_part, const McubootSigner& signer) {
  const core::Digest hash = core::sha256(signed_part), key = core::sha256(signer.public_key);
  return {{0x10, {hash.bytes.begin(), hash.bytes.end()}},
          {0x01, {key.bytes.begin(), key.bytes.end()}},
          {signer.type, signer.sign(signed_part, hash.bytes)}};
}

core::Bytes mcuboot_image(const McubootSpec& spec, const McubootSigner& signer) {
  core::Bytes out = mcuboot_signed_part(spec);
  append(out, mcuboot_area(kMcubootPlain, mcuboot_tlvs(out, signer)));
  return out;
}

core::Bytes mcuboot_program(std::uint32_t address, std::size_t size) {
  core::Bytes out;
  put32(out, address + 0x10000);
  put32(out, (address + 8) | 1);
  for (std::uint32_t word = 1; out.size() < size; word = word * 1664525 + 1013904223) out.push_back(static_cast<std::uint8_t>(word >> 24));
  return out;
}

}  // namespace aseptic::test
