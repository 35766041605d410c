// SPDX-License-Identifier: Apache-2.0
// The application that the QEMU tests boot. It prints what boot told it and then does what its script says: one
// character in each 8-byte cell of the application's data, burnt to zero when it is taken, so that a script goes on over
// resets.
#include "app.h"

#include "aseptic/boot/cortex_m/crypto.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/journal/requests.h"

namespace aseptic::test_app {
namespace {

using namespace boot;
using boot::cortex_m::flash_area;

void put(const char* text) {
  for (; *text != '\0'; ++text)
    put_char(*text);
}

void put_hex(ByteView bytes) {
  for (const std::uint8_t byte : bytes) {
    put_char("0123456789abcdef"[byte >> 4U]);
    put_char("0123456789abcdef"[byte & 15U]);
  }
}

void put_number(std::uint32_t value) {
  char digits[11];
  std::size_t at = sizeof digits;
  digits[--at] = '\0';
  do {
    digits[--at] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  put(digits + at);
}

[[noreturn]] void power_off() {
  static const std::uint32_t stopped[2] = {0x20026, 0};
  __asm__ volatile("movs r0, #0x20\n mov r1, %0\n bkpt 0xAB\n" : : "r"(stopped) : "r0", "r1", "memory");
  for (;;) {
  }
}

void say(const BootReport& report) {
  put("APP kind=");
  put_number(static_cast<std::uint32_t>(report.run_kind));
  put(" place=");
  put_number(static_cast<std::uint32_t>(report.place));
  put(" count=");
  put_number(report.boot_count);
  put(" cause=");
  put_number(static_cast<std::uint32_t>(report.reset_cause));
  put(" sequence=");
  put_number(static_cast<std::uint32_t>(report.running_sequence));
  put(" manifest=");
  put_hex(report.running_manifest);
  put(report.emulated ? " EMULATED\n" : "\n");
}

Digest staged_digest(Area slot) {
  static std::array<std::uint8_t, kManifestRegionSize> region;
  if (!ok(flash().read(flash_area(slot).offset, region))) return {};
  cortex_m::Sha256 hasher;
  return manifest_digest(hasher, region);
}

void write_request(const Request& request) {
  const RequestCell cell = encode_request(request);
  if (!ok(flash().program(flash_area(Area::kRequests).offset + static_cast<std::uint32_t>(request_offset(request.kind)), cell)))
    put("APP cannot write a request\n");
}

void request(RequestKind kind, const BootReport& report) {
  Request r;
  r.kind = kind;
  r.boot_count = report.boot_count;
  if (kind == RequestKind::kStage) {
    r.slot = report.place == ImagePlace::kSlotA ? SlotId::kB : SlotId::kA;
    r.attempt = 1;
    r.manifest = staged_digest(r.slot == SlotId::kA ? Area::kSlotA : Area::kSlotB);
  }
  if (kind == RequestKind::kConfirm) r.token = report.token;
  if (kind == RequestKind::kChallenge) r.challenge.fill(0x5C);
  write_request(r);
}

void permit(const BootReport& report) {
  const PermitCell cell = encode_permit({report.boot_count, {}});
  if (!ok(flash().program(flash_area(Area::kPermit).offset, cell))) put("APP cannot write the permit\n");
}

// Whether four bytes of the alias key, anywhere in it, are still where boot worked.
void look_for_alias_key() {
  const ByteView memory = boots_memory();
  int found = 0;
  for (std::size_t at = 0; at + 4 <= memory.size(); ++at)
    for (std::size_t part = 0; part + 4 <= kDigestSize; ++part)
      if (equal(memory.subspan(at, 4), ByteView(alias_key()).subspan(part, 4))) ++found;
  put("APP left=");
  put_number(static_cast<std::uint32_t>(found));
  put(" of ");
  put_number(static_cast<std::uint32_t>(memory.size()));
  put("\n");
}

char next_step() {
  std::array<std::uint8_t, 8> cell{};
  for (std::uint32_t at = 0; at < 2048; at += 8) {
    const std::uint32_t address = cortex_m::kApplicationData.offset + at;
    if (!ok(flash().read(address, cell)) || cell[0] == 0xFF) break;
    if (cell[0] == 0) continue;
    const char step = static_cast<char>(cell[0]);
    if (!ok(flash().program(address, std::array<std::uint8_t, 8>{}))) break;
    return step;
  }
  return 'o';
}

void obey(char step, const BootReport& report) {
  switch (step) {
    case 'S':
      return request(RequestKind::kStage, report);
    case 'A':
      request(RequestKind::kArm, report);
      return permit(report);
    case 'C':
      return request(RequestKind::kConfirm, report);
    case 'Y':
      return request(RequestKind::kSynced, report);
    case 'V':
      return request(RequestKind::kRevert, report);
    case 'H':
      return request(RequestKind::kChallenge, report);
    case 'm':
      put("APP report ");
      put_hex(mailbox());
      return put("\n");
    case 'k':
      put("APP alias ");
      put_hex(alias_key());
      return put("\n");
    case 'w':
      return look_for_alias_key();
    case 'r':
      commanded_reset();
    case 'x':
      plain_reset();
    case 'j':
      write_journal();
      return put("APP wrote the journal\n");
    case 'f':
      __asm__ volatile("udf #1");
      return;
    case 'h':
      for (;;)
        __asm__ volatile("wfi");
    default:
      power_off();
  }
}

}  // namespace

void run() {
  start_board();
  BootReport report;
  if (!ok(decode_boot_report(mailbox(), report))) put("APP no valid boot report\n");
  say(report);
  for (;;)
    obey(next_step(), report);
}

}  // namespace aseptic::test_app
