// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/mcuboot.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "aseptic/publish/codes.h"

namespace aseptic::publish {
namespace {

constexpr std::uint32_t kMagic = 0x96f3b83d;
constexpr std::size_t kHeaderSize = 32;  // what is defined of it; ih_hdr_size may be larger
constexpr std::size_t kVectorsSize = 8;  // initial stack pointer and reset handler
constexpr std::uint16_t kProtectedMagic = 0x6908, kPlainMagic = 0x6907;
constexpr std::size_t kInfoSize = 4, kEntrySize = 4;
constexpr std::size_t kHashSize = 32;
constexpr std::size_t kDependencySize = 12;
constexpr std::uint64_t kAddressEnd = std::uint64_t{1} << 32;

enum Flag : std::uint32_t {
  kPositionIndependent = 0x1,
  kEncryptedAes128 = 0x4,
  kEncryptedAes256 = 0x8,
  kNotBootable = 0x10,
  kRamLoad = 0x20,
  kRomFixed = 0x100,
};

enum Type : std::uint16_t {
  kKeyHash = 0x01,
  kPublicKey = 0x02,
  kSha256 = 0x10,
  kRsa2048Pss = 0x20,
  kEcdsaSignature = 0x22,
  kRsa3072Pss = 0x23,
  kEd25519Signature = 0x24,
  kEncryptionFirst = 0x30,
  kEncryptionLast = 0x3F,
  kDependency = 0x40,
  kSecurityCounter = 0x50,
  kBootRecord = 0x60,
  kVendorUuid = 0x80,
  kClassUuid = 0x81,
  kVendorFirst = 0xA0,  // in the low byte: xxA0 to xxFE are the vendor's own
  kVendorLast = 0xFE,
};

core::Error refused(std::string sentence) { return {PublishCode::kImage, "MCUboot image: " + std::move(sentence)}; }

std::uint16_t u16(core::ByteView bytes, std::size_t at) { return static_cast<std::uint16_t>(bytes[at] | bytes[at + 1] << 8); }
std::uint32_t u32(core::ByteView bytes, std::size_t at) { return std::uint32_t{u16(bytes, at + 2)} << 16 | u16(bytes, at); }

std::string hex16(std::uint16_t value) {
  char text[8];
  std::snprintf(text, sizeof text, "0x%04x", value);
  return text;
}

struct Header {
  std::uint32_t load_address, header_size, protected_size, image_size, flags;
  std::string version;
};

core::Result<void> check_flags(std::uint32_t flags) {
  if ((flags & (kEncryptedAes128 | kEncryptedAes256)) != 0) return refused("it is encrypted; import the image from before it was encrypted");
  if ((flags & kNotBootable) != 0) return refused("it is marked as not bootable");
  if ((flags & kPositionIndependent) != 0) return refused("position-independent images are not supported");
  if ((flags & kRamLoad) != 0 && (flags & kRomFixed) != 0) return refused("it claims to be loaded to RAM and fixed in ROM");
  if ((flags & ~std::uint32_t{kRamLoad | kRomFixed}) != 0) return refused("it has flags that are not known here (a compressed image?)");
  return {};
}

core::Result<Header> read_header(core::ByteView file) {
  if (file.size() < kHeaderSize || u32(file, 0) != kMagic) return refused("the file does not begin with MCUboot's image header");
  const Header out{.load_address = u32(file, 4), .header_size = u16(file, 8), .protected_size = u16(file, 10), .image_size = u32(file, 12),
                   .flags = u32(file, 16),
                   .version = std::to_string(file[20]) + "." + std::to_string(file[21]) + "." + std::to_string(u16(file, 22)) +
                              (u32(file, 24) != 0 ? "+" + std::to_string(u32(file, 24)) : "")};
  ASEPTIC_TRY_VOID(check_flags(out.flags));
  if (u32(file, 28) != 0) return refused("the reserved word of its header is not zero");
  if (out.header_size < kHeaderSize) return refused("its header is shorter than MCUboot's");
  // SECURITY(T-35): sums in 64 bits, compared with what is there before anything is read.
  if (std::uint64_t{out.header_size} + out.image_size + out.protected_size + kInfoSize > file.size()) return refused("the file is shorter than its header says");
  if (out.image_size < kVectorsSize) return refused("its program is shorter than a vector table");
  return out;
}

struct Tlv {
  std::uint16_t type;
  core::ByteView value;
};

// One area: information, then entries that fill it exactly. Each entry moves on by at least its own four bytes, so it ends.
core::Result<std::vector<Tlv>> read_area(core::ByteView file, std::size_t at, std::uint16_t magic, std::string_view name) {
  const std::string area = "its " + std::string(name) + " TLV area ";
  if (file.size() - at < kInfoSize || u16(file, at) != magic) return refused(area + "does not begin where the header says");
  const std::size_t size = u16(file, at + 2);
  if (size < kInfoSize || size > file.size() - at) return refused(area + "is longer than the file or shorter than its own head");
  std::vector<Tlv> out;
  core::ByteView rest = file.subspan(at + kInfoSize, size - kInfoSize);
  while (!rest.empty()) {
    if (rest.size() < kEntrySize || u16(rest, 2) > rest.size() - kEntrySize) return refused(area + "has an entry that leaves it");
    out.push_back({u16(rest, 0), rest.subspan(kEntrySize, u16(rest, 2))});
    rest = rest.subspan(kEntrySize + out.back().value.size());
  }
  return out;
}

bool is_vendors(std::uint16_t type) { return (type & 0xFF) >= kVendorFirst && (type & 0xFF) <= kVendorLast; }

core::Result<void> expect_size(const Tlv& tlv, std::size_t size) {
  if (tlv.value.size() == size) return {};
  return refused("its TLV " + hex16(tlv.type) + " has another length than " + std::to_string(size));
}

// SECURITY(T-39): what may stand once stands once, or two readers would take two different ones.
core::Result<void> take_once(core::ByteView& place, const Tlv& tlv) {
  if (!place.empty()) return refused("its TLV " + hex16(tlv.type) + ", or another of the same meaning, stands twice");
  if (tlv.value.empty()) return refused("its TLV " + hex16(tlv.type) + " is empty");
  place = tlv.value;
  return {};
}

core::Result<void> read_protected(const Tlv& tlv, McubootLayout& out) {
  switch (tlv.type) {
    case kSecurityCounter:
      if (out.security_counter) return refused("it has two security counters");
      ASEPTIC_TRY_VOID(expect_size(tlv, 4));
      out.security_counter = u32(tlv.value, 0);
      return {};
    case kDependency: ++out.dependencies; return expect_size(tlv, kDependencySize);
    case kBootRecord:
    case kVendorUuid:
    case kClassUuid: out.left_behind.push_back(tlv.type); return {};
    default:
      if (!is_vendors(tlv.type)) return refused("it has a protected TLV of type " + hex16(tlv.type) + ", which is not known here");
      out.left_behind.push_back(tlv.type);
      return {};
  }
}

core::Result<void> take_signature(McubootSignature algorithm, const Tlv& tlv, McubootLayout& out) {
  ASEPTIC_TRY_VOID(take_once(out.signature, tlv));
  out.algorithm = algorithm;
  return {};
}

// SECURITY(T-34): nothing here is covered by the hash, so nothing here may say what the image means.
core::Result<void> read_plain(const Tlv& tlv, McubootLayout& out) {
  switch (tlv.type) {
    case kKeyHash: ASEPTIC_TRY_VOID(expect_size(tlv, kHashSize)); return take_once(out.key_hash, tlv);
    case kPublicKey: return take_once(out.key, tlv);
    case kSha256: ASEPTIC_TRY_VOID(expect_size(tlv, kHashSize)); return take_once(out.hash, tlv);
    case kRsa2048Pss: ASEPTIC_TRY_VOID(expect_size(tlv, 256)); return take_signature(McubootSignature::kRsaPss, tlv, out);
    case kRsa3072Pss: ASEPTIC_TRY_VOID(expect_size(tlv, 384)); return take_signature(McubootSignature::kRsaPss, tlv, out);
    case kEcdsaSignature: return take_signature(McubootSignature::kEcdsaP256, tlv, out);
    case kEd25519Signature: ASEPTIC_TRY_VOID(expect_size(tlv, 64)); return take_signature(McubootSignature::kEd25519, tlv, out);
    case kSecurityCounter:
    case kDependency: return refused("its TLV " + hex16(tlv.type) + " stands outside of what is signed");
    default: break;
  }
  if (tlv.type >= kEncryptionFirst && tlv.type <= kEncryptionLast) return refused("it carries an encryption key; import the image from before it was encrypted");
  if (!is_vendors(tlv.type)) return refused("it has a TLV of type " + hex16(tlv.type) + ", which is not known here");
  out.left_behind.push_back(tlv.type);
  return {};
}

core::Result<void> check_complete(const McubootLayout& layout) {
  if (layout.hash.empty()) return refused("it has no SHA-256");
  if (layout.signature.empty()) return refused("it is not signed");
  if (layout.key_hash.empty() == layout.key.empty()) return refused("it must name its key once, by its hash or by itself");
  return {};
}

// Behind the last TLV there may be the erased rest of a slot, and nothing else.
core::Result<void> check_padding(core::ByteView rest) {
  const bool is_blank = std::ranges::all_of(rest, [&](std::uint8_t byte) { return byte == rest.front() && (byte == 0xFF || byte == 0); });
  if (is_blank) return {};
  return refused("there are bytes behind it (a slot's trailer?); import the image as signed, without padding to a slot");
}

// MCUboot names an RSA key by its PKCS #1 form, every other by its SubjectPublicKeyInfo.
core::Result<core::Bytes> mcuboot_form(const core::PublicKey& key) {
  if (key.algorithm() != core::KeyAlgorithm::kRsaPss) return key.spki();
  const std::uint8_t* at = key.spki().data();
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> parsed(d2i_PUBKEY(nullptr, &at, static_cast<long>(key.spki().size())), &EVP_PKEY_free);
  std::uint8_t* der = nullptr;
  const int size = parsed ? i2d_PublicKey(parsed.get(), &der) : 0;
  if (size <= 0) {
    ERR_clear_error();
    return refused("the given key cannot be encoded as MCUboot does");
  }
  core::Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

core::KeyAlgorithm algorithm_of(McubootSignature signature) {
  switch (signature) {
    case McubootSignature::kRsaPss: return core::KeyAlgorithm::kRsaPss;
    case McubootSignature::kEcdsaP256: return core::KeyAlgorithm::kEcdsaP256;
    case McubootSignature::kEd25519: return core::KeyAlgorithm::kEd25519;
  }
  return core::KeyAlgorithm::kEcdsaP256;
}

core::Result<void> check_key(const McubootLayout& image, const core::PublicKey& key) {
  // SECURITY(T-44): the given key decides what a signature is; the image only has to agree.
  if (key.algorithm() != algorithm_of(image.algorithm)) return refused("it is signed with another algorithm than the given key's");
  ASEPTIC_TRY(const core::Bytes form, mcuboot_form(key));
  const core::Digest hash = core::sha256(form);
  const bool is_named = image.key.empty() ? std::ranges::equal(image.key_hash, hash.bytes) : std::ranges::equal(image.key, form);
  if (!is_named) return refused("it names another key than the given one");
  return {};
}

// imgtool pads ECDSA signatures with zeros to one length; they are no part of the DER.
core::Result<core::ByteView> without_padding(core::ByteView der) {
  if (der.size() < 2 || der[0] != 0x30 || der[1] >= 0x80 || der.size() < 2u + der[1]) return refused("its ECDSA signature is not DER");
  const core::ByteView padding = der.subspan(2u + der[1]);
  if (!std::ranges::all_of(padding, [](std::uint8_t byte) { return byte == 0; })) return refused("there are bytes behind its ECDSA signature");
  return der.first(2u + der[1]);
}

core::Result<void> check_signature(const McubootLayout& image, const core::PublicKey& key) {
  core::ByteView signature = image.signature;
  if (image.algorithm == McubootSignature::kEcdsaP256) {
    ASEPTIC_TRY(signature, without_padding(signature));
  }
  // Ed25519 is made over the hash, the two others over the bytes with the hash inside.
  const core::ByteView message = image.algorithm == McubootSignature::kEd25519 ? image.hash : image.signed_part;
  return key.verify(message, signature).within("MCUboot image");
}

core::Result<std::uint64_t> load_address_of(const McubootLayout& image, const std::optional<std::uint64_t>& given) {
  if (!image.image_address) {
    if (given) return *given;
    return refused("it runs from its flash slot; say with --load-address for which address its program is linked");
  }
  // MCUboot loads the header too: the program lies behind it.
  const std::uint64_t address = std::uint64_t{*image.image_address} + image.header_size;
  if (given && *given != address) return refused("its program is linked for another address than --load-address says");
  return address;
}

core::Result<std::uint64_t> entry_of(core::ByteView body, std::uint64_t load_address) {
  if (load_address >= kAddressEnd || body.size() > kAddressEnd - load_address) return refused("its program leaves the 32-bit address space");
  const std::uint32_t stack = u32(body, 0), reset = u32(body, 4);
  if (stack == 0 || stack % 4 != 0) return refused("the first word of its program is no stack pointer");
  const std::uint64_t entry = reset & ~std::uint32_t{1};
  if ((reset & 1) == 0 || entry < load_address + kVectorsSize || entry >= load_address + body.size())
    return refused("the reset handler of its vector table does not lie in its program; is it linked for that address?");
  return entry;
}

}  // namespace

core::Result<McubootLayout> read_mcuboot_layout(core::ByteView file) {
  if (file.size() > kMcubootFileMax) return refused("it is larger than 64 MiB");
  ASEPTIC_TRY(Header header, read_header(file));
  McubootLayout out;
  out.version = std::move(header.version);
  out.header_size = header.header_size;
  if ((header.flags & (kRamLoad | kRomFixed)) != 0) out.image_address = header.load_address;
  else if (header.load_address != 0) return refused("it has a load address and no flag that says what it means");
  out.body = file.subspan(header.header_size, header.image_size);
  std::size_t at = std::size_t{header.header_size} + header.image_size;
  if (header.protected_size != 0) {
    ASEPTIC_TRY(const std::vector<Tlv> entries, read_area(file, at, kProtectedMagic, "protected"));
    if (u16(file, at + 2) != header.protected_size) return refused("header and protected TLV area differ about its length");
    for (const Tlv& tlv : entries) ASEPTIC_TRY_VOID(read_protected(tlv, out));
    at += header.protected_size;
  }
  out.signed_part = file.first(at);
  ASEPTIC_TRY(const std::vector<Tlv> entries, read_area(file, at, kPlainMagic, "unprotected"));
  for (const Tlv& tlv : entries) ASEPTIC_TRY_VOID(read_plain(tlv, out));
  ASEPTIC_TRY_VOID(check_complete(out));
  ASEPTIC_TRY_VOID(check_padding(file.subspan(at + u16(file, at + 2))));
  return out;
}

core::Result<McubootProgram> import_mcuboot(core::ByteView file, const McubootTrust& trust) {
  // SECURITY(T-48): whoever cloned MCUboot can sign with its sample key.
  ASEPTIC_TRY_VOID(check_admissible(trust.key, platform::KeyCustody::kToken, trust.profile).within("MCUboot key"));
  ASEPTIC_TRY(McubootLayout image, read_mcuboot_layout(file));
  if (!std::ranges::equal(core::sha256(image.signed_part).bytes, image.hash)) return refused("its SHA-256 does not match");
  ASEPTIC_TRY_VOID(check_key(image, trust.key));
  ASEPTIC_TRY_VOID(check_signature(image, trust.key));
  ASEPTIC_TRY(const std::uint64_t load_address, load_address_of(image, trust.load_address));
  ASEPTIC_TRY(const std::uint64_t entry, entry_of(image.body, load_address));
  return McubootProgram{.body = {image.body.begin(), image.body.end()}, .version = std::move(image.version), .load_address = load_address,
                        .entry = entry, .security_counter = image.security_counter, .dependencies = image.dependencies,
                        .left_behind = std::move(image.left_behind)};
}

}  // namespace aseptic::publish
