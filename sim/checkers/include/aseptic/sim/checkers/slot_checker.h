// SPDX-License-Identifier: Apache-2.0
// Judges a slot from its raw bytes, by the format document alone (docs/formats/boot_manifest.md,
// tree_hash.md): does every region match its digest, is everything else zero, and which image is it?
// Signatures are the test's own matter: it knows the manifest digests that it signed.
#pragma once

#include <string>

#include "aseptic/sim/checkers/sha256.h"

namespace aseptic::sim {

struct SlotVerdict {
  bool is_whole = false;
  std::string why_not;
  CheckerDigest manifest_digest{};  // of the signed region, whole or not
  CheckerDigest image_digest{};     // from the manifest's region table
  std::uint64_t sequence = 0;
  std::uint32_t epoch = 0;
  std::uint64_t image_size = 0;
};

SlotVerdict check_slot(std::span<const std::uint8_t> slot);

}  // namespace aseptic::sim
