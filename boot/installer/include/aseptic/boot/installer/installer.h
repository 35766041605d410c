// SPDX-License-Identifier: Apache-2.0
// Puts an image into the slot that does not run, on a microcontroller: flash with erase sectors, an image
// that arrives in pieces (UART), power that may fail at any moment. Called by the application, never by boot.
//
// Order on the medium: every sector of the slot erased from the first to the last; the signed region; the
// rest in ascending order. The signed region therefore says for which image the slot was erased, and after a
// loss of power `begin` finds the first sector that is not surely written: the last of the unbroken row of
// sectors that are not blank. From there on everything is erased again, because cells under a cut operation
// may change their face later.
//
// SECURITY: nothing is erased unless the images that must remain have just verified (protocol rule 7: what
// boot's report of this very run says), and nothing is staged that was not read back against its signed
// digests. The signature is boot's business: REQ_STAGE is judged again by boot, whatever this code believes.
// INVARIANT: the slot that runs is never written. Sectors are multiples of kInstallerPage, write units divide
// it. Memory: object and deepest stack together below kInstallerMemoryMax (a test paints the stack); no heap.
// Not thread safe. Format of what is written: docs/formats/boot_manifest.md.
#pragma once
#include "aseptic/boot/format/hash.h"
#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/installer/request_writer.h"
#include "aseptic/boot/journal/storage.h"

namespace aseptic::boot {

inline constexpr std::size_t kInstallerPage = 256;  // programmed at once, aligned
inline constexpr std::size_t kInstallerMemoryMax = 4096;

// Given by the flash driver.
class SectorMap {
 public:
  // The first offset behind the erase sector of `area` that holds `offset`.
  virtual AreaOffset sector_end(Area area, AreaOffset offset) = 0;

 protected:
  ~SectorMap() = default;
};

enum class SlotExtent : std::uint8_t { kImage, kWholeSlot };

// Reads one slot back: signed region with this digest, every region against its signed digest, every byte
// between regions zero or erased; kWholeSlot: and every byte behind the image.
Status verify_slot(Storage& storage, Hasher& hasher, Area slot, const Digest& manifest, SlotExtent extent);

// Whether `slot` may be overwritten in this run; kWayBackMissing says no.
Status check_way_back(const BootReport& report, SlotId slot);

class Installer {
 public:
  // All must outlive the installer.
  Installer(Storage& storage, Hasher& hasher, SectorMap& sectors)
      : storage_(storage), hasher_(hasher), sectors_(sectors) {}

  // Starts, or goes on after a loss of power: the image is wanted from `next_offset` on. `report` is boot's
  // report of this run; `attempt` as in REQ_STAGE.
  Status begin(const BootReport& report, SlotId slot, std::uint16_t attempt,
               std::span<const std::uint8_t, kManifestRegionSize> manifest);
  // The same for the confirmed image out of the slot that runs: its source is verified on the medium before
  // anything is erased. Then `copy_next` until `is_complete`.
  Status begin_copy(const BootReport& report, SlotId slot);
  Status copy_next();

  AreaOffset next_offset() const { return next_; }
  AreaOffset image_size() const { return image_size_; }
  bool is_complete() const { return step_ == Step::kWriting && next_ == image_size_; }

  // The next bytes of the slot, in order, in pieces of any size. After an error: `begin` again.
  Status write(AreaOffset offset, ByteView bytes);
  // Reads back. A slot that does not verify is spoilt, so that the next `begin` starts from nothing.
  Status finish();

  // After `finish`: tells boot. `stage` for another image than the confirmed one, `synced` for that one.
  Status stage();
  Status synced();

 private:
  enum class Step : std::uint8_t { kIdle, kWriting, kVerified };

  Status accept(const BootReport& report, std::span<const std::uint8_t, kManifestRegionSize> manifest);
  AreaOffset resume_offset(std::span<const std::uint8_t, kManifestRegionSize> manifest);
  bool holds(std::span<const std::uint8_t, kManifestRegionSize> manifest);
  bool is_blank(AreaOffset from, AreaOffset to);
  Status erase_from(AreaOffset offset);
  Status add(ByteView bytes);
  Status program_page();

  Storage& storage_;
  Hasher& hasher_;
  SectorMap& sectors_;
  Step step_ = Step::kIdle;
  Area area_ = Area::kSlotB;
  SlotId slot_ = SlotId::kB;
  std::uint16_t attempt_ = 0;
  std::uint32_t boot_count_ = 0;
  bool is_confirmed_ = false;  // the image is the confirmed one: a copy, not an update
  AreaOffset image_size_ = 0;
  AreaOffset next_ = 0;
  Digest manifest_{};
  Digest set_{};
  std::array<std::uint8_t, kInstallerPage> page_{};  // bytes of the page that holds next_
};

}  // namespace aseptic::boot
