// SPDX-License-Identifier: Apache-2.0
// What one power-up costs: instructions up to the jump and the deepest stack. Only in the stage `boot-measure`, which is
// `boot` with these calls around its decision; in `boot` itself this is nothing.
#pragma once
#include "aseptic/boot/cortex_m/stage.h"

namespace aseptic::boot::cortex_m {

#ifdef ASEPTIC_BOOT_MEASURE
extern "C" std::uint8_t __stack_limit[];
extern "C" std::uint8_t __stack_top[];

inline void start_measuring() {
  reg32(kSysTickReload) = 0xFFFFFF;
  reg32(kSysTickValue) = 0;
  reg32(kSysTickControl) = 5;
}

// "M ticks stack": SysTick ticks, and bytes of boot's memory that were ever used.
inline void tell_measured(Console& console) {
  const std::uint32_t ticks = 0xFFFFFF - reg32(kSysTickValue);
  reg32(kSysTickControl) = 0;
  const auto* untouched = reinterpret_cast<const volatile std::uint32_t*>(__stack_limit);
  while (*untouched == 0x5AA55AA5)
    ++untouched;
  const std::uint32_t used = reinterpret_cast<std::uint32_t>(__stack_top) - reinterpret_cast<std::uint32_t>(untouched);
  console.put('M');
  for (const std::uint32_t value : {ticks, used}) {
    console.put(' ');
    for (int shift = 28; shift >= 0; shift -= 4)
      console.put("0123456789abcdef"[(value >> shift) & 15U]);
  }
  console.put('\n');
}
#else
inline void start_measuring() {}
inline void tell_measured(Console&) {}
#endif

}  // namespace aseptic::boot::cortex_m
