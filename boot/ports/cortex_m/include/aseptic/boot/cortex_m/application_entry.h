// SPDX-License-Identifier: Apache-2.0
// The first instructions of an application: boot hands the alias key of this start over in r4 to r11 and keeps no copy, so
// they must be stored before any compiled code runs. Included once, by the file that has the application's vectors; what it
// defines is app_entry(), which the manifest names, and which calls application_main().
// SECURITY(T-56): the copy here is the only one. Whoever reads the application's memory has the key until the next reset.
#pragma once
#include "aseptic/boot/format/hash.h"

namespace aseptic::boot::cortex_m {

// All zero: boot has no device secret.
alignas(4) inline Digest taken_alias_key{};

}  // namespace aseptic::boot::cortex_m

extern "C" [[noreturn]] void application_main();

extern "C" [[gnu::naked, gnu::used, noreturn]] inline void app_entry() {
  __asm__ volatile(
      "movw r0, #:lower16:%c0\n movt r0, #:upper16:%c0\n"
      "stmia r0!, {r4-r11}\n"
      "b.w application_main\n"
      :
      : "i"(aseptic::boot::cortex_m::taken_alias_key.data()));
}
