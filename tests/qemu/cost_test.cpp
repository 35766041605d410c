// SPDX-License-Identifier: Apache-2.0
// What the linked boot stage costs on the Cortex-M33 (EMULATED): code, memory, instructions. Limits of the design, and the
// figures for docs/boot_size.md.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "machine.h"
#include "tests/support/lms_test_key.h"
#include "tests/support/run_program.h"

namespace aseptic::test {
namespace {

constexpr std::uint64_t kInstructionsPerTick = 50;  // -icount shift=0: one instruction a nanosecond; SysTick at 20 MHz
constexpr std::size_t kImageSize = 256 * 1024;

struct Cost {
  std::uint64_t instructions = 0;
  std::uint32_t memory = 0;
};

Cost cost_of(const FlashImage& flash, const std::string& name, const std::string& stage = "boot-measure") {
  const Machine machine = an505();
  const std::filesystem::path file = work_folder("cost." + name) / "flash.img";
  flash.write(file);
  const ProgramResult result = run_program(machine.command(file, {"-icount", "shift=0"}, stage), {}, std::chrono::seconds(60));
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

// Profile cnsa2, of which the same is asked. The publisher makes LMS keys of form W4 only: a key of form W8, made elsewhere,
// boots, but misses the first bar, which its shorter signature does not make up for.
TEST_F(BootCost, ProfileCnsa2CostsAtMost60MillionInstructionsWithLmsW4) {
  flash.provisioning.recovery_present = false;
  for (const unsigned width : {4U, 8U}) {
    LmsTestKey key({.height = 10, .width = width});
    flash.release = {key.public_key(), [&key](std::span<std::uint8_t> slot) { key.put_signature(slot); }};
    const std::string name = "cnsa2 W" + std::to_string(width);
    flash.provision(firmware(1), machine.capabilities & ~boot::kPortDeviceSecret);
    flash.script("o");
    const Cost without = cost_of(flash, name + " one candidate without signature", "boot-cnsa2-measure");
    if (width == 4) { EXPECT_LE(without.instructions, 60'000'000U); }
    EXPECT_LE(without.memory, 8192U);
    Bytes broken = firmware(1);
    broken[12288 + kImageSize - 1] ^= 1;
    flash.provision(firmware(1), machine.capabilities);
    flash.put(boot::Area::kSlotA, broken);
    flash.script("o");
    const Cost second = cost_of(flash, name + " first candidate fails", "boot-cnsa2-measure");
    EXPECT_LE(second.instructions, 130'000'000U) << width;
    EXPECT_LE(second.memory, 8192U);
  }
}

// Either algorithm, each in an update with everything else going on.
TEST_F(BootCost, ProfileCnsa2StaysWithin8KiBOfMemory) {
  LmsTestKey key({.height = 10, .width = 8});
  const ReleaseKey slh_dsa = flash.release, lms{key.public_key(), [&key](std::span<std::uint8_t> slot) { key.put_signature(slot); }};
  for (const ReleaseKey& release : {slh_dsa, lms}) {
    flash.release = release;
    flash.provision(flash.firmware(machine.application(), machine.application_entry(), {.sequence = 1}), machine.capabilities);
    flash.put(boot::Area::kSlotB, flash.firmware(machine.application(), machine.application_entry(), {.sequence = 2, .epoch = 2}));
    flash.script("SrArCrYro");
    const bool is_lms = release.public_key.algorithm == boot::PostQuantumAlgorithm::kLmsSha256;
    EXPECT_LE(cost_of(flash, is_lms ? "cnsa2 update with LMS W8" : "cnsa2 update with SLH-DSA", "boot-cnsa2-measure").memory, 8192U);
  }
}

// All code and constants of a linked stage lie in its one loadable segment.
std::uint32_t code_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  const Bytes elf{std::istreambuf_iterator<char>(in), {}};
  if (elf.size() <= 52) return ~0U;
  const auto word = [&](std::size_t at) {
    return static_cast<std::uint32_t>(elf[at] | elf[at + 1] << 8 | elf[at + 2] << 16 | elf[at + 3] << 24);
  };
  const std::size_t headers = word(28), count = static_cast<std::size_t>(elf[44]);
  std::uint32_t code = 0;
  for (std::size_t i = 0; i < count; ++i)
    if (word(headers + 32 * i) == 1) code += word(headers + 32 * i + 16);
  return code;
}

void expect_code_at_most(std::uint32_t limit, const std::string& stage) {
  for (const Machine& machine : {an505(), ast1030()}) {
    const std::uint32_t code = code_of(machine.folder / (stage + ".elf"));
    std::printf("EMULATED %s: %s %u bytes of %u\n", machine.board.name.c_str(), stage.c_str(), code, limit);
    EXPECT_GT(code, 20'000U) << "not a boot stage";
    EXPECT_LE(code, limit) << machine.board.name;
  }
}

TEST(BootSize, CodeAndConstantsOfBothStagesFitIn24KiB) {
  expect_code_at_most(24 * 1024, "boot");
}

TEST(BootSize, ProfileCnsa2FitsIn26KiB) {
  expect_code_at_most(26 * 1024, "boot-cnsa2");
}

}  // namespace
}  // namespace aseptic::test
