// SPDX-License-Identifier: Apache-2.0
#include "scenarios.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <tuple>

#include "aseptic/boot/cortex_m/flash_map.h"
#include "aseptic/boot/format/monotonic.h"
#include "aseptic/boot/host/crypto.h"
#include "aseptic/boot/journal/factory.h"
#include "aseptic/boot/journal/journal.h"
#include "aseptic/boot/journal/requests.h"
#include "tests/support/lms_test_key.h"

namespace aseptic::test {
namespace {

using namespace boot;
using cortex_m::flash_area;

constexpr std::uint32_t kLoadAddress = 0x28000000;
constexpr std::uint32_t kCodeSize = 128;
constexpr std::uint32_t kCapabilities =
    kPortNvStore | kPortDeviceSecret | kPortKnowsResetCause | kPortWriteProtects | kPortEmulated;
constexpr std::size_t kSignatureByte = kManifestRegionSize + 20;
constexpr std::size_t kSecondSignatureByte = kManifestRegionSize + kP256SignatureSize + 4000;
constexpr std::size_t kLmsChainByte = kManifestRegionSize + kP256SignatureSize + 1000;

// An application of which no instruction needs to run: a stack, an entry, and bytes that name it.
Bytes application(std::uint8_t name) {
  Bytes code(kCodeSize, name);
  const std::uint32_t words[] = {kLoadAddress + 0x10000, kLoadAddress + 9};
  std::memcpy(code.data(), words, sizeof words);
  return code;
}

class JournalArea final : public Storage {
 public:
  explicit JournalArea(Bytes& bytes) : bytes_(bytes) {}
  AreaOffset size(Area) override { return bytes_.size(); }
  Status read(Area, AreaOffset offset, MutableBytes out) override {
    copy_bytes(out, ByteView(bytes_).subspan(offset, out.size()));
    return Status::kOk;
  }
  Status program(Area, AreaOffset offset, ByteView bytes) override {
    copy_bytes(MutableBytes(bytes_).subspan(offset), bytes);
    return Status::kOk;
  }
  Status erase(Area, AreaOffset offset, AreaOffset length) override {
    fill_bytes(MutableBytes(bytes_).subspan(offset, length), 0xFF);
    return Status::kOk;
  }
  Status sync(Area) override { return Status::kOk; }
  std::uint8_t erased_value() const override { return 0xFF; }

 private:
  Bytes& bytes_;
};

// A device of the factory with release 1 in slot A; slot B is erased and there is no recovery image, so that every run
// is short and every refusal final.
class Bench {
 public:
  Bench() : flash_(blank()) { flash_.provisioning.recovery_present = false; }

  // Signing takes a second, and the scenarios need the same few images: each is made once.
  Bytes firmware(const FirmwareSpec& spec, std::uint8_t name) const {
    static std::map<std::tuple<std::uint64_t, std::size_t, std::uint8_t>, Bytes> made;
    Bytes& image = made[{spec.sequence, spec.padding, name}];
    if (image.empty()) image = flash_.firmware(application(name), kLoadAddress + 8, spec);
    return image;
  }
  void provision(const Bytes& confirmed, const Bytes& in_slot_a) {
    flash_.provision(confirmed, kCapabilities);
    flash_.put(Area::kSlotB, {});
    if (!flash_.provisioning.recovery_present) flash_.put(Area::kRecovery, {});
    flash_.put(Area::kSlotA, in_slot_a);
  }
  // A recovery image of the confirmed release: when a fault makes slot A look bad, boot still has no reason to take
  // whatever lies in slot B as its last resort.
  void keep_recovery() { flash_.provisioning.recovery_present = true; }
  // The store's cells, all valid ones.
  void change_store(const std::function<void(MonotonicState&)>& change) {
    const std::uint32_t area = flash_area(Area::kMonotonic).offset;
    for (std::size_t i = 0; i < kMonotonicCellCount; ++i) {
      MonotonicCell cell;
      const auto stored = std::span(flash_.bytes()).subspan(area + i * kMonotonicCellStride, kMonotonicCellSize);
      Bytes bytes(stored.begin(), stored.end());
      if (!ok(decode_monotonic_cell(std::span(bytes).first<kMonotonicCellSize>(), cell))) continue;
      change(cell.state);
      encode_monotonic_cell(cell, std::span(bytes).first<kMonotonicCellSize>());
      flash_.put_at(static_cast<std::uint32_t>(area + i * kMonotonicCellStride), bytes);
    }
  }
  void flip(std::uint32_t offset, std::uint8_t bits) {
    flash_.put_at(offset, {static_cast<std::uint8_t>(flash_.bytes()[offset] ^ bits)});
  }
  // The journal of this device that folds to `state`.
  void journal_of_state(const JournalState& state) {
    Bytes journal(flash_area(Area::kJournal).size, 0xFF);
    host::Sha256 hasher;
    const RecordSealer sealer{&hasher, true, derive_keys(hasher, device_secret()).journal};
    JournalArea storage(journal);
    static_cast<void>(Journal(storage, sealer).restart(state));
    flash_.put(Area::kJournal, journal);
  }
  FlashImage& flash() { return flash_; }

  Scenario done(std::string name, std::string wrong, Bytes permitted = {}) const {
    Scenario s{.name = std::move(name), .wrong = std::move(wrong), .flash = flash_.bytes(), .permitted = std::move(permitted)};
    const StoreInForce store = store_in_force(s.flash.data() + flash_area(Area::kMonotonic).offset);
    s.floor = store.floor;
    s.revoked = store.revoked;
    s.generation = store.generation;
    return s;
  }

 private:
  // Of one builder: its key is in every image.
  static const FlashImage& blank() {
    static const FlashImage image({"an505", kLoadAddress, 16U << 20U});
    return image;
  }
  FlashImage flash_;
};

ImageInfo info_of(const Bytes& image) {
  Manifest manifest;
  static_cast<void>(decode_manifest(std::span(image).first<kManifestRegionSize>(), manifest));
  return {manifest_of(image), manifest.set_digest, manifest.sequence, manifest.epoch, manifest.min_root_version};
}

// A scenario that differs from a good device in the bytes of the image only.
Scenario bad_image(const std::string& name, const std::string& wrong, const std::function<void(Bytes&)>& spoil) {
  Bench bench;
  Bytes image = bench.firmware({}, 0x11);
  const Bytes good = image;
  spoil(image);
  bench.provision(good, image);
  return bench.done(name, wrong);
}

Scenario good() {
  Bench bench;
  const Bytes image = bench.firmware({}, 0x11);
  bench.provision(image, image);
  return bench.done("good", "", application(0x11));
}

Scenario below_floor() {
  Bench bench;
  const Bytes image = bench.firmware({}, 0x11);
  bench.provision(image, image);
  bench.change_store([](MonotonicState& state) { state.floor = 2; });
  return bench.done("below_floor", "epoch 1, floor 2");
}

Scenario revoked_key() {
  Bench bench;
  const Bytes image = bench.firmware({}, 0x11);
  bench.provision(image, image);
  bench.change_store([](MonotonicState& state) { state.revoked = 1; });
  return bench.done("revoked_key", "the image's key slot is revoked");
}

Scenario wrong_hardware() {
  Bench bench;
  const Bytes image = bench.firmware({}, 0x11);
  bench.flash().provisioning.hardware.fill(0xB2);
  bench.provision(image, image);
  return bench.done("wrong_hardware", "an image for other hardware");
}

Scenario development_image_in_production() {
  Bench bench;
  const Bytes image = bench.firmware({}, 0x11);
  bench.flash().provisioning.life_cycle = LifeCycle::kProduction;
  bench.provision(image, image);
  return bench.done("development_in_production", "a development image on a production device");
}

// Production by fuses, and one of the two copies of the debug status does not say "closed".
Scenario debug_open() {
  Bench bench;
  const Bytes image = bench.firmware({}, 0x11);
  bench.provision(image, image);
  const std::uint32_t words[] = {cortex_m::kFusedProduction, 0, cortex_m::kDebugClosed, cortex_m::kDebugClosed};
  Bytes state(sizeof words);
  std::memcpy(state.data(), words, sizeof words);
  bench.flash().put_at(cortex_m::kHardwareState.offset, state);
  return bench.done("debug_open", "an open debug port on a device of production");
}

Scenario oversize() {
  Bench bench;
  const Bytes image = bench.firmware({.padding = flash_area(Area::kSlotA).size}, 0x11);
  bench.flash().provision(bench.firmware({}, 0x11), kCapabilities);
  bench.flash().put(Area::kSlotB, {});
  bench.flash().put(Area::kRecovery, {});
  bench.flash().put_at(flash_area(Area::kSlotA).offset, image);
  return bench.done("oversize", "a well-signed image that ends in the next slot");
}

// The journal says that release 2 (in slot B) is confirmed, but is sealed with another device's key.
Scenario tampered_journal() {
  Bench bench;
  bench.keep_recovery();
  const Bytes confirmed = bench.firmware({}, 0x11), other = bench.firmware({.sequence = 2}, 0x22);
  bench.provision(confirmed, confirmed);
  bench.flash().put(Area::kSlotB, other);
  host::Sha256 hasher;
  Digest secret = device_secret();
  secret[5] ^= 1;
  Bytes journal(flash_area(Area::kJournal).size);
  const RecordSealer sealer{&hasher, true, derive_keys(hasher, secret).journal};
  static_cast<void>(make_factory_journal(hasher, sealer, {std::span(other).first<kManifestRegionSize>()}, journal));
  bench.flash().put(Area::kJournal, journal);
  Scenario s = bench.done("tampered_journal", "a journal of another device confirms another release", application(0x11));
  s.last_resort = application(0x22);
  return s;
}

// Release 2 in slot B is staged, with arm and permit; the reset decides.
Scenario trial(bool commanded) {
  Bench bench;
  bench.keep_recovery();
  const Bytes confirmed = bench.firmware({}, 0x11), next = bench.firmware({.sequence = 2}, 0x22);
  bench.provision(confirmed, confirmed);
  bench.flash().put(Area::kSlotB, next);
  JournalState state;
  state.confirmed = info_of(confirmed);
  state.previous = state.confirmed;
  state.synced = true;
  state.staged = info_of(next);
  state.staged_attempt = 1;
  state.staged_slot = static_cast<std::uint8_t>(SlotId::kB);
  bench.journal_of_state(state);
  Request arm;
  arm.kind = RequestKind::kArm;
  const RequestCell cell = encode_request(arm);
  bench.flash().put_at(flash_area(Area::kRequests).offset + static_cast<std::uint32_t>(request_offset(arm.kind)), {cell.begin(), cell.end()});
  const PermitCell permit = encode_permit({});
  bench.flash().put_at(flash_area(Area::kPermit).offset, {permit.begin(), permit.end()});
  Scenario s = commanded ? bench.done("armed_trial", "", application(0x22))
                         : bench.done("unarmed_trial", "an armed trial after a loss of power", application(0x11));
  s.commanded = commanded;
  if (!commanded) s.last_resort = application(0x22);
  return s;
}

// An image that does not verify, and a journal (sealed by the device's own key) whose BOOTHASH is the one that boot
// would measure for it: what was recorded once must not stand for a check now.
Scenario wrong_boothash() {
  Bench bench;
  const Bytes image = bench.firmware({}, 0x11);
  Bytes spoilt = image;
  spoilt[kFirstRegionOffset + 40] ^= 0x10;
  bench.provision(image, spoilt);
  host::Sha256 hasher;
  Manifest manifest;
  static_cast<void>(decode_manifest(std::span(image).first<kManifestRegionSize>(), manifest));
  JournalState state;
  state.confirmed = info_of(image);
  state.previous = state.confirmed;
  state.synced = true;
  state.boot_hash = {manifest_of(image), image_digest(hasher, manifest), 0};
  bench.journal_of_state(state);
  return bench.done("wrong_boothash", "an image with another content than the BOOTHASH on record");
}

// The one image that every LMS scenario is about, by one key.
Scenario lms(const char* name, const char* wrong, const std::function<void(Bytes&)>& spoil) {
  static LmsTestKey key;
  static Bytes image;
  Bench bench;
  bench.flash().release = {key.public_key(), [](std::span<std::uint8_t> slot) { key.put_signature(slot); }};
  if (image.empty()) image = bench.flash().firmware(application(0x33), kLoadAddress + 8, {});
  Bytes in_slot = image;
  spoil(in_slot);
  bench.provision(image, in_slot);
  Scenario s = bench.done(name, wrong, *wrong == '\0' ? application(0x33) : Bytes());
  s.blocks_margin = 120'000;  // LMS runs on the emulated core: a whole start takes 103,000
  return s;
}

}  // namespace

StoreInForce store_in_force(const std::uint8_t* area) {
  StoreInForce out;
  std::uint64_t newest = 0;
  for (std::size_t i = 0; i < kMonotonicCellCount; ++i) {
    MonotonicCell cell;
    const std::span<const std::uint8_t, kMonotonicCellSize> bytes(area + i * kMonotonicCellStride, kMonotonicCellSize);
    if (!ok(decode_monotonic_cell(bytes, cell)) || cell.write_count < newest) continue;
    newest = cell.write_count;
    out = {true, cell.state.floor, cell.state.revoked, cell.state.generation};
  }
  return out;
}

const ScenarioMakers& scenario_makers() {
  const auto spoil = [](const char* name, const char* wrong, std::function<void(Bytes&)> how) {
    return std::pair<std::string, std::function<Scenario()>>(name, [=] { return bad_image(name, wrong, how); });
  };
  static const ScenarioMakers makers = {
      {"good", good},
      {"armed_trial", [] { return trial(true); }},
      spoil("image_digest", "one bit of the code", [](Bytes& image) { image[kFirstRegionOffset + 40] ^= 0x10; }),
      spoil("p256_signature", "one bit of the P-256 signature", [](Bytes& image) { image[kSignatureByte] ^= 0x04; }),
      spoil("post_quantum_signature", "one bit of the SLH-DSA signature", [](Bytes& image) { image[kSecondSignatureByte] ^= 0x04; }),
      spoil("no_signature", "no signature at all",
            [](Bytes& image) { std::fill_n(image.begin() + kManifestRegionSize, kSignatureBlockSize, std::uint8_t{0}); }),
      spoil("stripped", "the P-256 signature removed",
            [](Bytes& image) { std::fill_n(image.begin() + kManifestRegionSize, kP256SignatureSize, std::uint8_t{0}); }),
      spoil("stripped_post_quantum", "the SLH-DSA signature removed",
            [](Bytes& image) {
              std::fill_n(image.begin() + kManifestRegionSize + kP256SignatureSize, kSlhDsaSignatureSize, std::uint8_t{0});
            }),
      {"below_floor", below_floor},
      {"revoked_key", revoked_key},
      {"wrong_hardware", wrong_hardware},
      {"development_in_production", development_image_in_production},
      {"debug_open", debug_open},
      {"tampered_journal", tampered_journal},
      {"oversize", oversize},
      {"unarmed_trial", [] { return trial(false); }},
      {"wrong_boothash", wrong_boothash},
  };
  return makers;
}

const ScenarioMakers& lms_scenario_makers() {
  static const ScenarioMakers makers = {
      {"good_lms", [] { return lms("good_lms", "", [](Bytes&) {}); }},
      {"lms_signature", [] { return lms("lms_signature", "one bit of the LMS signature", [](Bytes& image) { image[kLmsChainByte] ^= 0x04; }); }},
      {"lms_stripped",
       [] {
         return lms("lms_stripped", "the LMS signature removed", [](Bytes& image) {
           std::fill_n(image.begin() + kManifestRegionSize + kP256SignatureSize, kSlhDsaSignatureSize, std::uint8_t{0});
         });
       }},
  };
  return makers;
}

}  // namespace aseptic::test
