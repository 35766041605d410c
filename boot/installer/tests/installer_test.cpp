// SPDX-License-Identifier: Apache-2.0
// The installer on flash that is programmed once per erase: the duty before it erases, order, resumption,
// read-back, requests, memory.
#include "aseptic/boot/installer/installer.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <functional>

#include "../../core/tests/world.h"
#include "aseptic/sim/flash/nor_flash.h"

namespace aseptic::boot::testing {
namespace {

using sim::FlashGeometry;
using sim::NorFlash;

FlashGeometry make_geometry() {
  FlashGeometry g;
  g.unit = 8;
  for (const Area area : {Area::kSlotA, Area::kSlotB})
    g.areas[static_cast<std::size_t>(area)] = {std::vector<std::uint32_t>(8, 4096), 256, 0};
  g.areas[static_cast<std::size_t>(Area::kRequests)] = {{kRequestAreaSize}, 128, 0};
  return g;
}

class Installing : public ::testing::Test {
 protected:
  Installing() : flash(geometry) {
    v1 = image_of({1, 1, 1});
    ImageSpec second{2, 1, 1};
    second.with_tree = true;
    v2 = image_of(second);
    flash.burn_factory(Area::kSlotA, v1);
    flash.burn_factory(Area::kSlotB, v1);
    report.boot_count = 9;
    report.run_kind = RunKind::kConfirmed;
    report.place = ImagePlace::kSlotA;
    report.recovery = RecoveryState::kVerifies;
    report.confirmed_manifest = world.digest_of(v1);
    report.confirmed_sequence = 1;
    report.floor = 1;
  }
  Bytes image_of(const ImageSpec& spec) {
    Bytes slot;
    const Manifest manifest = world.manifest_for(spec, &slot);
    Bytes image = world.sign(manifest, std::move(slot), spec.key);
    image.resize(static_cast<std::size_t>(manifest.image_size));
    return image;
  }
  static std::span<const std::uint8_t, kManifestRegionSize> head(const Bytes& image) {
    return ByteView(image).first<kManifestRegionSize>();
  }
  Status begin(const Bytes& image, std::uint16_t attempt = 1) {
    return installer.begin(report, SlotId::kB, attempt, head(image));
  }
  Status send(const Bytes& image, std::uint64_t until, std::size_t piece = 100) {
    while (installer.next_offset() < until) {
      const auto at = static_cast<std::size_t>(installer.next_offset());
      const std::size_t size = std::min<std::size_t>(piece, static_cast<std::size_t>(until) - at);
      const Status status = installer.write(at, ByteView(image).subspan(at, size));
      if (!ok(status)) return status;
    }
    return Status::kOk;
  }
  bool holds(Area area, const Bytes& image) { return equal(flash.raw(area).first(image.size()), image); }

  FlashGeometry geometry = make_geometry();
  NorFlash flash;
  World world;
  Bytes v1, v2;
  BootReport report;
  Installer installer{flash, world.hasher, flash};
};

// Answers: AP-01
TEST_F(Installing, WritesTheOtherSlotReadsBackAndAsksBoot) {
  ASSERT_EQ(begin(v2, 3), Status::kOk);
  EXPECT_EQ(installer.next_offset(), kManifestRegionSize);
  ASSERT_EQ(send(v2, v2.size()), Status::kOk);
  ASSERT_EQ(installer.finish(), Status::kOk);
  EXPECT_TRUE(holds(Area::kSlotB, v2));
  EXPECT_TRUE(holds(Area::kSlotA, v1)) << "the slot that runs is never written";
  ASSERT_EQ(installer.stage(), Status::kOk);
  const Requests requests = parse_request_area(flash.raw(Area::kRequests));
  ASSERT_TRUE(requests.has(RequestKind::kStage));
  EXPECT_EQ(requests.get(RequestKind::kStage).manifest, world.digest_of(v2));
  EXPECT_EQ(requests.get(RequestKind::kStage).attempt, 3);
  EXPECT_EQ(requests.get(RequestKind::kStage).slot, SlotId::kB);
  EXPECT_EQ(requests.get(RequestKind::kStage).boot_count, 9U);
  EXPECT_EQ(flash.misuse(), "");
}

// Answers: AP-01, RC-06
TEST_F(Installing, ErasesNothingUnlessTheWayBackHasJustVerified) {
  const auto refused = [&](const std::function<void(BootReport&)>& change) {
    BootReport changed = report;
    change(changed);
    const std::uint64_t before = flash.operations();
    const Status status = installer.begin(changed, SlotId::kB, 1, head(v2));
    const Status copy = installer.begin_copy(changed, SlotId::kB);
    return status == Status::kWayBackMissing && copy == Status::kWayBackMissing &&
           flash.operations() == before;
  };
  EXPECT_TRUE(refused([](BootReport& r) { r.place = ImagePlace::kSlotB; })) << "the slot that runs";
  EXPECT_TRUE(refused([](BootReport& r) { r.run_kind = RunKind::kTrial; }));
  EXPECT_TRUE(refused([](BootReport& r) { r.run_kind = RunKind::kForcedTrial; }));
  EXPECT_TRUE(refused([](BootReport& r) { r.run_kind = RunKind::kNone; }));
  EXPECT_TRUE(refused([](BootReport& r) { r.recovery = RecoveryState::kDoesNotVerify; }));
  report.recovery = RecoveryState::kAbsent;
  EXPECT_EQ(begin(v2), Status::kOk) << "a device without recovery";
}

TEST_F(Installing, RecoveryMayWriteEitherSlotAndCopiesNothing) {
  report.run_kind = RunKind::kRecovery;
  report.place = ImagePlace::kRecovery;
  EXPECT_EQ(check_way_back(report, SlotId::kA), Status::kOk);
  EXPECT_EQ(check_way_back(report, SlotId::kB), Status::kOk);
  const std::uint64_t before = flash.operations();
  EXPECT_EQ(installer.begin_copy(report, SlotId::kB), Status::kWayBackMissing);
  EXPECT_EQ(flash.operations(), before);
}

TEST_F(Installing, WhatBootWouldRefuseErasesNothing) {
  const std::uint64_t before = flash.operations();
  report.floor = 2;
  EXPECT_EQ(begin(v2), Status::kBelowFloor);
  report.floor = 1;
  report.confirmed_sequence = 3;
  EXPECT_EQ(begin(v2), Status::kOlderThanConfirmed);
  report.confirmed_sequence = 2;
  report.quarantine[0] = {world.digest_of(v2), 2};
  report.quarantine_count = 1;
  EXPECT_EQ(begin(v2, 2), Status::kQuarantined);
  Bytes bad = v2;
  bad[0] ^= 1;
  EXPECT_EQ(begin(bad), Status::kBadMagic);
  ImageSpec large{5, 1, 1};
  large.exec_size = kSlotSize - kFirstRegionOffset;
  Bytes too_large = image_of(large);
  ASSERT_EQ(too_large.size(), kSlotSize);
  EXPECT_EQ(flash.operations(), before);
  EXPECT_EQ(begin(v2, 3), Status::kOk) << "a higher attempt";
  EXPECT_EQ(begin(too_large), Status::kOk) << "exactly the slot";
}

TEST_F(Installing, AnImageLargerThanTheSlotErasesNothing) {
  FlashGeometry small = make_geometry();
  small.areas[static_cast<std::size_t>(Area::kSlotB)].sectors.assign(6, 4096);
  NorFlash other(small);
  Installer on_small(other, world.hasher, other);
  EXPECT_EQ(v2.size(), 7 * kImageBlockSize);
  EXPECT_EQ(on_small.begin(report, SlotId::kB, 1, head(v2)), Status::kTooLargeForSlot);
  EXPECT_EQ(other.operations(), 0U);
}

TEST_F(Installing, TakesBytesOnlyInOrderAndWithinTheImage) {
  EXPECT_EQ(installer.write(0, v2), Status::kWrongOrder) << "before begin";
  ASSERT_EQ(begin(v2), Status::kOk);
  const Bytes piece(16, 1);
  EXPECT_EQ(installer.write(kManifestRegionSize + 1, piece), Status::kOutOfRange);
  EXPECT_EQ(installer.write(kManifestRegionSize - 1, piece), Status::kOutOfRange);
  EXPECT_EQ(installer.write(kManifestRegionSize, Bytes(v2.size() - kManifestRegionSize + 1)),
            Status::kOutOfRange);
  EXPECT_EQ(installer.finish(), Status::kWrongOrder) << "incomplete";
  ASSERT_EQ(send(v2, v2.size()), Status::kOk);
  EXPECT_EQ(installer.stage(), Status::kWrongOrder) << "not read back";
  EXPECT_EQ(installer.synced(), Status::kWrongOrder);
}

// Answers: RC-10
TEST_F(Installing, ResumesAtTheLastSectorThatIsNotSurelyWritten) {
  ASSERT_EQ(begin(v2), Status::kOk);
  ASSERT_EQ(send(v2, 3 * 4096 + 300), Status::kOk);
  ASSERT_EQ(begin(v2), Status::kOk);
  EXPECT_EQ(installer.next_offset(), 3 * 4096U);
  ASSERT_EQ(send(v2, v2.size()), Status::kOk);
  EXPECT_EQ(installer.finish(), Status::kOk);
  EXPECT_EQ(flash.misuse(), "");
}

TEST_F(Installing, ABlankSectorBelowIsWrittenAgainWithTheOneBeforeIt) {
  ASSERT_EQ(begin(v2), Status::kOk);
  ASSERT_EQ(send(v2, v2.size()), Status::kOk);
  static_cast<void>(flash.erase(Area::kSlotB, 4 * 4096, 4096));  // as if a cut erase had looked done
  ASSERT_EQ(begin(v2), Status::kOk);
  EXPECT_EQ(installer.next_offset(), 3 * 4096U);
}

TEST_F(Installing, AnotherImageStartsFromNothing) {
  ASSERT_EQ(begin(v2), Status::kOk);
  ASSERT_EQ(send(v2, 3 * 4096), Status::kOk);
  ASSERT_EQ(begin(image_of({3, 1, 1})), Status::kOk);
  EXPECT_EQ(installer.next_offset(), kManifestRegionSize);
  EXPECT_TRUE(all_bytes_are(flash.raw(Area::kSlotB).subspan(kManifestRegionSize), 0xFF));
}

// Every byte that matters, changed on its way to the medium or on it. Answers: VF-07
TEST_F(Installing, AChangedByteIsFoundByTheReadBackAndSpoilsTheSlot) {
  for (std::size_t at = kFirstRegionOffset; at < v2.size(); at += 97) {
    if (at >= kFirstRegionOffset + 100 && at < kFirstRegionOffset + kImageBlockSize) continue;  // padding
    Bytes changed = v2;
    changed[at] ^= 4;
    ASSERT_EQ(begin(v2), Status::kOk);
    ASSERT_EQ(send(changed, v2.size(), 1000), Status::kOk);
    ASSERT_EQ(installer.finish(), Status::kRegionDigest) << at;
    ASSERT_EQ(installer.stage(), Status::kWrongOrder);
    ASSERT_TRUE(all_bytes_are(flash.raw(Area::kSlotB).first(4096), 0xFF))
        << "the next begin starts from nothing";
  }
}

TEST_F(Installing, DirtBetweenRegionsAndBehindTheImageIsFound) {
  Bytes dirty = v2;
  dirty[kFirstRegionOffset + 2000] = 1;
  ASSERT_EQ(begin(v2), Status::kOk);
  ASSERT_EQ(send(dirty, v2.size()), Status::kOk);
  EXPECT_EQ(installer.finish(), Status::kDirtySlot);
  ASSERT_EQ(begin(v2), Status::kOk);
  ASSERT_EQ(send(v2, v2.size()), Status::kOk);
  static_cast<void>(flash.program(Area::kSlotB, v2.size() + 64, Bytes(8, 1)));
  EXPECT_EQ(installer.finish(), Status::kDirtySlot);
}

// Answers: RC-06
TEST_F(Installing, CopiesTheConfirmedImageAndOnlyThat) {
  flash.burn_factory(Area::kSlotB, v2);
  ASSERT_EQ(installer.begin_copy(report, SlotId::kB), Status::kOk);
  EXPECT_EQ(installer.synced(), Status::kWrongOrder);
  while (!installer.is_complete())
    ASSERT_EQ(installer.copy_next(), Status::kOk);
  ASSERT_EQ(installer.finish(), Status::kOk);
  EXPECT_TRUE(holds(Area::kSlotB, v1));
  EXPECT_EQ(installer.stage(), Status::kWrongOrder) << "the confirmed image needs no trial";
  ASSERT_EQ(installer.synced(), Status::kOk);
  EXPECT_TRUE(parse_request_area(flash.raw(Area::kRequests)).has(RequestKind::kSynced));
}

TEST_F(Installing, ASourceThatDoesNotVerifyErasesNothing) {
  Bytes broken = v1;
  broken[kFirstRegionOffset + 1] ^= 1;
  flash.burn_factory(Area::kSlotA, broken);
  const std::uint64_t before = flash.operations();
  EXPECT_EQ(installer.begin_copy(report, SlotId::kB), Status::kRegionDigest);
  flash.burn_factory(Area::kSlotA, v2);
  EXPECT_EQ(installer.begin_copy(report, SlotId::kB), Status::kNotFound) << "not the confirmed image";
  EXPECT_EQ(flash.operations(), before);
}

TEST_F(Installing, SyncedIsNotSaidOfAnUpdate) {
  ASSERT_EQ(begin(v2), Status::kOk);
  ASSERT_EQ(send(v2, v2.size()), Status::kOk);
  ASSERT_EQ(installer.finish(), Status::kOk);
  EXPECT_EQ(installer.synced(), Status::kWrongOrder);
}

TEST_F(Installing, RequestsKeepTheirNeighboursAndReplaceTheirKind) {
  RequestWriter writer(flash, 9);
  Digest token{};
  token.fill(0x31);
  ASSERT_EQ(writer.confirm(token), Status::kOk);
  ASSERT_EQ(writer.arm(), Status::kOk);
  ASSERT_EQ(writer.arm(), Status::kOk) << "again: nothing to do";
  Digest challenge{};
  challenge.fill(0x32);
  ASSERT_EQ(writer.challenge(challenge, token, 5), Status::kOk);
  token.fill(0x33);
  ASSERT_EQ(writer.confirm(token), Status::kOk) << "replaced: costs an erase";
  ASSERT_EQ(writer.revert(), Status::kOk);
  const Requests requests = parse_request_area(flash.raw(Area::kRequests));
  EXPECT_EQ(requests.get(RequestKind::kConfirm).token, token);
  EXPECT_TRUE(requests.has(RequestKind::kArm));
  EXPECT_TRUE(requests.has(RequestKind::kRevert));
  EXPECT_EQ(requests.get(RequestKind::kChallenge).challenge, challenge);
  EXPECT_EQ(requests.get(RequestKind::kChallenge).log_count, 5U);
  EXPECT_EQ(flash.misuse(), "");
}

TEST_F(Installing, ARequestThatDoesNotReadBackIsAnErrorAndCanBeMadeAgain) {
  RequestWriter writer(flash, 9);
  flash.cut_at(flash.operations(), sim::kSilentBit, 3);
  EXPECT_EQ(writer.arm(), Status::kWriteNotVerified);
  EXPECT_FALSE(parse_request_area(flash.raw(Area::kRequests)).has(RequestKind::kArm));
  EXPECT_EQ(writer.arm(), Status::kOk);
  EXPECT_TRUE(parse_request_area(flash.raw(Area::kRequests)).has(RequestKind::kArm));
  flash.make_unreadable(Area::kRequests, 0);
  EXPECT_NE(writer.revert(), Status::kOk);
}

// The digests do not cover the signature block: it is read back page by page.
TEST_F(Installing, ALostBitInTheSignatureBlockIsNoticedAtOnce) {
  ASSERT_EQ(begin(v2), Status::kOk);
  flash.cut_at(flash.operations(), sim::kSilentBit, 5);
  EXPECT_EQ(send(v2, v2.size()), Status::kWriteNotVerified);
  ASSERT_EQ(begin(v2), Status::kOk);
  ASSERT_EQ(send(v2, v2.size()), Status::kOk);
  ASSERT_EQ(installer.finish(), Status::kOk);
  EXPECT_TRUE(holds(Area::kSlotB, v2));
}

TEST_F(Installing, AProgramThatFailsEndsTheInstallation) {
  ASSERT_EQ(begin(v2), Status::kOk);
  flash.cut_at(flash.operations() + 3, 0, 1);
  EXPECT_EQ(send(v2, v2.size()), Status::kIoError);
  flash.power_returns();
  EXPECT_EQ(installer.write(installer.next_offset(), Bytes(1)), Status::kWrongOrder);
}

// ---- memory: a whole installation on a painted stack
struct OnPaintedStack {
  std::function<void()> work;
  static void* run(void* self) {
    static_cast<OnPaintedStack*>(self)->work();
    return nullptr;
  }
};
#if defined(__has_feature)
constexpr bool kFramesArePadded = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kFramesArePadded = false;
#endif
std::size_t stack_used(const std::function<void()>& work) {
  static std::array<std::uint8_t, 256 * 1024> stack;
  stack.fill(0xA5);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, stack.data(), stack.size());
  OnPaintedStack painted{work};
  pthread_t thread{};
  EXPECT_EQ(pthread_create(&thread, &attributes, &OnPaintedStack::run, &painted), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  std::size_t untouched = 0;
  while (untouched < stack.size() && stack[untouched] == 0xA5)
    ++untouched;
  return stack.size() - untouched;
}

// On this machine, whose pointers and frames are larger than a microcontroller's; the flash model's and the
// thread's own share is measured and taken off.
TEST_F(Installing, ObjectAndStackStayBelowFourKibibytes) {
  if (kFramesArePadded) GTEST_SKIP() << "a sanitizer's frames are its own";  // NOLINT(skip: no product frames here)
  Bytes out(64);
  const std::size_t overhead = stack_used([&] {
    static_cast<void>(flash.read(Area::kSlotA, 0, out));
    static_cast<void>(flash.erase(Area::kSlotB, 0, 4096));
    static_cast<void>(flash.program(Area::kSlotB, 0, out));
  });
  Status status = Status::kIoError;
  const std::size_t used = stack_used([&] {
    status = begin(v2);
    if (ok(status)) status = send(v2, v2.size());
    if (ok(status)) status = installer.finish();
    if (ok(status)) status = installer.stage();
  });
  ASSERT_EQ(status, Status::kOk);
  ASSERT_GT(used, overhead);
  std::printf("object %zu bytes, stack %zu bytes\n", sizeof(Installer), used - overhead);
  EXPECT_LE(sizeof(Installer) + used - overhead, kInstallerMemoryMax);
}

}  // namespace
}  // namespace aseptic::boot::testing
