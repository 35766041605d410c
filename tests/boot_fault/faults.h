// SPDX-License-Identifier: Apache-2.0
// The single faults of one instruction about to execute: a transient change of what it is, does, reads or leaves.
#pragma once
#include <string>
#include <vector>

#include "engine.h"

namespace aseptic::test {

enum class FaultKind : std::uint8_t { kSkip, kOpcodeBit, kRegister, kFlag, kLoaded };
inline constexpr std::size_t kFaultKindCount = 5;

struct Fault {
  FaultKind kind = FaultKind::kSkip;
  std::uint8_t index = 0;  // instructions skipped; bit of the opcode; register
  std::uint8_t value = 0;  // registers and loads: 0, 1, 2 = all ones, 3 + n = bit n flipped; flags: bit of xPSR
};

const char* fault_kind_name(FaultKind kind);
std::string describe(const Fault& fault);
std::uint32_t faulty_value(std::uint32_t good, std::uint8_t value);

// Length in bytes of the instruction that begins with this halfword.
inline std::uint32_t instruction_size(std::uint16_t first) { return (first >> 11U) >= 0x1D ? 4 : 2; }

// Every fault of the model for the instruction at `pc` in `rom`.
std::vector<Fault> faults_of(const Board& board, std::uint32_t pc);

}  // namespace aseptic::test
