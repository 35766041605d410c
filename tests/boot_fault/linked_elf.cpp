// SPDX-License-Identifier: Apache-2.0
#include "linked_elf.h"

#include <elf.h>

#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <iterator>

namespace aseptic::test {
namespace {

template <class T>
T at(const std::vector<char>& file, std::size_t offset) {
  T value{};
  if (offset + sizeof value <= file.size()) std::memcpy(&value, file.data() + offset, sizeof value);
  return value;
}

void read_symbols(const std::vector<char>& file, const Elf32_Ehdr& header, Elf& out) {
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    const auto section = at<Elf32_Shdr>(file, header.e_shoff + i * sizeof(Elf32_Shdr));
    if (section.sh_type != SHT_SYMTAB) continue;
    const auto names = at<Elf32_Shdr>(file, header.e_shoff + section.sh_link * sizeof(Elf32_Shdr));
    for (std::size_t done = 0; done < section.sh_size; done += sizeof(Elf32_Sym)) {
      const auto symbol = at<Elf32_Sym>(file, section.sh_offset + done);
      if (names.sh_offset + symbol.st_name >= file.size()) continue;
      const std::string name = file.data() + names.sh_offset + symbol.st_name;
      if (ELF32_ST_TYPE(symbol.st_info) == STT_FUNC) out.functions[symbol.st_value & ~1U] = {name, symbol.st_size};
      if (!name.empty() && name[0] != '$') out.symbols[name] = symbol.st_value & ~1U;
    }
  }
}

}  // namespace

Elf read_elf(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> file{std::istreambuf_iterator<char>(in), {}};
  Elf out;
  const auto header = at<Elf32_Ehdr>(file, 0);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_machine != EM_ARM) return out;
  out.entry = header.e_entry & ~1U;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    const auto segment = at<Elf32_Phdr>(file, header.e_phoff + i * sizeof(Elf32_Phdr));
    if (segment.p_type != PT_LOAD || segment.p_filesz == 0) continue;
    if (segment.p_offset + segment.p_filesz > file.size()) return {};
    if (out.bytes.empty()) out.base = segment.p_paddr;
    out.bytes.resize(segment.p_paddr - out.base + segment.p_filesz, 0xFF);
    std::memcpy(out.bytes.data() + (segment.p_paddr - out.base), file.data() + segment.p_offset, segment.p_filesz);
  }
  read_symbols(file, header, out);
  return out;
}

std::uint32_t Elf::find(const std::string& part) const {
  for (const auto& [address, function] : functions)
    if (function.name.find(part) != std::string::npos) return address;
  return 0;
}

std::string Elf::where(std::uint32_t address) const {
  auto next = functions.upper_bound(address);
  if (next == functions.begin()) return fmt::format("{:#x}", address);
  --next;
  return fmt::format("{:#x} {}+{:#x}", address, next->second.name, address - next->first);
}

}  // namespace aseptic::test
