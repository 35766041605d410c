// SPDX-License-Identifier: Apache-2.0
// Images that were signed for MCUboot, read so that their programs can become images of ours. Format: docs/formats/mcuboot.md.
//
// Called by `aseptic boot import-mcuboot`, offline: no device reads this format.
// Security: the file comes from outside. What is taken over is what MCUboot's own signature covers: header, program and protected
// TLVs. Unsigned, encrypted and compressed images are refused, and everything whose meaning is not known here or would be lost.
// The import vouches for nothing by itself: the image it leads to needs a builder's and a release role's signature like any other.
// Thread contract: value types and pure functions. Views point into the caller's bytes.
#pragma once

#include <optional>

#include "aseptic/publish/role_signer.h"

namespace aseptic::publish {

inline constexpr std::uint64_t kMcubootFileMax = 64u << 20;

enum class McubootSignature : std::uint8_t { kRsaPss, kEcdsaP256, kEd25519 };

// What the bytes say, nothing of it verified but the form.
struct McubootLayout {
  std::string version;                             // "1.2.3", or "1.2.3+4" with a build number
  std::optional<std::uint32_t> image_address;      // of header and program as one; none: the program runs where its slot lies
  std::uint32_t header_size = 0;
  core::ByteView body;                             // the program, its vector table first
  core::ByteView signed_part;                      // header, program, protected TLVs
  std::optional<std::uint32_t> security_counter;
  std::size_t dependencies = 0;                    // on other images, which the description must name
  core::ByteView hash;                             // SHA-256 of the signed part
  core::ByteView key_hash, key;                    // of the public key: one of the two
  McubootSignature algorithm = McubootSignature::kEcdsaP256;
  core::ByteView signature;
  std::vector<std::uint16_t> left_behind;          // TLVs that are known or the vendor's own and say nothing to us
};
core::Result<McubootLayout> read_mcuboot_layout(core::ByteView file);

// The program of an image whose hash and signature hold.
struct McubootProgram {
  core::Bytes body;
  std::string version;
  std::uint64_t load_address = 0;  // of the first byte of the body
  std::uint64_t entry = 0;         // from the vector table, without the Thumb bit
  std::optional<std::uint32_t> security_counter;
  std::size_t dependencies = 0;
  std::vector<std::uint16_t> left_behind;
};

struct McubootTrust {
  core::PublicKey key;                             // the one that MCUboot was built with
  std::optional<std::uint64_t> load_address;       // of a program that ran from its slot; must not contradict the header
  Profile profile = Profile::kProduction;          // production refuses MCUboot's sample key
};
core::Result<McubootProgram> import_mcuboot(core::ByteView file, const McubootTrust& trust);

}  // namespace aseptic::publish
