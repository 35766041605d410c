// SPDX-License-Identifier: Apache-2.0
// The named attacks on boot. Each asserts that the attack is refused, with which reason, and what runs
// instead.
#include <gtest/gtest.h>

#include <cstdio>

#include <random>

#include "aseptic/boot/format/publicly_known_keys.h"
#include "world.h"

namespace aseptic::boot::testing {
namespace {

constexpr auto kCommanded = ResetCause::kCommanded;
constexpr auto kPowerOn = ResetCause::kPowerOn;

struct Victim : World {
  explicit Victim(WorldConfig c = {}) : World(c) {
    provision({1, 1, 1});
    EXPECT_EQ(boot(kPowerOn), Status::kOk);
    v1 = storage.bytes(Area::kSlotA);
    v2 = image({2, 2, 2});
  }
  void update_and_sync() {
    EXPECT_EQ(trial(SlotId::kB, v2), Status::kOk);
    request_confirm();
    EXPECT_EQ(boot(kCommanded), Status::kOk);
    install(Area::kSlotA, v2);
    request_synced();
    EXPECT_EQ(boot(kCommanded), Status::kOk);
    EXPECT_EQ(monotonic().floor, 2U);
  }
  // Puts `slot` into slot B, asks for a trial, and says why it was refused.
  Status refusal_of(const Bytes& slot) {
    EXPECT_EQ(trial(SlotId::kB, slot), Status::kOk);
    EXPECT_EQ(decision.kind, RunKind::kConfirmed);
    EXPECT_FALSE(journal().staged.exists());
    const auto refused = events.find(EventCode::kRequestRefused);
    return refused ? refused->status : Status::kOk;
  }
  Bytes v1;
  Bytes v2;
};

// Answers: MB-01
TEST(BootAttack, T58_OldJournalPutBackIsNoticed) {
  Victim w;
  const Bytes old = w.storage.bytes(Area::kJournal);
  w.update_and_sync();
  w.storage.bytes(Area::kJournal) = old;
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_TRUE(w.events.has(EventCode::kJournalDiscarded));
  EXPECT_EQ(w.decision.image.manifest, w.digest_of(w.v2));
  EXPECT_EQ(w.monotonic().floor, 2U);
}

TEST(BootAttack, T58_AReplayBringsNoUsedBootCountBack) {
  Victim w;
  const Bytes old = w.storage.bytes(Area::kJournal);
  w.update_and_sync();
  std::uint32_t used = w.boot_count();
  for (int replay = 0; replay < 3; ++replay) {
    w.storage.bytes(Area::kJournal) = old;
    ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
    ASSERT_TRUE(w.events.has(EventCode::kJournalDiscarded));
    ASSERT_GT(w.boot_count(), used);  // arms, permits and tokens of that time are void
    used = w.boot_count();
  }
}
// Answers: RB-06
TEST(BootAttack, T58_JournalOfAnotherDeviceIsNoJournal) {
  Victim w;
  Victim other;
  other.storage.bytes(Area::kSecret).assign(kDigestSize, 0x33);
  other.provision({1, 1, 1});
  w.storage.bytes(Area::kJournal) = other.storage.bytes(Area::kJournal);
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.events.find(EventCode::kJournalDiscarded)->value, 1U);
}

// Answers: RC-04, RC-05
TEST(BootAttack, T47_OldSignedImageBelowTheFloorNeverRuns) {
  Victim w;
  w.update_and_sync();
  EXPECT_EQ(w.refusal_of(w.v1), Status::kBelowFloor);
  for (const Area area : {Area::kSlotA, Area::kSlotB, Area::kRecovery})
    w.install(area, w.v1);
  EXPECT_EQ(w.boot(kPowerOn), Status::kNothingBoots);
}

TEST(BootAttack, T05_OlderSequenceAboveTheFloorIsNotStaged) {
  Victim w;
  w.v2 = w.image({5, 1, 2});
  ASSERT_EQ(w.trial(SlotId::kB, w.v2), Status::kOk);
  w.request_confirm();
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  w.install(Area::kSlotA, w.image({4, 1, 2}));
  w.request_stage(SlotId::kA, w.storage.bytes(Area::kSlotA));
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_EQ(w.events.find(EventCode::kRequestRefused)->status, Status::kOlderThanConfirmed);
}

// Answers: RB-01, MB-02
TEST(BootAttack, T46_ImageChangedOfflineDoesNotRun) {
  Victim w;
  const std::size_t image_end = 16384;
  std::mt19937_64 random(46);
  ImagePlace runs = ImagePlace::kSlotA;
  for (int i = 0; i < 400; ++i) {
    const auto at = static_cast<std::size_t>(random() % image_end);
    const ImagePlace other = runs == ImagePlace::kSlotA ? ImagePlace::kSlotB : ImagePlace::kSlotA;
    const Area changed = runs == ImagePlace::kSlotA ? Area::kSlotA : Area::kSlotB;
    w.install(Area::kSlotA, w.v1);
    w.install(Area::kSlotB, w.v1);
    w.storage.bytes(changed)[at] ^= static_cast<std::uint8_t>(1U << (random() % 8));
    ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
    ASSERT_EQ(w.decision.place, other) << "byte " << at << " of the slot that ran was changed";
    ASSERT_TRUE(w.events.has(EventCode::kImageRefused));
    runs = other;
  }
}

TEST(BootAttack, T46_EveryBitOfRegionAndSignatureCounts) {
  Victim w;
  for (std::size_t at = 0; at < kManifestRegionSize + kP256SignatureSize; ++at)
    for (unsigned bit = 0; bit < 8; ++bit) {
      w.install(Area::kSlotA, w.v1);
      w.storage.bytes(Area::kSlotA)[at] ^= static_cast<std::uint8_t>(1U << bit);
      ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
      ASSERT_EQ(w.decision.place, ImagePlace::kSlotB) << at << "." << bit;
    }
}

// Answers: RB-08
TEST(BootAttack, T48_ProductionDeviceRefusesDevelopmentImages) {
  WorldConfig config;
  config.life_cycle = LifeCycle::kProduction;
  World w(config);
  w.provision({1, 1, 1});
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk) << "production exists";
  Bytes slot;
  Manifest m = w.manifest_for({2, 2, 2}, &slot);
  m.life_cycle = LifeCycle::kDevelopment;
  const Bytes development = w.sign(m, slot, 2);  // by the right keys
  for (const Area area : {Area::kSlotA, Area::kSlotB, Area::kRecovery})
    w.install(area, development);
  EXPECT_EQ(w.boot(kPowerOn), Status::kNothingBoots);
  EXPECT_EQ(w.events.find(EventCode::kImageRefused)->status, Status::kWrongLifeCycle);
}

// Answers: RB-08
TEST(BootAttack, T48_ProductionDeviceRefusesPubliclyKnownKeys) {
  for (const bool classic : {true, false})
    for (const LifeCycle life_cycle : {LifeCycle::kDevelopment, LifeCycle::kProduction}) {
      WorldConfig config;
      config.life_cycle = life_cycle;
      World w(config);
      Digest known{};
      copy_bytes(known, kPubliclyKnownKeyIds[0]);
      // The ideal hash cannot be inverted either: a hasher that gives the listed id for this one key.
      w.ideal_hasher.answer(classic ? ByteView(w.provisioning.key_slots[0].keys.p256)
                              : w.provisioning.key_slots[0].keys.post_quantum.view(),
                      known);
      w.provision({1, 1, 1});
      if (life_cycle == LifeCycle::kDevelopment) {
        EXPECT_EQ(w.boot(kPowerOn), Status::kOk);
        continue;
      }
      EXPECT_EQ(w.boot(kPowerOn), Status::kNothingBoots) << classic;
      EXPECT_EQ(w.events.find(EventCode::kImageRefused)->status, Status::kPubliclyKnownKey) << classic;
    }
}

TEST(BootAttack, T48_DevelopmentDeviceRefusesProductionImages) {
  Victim w;
  Bytes slot;
  Manifest m = w.manifest_for({2, 2, 2}, &slot);
  m.life_cycle = LifeCycle::kProduction;
  EXPECT_EQ(w.refusal_of(w.sign(m, slot, 2)), Status::kWrongLifeCycle);
}

// Answers: RB-05
TEST(BootAttack, T21_RevokedKeyIsRefusedEverywhere) {
  Victim w;
  w.v2 = w.image({2, 2, 2, 0b01});
  w.update_and_sync();
  EXPECT_EQ(w.monotonic().revoked, 0b01U);
  const Bytes by_old_key = w.image({9, 9, 1});
  EXPECT_EQ(w.refusal_of(by_old_key), Status::kRevokedKey);
  for (const Area area : {Area::kSlotA, Area::kSlotB, Area::kRecovery})
    w.install(area, by_old_key);
  EXPECT_EQ(w.boot(kPowerOn), Status::kNothingBoots);
}

TEST(BootAttack, UnknownKeyIsRefused) {
  Victim w;
  Bytes slot;
  Manifest m = w.manifest_for({2, 2, 2}, &slot);
  m.classic_key_id.fill(0x99);
  EXPECT_EQ(w.refusal_of(w.sign(m, slot, 2)), Status::kUnknownKey);
}

// Answers: T-44
TEST(BootAttack, T44_TheSecondKeyOfAnotherSlotOrOfNobodyIsUnknown) {
  Victim w;
  Bytes slot;
  Manifest m = w.manifest_for({2, 2, 2}, &slot);
  m.post_quantum_key_id = w.manifest_for({2, 2, 1}).post_quantum_key_id;
  EXPECT_EQ(w.refusal_of(w.sign(m, slot, 2)), Status::kUnknownKey);
  m.post_quantum_key_id.fill(0x99);
  EXPECT_EQ(w.refusal_of(w.sign(m, slot, 2)), Status::kUnknownKey);
}

TEST(BootAttack, T20_SignatureByAnotherKeyIsRefused) {
  Victim w;
  Bytes slot;
  const Manifest m = w.manifest_for({2, 2, 2}, &slot);
  EXPECT_EQ(w.refusal_of(w.sign(m, slot, 1)), Status::kBadSignature);
}

// Answers: RB-04, RB-08, KM-07, T-84
TEST(BootAttack, T44_BothSignaturesMustPassInEitherLifeCycle) {
  for (const LifeCycle life_cycle : {LifeCycle::kDevelopment, LifeCycle::kProduction}) {
    WorldConfig config;
    config.life_cycle = life_cycle;
    World w(config);
    w.provision({1, 1, 1});
    const auto refusal = [&](const Bytes& slot) {
      w.install(Area::kSlotA, slot);
      w.install(Area::kSlotB, slot);
      w.install(Area::kRecovery, slot);
      return w.boot(kPowerOn) == Status::kNothingBoots ? w.events.find(EventCode::kImageRefused)->status : Status::kOk;
    };
    const auto first = static_cast<std::ptrdiff_t>(kManifestRegionSize);
    const auto second = static_cast<std::ptrdiff_t>(kManifestRegionSize + kP256SignatureSize);
    const Bytes good = w.image({1, 1, 1});
    EXPECT_EQ(refusal(good), Status::kOk);
    Bytes slot = good;
    std::fill_n(slot.begin() + first, kP256SignatureSize, std::uint8_t{0});
    EXPECT_EQ(refusal(slot), Status::kBadSignature) << "released, but not by the builder";
    slot = good;
    std::fill_n(slot.begin() + second, kSlhDsaSignatureSize, std::uint8_t{0});
    EXPECT_EQ(refusal(slot), Status::kBadPostQuantumSignature) << "built, but not released";
    const Bytes other = w.image({2, 1, 1});  // both signatures are good, of another image
    slot = good;
    std::copy_n(other.begin() + second, kSlhDsaSignatureSize, slot.begin() + second);
    EXPECT_EQ(refusal(slot), Status::kBadPostQuantumSignature);
    slot = good;
    std::copy_n(other.begin() + first, kP256SignatureSize, slot.begin() + first);
    EXPECT_EQ(refusal(slot), Status::kBadSignature);
  }
}

TEST(BootAttack, T44_EveryByteOfTheSignatureBlockCounts) {
  for (std::size_t at = kManifestRegionSize; at < kManifestSize; at += at < 1100 || at > 8900 ? 1 : 61) {
    Victim w;
    Bytes slot = w.v2;
    slot[at] ^= 1;
    const Status wanted = at < 1088 ? Status::kBadSignature : at < 8944 ? Status::kBadPostQuantumSignature : Status::kReservedNotZero;
    ASSERT_EQ(w.refusal_of(slot), wanted) << at;
  }
}

// Answers: RB-08, KM-06
TEST(BootAttack, T44_AnImageCannotChooseItsAlgorithm) {
  Victim w;
  Bytes slot;
  Manifest m = w.manifest_for({2, 2, 2}, &slot);
  m.post_quantum_algorithm = PostQuantumAlgorithm::kLmsSha256;  // the device's key slots say SLH-DSA
  EXPECT_EQ(w.refusal_of(w.sign(m, slot, 2)), Status::kUnknownKey);
}

// Answers: MF-06
TEST(BootAttack, T35_SizeBeyondTheSlotIsRefusedBeforeAnythingIsRead) {
  for (const std::uint64_t size :
       std::initializer_list<std::uint64_t>{kSlotSize, 1ULL << 32U, 1ULL << 40U, kImageSizeMax - 65536}) {
    Victim w;
    Bytes slot;
    Manifest m = w.manifest_for({2, 2, 2}, &slot);
    m.regions[0].size = size;
    m.image_size = (kFirstRegionOffset + size + kImageBlockSize - 1) / kImageBlockSize * kImageBlockSize;
    EXPECT_EQ(w.refusal_of(w.sign(m, slot, 2)), Status::kTooLargeForSlot) << size;
  }
}

TEST(BootAttack, T34_DirtyBytesBehindTheImageAreNotStaged) {
  Victim w;
  for (const std::size_t at :
       {std::size_t{16384}, std::size_t{20000}, static_cast<std::size_t>(kSlotSize - 1)}) {
    Bytes slot = w.v2;
    slot[at] = 0x41;
    EXPECT_EQ(w.refusal_of(slot), Status::kDirtySlot) << at;
  }
}

TEST(BootAttack, T34_DirtyBytesBetweenRegionsDoNotRun) {
  Victim w;
  for (const std::size_t at :
       {std::size_t{9216}, std::size_t{12287}, std::size_t{12288 + 100}, std::size_t{16383}}) {
    Bytes slot = w.v2;
    slot[at] = 0x41;
    EXPECT_EQ(w.refusal_of(slot), Status::kDirtySlot) << at;
  }
}

TEST(BootAttack, ErasedBytesBehindTheImageAreClean) {
  Victim w;
  for (std::size_t i = 16384; i < kSlotSize; ++i)
    w.v2[i] = 0xFF;
  ASSERT_EQ(w.trial(SlotId::kB, w.v2), Status::kOk);
  EXPECT_EQ(w.decision.kind, RunKind::kTrial);
}

// Answers: MF-03
TEST(BootAttack, T24_WrongProductHardwareOrRevisionIsRefused) {
  Victim w;
  struct Case {
    const char* name;
    void (*change)(Manifest&);
    Status expected;
  };
  const Case cases[] = {
      {"product", [](Manifest& m) { m.product[5] ^= 1; }, Status::kWrongProduct},
      {"hardware", [](Manifest& m) { m.hardware[5] ^= 1; }, Status::kWrongHardware},
      {"revision above", [](Manifest& m) { m.hardware_revision_max = 2; }, Status::kWrongRevision},
      {"revision below", [](Manifest& m) { m.hardware_revision_min = 4; }, Status::kWrongRevision},
      {"newer boot needed", [](Manifest& m) { m.min_boot_version = 2; }, Status::kBootTooOld},
  };
  for (const auto& c : cases) {
    Bytes slot;
    Manifest m = w.manifest_for({2, 2, 2}, &slot);
    c.change(m);
    EXPECT_EQ(w.refusal_of(w.sign(m, slot, 2)), c.expected) << c.name;
  }
}

TEST(BootAttack, T31_RequestAreaGarbageChangesNothing) {
  Victim w;
  std::mt19937_64 random(31);
  for (int i = 0; i < 300; ++i) {
    for (auto& byte : w.storage.bytes(Area::kRequests))
      byte = static_cast<std::uint8_t>(random());
    for (auto& byte : w.storage.bytes(Area::kPermit))
      byte = static_cast<std::uint8_t>(random());
    ASSERT_EQ(w.boot(kCommanded), Status::kOk);
    ASSERT_EQ(w.decision.kind, RunKind::kConfirmed);
    ASSERT_EQ(w.monotonic().generation, 0U);
  }
}

TEST(BootAttack, ArmReplayedOnPowerOnIsVoid) {
  Victim w;
  w.install(Area::kSlotB, w.v2);
  w.request_stage(SlotId::kB, w.v2);
  w.request_arm();
  w.permit();
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.decision.kind, RunKind::kConfirmed);
  EXPECT_EQ(w.events.find(EventCode::kArmVoid)->value, static_cast<std::uint32_t>(ArmVoid::kResetCause));
}

TEST(BootAttack, UnarmedTrialDoesNotRun) {
  Victim w;
  w.install(Area::kSlotB, w.v2);
  w.request_stage(SlotId::kB, w.v2);
  w.permit();
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_EQ(w.decision.kind, RunKind::kConfirmed);
}

TEST(BootAttack, MissingPermitStopsACompromisedAgent) {
  Victim w;
  w.install(Area::kSlotB, w.v2);
  w.request_stage(SlotId::kB, w.v2);
  w.request_arm();
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_EQ(w.events.find(EventCode::kArmVoid)->value, static_cast<std::uint32_t>(ArmVoid::kNoPermit));
}

TEST(BootAttack, TheConfirmedDigestCannotBeSentToQuarantine) {
  Victim w;
  ASSERT_EQ(w.trial(SlotId::kB, w.v1), Status::kOk);
  EXPECT_EQ(w.decision.kind, RunKind::kConfirmed);
  EXPECT_TRUE(w.events.has(EventCode::kRequestRefused));
}

// Answers: MF-09
TEST(BootAttack, T30_SlotThatChangesBetweenCheckAndRunDoesNotRun) {
  // A medium that gives other bytes at the second reading of the executable region.
  struct Flipping final : Storage {
    explicit Flipping(MemoryStorage& under) : inner(under) {}
    std::uint64_t size(Area a) override { return inner.size(a); }
    Status read(Area a, std::uint64_t o, MutableBytes out) override {
      const Status status = inner.read(a, o, out);
      if (a == Area::kSlotA && o == kFirstRegionOffset && ++readings == 2) out[0] ^= 1;
      return status;
    }
    Status program(Area a, std::uint64_t o, ByteView b) override { return inner.program(a, o, b); }
    Status erase(Area a, std::uint64_t o, std::uint64_t l) override { return inner.erase(a, o, l); }
    Status sync(Area a) override { return inner.sync(a); }
    std::uint8_t erased_value() const override { return 0xFF; }
    MemoryStorage& inner;
    int readings = 0;
  };
  Victim w;
  Flipping flipping(w.storage);
  w.events.events.clear();
  Port port{flipping, w.store, w.hasher, w.signer, w.memory, w.entropy, w.events};
  port.cause = kPowerOn;
  ASSERT_EQ(power_up(port, w.decision), Status::kOk);
  EXPECT_GE(flipping.readings, 2);
  EXPECT_EQ(w.decision.place, ImagePlace::kSlotB);
  EXPECT_EQ(w.events.find(EventCode::kImageRefused)->status, Status::kRegionDigest);
}

// The medium is the attacker's: after its k-th read of one slot it shows another image for good, or for this
// one read alone, or other bytes of the executable region; for every k.
// Answers: RB-10, MF-09
TEST(BootAttack, T30_FlashThatChangesAfterAnyReadNeverRunsUnverifiedBytes) {
  enum class Change { kEvilFromNowOn, kEvilOnce, kOlderFromNowOn, kFlipOnce };
  struct Changing final : Storage {
    explicit Changing(MemoryStorage& under) : inner(under) {}
    std::uint64_t size(Area a) override { return inner.size(a); }
    Status read(Area a, std::uint64_t o, MutableBytes out) override {
      const Status status = inner.read(a, o, out);
      if (a != slot) return status;
      const std::uint64_t index = reads++;
      const bool once = change == Change::kEvilOnce || change == Change::kFlipOnce;
      if (index < at || (once && index != at)) return status;
      if (change == Change::kFlipOnce) {
        out[out.size() / 2] ^= 1;
      } else {
        copy_bytes(out, ByteView(evil).subspan(static_cast<std::size_t>(o), out.size()));
      }
      return status;
    }
    Status program(Area a, std::uint64_t o, ByteView b) override { return inner.program(a, o, b); }
    Status erase(Area a, std::uint64_t o, std::uint64_t l) override { return inner.erase(a, o, l); }
    Status sync(Area a) override { return inner.sync(a); }
    std::uint8_t erased_value() const override { return 0xFF; }
    MemoryStorage& inner;
    Area slot = Area::kSlotA;
    Change change = Change::kFlipOnce;
    Bytes evil;
    std::uint64_t at = ~0ULL;
    std::uint64_t reads = 0;
  };
  Victim start;
  Bytes evil = start.v1;
  for (std::size_t i = 0; i < 100; ++i)
    evil[static_cast<std::size_t>(kFirstRegionOffset) + i] = 0xEE;
  const Bytes older = start.image({7, 9, 2});  // well signed, but not the confirmed one
  const auto run = [&](Area slot, Change change, std::uint64_t at, std::uint64_t& reads) {
    Victim w;
    Changing medium(w.storage);
    medium.slot = slot;
    medium.change = change;
    medium.at = at;
    medium.evil = change == Change::kOlderFromNowOn ? older : evil;
    Port port{medium, w.store, w.hasher, w.signer, w.memory, w.entropy, w.events};
    port.cause = kPowerOn;
    const Status status = power_up(port, w.decision);
    reads = medium.reads;
    EXPECT_EQ(status, Status::kOk) << at;
    const ByteView exec = ByteView(w.v1).subspan(static_cast<std::size_t>(kFirstRegionOffset), 100);
    EXPECT_TRUE(equal(exec, w.memory.content))
        << "slot " << static_cast<int>(slot) << " change " << static_cast<int>(change) << " at read " << at;
    EXPECT_EQ(w.decision.image.manifest, w.digest_of(w.v1)) << at;
  };
  std::uint64_t cases = 0;
  for (const Area slot : {Area::kSlotA, Area::kSlotB})
    for (const Change change :
         {Change::kEvilFromNowOn, Change::kEvilOnce, Change::kOlderFromNowOn, Change::kFlipOnce}) {
      std::uint64_t reads = 1;
      for (std::uint64_t at = 0; at < reads; ++at, ++cases)
        run(slot, change, at, reads);
    }
  std::printf("%llu reads changed\n", static_cast<unsigned long long>(cases));
  EXPECT_GT(cases, 20U);
}

TEST(BootAttack, TreeVerifiedRegionChangedOfflineDoesNotRun) {
  Victim w;
  w.v2 = w.image({2, 2, 2, 0, 0, true});
  w.update_and_sync();
  for (const std::size_t at : {std::size_t{16384}, std::size_t{20480}, std::size_t{28671}}) {
    w.install(Area::kSlotA, w.v2);
    w.storage.bytes(Area::kSlotA)[at] ^= 0x80;
    ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
    EXPECT_EQ(w.decision.place, ImagePlace::kSlotB);
  }
}

}  // namespace
}  // namespace aseptic::boot::testing
