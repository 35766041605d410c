// SPDX-License-Identifier: Apache-2.0
// What the linked boot stage costs on the Cortex-M33 (EMULATED): code, memory, instructions. Limits of the design, and the
// figures for docs/boot_size.md.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "machine.h"
#include "tests/support/run_program.h"

namespace aseptic::test {
namespace {

constexpr std::uint64_t kInstructionsPerTick = 50;  // -icount shift=0: one instruction a nanosecond; SysTick at 20 MHz
constexpr std::size_t kImageSize = 256 * 1024;

struct Cost {
  std::uint64_t instructions = 0;
  std::uint32_t memory = 0;
};

Cost cost_of(const FlashImage& flash, const std::string& name) {
  const Machine machine = an505();
  const std::filesystem::path file = work_folder("cost." + name) / "flash.img";
  flash.write(file);
  const ProgramResult result = run_program(machine.command(file, {"-icount", "shift=0"}, "boot-measure"), {}, std::chrono::seconds(60));
  unsigned ticks = 0, memory = 0;
  const std::size_t at = result.out.rfind("M ");
  EXPECT_NE(at, std::string::npos) << result.out.substr(0, 1000);
  if (at != std::string::npos) std::istringstream(result.out.substr(at + 2)) >> std::hex >> ticks >> memory;
  const Cost cost{ticks * kInstructionsPerTick, memory};
  std::printf("EMULATED an505 %-28s %6.1f M instructions, %u bytes of memory\n", name.c_str(),
              static_cast<double>(cost.instructions) / 1e6, cost.memory);
  return cost;
}

class BootCost : public testing::Test {
 protected:
  BootCost() : machine(an505()), flash(machine.board) {}
  Bytes firmware(std::uint64_t sequence) {
    return flash.firmware(machine.application(), machine.application_entry(),
                          {.sequence = sequence, .padding = kImageSize - machine.application().size()});
  }
  Machine machine;
  FlashImage flash;
};

// The report's signature is counted apart: what a device without a secret, which cannot sign, does not do.
TEST_F(BootCost, OneCandidateOf256KiBCostsAtMost60MillionInstructionsAndTheReportsSignatureAtMost30) {
  flash.provisioning.recovery_present = false;
  flash.provision(firmware(1), machine.capabilities & ~boot::kPortDeviceSecret);
  flash.script("o");
  const Cost without = cost_of(flash, "one candidate without signature");
  EXPECT_LE(without.instructions, 60'000'000U);
  flash.provision(firmware(1), machine.capabilities);
  flash.script("o");
  const Cost with = cost_of(flash, "one candidate");
  EXPECT_LE(with.instructions, without.instructions + 30'000'000U);
  EXPECT_GT(with.instructions, without.instructions);
  EXPECT_LE(with.memory, 8192U);
}

TEST_F(BootCost, AFailedFirstCandidateCostsAtMost130MillionInstructions) {
  flash.provision(firmware(1), machine.capabilities);
  Bytes broken = firmware(1);
  broken.back() = static_cast<std::uint8_t>(broken.back() ^ 1);
  broken[12288 + kImageSize - 1] ^= 1;
  flash.put(boot::Area::kSlotA, broken);
  flash.script("o");
  const Cost cost = cost_of(flash, "first candidate fails");
  EXPECT_LE(cost.instructions, 130'000'000U);
  EXPECT_LE(cost.memory, 8192U);
}

// The worst stack of a trial with everything else going on: staging, confirm, recovery written, floor raised.
TEST_F(BootCost, AWholeUpdateStaysWithin8KiBOfMemory) {
  flash.provision(flash.firmware(machine.application(), machine.application_entry(), {.sequence = 1}), machine.capabilities);
  const Bytes update = flash.firmware(machine.application(), machine.application_entry(), {.sequence = 2, .epoch = 2});
  flash.put(boot::Area::kSlotB, update);
  flash.script("SrArCrYro");
  EXPECT_LE(cost_of(flash, "last boot of an update").memory, 8192U);
}

// All code and constants of the linked stage lie in its one loadable segment.
constexpr std::uint32_t kStageSizeMax = 24 * 1024;
TEST(BootSize, CodeAndConstantsOfBothStagesFitIn24KiB) {
  for (const Machine& machine : {an505(), ast1030()}) {
    std::ifstream in(machine.folder / "boot.elf", std::ios::binary);
    const Bytes elf{std::istreambuf_iterator<char>(in), {}};
    ASSERT_GT(elf.size(), 52U);
    const auto word = [&](std::size_t at) {
      return static_cast<std::uint32_t>(elf[at] | elf[at + 1] << 8 | elf[at + 2] << 16 | elf[at + 3] << 24);
    };
    const std::size_t headers = word(28), count = static_cast<std::size_t>(elf[44]);
    std::uint32_t code = 0;
    for (std::size_t i = 0; i < count; ++i)
      if (word(headers + 32 * i) == 1) code += word(headers + 32 * i + 16);
    std::printf("EMULATED %s: boot stage %u bytes of %u\n", machine.board.name.c_str(), code, kStageSizeMax);
    EXPECT_LE(code, kStageSizeMax) << machine.board.name;
  }
}

}  // namespace
}  // namespace aseptic::test
