// SPDX-License-Identifier: Apache-2.0
#include "faults.h"

#include <fmt/format.h>

#include <cstring>

namespace aseptic::test {
namespace {

constexpr std::uint8_t kSkipMax = 8;
constexpr std::uint8_t kFlipFirst = 3;

std::uint16_t halfword(const Board& board, std::uint32_t address) {
  std::uint16_t value = 0;
  if (kRom.contains(address + 1)) std::memcpy(&value, board.rom.data() + (address - kRom.begin), sizeof value);
  return value;
}

// Registers that the load at `pc` writes, as bits; 0 for anything that is no load. Armv8-M, table A5 and on.
std::uint32_t loaded_registers(std::uint16_t first, std::uint16_t second) {
  if (instruction_size(first) == 2) {
    const std::uint32_t low = 1U << (first & 7U);
    if ((first & 0xF800U) == 0x4800U || (first & 0xF800U) == 0x9800U) return 1U << ((first >> 8U) & 7U);  // literal, sp
    if ((first & 0xF000U) == 0x5000U && ((first >> 9U) & 7U) >= 3) return low;                            // register offset
    if ((first & 0xE800U) == 0x6800U || (first & 0xF800U) == 0x8800U) return low;                         // immediate offset
    if ((first & 0xFE00U) == 0xBC00U) return (first & 0xFFU) | ((first & 0x100U) << 7U);                  // pop
    if ((first & 0xF800U) == 0xC800U) return first & 0xFFU;                                               // ldm
    return 0;
  }
  if ((first & 0xFE10U) == 0xF810U) return 1U << (second >> 12U);                                         // ldr and narrower
  if ((first & 0xFE50U) == 0xE850U && (first & 0xFFF0U) != 0xE850U)
    return (1U << (second >> 12U)) | (1U << ((second >> 8U) & 15U));                                      // ldrd
  if ((first & 0xFE10U) == 0xE810U && (first & 0x0040U) == 0) return second;                              // ldm, pop
  return 0;
}

bool depends_on_flags(std::uint16_t first, std::uint16_t second) {
  const bool short_branch = (first & 0xF000U) == 0xD000U && ((first >> 8U) & 15U) < 14;
  const bool if_then = (first & 0xFF00U) == 0xBF00U && (first & 15U) != 0;
  const bool long_branch = (first & 0xF800U) == 0xF000U && (second & 0xD000U) == 0x8000U && ((first >> 7U) & 7U) != 7;
  return short_branch || if_then || long_branch;
}

}  // namespace

const char* fault_kind_name(FaultKind kind) {
  constexpr const char* kNames[kFaultKindCount] = {"skip", "opcode", "register", "flag", "load"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string describe(const Fault& fault) {
  return fmt::format("{}:{}:{}", fault_kind_name(fault.kind), fault.index, fault.value);
}

std::uint32_t faulty_value(std::uint32_t good, std::uint8_t value) {
  if (value >= kFlipFirst) return good ^ (1U << (value - kFlipFirst));
  return value == 2 ? ~0U : value;
}

std::vector<Fault> faults_of(const Board& board, std::uint32_t pc) {
  const std::uint16_t first = halfword(board, pc), second = halfword(board, pc + 2);
  std::vector<Fault> out;
  for (std::uint8_t n = 1; n <= kSkipMax; ++n)
    out.push_back({FaultKind::kSkip, n, 0});
  for (std::uint8_t bit = 0; bit < 8 * instruction_size(first); ++bit)
    out.push_back({FaultKind::kOpcodeBit, bit, 0});
  for (std::uint8_t index = 0; index <= kLr; ++index)
    for (std::uint8_t value = 0; value < kFlipFirst + 32; ++value)
      out.push_back({FaultKind::kRegister, index, value});
  if (depends_on_flags(first, second))
    for (std::uint8_t bit = 28; bit < 32; ++bit)
      out.push_back({FaultKind::kFlag, 0, bit});
  const std::uint32_t loaded = loaded_registers(first, second);
  for (std::uint8_t index = 0; index < 16; ++index)
    for (std::uint8_t value = 0; ((loaded >> index) & 1U) != 0 && value < kFlipFirst + 32; ++value)
      out.push_back({FaultKind::kLoaded, index, value});
  return out;
}

}  // namespace aseptic::test
