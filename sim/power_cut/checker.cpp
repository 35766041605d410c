// SPDX-License-Identifier: Apache-2.0
#include "checker.h"

#include <algorithm>
#include <cstring>

#include "aseptic/sim/checkers/slot_checker.h"

namespace aseptic::sim {
namespace {

using boot::Area;

std::uint64_t number(const std::uint8_t* at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value |= std::uint64_t{at[i]} << (8 * i);
  return value;
}

// CRC-64/XZ, bit by bit (docs/formats/boot_journal.md).
std::uint64_t crc64(const std::uint8_t* at, std::size_t size) {
  std::uint64_t crc = ~0ULL;
  for (std::size_t i = 0; i < size; ++i) {
    crc ^= at[i];
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xC96C5795D7870F42ULL : 0);
  }
  return ~crc;
}

constexpr std::size_t kAttemptInReport = 440;  // docs/formats/boot_mailbox.md

// Signed region, signature block and every region are the image's; between them every byte is zero or erased.
bool holds(boot::ByteView area, const boot::testing::Bytes& image, std::uint8_t erased) {
  if (area.size() < image.size()) return false;
  std::size_t at = 0;
  const auto same_until = [&](std::size_t end) {
    const bool same = std::memcmp(area.data() + at, image.data() + at, end - at) == 0;
    at = end;
    return same;
  };
  const auto blank_until = [&](std::size_t end) {
    for (; at < end; ++at)
      if (area[at] != 0 && area[at] != erased) return false;
    return true;
  };
  if (!same_until(9216)) return false;
  for (std::size_t i = 0; i < image[14]; ++i) {
    const std::uint8_t* region = image.data() + 120 + 56 * i;
    const auto offset = static_cast<std::size_t>(number(region + 8, 8));
    const auto size = static_cast<std::size_t>(number(region + 16, 8));
    if (!blank_until(offset) || !same_until(offset + size)) return false;
  }
  return blank_until(image.size());
}

}  // namespace

std::string check_images(const Product& product) {
  for (std::size_t k = 1; k < product.images.size(); ++k) {
    const SignedImage& image = product.images[k];
    const SlotVerdict verdict = check_slot(image.bytes);
    if (!verdict.is_whole) return "release " + std::to_string(k) + ": " + verdict.why_not;
    if (!std::equal(verdict.manifest_digest.begin(), verdict.manifest_digest.end(), image.manifest.begin()))
      return "release " + std::to_string(k) + " has another manifest digest";
    if (verdict.epoch != product.scenario.releases[k - 1].image.epoch) return "another epoch";
  }
  return {};
}

std::size_t Checker::release_in(boot::ByteView area) const {
  for (std::size_t k = 1; k < product_->images.size(); ++k)
    if (holds(area, product_->images[k].bytes, product_->geometry.erased)) return k;
  return 0;
}

Checker::Floor Checker::read_store(const Device& device) const {
  if (product_->store == StoreKind::kNvCounter) return {device.nv.state.floor, device.nv.state.revoked, true};
  Floor out;
  if (product_->store == StoreKind::kFuses) {
    out.readable = true;
    const auto reads_blown = [](Fuse fuse) { return fuse == Fuse::kBlown || fuse == Fuse::kWeakReadsBlown; };
    out.floor = static_cast<std::uint32_t>(
        std::count_if(device.fuses.floor.begin(), device.fuses.floor.end(), reads_blown));
    for (std::uint32_t i = 0; i < device.fuses.revoked.size(); ++i)
      if (reads_blown(device.fuses.revoked[i])) out.revoked |= 1U << i;
    return out;
  }
  const boot::ByteView raw = device.flash.raw(Area::kMonotonic);
  std::uint64_t newest = 0;
  for (std::size_t cell = 0; cell < 3; ++cell) {
    const std::uint8_t* at = raw.data() + cell * 4096;
    if (std::memcmp(at, "ASPTMONO", 8) != 0 || crc64(at, 504) != number(at + 504, 8)) continue;
    if (number(at + 16, 8) <= newest) continue;
    newest = number(at + 16, 8);
    out = {static_cast<std::uint32_t>(number(at + 28, 4)), static_cast<std::uint32_t>(number(at + 32, 4)),
           true};
  }
  return out;
}

void Checker::run(const Device& device, const boot::Decision& decision, std::size_t release,
                  const BeforeReset& before) {
  const boot::testing::ImageSpec& image = product_->scenario.releases[release - 1].image;
  const Area place = decision.place == boot::ImagePlace::kSlotA   ? Area::kSlotA
                     : decision.place == boot::ImagePlace::kSlotB ? Area::kSlotB
                                                                  : Area::kRecovery;
  if (release_in(device.flash.raw(place)) != release)
    blame("what runs does not lie whole in the place that boot names");
  if (image.epoch < floor_) blame("an image below the floor runs");
  if ((revoked_ >> (image.key - 1U) & 1U) != 0) blame("an image of a revoked key runs");
  switch (decision.kind) {
    case boot::RunKind::kConfirmed:
      if (!confirmable_.contains(release))
        blame("release " + std::to_string(release) + " counts as confirmed");
      if (release < confirmed_ && !broken_sector_) blame("a confirm was undone");
      confirmed_ = release;
      break;
    case boot::RunKind::kTrial:
      if (!before.armed) blame("a trial that nobody armed");
      break;
    case boot::RunKind::kForcedTrial:
    case boot::RunKind::kRecovery:
      if (!broken_sector_ && product_->scenario.start != Start::kJournalWiped &&
          product_->scenario.start != Start::kJournalGarbage)
        blame("no slot runs although no image was corrupted");
      break;
    case boot::RunKind::kNone:
      blame("boot says that nothing runs, yet it is content");
      break;
  }
}

// Rule 8: a recovery image that may run (under what is burnt by now) is replaced only while both slots hold
// the image that takes its place.
void Checker::recovery(const Device& device) {
  const std::size_t held = recovery_;
  recovery_ = release_in(device.flash.raw(Area::kRecovery));
  if (held == 0 || recovery_ == held || broken_sector_) return;
  const OfferedRelease& before = product_->scenario.releases[held - 1];
  if (before.image.epoch < floor_ || (revoked_ >> (before.image.key - 1U) & 1U) != 0) return;
  const std::size_t a = release_in(device.flash.raw(Area::kSlotA));
  if (a == 0 || a != release_in(device.flash.raw(Area::kSlotB)) || (recovery_ != 0 && recovery_ != a))
    blame("recovery was overwritten while the slots did not both hold the confirmed release");
}

// On the hardware's own side: the confirm is in force when its generation is burnt.
bool Checker::confirm_is_in_force(const Device& device, std::size_t wanted) const {
  if (product_->store == StoreKind::kNvCounter)
    return device.nv.state.confirmed == product_->images[wanted].manifest;
  if (product_->store == StoreKind::kFuses) return wanted == 1 || device.fuses.generation[0] == Fuse::kBlown;
  for (std::size_t cell = 0; cell < 3; ++cell)
    if (std::memcmp(device.flash.raw(Area::kMonotonic).data() + cell * 4096 + 40,
                    product_->images[wanted].manifest.data(), 32) == 0)
      return true;
  return false;
}

void Checker::power_up(const Device& device, boot::Status status, const boot::Decision& decision,
                       const boot::testing::Bytes& exec, const BeforeReset& before) {
  if (!device.flash.misuse().empty()) blame("misuse of the flash: " + device.flash.misuse());
  if (status != boot::Status::kOk) return blame(std::string("nothing boots: ") + boot::describe(status).name);
  const Floor now = read_store(device);
  if (!now.readable) return blame("the store cannot be read after a power-up");
  if (now.floor < floor_ || (revoked_ & ~now.revoked) != 0) blame("the floor or a revocation fell");
  floor_ = now.floor;
  revoked_ = now.revoked;
  if (product_->scenario.recovery) recovery(device);
  for (std::size_t k = 1; k < product_->images.size(); ++k)
    if (exec == product_->images[k].exec && decision.image.manifest == product_->images[k].manifest) {
      run(device, decision, k, before);
      if (failing_.first != 0) failed_.insert(failing_);
      failing_ = {0, 0};
      const auto attempt =
          static_cast<unsigned>(number(device.flash.raw(Area::kMailbox).data() + kAttemptInReport, 2));
      if (decision.kind == boot::RunKind::kTrial && !broken_sector_ && failed_.contains({k, attempt}))
        blame("an attempt that failed is tried again");
      return;
    }
  blame("unverified bytes run");
}

void Checker::end(const Device& device) {
  const std::size_t wanted = product_->scenario.final_release;
  if (wanted == 0) return;
  const boot::testing::ImageSpec& image = product_->scenario.releases[wanted - 1].image;
  if (release_in(device.flash.raw(Area::kSlotA)) != wanted) blame("slot A does not hold the final release");
  if (release_in(device.flash.raw(Area::kSlotB)) != wanted) blame("slot B does not hold the final release");
  if (product_->scenario.recovery && release_in(device.flash.raw(Area::kRecovery)) != wanted)
    blame("recovery does not hold the final release");
  if (!confirm_is_in_force(device, wanted)) blame("the confirm was never burnt");
  if (confirmed_ != wanted) blame("the final release is not confirmed");
  if (floor_ != image.epoch) blame("the floor is " + std::to_string(floor_) + " in the end");
  if (revoked_ != product_->scenario.revoked) blame("the wrong keys are revoked in the end");
}

}  // namespace aseptic::sim
