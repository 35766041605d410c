// SPDX-License-Identifier: Apache-2.0
#include "machine.h"

#include <fstream>
#include <iterator>

namespace aseptic::test {
namespace {

namespace fs = std::filesystem;

Bytes read_all(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

Machine an505() {
  Machine m;
  m.board = {"an505", 0x28000000, 16U << 20U};
  m.capabilities = boot::kPortNvStore | boot::kPortDeviceSecret | boot::kPortKnowsResetCause | boot::kPortWriteProtects |
                   boot::kPortRecoveryWritable | boot::kPortEmulated;
  m.folder = fs::path(ASEPTIC_BUILD) / "boot-an505";
  return m;
}

Machine ast1030() {
  Machine m;
  m.board = {"ast1030", 0x00020000, 4U << 20U};
  m.capabilities = boot::kPortNvStore | boot::kPortDeviceSecret | boot::kPortKnowsResetCause | boot::kPortRecoveryWritable |
                   boot::kPortEmulated;
  m.folder = fs::path(ASEPTIC_BUILD) / "boot-ast1030";
  return m;
}

std::vector<std::string> Machine::command(const fs::path& flash, const std::vector<std::string>& more, const std::string& stage) const {
  std::vector<std::string> words = {"qemu-system-arm", "-display", "none", "-serial", "stdio", "-monitor", "none",
                                    "-semihosting-config", "enable=on,target=native", "-kernel", (folder / (stage + ".elf")).string()};
  if (board.name == "an505") {
    words.insert(words.end(), {"-nodefaults", "-machine", "mps2-an505,memory-backend=flash", "-m", "16M", "-object",
                               "memory-backend-file,id=flash,size=16M,share=on,mem-path=" + flash.string()});
  } else {  // the board needs QEMU's defaults; a 4 MiB device of a known model is accepted by QEMU 7.2 and later
    words.insert(words.end(), {"-net", "none", "-machine", "ast1030-evb,fmc-model=w25q32", "-drive",
                               "if=mtd,format=raw,file=" + flash.string()});
  }
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Bytes Machine::application() const {
  return read_all(folder / "app.bin");
}

// From the ELF header: e_entry without the Thumb bit.
std::uint32_t Machine::application_entry() const {
  const Bytes elf = read_all(folder / "app.elf");
  std::uint32_t entry = 0;
  for (std::size_t i = 0; i < 4 && elf.size() > 28; ++i)
    entry |= static_cast<std::uint32_t>(elf[24 + i]) << (8 * i);
  return entry & ~1U;
}

fs::path work_folder(const std::string& name) {
  const fs::path folder = fs::path(ASEPTIC_WORK) / name;
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

}  // namespace aseptic::test
