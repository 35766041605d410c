// SPDX-License-Identifier: Apache-2.0
// The time that flash takes. Emulated flash is instant, so a process kill would hardly ever fall into an operation; the
// stage `boot-slow` is the same boot with this one difference: its driver dawdles inside each operation and shows on the
// console where it begins ('<') and ends ('>'). In `boot` itself all of this is nothing.
#pragma once

namespace aseptic::boot::cortex_m {

inline constexpr int kEraseEffort = 3'000;     // a word
inline constexpr int kProgramEffort = 40'000;  // a word, or a byte on the bus

#ifdef ASEPTIC_BOOT_SLOW_FLASH
void show_flash(char c);  // by the board

class FlashOperation {
 public:
  FlashOperation() { show_flash('<'); }
  ~FlashOperation() { show_flash('>'); }
  FlashOperation(const FlashOperation&) = delete;
  FlashOperation& operator=(const FlashOperation&) = delete;
  void step(int effort) {
    for (int i = 0; i < effort; ++i)
      __asm__ volatile("nop");
  }
};
#else
struct FlashOperation {
  void step(int) {}
};
#endif

}  // namespace aseptic::boot::cortex_m
