// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/cortex_m/nor_flash.h"

namespace aseptic::boot::cortex_m {
namespace {

bool fits(Area area, AreaOffset offset, AreaOffset length) {
  const std::uint32_t size = flash_area(area).size;
  return offset <= size && length <= size - offset;
}
std::uint32_t address_of(Area area, AreaOffset offset) {
  return flash_area(area).offset + static_cast<std::uint32_t>(offset);
}

}  // namespace

Status FlashStorage::read(Area area, AreaOffset offset, MutableBytes out) {
  if (!fits(area, offset, out.size())) return Status::kOutOfRange;
  if (area == Area::kMailbox) {
    copy_bytes(out, mailbox_.subspan(static_cast<std::size_t>(offset)));
    return Status::kOk;
  }
  return flash_.read(address_of(area, offset), out);
}

Status FlashStorage::program(Area area, AreaOffset offset, ByteView bytes) {
  if (!fits(area, offset, bytes.size())) return Status::kOutOfRange;
  if (area == Area::kMailbox) {
    copy_bytes(mailbox_.subspan(static_cast<std::size_t>(offset)), bytes);
    return Status::kOk;
  }
  return flash_.program(address_of(area, offset), bytes);
}

Status FlashStorage::erase(Area area, AreaOffset offset, AreaOffset length) {
  if (!fits(area, offset, length) || offset % kSectorSize != 0 || length % kSectorSize != 0) return Status::kOutOfRange;
  for (std::uint32_t done = 0; done < length; done += kSectorSize)
    ASEPTIC_BOOT_TRY(flash_.erase_sector(address_of(area, offset) + done));
  return Status::kOk;
}

}  // namespace aseptic::boot::cortex_m
