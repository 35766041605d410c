// SPDX-License-Identifier: Apache-2.0
#include "aseptic/sim/flash/nor_flash.h"

#include <algorithm>
#include <cstring>

namespace aseptic::sim {
namespace {
constexpr std::size_t kWeakBits = 5;  // of a sector whose erase was cut off
}

NorFlash::NorFlash(const FlashGeometry& geometry) : geometry_(&geometry) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < boot::kAreaCount; ++i) {
    const FlashArea& area = geometry.areas[i];
    std::uint64_t size = area.ram_size;
    for (const auto sector : area.sectors)
      size += sector;
    base_[i] = at;
    size_[i] = size;
    at += (static_cast<std::size_t>(size) + geometry.unit - 1) / geometry.unit * geometry.unit;
  }
  cells_.assign(at, geometry.erased);
  units_.assign(at / geometry.unit, kErased);
}

void NorFlash::blame(const char* what, boot::Area area, std::uint64_t offset) {
  if (misuse_.empty())
    misuse_ =
        std::string(what) + ", area " + std::to_string(index(area)) + " offset " + std::to_string(offset);
}

NorFlash::Turn NorFlash::turn(FlashOperation operation) {
  if (off_) return Turn::kOff;
  if (log_ != nullptr) log_->push_back(operation);
  const bool torn = operations_ == cut_at_;
  ++operations_;
  off_ = torn && tear_ != kSilentBit;
  return torn && (off_ || operation.kind == FlashOperation::Kind::kProgram) ? Turn::kTorn : Turn::kDone;
}

void NorFlash::cut_at(std::uint64_t operation, unsigned tear, std::uint64_t seed) {
  cut_at_ = operation;
  tear_ = tear;
  random_ = Random(seed);
}

boot::Status NorFlash::read(boot::Area area, std::uint64_t offset, boot::MutableBytes out) {
  const std::size_t i = index(area);
  if (off_) return boot::Status::kIoError;
  if (offset > size_[i] || out.size() > size_[i] - offset) return boot::Status::kOutOfRange;
  if (out.empty()) return boot::Status::kOk;
  if (has_unreadable_sector_[i] && offset < unreadable_to_[i] && offset + out.size() > unreadable_from_[i])
    return boot::Status::kIoError;
  const std::size_t at = base_[i] + static_cast<std::size_t>(offset);
  if (unreadable_units_ != 0 && geometry_->areas[i].ram_size == 0)
    for (std::size_t unit = at / geometry_->unit; unit <= (at + out.size() - 1) / geometry_->unit; ++unit)
      if (units_[unit] == kUnreadable) return boot::Status::kIoError;
  std::memcpy(out.data(), cells_.data() + at, out.size());
  return boot::Status::kOk;
}

boot::Status NorFlash::program(boot::Area area, std::uint64_t offset, boot::ByteView bytes) {
  const std::size_t i = index(area);
  if (off_) return boot::Status::kIoError;
  if (offset > size_[i] || bytes.size() > size_[i] - offset) return boot::Status::kOutOfRange;
  const FlashArea& what = geometry_->areas[i];
  if (what.ram_size != 0) {
    if (turn({FlashOperation::Kind::kRam, area}) != Turn::kDone) return boot::Status::kIoError;
    std::memcpy(cells(area) + offset, bytes.data(), bytes.size());
    return boot::Status::kOk;
  }
  if (offset % geometry_->unit != 0 || bytes.size() % geometry_->unit != 0)
    blame("unaligned program", area, offset);
  while (!bytes.empty()) {
    const std::size_t room = what.burst - static_cast<std::size_t>(offset % what.burst);
    const boot::ByteView burst = bytes.first(std::min(room, bytes.size()));
    if (!program_burst(area, base_[i] + static_cast<std::size_t>(offset), burst))
      return boot::Status::kIoError;
    offset += burst.size();
    bytes = bytes.subspan(burst.size());
  }
  return boot::Status::kOk;
}

bool NorFlash::program_burst(boot::Area area, std::size_t at, boot::ByteView bytes) {
  const Turn now = turn({FlashOperation::Kind::kProgram, area});
  if (now == Turn::kOff) return false;
  for (std::size_t unit = at / geometry_->unit; unit * geometry_->unit < at + bytes.size(); ++unit)
    if (units_[unit] == kProgrammed || units_[unit] == kUnreadable)
      blame("a unit is programmed twice", area, at - base_[index(area)]);
  if (now == Turn::kTorn && tear_ == kSilentBit) {
    program_with_a_lost_bit(at, bytes);
    return true;
  }
  if (now == Turn::kTorn) {
    tear_program(at, bytes);
    return false;
  }
  program_units(at, bytes);
  return true;
}

void NorFlash::program_with_a_lost_bit(std::size_t at, boot::ByteView bytes) {
  std::vector<std::uint8_t> stored(bytes.begin(), bytes.end());
  for (std::size_t k = random_.below(stored.size()), tries = 0; tries < stored.size();
       ++tries, k = (k + 1) % stored.size())
    if (const auto changes = static_cast<std::uint8_t>(stored[k] ^ geometry_->erased); changes != 0) {
      stored[k] ^= static_cast<std::uint8_t>(changes & -changes);  // the lowest bit that should have changed
      break;
    }
  program_units(at, stored);
}

void NorFlash::program_units(std::size_t at, boot::ByteView bytes) {
  for (std::size_t done = 0; done < bytes.size(); done += geometry_->unit) {
    std::uint8_t& unit = units_[(at + done) / geometry_->unit];
    const std::size_t size = std::min<std::size_t>(geometry_->unit, bytes.size() - done);
    for (std::size_t k = 0; k < size; ++k)
      cells_[at + done + k] = merged(cells_[at + done + k], bytes[done + k]);
    if (unit == kLooksBlank)  // charge that was moved before shows later
      for (Face& face : faces_)
        for (std::size_t k = 0; k < size; ++k)
          if (at + done + k >= face.at && at + done + k < face.at + face.content.size()) {
            std::uint8_t& later = face.content[at + done + k - face.at];
            later = merged(later, bytes[done + k]);
          }
    unit = kProgrammed;
  }
}

bool NorFlash::reads_blank(std::size_t unit) const {
  return boot::all_bytes_are({cells_.data() + unit * geometry_->unit, geometry_->unit}, geometry_->erased);
}

// Which units can be seen to be written? The code under test cannot tell a unit that reads blank from a fresh
// one.
void NorFlash::mark_torn(std::size_t at, std::size_t length) {
  const std::uint32_t size = geometry_->unit;
  for (std::size_t unit = at / size; unit * size < at + length; ++unit) {
    const bool blank = reads_blank(unit);
    if (units_[unit] == kUnreadable) --unreadable_units_;
    units_[unit] = blank ? kLooksBlank : kProgrammed;
    if (!geometry_->ecc || blank || !random_.coin()) continue;
    units_[unit] = kUnreadable;
    ++unreadable_units_;
  }
}

void NorFlash::tear_program(std::size_t at, boot::ByteView bytes) {
  std::uint8_t* const cell = cells_.data() + at;
  std::vector<std::uint8_t> after(bytes.size());
  for (std::size_t k = 0; k < bytes.size(); ++k)
    after[k] = merged(cell[k], bytes[k]);
  switch (static_cast<ProgramTear>(tear_ % kTearCount)) {
    case ProgramTear::kNotBegun:
      return;
    case ProgramTear::kHalf: {
      const std::size_t half = bytes.size() > geometry_->unit
                                   ? bytes.size() / 2 / geometry_->unit * geometry_->unit
                                   : bytes.size() / 2;
      std::copy_n(after.begin(), half, cell);
      for (std::size_t unit = at / geometry_->unit; (unit + 1) * geometry_->unit <= at + half; ++unit)
        units_[unit] = kProgrammed;
      if (half % geometry_->unit != 0) mark_torn(at, half);
      return;
    }
    case ProgramTear::kRandomBits:
      for (std::size_t k = 0; k < bytes.size(); ++k)
        cell[k] = static_cast<std::uint8_t>(cell[k] ^ ((cell[k] ^ after[k]) & garbage()));
      mark_torn(at, bytes.size());
      return;
    case ProgramTear::kComesLater:
      faces_.push_back({at, after});
      for (std::size_t k = 0; k < bytes.size(); ++k)
        cell[k] = static_cast<std::uint8_t>(cell[k] ^ ((cell[k] ^ after[k]) & garbage()));
      mark_torn(at, bytes.size());
      return;
    case ProgramTear::kBlankNow:
      faces_.push_back({at, after});
      mark_torn(at, bytes.size());
      return;
    case ProgramTear::kFadesLater: {
      std::vector<std::uint8_t> faded(cell, cell + bytes.size());
      for (std::size_t k = 0; k < bytes.size(); ++k)
        faded[k] = static_cast<std::uint8_t>(faded[k] ^ ((faded[k] ^ after[k]) & garbage()));
      faces_.push_back({at, std::move(faded)});
      program_units(at, bytes);
      return;
    }
    case ProgramTear::kDone:
      program_units(at, bytes);
      return;
  }
}

void NorFlash::drop_faces(std::size_t at, std::size_t length) {
  std::erase_if(
      faces_, [&](const Face& face) { return face.at < at + length && at < face.at + face.content.size(); });
}

boot::Status NorFlash::erase(boot::Area area, std::uint64_t offset, std::uint64_t length) {
  const std::size_t i = index(area);
  if (off_) return boot::Status::kIoError;
  if (offset > size_[i] || length > size_[i] - offset) return boot::Status::kOutOfRange;
  if (geometry_->areas[i].ram_size != 0) {
    if (turn({FlashOperation::Kind::kRam, area}) != Turn::kDone) return boot::Status::kIoError;
    std::memset(cells(area) + offset, geometry_->erased, static_cast<std::size_t>(length));
    return boot::Status::kOk;
  }
  std::uint64_t start = 0;
  const std::uint64_t end = offset + length;
  for (const std::uint32_t sector : geometry_->areas[i].sectors) {
    const std::uint64_t next = start + sector;
    if (next > offset && start < end) {
      if (start < offset || next > end) blame("part of a sector is erased", area, offset);
      const Turn now = turn({FlashOperation::Kind::kErase, area});
      if (now == Turn::kOff) return boot::Status::kIoError;
      const std::size_t at = base_[i] + static_cast<std::size_t>(start);
      if (now == Turn::kTorn) {
        tear_erase(at, sector);
        return boot::Status::kIoError;
      }
      std::memset(cells_.data() + at, geometry_->erased, sector);
      const std::size_t first = at / geometry_->unit;
      for (std::size_t unit = first; unreadable_units_ != 0 && unit < first + sector / geometry_->unit;
           ++unit)
        if (units_[unit] == kUnreadable) {
          units_[unit] = kErased;
          --unreadable_units_;
        }
      std::memset(units_.data() + first, kErased, sector / geometry_->unit);
      if (!faces_.empty()) drop_faces(at, sector);
    }
    start = next;
  }
  return boot::Status::kOk;
}

void NorFlash::tear_erase(std::size_t at, std::size_t length) {
  std::uint8_t* const cell = cells_.data() + at;
  const std::vector<std::uint8_t> before(cell, cell + length);
  const auto weak_bits = [&](std::vector<std::uint8_t> content) {
    for (std::size_t k = 0; k < kWeakBits; ++k)
      content[random_.below(length)] ^= static_cast<std::uint8_t>(1U << random_.below(8));
    return content;
  };
  const auto part_of_old = [&](std::size_t k) {  // bits on their way from old to erased
    return static_cast<std::uint8_t>(before[k] ^ ((before[k] ^ geometry_->erased) & garbage()));
  };
  const std::vector<std::uint8_t> erased(length, geometry_->erased);
  const auto tear = static_cast<EraseTear>(tear_ % kTearCount);
  if (tear != EraseTear::kNotBegun) drop_faces(at, length);
  switch (tear) {
    case EraseTear::kNotBegun:
      return;
    case EraseTear::kHalf:
      std::copy_n(erased.begin(), length / 2, cell);
      std::memset(units_.data() + at / geometry_->unit, kErased, length / 2 / geometry_->unit);
      return;
    case EraseTear::kRandomBits:
      for (std::size_t k = 0; k < length; ++k)
        cell[k] = part_of_old(k);
      break;
    case EraseTear::kWeakBits: {
      const auto now = weak_bits(erased);
      std::copy(now.begin(), now.end(), cell);
      faces_.push_back({at, weak_bits(erased)});
      break;
    }
    case EraseTear::kLooksErased:
      std::copy(erased.begin(), erased.end(), cell);
      faces_.push_back({at, weak_bits(erased)});
      break;
    case EraseTear::kOldNow: {
      std::vector<std::uint8_t> later(length);
      for (std::size_t k = 0; k < length; ++k)
        later[k] = part_of_old(k);
      faces_.push_back({at, std::move(later)});
      return;  // the units stay programmed
    }
    case EraseTear::kDone:
      std::copy(erased.begin(), erased.end(), cell);
      std::memset(units_.data() + at / geometry_->unit, kErased, length / geometry_->unit);
      return;
  }
  mark_torn(at, length);
}

std::uint64_t NorFlash::sector_end(boot::Area area, std::uint64_t offset) {
  std::uint64_t end = 0;
  for (const auto sector : geometry_->areas[index(area)].sectors) {
    end += sector;
    if (offset < end) return end;
  }
  return end;
}

void NorFlash::power_returns() {
  off_ = false;
  for (std::size_t i = 0; i < boot::kAreaCount; ++i)
    if (geometry_->areas[i].ram_size != 0)
      std::memset(cells_.data() + base_[i], 0, static_cast<std::size_t>(size_[i]));
  for (Face& face : faces_) {
    for (std::size_t k = 0; k < face.content.size(); ++k)
      std::swap(face.content[k], cells_[face.at + k]);
    for (std::size_t unit = face.at / geometry_->unit; unit * geometry_->unit < face.at + face.content.size();
         ++unit)
      if (units_[unit] != kUnreadable) units_[unit] = reads_blank(unit) ? kLooksBlank : kProgrammed;
  }
}

void NorFlash::make_unreadable(boot::Area area, std::uint64_t offset) {
  const std::size_t i = index(area);
  std::uint64_t start = 0;
  for (const auto sector : geometry_->areas[i].sectors) {
    if (offset < start + sector) {
      has_unreadable_sector_[i] = true;
      unreadable_from_[i] = start;
      unreadable_to_[i] = start + sector;
      return;
    }
    start += sector;
  }
}

boot::ByteView NorFlash::raw(boot::Area area) const {
  return {cells_.data() + base_[index(area)], static_cast<std::size_t>(size_[index(area)])};
}

void NorFlash::wipe(boot::Area area) {
  const std::size_t i = index(area);
  std::memset(cells(area), geometry_->erased, static_cast<std::size_t>(size_[i]));
  if (geometry_->areas[i].ram_size == 0)
    std::memset(units_.data() + base_[i] / geometry_->unit, kErased,
                static_cast<std::size_t>(size_[i]) / geometry_->unit);
}

void NorFlash::burn_factory(boot::Area area, boot::ByteView content) {
  wipe(area);
  std::memcpy(cells(area), content.data(), content.size());
  if (geometry_->areas[index(area)].ram_size != 0) return;
  for (std::size_t at = 0; at < content.size(); at += geometry_->unit) {
    const bool blank = boot::all_bytes_are({cells(area) + at, geometry_->unit}, geometry_->erased);
    units_[(base_[index(area)] + at) / geometry_->unit] = blank ? kErased : kProgrammed;
  }
}

}  // namespace aseptic::sim
