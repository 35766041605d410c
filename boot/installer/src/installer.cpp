// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/installer/installer.h"

namespace aseptic::boot {
namespace {

Area area_of_slot(SlotId slot) {
  return slot == SlotId::kA ? Area::kSlotA : Area::kSlotB;
}
SlotId other_of(SlotId slot) {
  return slot == SlotId::kA ? SlotId::kB : SlotId::kA;
}

}  // namespace

// Rule 7. In an ordinary run the other slot runs, confirmed, and recovery (where there is one) has just
// verified; a trial writes nothing. Recovery itself may write either slot: boot runs it only when neither may
// run.
Status check_way_back(const BootReport& report, SlotId slot) {
  if (report.run_kind == RunKind::kRecovery && report.place == ImagePlace::kRecovery) return Status::kOk;
  if (report.run_kind != RunKind::kConfirmed) return Status::kWayBackMissing;
  if (report.place != (slot == SlotId::kA ? ImagePlace::kSlotB : ImagePlace::kSlotA))
    return Status::kWayBackMissing;
  if (report.recovery == RecoveryState::kDoesNotVerify) return Status::kWayBackMissing;
  return Status::kOk;
}

// What boot would refuse to stage is refused before anything is erased for it.
Status Installer::accept(const BootReport& report,
                         std::span<const std::uint8_t, kManifestRegionSize> manifest) {
  Manifest m;
  ASEPTIC_BOOT_TRY(decode_manifest(manifest, m));
  ASEPTIC_BOOT_TRY(check_fits_slot(m, storage_.size(area_)));
  const Digest digest = boot::manifest_digest(hasher_, manifest);
  if (m.epoch < report.floor) return Status::kBelowFloor;
  if (m.sequence < report.confirmed_sequence) return Status::kOlderThanConfirmed;
  for (std::size_t i = 0; i < report.quarantine_count && i < kQuarantineMax; ++i)
    if (report.quarantine[i].digest == digest && report.quarantine[i].attempt >= attempt_)
      return Status::kQuarantined;
  manifest_ = digest;
  set_ = m.set_digest;
  image_size_ = static_cast<AreaOffset>(m.image_size);  // fits the slot: checked above
  is_confirmed_ = digest == report.confirmed_manifest;
  return Status::kOk;
}

Status Installer::begin(const BootReport& report, SlotId slot, std::uint16_t attempt,
                        std::span<const std::uint8_t, kManifestRegionSize> manifest) {
  step_ = Step::kIdle;
  ASEPTIC_BOOT_TRY(check_way_back(report, slot));
  slot_ = slot;
  area_ = area_of_slot(slot);
  attempt_ = attempt;
  boot_count_ = report.boot_count;
  ASEPTIC_BOOT_TRY(accept(report, manifest));
  next_ = resume_offset(manifest);
  ASEPTIC_BOOT_TRY(erase_from(next_));
  step_ = Step::kWriting;
  return next_ == 0 ? add(manifest) : Status::kOk;
}

// SECURITY(T-51): the source is verified on the medium, against the confirmed digest, before its copy is
// erased.
Status Installer::begin_copy(const BootReport& report, SlotId slot) {
  step_ = Step::kIdle;
  ASEPTIC_BOOT_TRY(check_way_back(report, slot));
  if (report.run_kind != RunKind::kConfirmed) return Status::kWayBackMissing;
  const Area source = area_of_slot(other_of(slot));
  ASEPTIC_BOOT_TRY(verify_slot(storage_, hasher_, source, report.confirmed_manifest, SlotExtent::kImage));
  std::array<std::uint8_t, kManifestRegionSize> manifest{};
  ASEPTIC_BOOT_TRY(storage_.read(source, 0, manifest));
  return begin(report, slot, kAttemptMax, manifest);
}

Status Installer::copy_next() {
  if (step_ != Step::kWriting || !is_confirmed_ || next_ >= image_size_) return Status::kWrongOrder;
  std::array<std::uint8_t, kInstallerPage> piece{};
  ASEPTIC_BOOT_TRY(storage_.read(area_of_slot(other_of(slot_)), next_, piece));
  return write(next_, piece);
}

bool Installer::holds(std::span<const std::uint8_t, kManifestRegionSize> manifest) {
  for (std::size_t done = 0; done < manifest.size(); done += page_.size())
    if (!ok(storage_.read(area_, done, page_)) || !equal(page_, manifest.subspan(done, page_.size())))
      return false;
  return true;
}

bool Installer::is_blank(AreaOffset from, AreaOffset to) {
  for (AreaOffset at = from; at < to; at += page_.size())
    if (!ok(storage_.read(area_, at, page_)) || !all_bytes_are(page_, storage_.erased_value())) return false;
  return true;
}

// 0: from nothing. Otherwise the start of the last sector of the unbroken row of sectors that are not blank:
// the write that was cut off lies there, or at the start of the blank one behind it.
AreaOffset Installer::resume_offset(std::span<const std::uint8_t, kManifestRegionSize> manifest) {
  if (!holds(manifest)) return 0;
  AreaOffset last = 0;
  for (AreaOffset sector = 0; sector < image_size_;) {
    const AreaOffset end = sectors_.sector_end(area_, sector);
    if (is_blank(sector, end)) break;
    last = sector;
    sector = end;
  }
  return last >= kManifestRegionSize ? last : 0;
}

// Ascending: until the first of these sectors is erased, a cut leaves the row of written sectors as it was.
Status Installer::erase_from(AreaOffset offset) {
  const AreaOffset size = storage_.size(area_);
  while (offset < size) {
    const AreaOffset end = sectors_.sector_end(area_, offset);
    if (end <= offset || end > size) return Status::kOutOfRange;
    ASEPTIC_BOOT_TRY(storage_.erase(area_, offset, end - offset));
    offset = end;
  }
  return storage_.sync(area_);
}

// Each page is read back at once: the digests that `finish` checks do not cover the signature block.
Status Installer::program_page() {
  // A page that is blank anyway is left alone: programmed cells that read blank would be hard to tell from
  // fresh ones.
  if (all_bytes_are(page_, storage_.erased_value())) return Status::kOk;
  ASEPTIC_BOOT_TRY(storage_.program(area_, next_ - page_.size(), page_));
  std::array<std::uint8_t, kInstallerPage> stored{};
  ASEPTIC_BOOT_TRY(storage_.read(area_, next_ - page_.size(), stored));
  return equal(stored, page_) ? Status::kOk : Status::kWriteNotVerified;
}

Status Installer::add(ByteView bytes) {
  while (!bytes.empty()) {
    const auto at = static_cast<std::size_t>(next_ % page_.size());
    const std::size_t room = page_.size() - at;
    const ByteView part = bytes.first(bytes.size() < room ? bytes.size() : room);
    copy_bytes(MutableBytes(page_).subspan(at), part);
    next_ += part.size();
    bytes = bytes.subspan(part.size());
    if (next_ % page_.size() != 0) continue;
    Status status = program_page();
    // DURABILITY: a sector is on the medium before the next one is begun; resume_offset() builds on that row.
    if (ok(status) && sectors_.sector_end(area_, next_ - 1) == next_) status = storage_.sync(area_);
    if (!ok(status)) {
      step_ = Step::kIdle;
      return status;
    }
  }
  return Status::kOk;
}

Status Installer::write(AreaOffset offset, ByteView bytes) {
  if (step_ != Step::kWriting) return Status::kWrongOrder;
  if (offset != next_ || bytes.size() > image_size_ - next_) return Status::kOutOfRange;
  return add(bytes);
}

Status Installer::finish() {
  if (!is_complete()) return Status::kWrongOrder;
  step_ = Step::kIdle;
  ASEPTIC_BOOT_TRY(storage_.sync(area_));
  const Status status = verify_slot(storage_, hasher_, area_, manifest_, SlotExtent::kWholeSlot);
  if (ok(status)) {
    step_ = Step::kVerified;
    return status;
  }
  ASEPTIC_BOOT_TRY(storage_.erase(area_, 0, sectors_.sector_end(area_, 0)));
  ASEPTIC_BOOT_TRY(storage_.sync(area_));
  return status;
}

Status Installer::stage() {
  if (step_ != Step::kVerified || is_confirmed_) return Status::kWrongOrder;
  Request request;
  request.kind = RequestKind::kStage;
  request.slot = slot_;
  request.attempt = attempt_;
  request.manifest = manifest_;
  request.set = set_;
  return RequestWriter(storage_, boot_count_).write(request);
}

Status Installer::synced() {
  if (step_ != Step::kVerified || !is_confirmed_) return Status::kWrongOrder;
  Request request;
  request.kind = RequestKind::kSynced;
  return RequestWriter(storage_, boot_count_).write(request);
}

}  // namespace aseptic::boot
