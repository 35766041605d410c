// SPDX-License-Identifier: Apache-2.0
// SET_REVERT gives up a confirmed image: only when boot would really start the previous one.
#include "slots/way_back.h"

#include <gtest/gtest.h>

#include "aseptic/boot/format/manifest.h"
#include "aseptic/core/hash.h"
#include "device_rig.h"
#include "slots/request_door.h"

namespace aseptic::agent::test {
namespace {

class MemorySlot final : public platform::BlockDevice {
 public:
  explicit MemorySlot(const core::Bytes& image) : content(image) { content.resize(kSlotSize); }
  [[nodiscard]] std::uint64_t size() const override { return content.size(); }
  core::Result<void> read(std::uint64_t at, core::ByteSpan out) override {
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(at), out.size(), out.begin());
    return {};
  }
  core::Result<void> read_back(std::uint64_t at, core::ByteSpan out) override { return read(at, out); }
  core::Result<void> write(std::uint64_t at, core::ByteView bytes) override {
    if (!ignores_writes) std::ranges::copy(bytes, content.begin() + static_cast<std::ptrdiff_t>(at));
    return {};
  }
  core::Result<void> discard(std::uint64_t, std::uint64_t) override { return {}; }
  core::Result<void> flush() override { return {}; }
  core::Bytes content;
  bool ignores_writes = false;
};

class WayBack : public ::testing::Test {
 protected:
  WayBack() {
    boot.report.run_kind = boot::RunKind::kConfirmed;
    boot.report.running_manifest = boot.report.confirmed_manifest = v2.manifest.bytes;
    boot.report.previous_manifest = v1.manifest.bytes;
    boot.report.recovery = boot::RecoveryState::kVerifies;
    boot.report.floor = 1;
  }
  static core::Digest area_of(const BuiltImage& image) { return core::sha256(core::ByteView(image.slot_bytes).first(boot::kManifestSize)); }
  core::Result<void> check() { return check_way_back(old_slot, new_slot, boot, from_area); }
  void refuses(const char* what) {
    const auto checked = check();
    ASSERT_FALSE(checked) << what;
    EXPECT_EQ(checked.error().name(), "agent.last_image") << what;
  }

  Keys keys;
  BuiltImage v1 = build_image(keys, "1.0.0", 1), v2 = build_image(keys, "2.0.0", 2);
  MemorySlot old_slot{v1.slot_bytes}, new_slot{v2.slot_bytes};
  BootView boot;
  core::Digest from_area = area_of(v1);
};

// Answers: AP-09, RC-01
TEST_F(WayBack, IsThereWhileTheOldImageIsWholeAndBootKnowsIt) {
  const auto checked = check();
  EXPECT_TRUE(checked) << checked.error().sentence();
}

// Answers: AP-09, T-46, T-54
TEST_F(WayBack, IsRefusedForWhatBootWouldNotStart) {
  boot.report.previous_manifest = {};
  refuses("no previous image");
  boot.report.previous_manifest = v2.manifest.bytes;
  refuses("the previous image is the confirmed one");
  boot.report.previous_manifest = v1.manifest.bytes;
  boot.report.floor = 2;
  refuses("the floor has risen");
  boot.report.floor = 1;
  boot.report.recovery = boot::RecoveryState::kDoesNotVerify;
  refuses("recovery does not verify");
  boot.report.recovery = boot::RecoveryState::kAbsent;
  EXPECT_TRUE(check());
  from_area = {};
  refuses("taken over from another agent");
  from_area = area_of(v1);
  ++old_slot.content.back();
  refuses("one byte behind the image");
  --old_slot.content.back();
  ++old_slot.content[boot::kManifestRegionSize];
  refuses("a signature that changed");
  --old_slot.content[boot::kManifestRegionSize];
  ++old_slot.content[boot::kFirstRegionOffset];
  refuses("a byte of the program");
}

// Answers: T-54
TEST_F(WayBack, WithARevocationInForceIsThereOnlyUnderTheKeysOfWhatRuns) {
  boot.report.revoked = 1;
  EXPECT_TRUE(check());
  boot::Manifest manifest;
  const auto region = core::ByteSpan(new_slot.content).first<boot::kManifestRegionSize>();
  ASSERT_TRUE(boot::ok(boot::decode_manifest(region, manifest)));
  ++manifest.classic_key_id[0];
  ASSERT_TRUE(boot::ok(boot::encode_manifest(manifest, region)));
  boot.report.confirmed_manifest = core::sha256(region).bytes;
  refuses("other keys than the running image's");
}

// Answers: RC-02, T-61
TEST(RequestDoor, WritesAConfirmOnlyInATrialWithItsTokenAndARevertOnlyInATrial) {
  MemorySlot area{core::Bytes(4096)};
  BootView boot;
  boot.report.run_kind = boot::RunKind::kConfirmed;
  RequestDoor door(area, boot);
  boot::Request confirm{.kind = boot::RequestKind::kConfirm, .boot_count = 7}, revert{.kind = boot::RequestKind::kRevert, .boot_count = 7};
  confirm.token.fill(3);
  const auto refuses = [&](const boot::Request& request) {
    const auto posted = door.post({request});
    ASSERT_FALSE(posted);
    EXPECT_EQ(posted.error().name(), "agent.not_in_trial");
    EXPECT_EQ(area.content, MemorySlot{core::Bytes(4096)}.content) << "nothing is written";
  };
  refuses(confirm);
  refuses(revert);
  boot.report.run_kind = boot::RunKind::kTrial;
  refuses(confirm);  // boot gave no token
  boot.report.token.fill(4);
  refuses(confirm);  // another trial's
  boot.report.token = confirm.token;
  EXPECT_TRUE(door.post({confirm}));
  EXPECT_TRUE(door.post({revert}));
}

// Answers: AP-09
TEST_F(WayBack, AManifestIsAwayOnlyWhenTheMediumSaysSo) {
  new_slot.ignores_writes = true;
  EXPECT_FALSE(take_manifest_away(new_slot));
  new_slot.ignores_writes = false;
  ASSERT_TRUE(take_manifest_away(new_slot));
  EXPECT_TRUE(is_manifest_away(new_slot).value());
  EXPECT_TRUE(std::ranges::equal(core::ByteView(new_slot.content).subspan(4096, v2.slot_bytes.size() - 4096), core::ByteView(v2.slot_bytes).subspan(4096)))
      << "nothing else changes";
}

}  // namespace
}  // namespace aseptic::agent::test
