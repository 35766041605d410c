// SPDX-License-Identifier: Apache-2.0
// The monotonic store of two kinds of hardware, beside a NorFlash whose power line it shares.
// NvCounter: an NV memory whose write is atomic (a TPM's index): a cut leaves the old or the new content.
// Fuses: bits that are blown one by one; a cut leaves a weak bit, which reads 0 or 1 and changes at the next
// power-up. A fuse port keeps floor and generation as rows of bits, and blows the last one again at each
// start: no decision rests on a weak bit. The memory (`NvContent`, `FuseContent`) belongs to the device; a
// port object lives for one power-up.
#pragma once

#include <array>
#include <cstdint>

#include "aseptic/boot/core/port.h"
#include "aseptic/sim/flash/nor_flash.h"

namespace aseptic::sim {

struct NvContent {
  boot::MonotonicState state;
  std::uint32_t generation_max = 0xFFFFFFFEU;
};

class NvCounterPort final : public boot::MonotonicStore {
 public:
  NvCounterPort(NorFlash& power, NvContent& content) : power_(power), content_(content) {}
  boot::Status load(boot::MonotonicState& out) override;
  boot::Status burn(const boot::MonotonicState& state) override;
  std::uint32_t generation_max() const override { return content_.generation_max; }

 private:
  NorFlash& power_;
  NvContent& content_;
};

enum class Fuse : std::uint8_t { kIntact, kBlown, kWeakReadsIntact, kWeakReadsBlown };
inline constexpr std::size_t kGenerationFuses = 64;
inline constexpr std::size_t kFloorFuses = 16;
inline constexpr std::size_t kRevocationFuses = boot::kKeySlotCount;

struct FuseContent {
  std::array<Fuse, kGenerationFuses> generation{};
  std::array<Fuse, kFloorFuses> floor{};
  std::array<Fuse, kRevocationFuses> revoked{};
  std::uint32_t generation_max = kGenerationFuses;

  void power_returns();  // weak fuses change
};

class FusePort final : public boot::MonotonicStore {
 public:
  FusePort(NorFlash& power, FuseContent& content) : power_(power), content_(content) {}
  boot::Status load(boot::MonotonicState& out) override;
  boot::Status burn(const boot::MonotonicState& state) override;
  std::uint32_t generation_max() const override { return content_.generation_max; }

 private:
  boot::Status read(boot::MonotonicState& out) const;
  boot::Status blow(Fuse& fuse);

  NorFlash& power_;
  FuseContent& content_;
};

}  // namespace aseptic::sim
