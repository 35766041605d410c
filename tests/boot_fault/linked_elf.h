// SPDX-License-Identifier: Apache-2.0
// A linked 32-bit little-endian ELF file: what lies where, and the names of its functions. Only for the boot stages
// that this build made itself: a file that is not one is refused, hostile files are not expected.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace aseptic::test {

struct ElfFunction {
  std::string name;  // as the linker knows it
  std::uint32_t size = 0;
};

struct Elf {
  std::uint32_t entry = 0;   // without the Thumb bit
  std::uint32_t base = 0;    // of the one loaded segment
  std::vector<std::uint8_t> bytes;
  std::map<std::uint32_t, ElfFunction> functions;  // by address, without the Thumb bit
  std::map<std::string, std::uint32_t> symbols;

  // The first function whose mangled name contains `part`; 0 when there is none.
  [[nodiscard]] std::uint32_t find(const std::string& part) const;
  // "name+0x12", for people.
  [[nodiscard]] std::string where(std::uint32_t address) const;
};

// Empty `bytes`: the file is not there or is no such ELF.
Elf read_elf(const std::filesystem::path& file);

}  // namespace aseptic::test
