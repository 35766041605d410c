// SPDX-License-Identifier: Apache-2.0
// The boot stage of a microcontroller, given its board: everything between the reset handler and the jump. A target's
// boot_main() starts its board, calls decide(), and either runs the image or stops with an alarm.
#pragma once
#include "aseptic/boot/core/boot.h"
#include "aseptic/boot/cortex_m/hardware.h"
#include "aseptic/boot/cortex_m/nor_flash.h"

namespace aseptic::boot::cortex_m {

inline constexpr std::uint32_t kBootVersion = 1;
inline constexpr std::uint32_t kTrialSeconds = 120;

class Console {
 public:
  virtual void put(char c) = 0;
  virtual bool get(std::uint8_t& byte) = 0;  // false when nothing has come

 protected:
  ~Console() = default;
};

struct Board {
  NorFlash& flash;
  Console& console;
  std::span<std::uint8_t, kBootReportSize> mailbox;  // retained memory that the application can read
  std::uint32_t run_address;                         // of the load region, as the image sees it
  MutableBytes load_memory;                          // the same cells as boot sees them
  ByteView code;                                     // the boot stage itself, which it measures
  volatile RetainedCause& own_cause;
  volatile RetainedCause& application_cause;
};

// Says EMULATED and one line for each event: code, place, status, value.
Status decide(const Board& board, Decision& out);
// When nothing boots: an alarm, and the line is open for an image (RC-07, core/uart_frame.h). Ends in a reset.
[[noreturn]] void recover(const Board& board);
// The last thing before the jump: a reset from now on is the image's doing.
void leave_boot(const Board& board);

}  // namespace aseptic::boot::cortex_m
