// SPDX-License-Identifier: Apache-2.0
// What the test application needs from its board.
#pragma once
#include "aseptic/boot/cortex_m/nor_flash.h"

namespace aseptic::test_app {

void start_board();
void put_char(char c);
boot::cortex_m::NorFlash& flash();
std::span<const std::uint8_t, boot::kBootReportSize> mailbox();
[[noreturn]] void commanded_reset();
[[noreturn]] void plain_reset();
// Tries to write what only boot may write: must end in a fault where the hardware can tell.
void write_journal();
const boot::Digest& alias_key();
boot::ByteView boots_memory();  // boot's own, where the hardware lets an application read it; else nothing
void run();

}  // namespace aseptic::test_app
