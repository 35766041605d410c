// SPDX-License-Identifier: Apache-2.0
#include "sha256_two_lanes.h"

#include "aseptic/core/assert.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

namespace aseptic::core {
namespace {

#define ASEPTIC_SHA_TARGET [[gnu::target("sha,sse4.1,ssse3"), gnu::always_inline]] inline

// FIPS 180-4, 4.2.2.
alignas(16) constexpr std::array<std::uint32_t, 64> kConstants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// One message: the state in the order that the instructions take it, and the last sixteen words of the schedule.
struct Lane {
  __m128i abef;
  __m128i cdgh;
  __m128i words[4];
};

ASEPTIC_SHA_TARGET __m128i load(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }

ASEPTIC_SHA_TARGET void take_state(Lane& lane, const Sha256State& state) {
  const __m128i cdab = _mm_shuffle_epi32(load(state.data()), 0xB1);
  const __m128i efgh = _mm_shuffle_epi32(load(state.data() + 4), 0x1B);
  lane.abef = _mm_alignr_epi8(cdab, efgh, 8);
  lane.cdgh = _mm_blend_epi16(efgh, cdab, 0xF0);
}

ASEPTIC_SHA_TARGET void give_state(const Lane& lane, Sha256State& state) {
  const __m128i feba = _mm_shuffle_epi32(lane.abef, 0x1B);
  const __m128i dchg = _mm_shuffle_epi32(lane.cdgh, 0xB1);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state.data()), _mm_blend_epi16(feba, dchg, 0xF0));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state.data() + 4), _mm_alignr_epi8(dchg, feba, 8));
}

ASEPTIC_SHA_TARGET void take_block(Lane& lane, const std::uint8_t* block) {
  const __m128i big_endian = _mm_set_epi64x(0x0C0D0E0F08090A0B, 0x0405060700010203);
  for (std::size_t i = 0; i < 4; ++i)
    lane.words[i] = _mm_shuffle_epi8(load(block + 16 * i), big_endian);
}

// Rounds 4 i to 4 i + 3.
ASEPTIC_SHA_TARGET void four_rounds(Lane& lane, std::size_t i) {
  __m128i& words = lane.words[i % 4];
  if (i >= 4) {
    const __m128i& last = lane.words[(i + 3) % 4];
    const __m128i shifted = _mm_alignr_epi8(last, lane.words[(i + 2) % 4], 4);
    words = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(words, lane.words[(i + 1) % 4]), shifted), last);
  }
  const __m128i sum = _mm_add_epi32(words, load(kConstants.data() + 4 * i));
  lane.cdgh = _mm_sha256rnds2_epu32(lane.cdgh, lane.abef, sum);
  lane.abef = _mm_sha256rnds2_epu32(lane.abef, lane.cdgh, _mm_shuffle_epi32(sum, 0x0E));
}

ASEPTIC_SHA_TARGET void add_state(Lane& lane, const Lane& before) {
  lane.abef = _mm_add_epi32(lane.abef, before.abef);
  lane.cdgh = _mm_add_epi32(lane.cdgh, before.cdgh);
}

#undef ASEPTIC_SHA_TARGET

}  // namespace

bool has_sha256_two_lanes() {
  constexpr unsigned kSsse3AndSse41 = bit_SSSE3 | bit_SSE4_1;
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kSsse3AndSse41) != kSsse3AndSse41) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}

[[gnu::target("sha,sse4.1,ssse3")]] void sha256_two_lanes(Sha256State& first, Sha256State& second,
                                                          const std::uint8_t* first_blocks,
                                                          const std::uint8_t* second_blocks, std::size_t blocks) {
  Lane a;
  Lane b;
  take_state(a, first);
  take_state(b, second);
  for (std::size_t block = 0; block < blocks; ++block) {
    const Lane a_before = a;
    const Lane b_before = b;
    take_block(a, first_blocks + 64 * block);
    take_block(b, second_blocks + 64 * block);
#pragma GCC unroll 16
    for (std::size_t i = 0; i < 16; ++i) {
      four_rounds(a, i);
      four_rounds(b, i);
    }
    add_state(a, a_before);
    add_state(b, b_before);
  }
  give_state(a, first);
  give_state(b, second);
}

}  // namespace aseptic::core

#else

namespace aseptic::core {

bool has_sha256_two_lanes() { return false; }
void sha256_two_lanes(Sha256State&, Sha256State&, const std::uint8_t*, const std::uint8_t*, std::size_t) {
  ASEPTIC_ASSERT(false);
}

}  // namespace aseptic::core

#endif
