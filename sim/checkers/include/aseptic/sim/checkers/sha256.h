// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4), written for the checkers alone: slow, plain, and not the product's.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace aseptic::sim {

using CheckerDigest = std::array<std::uint8_t, 32>;

CheckerDigest checker_sha256(std::span<const std::uint8_t> bytes);
CheckerDigest checker_sha256(const std::vector<std::span<const std::uint8_t>>& parts);

}  // namespace aseptic::sim
