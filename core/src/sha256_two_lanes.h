// SPDX-License-Identifier: Apache-2.0
// SHA-256's compression (FIPS 180-4, 6.2.2) of two messages side by side with the SHA instructions of x86-64.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace aseptic::core {

using Sha256State = std::array<std::uint32_t, 8>;
inline constexpr Sha256State kSha256Start = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                             0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

// Whether this processor has the instructions; if not, the function below must not be called.
bool has_sha256_two_lanes();
void sha256_two_lanes(Sha256State& first, Sha256State& second, const std::uint8_t* first_blocks,
                      const std::uint8_t* second_blocks, std::size_t blocks);

}  // namespace aseptic::core
