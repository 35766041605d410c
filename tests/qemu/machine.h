// SPDX-License-Identifier: Apache-2.0
// The two emulated boards (EMULATED) and how a test powers them up.
#pragma once
#include <string>
#include <vector>

#include "flash_image.h"

namespace aseptic::test {

struct Machine {
  BoardFacts board;
  std::uint32_t capabilities = 0;
  std::filesystem::path folder;  // build/boot-<name>: boot.elf, app.elf, app.bin

  // QEMU's command line for a flash image file; console on standard output.
  [[nodiscard]] std::vector<std::string> command(const std::filesystem::path& flash, const std::vector<std::string>& more = {},
                                                 const std::string& stage = "boot") const;
  [[nodiscard]] Bytes application() const;
  [[nodiscard]] std::uint32_t application_entry() const;
};

Machine an505();    // Cortex-M33, TrustZone, memory as flash
Machine ast1030();  // Cortex-M4, SPI-NOR

// A fresh folder for one test's files.
std::filesystem::path work_folder(const std::string& name);

}  // namespace aseptic::test
