// SPDX-License-Identifier: Apache-2.0
// aseptic-boot: the trusted boot of a virtual device. Wiring only.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "aseptic/boot/host/power_cycle.h"

namespace {

constexpr const char* kUsage =
    "usage: aseptic-boot run DEVICE [--once] [--max-boots N] [--trial-timeout SECONDS] [--json]\n"
    "  Powers up the virtual device in folder DEVICE (EMULATED) and runs it until it powers off.\n"
    "  --once             one power-up\n"
    "  --max-boots N      stop after N power-ups\n"
    "  --trial-timeout S  watchdog of a trial boot (default 120)\n"
    "  --json             events as JSON lines\n"
    "exit status: 0 powered off or limit reached, 1 cannot run, 2 wrong arguments, 3 no image may run\n";

bool to_number(const char* text, unsigned long max, unsigned long& out) {
  char* end = nullptr;
  out = std::strtoul(text, &end, 10);
  return *text >= '0' && *text <= '9' && *end == '\0' && out >= 1 && out <= max;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace aseptic::boot::host;
  RunOptions options;
  EventFormat format = EventFormat::kText;
  bool good = argc >= 3 && std::strcmp(argv[1], "run") == 0 && argv[2][0] != '-';
  for (int i = 3; good && i < argc; ++i) {
    const std::string argument = argv[i];
    unsigned long number = 0;
    if (argument == "--once") {
      options.boots_max = 1;
    } else if (argument == "--json") {
      format = EventFormat::kJson;
    } else if (argument == "--max-boots" && i + 1 < argc && to_number(argv[i + 1], 1'000'000, number)) {
      options.boots_max = static_cast<std::uint32_t>(number);
      ++i;
    } else if (argument == "--trial-timeout" && i + 1 < argc && to_number(argv[i + 1], 86'400, number)) {
      options.trial_timeout = std::chrono::seconds(number);
      ++i;
    } else {
      good = false;
    }
  }
  if (!good) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  char* resolved = realpath(argv[2], nullptr);
  options.device_folder = resolved != nullptr ? resolved : argv[2];
  std::free(resolved);
  TextEvents events(stderr, format);
  switch (run_device(options, events)) {
    case RunEnd::kPoweredOff:
    case RunEnd::kBootLimit:
      return 0;
    case RunEnd::kNothingBoots:
      return 3;
    case RunEnd::kAlreadyRunning:
      std::fprintf(stderr, "aseptic-boot: %s is already running under another aseptic-boot\n", argv[2]);
      return 1;
    case RunEnd::kFailed:
      std::fprintf(stderr, "aseptic-boot: %s is no provisioned device (use: aseptic device provision)\n",
                   argv[2]);
      return 1;
  }
  return 1;
}
