// SPDX-License-Identifier: Apache-2.0
// Recovery over the serial line on emulated hardware (EMULATED): nothing boots, an image arrives, it is judged as any
// other.
#include <gtest/gtest.h>

#include "aseptic/boot/core/uart_frame.h"
#include "aseptic/boot/format/checksum.h"
#include "machine.h"
#include "serial_machine.h"

namespace aseptic::test {
namespace {

using namespace boot;

Bytes frame(UartFrameType type, std::uint32_t offset, ByteView data = {}) {
  UartFrameHeader header{};
  copy_bytes(header.start, kUartStart);
  header.type.set(static_cast<std::uint8_t>(type));
  header.offset.set(offset);
  header.length.set(static_cast<std::uint16_t>(data.size()));
  const ByteView head = bytes_of(header);
  Bytes out(head.begin(), head.end());
  out.insert(out.end(), data.begin(), data.end());
  out.resize(out.size() + sizeof(Le64));
  seal_checksum(out);
  return out;
}

class QemuUart : public testing::TestWithParam<Machine (*)()> {
 protected:
  QemuUart() : machine(GetParam()()), flash(machine.board), file(work_folder("uart." + machine.board.name) / "flash.img") {}
  Bytes firmware(const FirmwareSpec& spec) { return flash.firmware(machine.application(), machine.application_entry(), spec); }
  // Provisioned, then everything lost that could boot.
  void provision_and_lose(const Bytes& image) {
    flash.provision(image, machine.capabilities);
    for (const Area area : {Area::kSlotA, Area::kSlotB, Area::kRecovery})
      flash.put(area, {});
    flash.script("o");
    flash.write(file);
  }
  void expect_answer(SerialMachine& device, char wanted, const Bytes& bytes) {
    device.output.clear();
    device.send(bytes);
    ASSERT_TRUE(device.wait_for(std::string(1, wanted))) << device.output;
  }
  void send_image(SerialMachine& device, const Bytes& image) {
    expect_answer(device, 'K', frame(UartFrameType::kBegin, static_cast<std::uint32_t>(image.size())));
    for (std::size_t at = 0; at < image.size(); at += kUartDataMax)
      expect_answer(device, 'K',
                    frame(UartFrameType::kData, static_cast<std::uint32_t>(at), ByteView(image).subspan(at, kUartDataMax)));
    device.output.clear();
    device.send(frame(UartFrameType::kEnd, static_cast<std::uint32_t>(image.size())));
  }
  Machine machine;
  FlashImage flash;
  std::filesystem::path file;
};
INSTANTIATE_TEST_SUITE_P(Emulated, QemuUart, testing::Values(&an505, &ast1030),
                         [](const auto& machine) { return machine.param().board.name; });

// Answers: RC-07, RC-01
TEST_P(QemuUart, AnImageThatArrivesOverTheLineBoots) {
  const Bytes image = firmware({.sequence = 4});
  provision_and_lose(image);
  SerialMachine device(machine.command(file));
  ASSERT_TRUE(device.wait_for("E 00000017")) << device.output;  // NOTHING_BOOTS
  // Noise and a spoilt frame in between do no harm.
  device.send({0xA5, 0x00, 0xA5, 0x5A, 0x09});
  Bytes spoilt = frame(UartFrameType::kBegin, static_cast<std::uint32_t>(image.size()));
  spoilt.back() ^= 1;
  device.send(spoilt);
  send_image(device, image);
  ASSERT_TRUE(device.wait_for("EMULATED\n")) << device.output;
  // The confirmed digest is known and verifies again.
  ASSERT_TRUE(device.wait_for("APP kind=1 place=0 count=2 ")) << device.output;
}

// Answers: RC-07, RB-03
TEST_P(QemuUart, AnImageBelowTheFloorDoesNotBootAndTheLineStaysOpen) {
  provision_and_lose(firmware({.sequence = 4, .epoch = 3}));
  SerialMachine device(machine.command(file));
  ASSERT_TRUE(device.wait_for("E 00000017")) << device.output;
  send_image(device, firmware({.sequence = 2, .epoch = 2}));
  ASSERT_TRUE(device.wait_for("EMULATED\n")) << device.output;
  ASSERT_TRUE(device.wait_for("E 00000017")) << device.output;
  EXPECT_EQ(device.output.find("APP"), std::string::npos) << device.output;
  // Out of order, beyond the slot, before a beginning: refused.
  expect_answer(device, 'N', frame(UartFrameType::kData, 0, Bytes(16)));
  expect_answer(device, 'N', frame(UartFrameType::kBegin, 0x7FFFF000));
  expect_answer(device, 'N', frame(UartFrameType::kEnd, 0));
}

}  // namespace
}  // namespace aseptic::test
