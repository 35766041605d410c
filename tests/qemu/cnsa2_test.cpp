// SPDX-License-Identifier: Apache-2.0
// Profile cnsa2 on emulated hardware (EMULATED): a stage of its own, whose key slots may name LMS instead of SLH-DSA.
#include <gtest/gtest.h>

#include "aseptic/boot/core/events.h"
#include "device.h"
#include "serial_machine.h"
#include "tests/support/lms_test_key.h"
#include "tests/support/release_test_key.h"

namespace aseptic::test {
namespace {

constexpr std::size_t kSignatureAt = boot::kManifestRegionSize + boot::kP256SignatureSize;

ReleaseKey as_release(LmsTestKey& key) {
  return {key.public_key(), [&key](std::span<std::uint8_t> slot) { key.put_signature(slot); }};
}

// "E code place status": what boot says when it refuses the image of slot A.
std::string refusal_of_slot_a(boot::Status status) {
  char text[64];
  std::snprintf(text, sizeof text, "E %08x 00000000 %08x ", static_cast<unsigned>(boot::EventCode::kImageRefused), static_cast<unsigned>(status));
  return text;
}

class QemuCnsa2 : public testing::TestWithParam<Machine (*)()> {
 protected:
  QemuCnsa2() : device(GetParam()()) {
    device.stage = "boot-cnsa2";
    device.flash.release = as_release(key);
  }
  void provision(const Bytes& image) { device.flash.provision(image, device.machine.capabilities); }
  // Slot A holds `image`, slot B the confirmed one: what the device says, and that slot B runs.
  void expect_refused(const Bytes& image, boot::Status status, const std::string& what) {
    device.flash.put(boot::Area::kSlotA, image);
    device.flash.write(device.file);
    const std::string out = device.power_up();
    EXPECT_NE(out.find(refusal_of_slot_a(status)), std::string::npos) << what << "\n" << out;
    EXPECT_EQ(line_of(out, "APP").substr(0, 19), "APP kind=1 place=1 ") << what << "\n" << out;
  }
  LmsTestKey key;
  Device device;
};
INSTANTIATE_TEST_SUITE_P(Emulated, QemuCnsa2, testing::Values(&an505, &ast1030),
                         [](const auto& machine) { return machine.param().board.name; });

// Timeline: confirmed image of slot A runs; an update, signed with the next one-time key, is staged, armed, tried, confirmed.
// Answers: RB-01, KM-07
TEST_P(QemuCnsa2, ImagesWhoseSecondSignatureIsLmsBootAndUpdate) {
  provision(device.firmware({.sequence = 1}));
  const Bytes update = device.firmware({.sequence = 2});
  device.flash.put(boot::Area::kSlotB, update);
  device.flash.script("SrArCro");
  device.flash.write(device.file);
  const std::string out = device.power_up();
  EXPECT_EQ(line_of(out, "APP", 0).substr(0, 37), "APP kind=1 place=0 count=1 cause=1 se") << out;
  EXPECT_EQ(line_of(out, "APP", 2).substr(0, 46), "APP kind=2 place=1 count=3 cause=3 sequence=2 ") << out;
  EXPECT_EQ(line_of(out, "APP", 3).substr(0, 46), "APP kind=1 place=1 count=4 cause=3 sequence=2 ") << out;
  EXPECT_EQ(journal_of(device.file).confirmed.manifest, manifest_of(update));
}

// Answers: KM-07, T-44, T-45
TEST_P(QemuCnsa2, ALmsSignatureThatIsWrongStrippedOrOfAnotherKeyIsRefused) {
  const Bytes image = device.firmware({.sequence = 7});
  provision(image);
  device.flash.script("o");
  // Levels, index, LM-OTS type, C, first and last chain, LMS type, first and last node of the path.
  const std::size_t size = key.signature_size();
  for (const std::size_t at : {std::size_t{3}, std::size_t{4}, std::size_t{7}, std::size_t{11}, std::size_t{12}, std::size_t{44}, size - 325,
                               size - 321, size - 320, size - 1}) {
    Bytes wrong = image;
    wrong[kSignatureAt + at] ^= 1;
    expect_refused(wrong, boot::Status::kBadPostQuantumSignature, "byte " + std::to_string(at));
  }
  Bytes stripped = image;
  std::fill_n(stripped.begin() + kSignatureAt, size, std::uint8_t{0});
  expect_refused(stripped, boot::Status::kBadPostQuantumSignature, "stripped");
  Bytes longer = image;
  longer[kSignatureAt + size] = 1;
  expect_refused(longer, boot::Status::kReservedNotZero, "a byte behind the signature");
  LmsTestKey other;
  Bytes signed_by_other = image;
  other.put_signature(signed_by_other);
  expect_refused(signed_by_other, boot::Status::kBadPostQuantumSignature, "another key's signature");
  device.flash.release = as_release(other);
  expect_refused(device.firmware({.sequence = 7}), boot::Status::kUnknownKey, "an image of another LMS key");
  device.flash.release = {release_test_key(), put_release_signature};
  expect_refused(device.firmware({.sequence = 7}), boot::Status::kUnknownKey, "an image of an SLH-DSA key");
}

// A device whose slot names SLH-DSA boots in this profile as in the default one, and takes no LMS instead.
// Answers: KM-06, T-44
TEST_P(QemuCnsa2, ASlotThatNamesSlhDsaStillMeansSlhDsa) {
  device.flash.release = {release_test_key(), put_release_signature};
  const Bytes image = device.firmware({.sequence = 7});
  provision(image);
  device.flash.script("o");
  device.flash.write(device.file);
  const std::string out = device.power_up();
  EXPECT_EQ(line_of(out, "APP").substr(0, 19), "APP kind=1 place=0 ") << out;
  Bytes wrong = image;
  wrong[kSignatureAt] ^= 1;
  expect_refused(wrong, boot::Status::kBadPostQuantumSignature, "SLH-DSA signature");
  device.flash.release = as_release(key);
  expect_refused(device.firmware({.sequence = 7}), boot::Status::kUnknownKey, "an image of an LMS key");
}

// Answers: KM-06, T-44
TEST_P(QemuCnsa2, TheDefaultProfileRefusesAKeySlotThatNamesLms) {
  provision(device.firmware({.sequence = 7}));
  device.flash.script("o");
  device.flash.write(device.file);
  SerialMachine machine(device.machine.command(device.file, {}, "boot"));
  ASSERT_TRUE(machine.wait_for("E 00000017")) << machine.output;  // NOTHING_BOOTS
  EXPECT_NE(machine.output.find(refusal_of_slot_a(boot::Status::kBadAlgorithm)), std::string::npos) << machine.output;
  EXPECT_EQ(machine.output.find("APP"), std::string::npos) << machine.output;
}

}  // namespace
}  // namespace aseptic::test
