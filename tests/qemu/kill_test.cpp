// SPDX-License-Identifier: Apache-2.0
// SIGKILL to the emulated machine (EMULATED) while boot works: afterwards an image runs, the journal folds, nothing fell.
// The stage `boot-slow` shows on the console where a flash operation begins and ends, so that a kill can be aimed into
// one and the test can say how many were inside (flash_time.h).
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

#include "machine.h"
#include "running_machine.h"
#include "tests/support/run_program.h"

namespace aseptic::test {
namespace {

constexpr int kKillsEach = 22;  // over both machines more than 40; ASEPTIC_KILLS sets another number (nightly)
constexpr std::uint64_t kSeed = 20261123;

struct Kill {
  bool fired = false;   // the machine was still running
  bool inside = false;  // ... and in a flash operation
};

// Runs the machine until its `operation`-th flash operation has begun, waits `delay` and kills it.
Kill run_and_kill(const std::vector<std::string>& words, int operation, std::chrono::microseconds delay) {
  RunningMachine machine(words);
  int begun = 0, ended = 0;
  bool open = true;
  const auto take = [&](int timeout_ms) {
    pollfd ready{machine.console(), POLLIN, 0};
    if (poll(&ready, 1, timeout_ms) <= 0) return false;
    char buffer[256];
    const ssize_t count = ::read(machine.console(), buffer, sizeof buffer);
    open = count > 0;
    begun += static_cast<int>(std::count(buffer, buffer + std::max<ssize_t>(count, 0), '<'));
    ended += static_cast<int>(std::count(buffer, buffer + std::max<ssize_t>(count, 0), '>'));
    return open;
  };
  while (open && begun < operation && take(20'000)) {
  }
  Kill kill;
  if (open && begun >= operation) {
    usleep(static_cast<useconds_t>(delay.count()));
    machine.kill();
    kill.fired = true;
    while (open && take(5'000)) {
    }
    kill.inside = begun > ended;
  }
  return kill;
}

int kills_each() {
  const char* wanted = std::getenv("ASEPTIC_KILLS");
  int number = kKillsEach;
  if (wanted != nullptr) std::from_chars(wanted, wanted + std::strlen(wanted), number);
  return number;
}

class QemuKill : public testing::TestWithParam<Machine (*)()> {};
INSTANTIATE_TEST_SUITE_P(Emulated, QemuKill, testing::Values(&an505, &ast1030),
                         [](const auto& machine) { return machine.param().board.name; });

// Answers: RC-01, RC-03, RC-10
TEST_P(QemuKill, BootIsKilledInsideFlashOperationsAndAlwaysComesBack) {
  const Machine machine = GetParam()();
  const std::filesystem::path folder = work_folder("kill." + machine.board.name);
  FlashImage flash(machine.board);
  const auto firmware = [&](const FirmwareSpec& spec) {
    return flash.firmware(machine.application(), machine.application_entry(), spec);
  };
  const Bytes first = firmware({.sequence = 1}), update = firmware({.sequence = 2, .epoch = 2});
  std::mt19937_64 random(kSeed);
  const int kills = kills_each();
  int fired = 0, inside = 0, bad = 0;
  // A start may end before the operation that was drawn: another one is drawn, up to a quarter more.
  for (int i = 0; fired < kills && i < kills + kills / 4; ++i) {
    FlashImage device = flash;
    device.provision(first, machine.capabilities);
    device.put(boot::Area::kSlotB, update);
    if (i % 2 == 1) device.put(boot::Area::kRecovery, {});  // boot brings it back
    device.script("SrArCrro");
    const std::filesystem::path file = folder / "flash.img";
    device.write(file);
    const int operation = 1 + static_cast<int>(random() % 40);
    const Kill kill = run_and_kill(machine.command(file, {}, "boot-slow"), operation, std::chrono::microseconds(random() % 300));
    fired += kill.fired ? 1 : 0;
    inside += kill.inside ? 1 : 0;
    // Power returns: some verified image runs, and the device gets as far as its script says.
    const ProgramResult result = run_program(machine.command(file), {}, std::chrono::seconds(30));
    const boot::JournalState state = journal_of(file);
    const bool runs = !result.timed_out && result.out.find("APP kind=") != std::string::npos;
    const bool known = state.confirmed.manifest == manifest_of(first) || state.confirmed.manifest == manifest_of(update);
    if (!runs || !known) {
      ++bad;
      ADD_FAILURE() << "kill " << i << " at operation " << operation << ": runs=" << runs << " known=" << known << "\n"
                    << result.out.substr(0, 1500);
    }
  }
  std::printf("EMULATED %s: kills=%d inside_flash_operation=%d bad=%d seed=%llu\n", machine.board.name.c_str(), fired, inside, bad,
              static_cast<unsigned long long>(kSeed));
  EXPECT_EQ(fired, kills) << "a kill that does not happen proves nothing";
  EXPECT_GE(inside * 10, fired * 8) << "at least 80 % fall into a flash operation";
  EXPECT_EQ(bad, 0);
}

}  // namespace
}  // namespace aseptic::test
