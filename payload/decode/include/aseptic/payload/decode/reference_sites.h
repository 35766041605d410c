// SPDX-License-Identifier: Apache-2.0
// Where machine code and its tables hold addresses, found in old bytes alone: one scanner per kind of area.
// Called by the delta codec on both sides (publisher and device must find the same sites) and by the matcher of
// payload/make. A site that is no address at all, or one that is missed, costs bytes of the delta and nothing else: the
// decoder adds the coded difference to whatever was predicted. Invariants: scanners read only inside `bytes`, in ascending
// order, and never again in front of the end of a site they have reported, so that the caller may overwrite that part;
// work is linear in the number of bytes. Freestanding, pure functions.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "aseptic/boot/format/bytes.h"

namespace aseptic::payload {

// What an area of the old image holds. Numbers are final (docs/formats/delta.md).
enum class AreaKind : std::uint8_t {
  kX86Code = 1,
  kArm64Code = 2,
  kThumbCode = 3,   // code with literal pools: branches, and aligned words that are addresses
  kWords64 = 4,     // aligned 8-byte words, some of them addresses
  kWords32 = 5,     // aligned 4-byte words, some of them addresses
  kRela64 = 6,      // Elf64_Rela: offset and addend are addresses
  kFrameTable = 7,  // .eh_frame_hdr from its table on: pairs of offsets from the section's start
  kFrames = 8,      // .eh_frame
  kOffsets32 = 9,   // aligned 4-byte words, some of them distances from themselves to code (switch tables)
  kSymbols64 = 10,  // Elf64_Sym
};
inline constexpr std::uint8_t kAreaKindLast = 10;

// How an address is written in its field.
enum class SiteForm : std::uint8_t {
  kRelative32,     // target - end of the instruction, `detail` bytes behind the field's start
  kAbsolute32,     // the target; its lowest bit is kept (Thumb)
  kAbsolute64,     // the target
  kBackwards32,    // field - target
  kFromBase32,     // target - base
  kBranch26,       // AArch64 B, BL
  kBranch19,       // AArch64 B.cond, CBZ, LDR (literal)
  kPage21,         // AArch64 ADRP; `detail` = register
  kLow12,          // AArch64 ADD, LDR, STR after an ADRP; `detail` = scale
  kThumbBranch24,  // Thumb-2 BL, B.W
  kThumbBranch20,  // Thumb-2 B<c>.W
};

struct Site {
  std::uint32_t at = 0;  // in the scanned bytes
  SiteForm form = SiteForm::kRelative32;
  std::uint8_t detail = 0;
  std::uint64_t target = 0;  // old address

  [[nodiscard]] std::uint32_t size() const { return form == SiteForm::kAbsolute64 ? 8 : 4; }
};

// Which values pass for addresses of an element.
struct AddressWindow {
  std::uint64_t low = 0;  // [low, high): any address
  std::uint64_t high = 0;
  std::uint64_t code_low = 0;  // [code_low, code_high): code
  std::uint64_t code_high = 0;

  [[nodiscard]] bool holds(std::uint64_t address) const { return address - low < high - low; }
  [[nodiscard]] bool is_code(std::uint64_t address) const { return address - code_low < code_high - code_low; }
};

namespace sites {

template <class T>
T load(const std::uint8_t* from) {
  T value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
inline std::uint64_t sign_extend(std::uint64_t value, unsigned bits) {
  const std::uint64_t sign = std::uint64_t{1} << (bits - 1U);
  value &= (sign << 1U) - 1U;
  return (value ^ sign) - sign;
}

// Thumb-2 branches, halfwords in memory order: S:I1:I2:imm10:imm11 and S:J2:J1:imm6:imm11.
inline std::uint64_t thumb_branch24(std::uint32_t word) {
  const std::uint32_t s = (word >> 10U) & 1U;
  const std::uint32_t i1 = (((word >> 29U) & 1U) ^ s) ^ 1U;
  const std::uint32_t i2 = (((word >> 27U) & 1U) ^ s) ^ 1U;
  const std::uint32_t imm =
      (s << 24U) | (i1 << 23U) | (i2 << 22U) | ((word & 0x3FFU) << 12U) | (((word >> 16U) & 0x7FFU) << 1U);
  return sign_extend(imm, 25);
}
inline std::uint32_t with_thumb_branch24(std::uint32_t word, std::uint64_t distance) {
  const auto d = static_cast<std::uint32_t>(distance);
  const std::uint32_t s = (d >> 24U) & 1U;
  const std::uint32_t j1 = (((d >> 23U) & 1U) ^ s) ^ 1U;
  const std::uint32_t j2 = (((d >> 22U) & 1U) ^ s) ^ 1U;
  return (word & 0xD000F800U) | (s << 10U) | ((d >> 12U) & 0x3FFU) | (j1 << 29U) | (j2 << 27U) |
         (((d >> 1U) & 0x7FFU) << 16U);
}
inline std::uint64_t thumb_branch20(std::uint32_t word) {
  const std::uint32_t s = (word >> 10U) & 1U;
  const std::uint32_t j1 = (word >> 29U) & 1U;
  const std::uint32_t j2 = (word >> 27U) & 1U;
  const std::uint32_t imm =
      (s << 20U) | (j2 << 19U) | (j1 << 18U) | ((word & 0x3FU) << 12U) | (((word >> 16U) & 0x7FFU) << 1U);
  return sign_extend(imm, 21);
}
inline std::uint32_t with_thumb_branch20(std::uint32_t word, std::uint64_t distance) {
  const auto d = static_cast<std::uint32_t>(distance);
  return (word & 0xD000FBC0U) | (((d >> 20U) & 1U) << 10U) | ((d >> 12U) & 0x3FU) | (((d >> 18U) & 1U) << 29U) |
         (((d >> 19U) & 1U) << 27U) | (((d >> 1U) & 0x7FFU) << 16U);
}

}  // namespace sites

// The field's content when the site lies at address `field` and its target at `target`; `old` gives the bits that are no
// address. `base`: where the offsets of a frame table start.
inline std::uint64_t field_for(const Site& site, std::uint64_t old, std::uint64_t field, std::uint64_t target,
                               std::uint64_t base) {
  const auto word = static_cast<std::uint32_t>(old);
  switch (site.form) {
    case SiteForm::kRelative32:
      return static_cast<std::uint32_t>(target - field - site.detail);
    case SiteForm::kAbsolute32:
      return static_cast<std::uint32_t>(target);
    case SiteForm::kAbsolute64:
      return target;
    case SiteForm::kBackwards32:
      return static_cast<std::uint32_t>(field - target);
    case SiteForm::kFromBase32:
      return static_cast<std::uint32_t>(target - base);
    case SiteForm::kBranch26:
      return (word & 0xFC000000U) | (static_cast<std::uint32_t>((target - field) >> 2U) & 0x03FFFFFFU);
    case SiteForm::kBranch19:
      return (word & 0xFF00001FU) | ((static_cast<std::uint32_t>((target - field) >> 2U) & 0x7FFFFU) << 5U);
    case SiteForm::kPage21: {
      const auto pages = static_cast<std::uint32_t>((target >> 12U) - (field >> 12U));
      return (word & 0x9F00001FU) | ((pages & 3U) << 29U) | (((pages >> 2U) & 0x7FFFFU) << 5U);
    }
    case SiteForm::kLow12:
      return (word & 0xFFC003FFU) | (((static_cast<std::uint32_t>(target & 0xFFFU) >> site.detail) & 0xFFFU) << 10U);
    case SiteForm::kThumbBranch24:
      return sites::with_thumb_branch24(word, target - field - 4U);
    case SiteForm::kThumbBranch20:
      return sites::with_thumb_branch20(word, target - field - 4U);
  }
  return old;
}

// The target that `content` names; the inverse of field_for where the form holds the whole address. False for forms that
// hold a part of one.
inline bool target_of(const Site& site, std::uint64_t content, std::uint64_t field, std::uint64_t base,
                      std::uint64_t& target) {
  const auto word = static_cast<std::uint32_t>(content);
  switch (site.form) {
    case SiteForm::kRelative32:
      target = field + site.detail + sites::sign_extend(word, 32);
      return true;
    case SiteForm::kAbsolute32:
      target = word;
      return true;
    case SiteForm::kAbsolute64:
      target = content;
      return true;
    case SiteForm::kBackwards32:
      target = field - word;
      return true;
    case SiteForm::kFromBase32:
      target = base + sites::sign_extend(word, 32);
      return true;
    case SiteForm::kBranch26:
      target = field + (sites::sign_extend(word, 26) << 2U);
      return true;
    case SiteForm::kBranch19:
      target = field + (sites::sign_extend(word >> 5U, 19) << 2U);
      return true;
    case SiteForm::kThumbBranch24:
      target = field + 4U + sites::thumb_branch24(word);
      return true;
    case SiteForm::kThumbBranch20:
      target = field + 4U + sites::thumb_branch20(word);
      return true;
    case SiteForm::kPage21:
    case SiteForm::kLow12:
      return false;
  }
  return false;
}

namespace sites {

// `address` of bytes[0]; each `report` gets a Site.
template <class Report>
void scan_x86(boot::ByteView bytes, std::uint64_t address, const AddressWindow& window, Report&& report) {
  const std::uint8_t* c = bytes.data();
  const auto n = static_cast<std::uint32_t>(bytes.size());
  std::uint8_t before = 0;
  for (std::uint32_t i = 0; i + 5 <= n;) {
    const std::uint8_t b = c[i];
    if ((b & 0xFEU) == 0xE8U) {  // CALL, JMP
      const std::uint64_t target = address + i + 5U + sign_extend(load<std::uint32_t>(c + i + 1), 32);
      if (window.is_code(target)) {
        report(Site{i + 1, SiteForm::kRelative32, 4, target});
        i += 5;
        before = 0;
        continue;
      }
    } else if (b == 0x0FU && i + 6 <= n && (c[i + 1] & 0xF0U) == 0x80U) {  // Jcc
      const std::uint64_t target = address + i + 6U + sign_extend(load<std::uint32_t>(c + i + 2), 32);
      if (window.is_code(target)) {
        report(Site{i + 2, SiteForm::kRelative32, 4, target});
        i += 6;
        before = 0;
        continue;
      }
    } else if ((b & 0xC7U) == 0x05U && i != 0) {  // ModRM: RIP-relative; an immediate may follow
      std::uint8_t end = 4;
      if (before == 0xC7U || before == 0x81U || (before == 0x69U) || (before == 0xF7U && b == 0x05U)) end = 8;
      if (before == 0xC6U || before == 0x80U || before == 0x83U || before == 0x6BU || before == 0xC0U ||
          before == 0xC1U || (before == 0xF6U && b == 0x05U))
        end = 5;
      const std::uint64_t target = address + i + 1U + end + sign_extend(load<std::uint32_t>(c + i + 1), 32);
      if (window.holds(target)) {
        report(Site{i + 1, SiteForm::kRelative32, end, target});
        i += 5;
        before = 0;
        continue;
      }
    }
    before = b;
    ++i;
  }
}

class PageRegisters {
 public:
  void set(std::uint32_t reg, std::uint64_t page) {
    page_[reg] = page;
    known_ |= 1U << reg;
  }
  void forget(std::uint32_t reg) { known_ &= ~(1U << reg); }
  void forget_after_call() { known_ &= 0x3FF80000U; }  // x19 … x29 survive
  [[nodiscard]] bool knows(std::uint32_t reg) const { return (known_ >> reg & 1U) != 0; }
  [[nodiscard]] std::uint64_t page(std::uint32_t reg) const { return page_[reg]; }

 private:
  std::uint64_t page_[32] = {};
  std::uint32_t known_ = 0;
};

// ADD (immediate, 64 bit, no shift), or LDR/STR with an unsigned scaled offset; `scale` = log2 of the unit.
inline bool is_low12(std::uint32_t word, std::uint8_t& scale) {
  if ((word & 0xFFC00000U) == 0x91000000U) {
    scale = 0;
    return true;
  }
  if ((word & 0x3B000000U) == 0x39000000U) {
    scale = static_cast<std::uint8_t>(word >> 30U);
    if ((word & 0x04800000U) == 0x04800000U) scale = 4;  // Q registers
    return true;
  }
  return false;
}
inline bool writes_low_register(std::uint32_t word) {
  const bool is_store = (word & 0x3B400000U) == 0x39000000U || (word & 0x3E400000U) == 0x28000000U;
  const bool is_branch = (word & 0x1C000000U) == 0x14000000U;
  const bool is_compare = (word & 0x1FU) == 31U;
  return !is_store && !is_branch && !is_compare;
}

template <class Report>
void scan_arm64(boot::ByteView bytes, std::uint64_t address, const AddressWindow& window, Report&& report) {
  constexpr std::uint32_t kLookAhead = 16;
  const std::uint8_t* c = bytes.data();
  const auto n = static_cast<std::uint32_t>(bytes.size());
  PageRegisters registers;
  for (auto i = static_cast<std::uint32_t>(-address & 3U); i + 4 <= n; i += 4) {
    const auto word = load<std::uint32_t>(c + i);
    const std::uint64_t pc = address + i;
    std::uint8_t scale = 0;
    if ((word & 0x7C000000U) == 0x14000000U) {  // B, BL
      const std::uint64_t target = pc + (sign_extend(word, 26) << 2U);
      if ((word >> 31U) != 0) registers.forget_after_call();
      if (window.is_code(target)) report(Site{i, SiteForm::kBranch26, 0, target});
    } else if ((word & 0xFF000010U) == 0x54000000U || (word & 0x7E000000U) == 0x34000000U) {  // B.cond, CBZ
      const std::uint64_t target = pc + (sign_extend(word >> 5U, 19) << 2U);
      if (window.is_code(target)) report(Site{i, SiteForm::kBranch19, 0, target});
    } else if ((word & 0x9F000000U) == 0x90000000U) {  // ADRP
      const std::uint64_t pages =
          sign_extend((((word >> 5U) & 0x7FFFFU) << 2U) | ((word >> 29U) & 3U), 21);
      const std::uint64_t page = (pc & ~std::uint64_t{0xFFF}) + (pages << 12U);
      const std::uint32_t reg = word & 31U;
      if (!window.holds(page | 0xFFFU)) {
        registers.forget(reg);
        continue;
      }
      std::uint64_t target = page | 0x800U;  // when nobody says which byte of the page is meant
      for (std::uint32_t j = i + 4; j + 4 <= n && j <= i + 4 * kLookAhead; j += 4) {
        const auto next = load<std::uint32_t>(c + j);
        std::uint8_t next_scale = 0;
        if (is_low12(next, next_scale) && ((next >> 5U) & 31U) == reg) {
          target = page + (((next >> 10U) & 0xFFFU) << next_scale);
          break;
        }
        if ((next & 31U) == reg && writes_low_register(next)) break;
      }
      registers.set(reg, page);
      report(Site{i, SiteForm::kPage21, static_cast<std::uint8_t>(reg), target});
    } else if (is_low12(word, scale) && registers.knows((word >> 5U) & 31U)) {
      const std::uint32_t base = (word >> 5U) & 31U;
      const std::uint64_t target = registers.page(base) + (((word >> 10U) & 0xFFFU) << scale);
      if (writes_low_register(word)) registers.forget(word & 31U);
      report(Site{i, SiteForm::kLow12, scale, target});
    } else if (writes_low_register(word)) {
      registers.forget(word & 31U);
    }
  }
}

template <class Report>
void scan_thumb(boot::ByteView bytes, std::uint64_t address, const AddressWindow& window, Report&& report) {
  const std::uint8_t* c = bytes.data();
  const auto n = static_cast<std::uint32_t>(bytes.size());
  for (auto i = static_cast<std::uint32_t>(-address & 1U); i + 4 <= n;) {
    const auto word = load<std::uint32_t>(c + i);
    const std::uint64_t pc = address + i;
    if ((word & 0x9000F800U) == 0x9000F000U) {  // BL, B.W
      const std::uint64_t target = pc + 4U + thumb_branch24(word);
      if (window.is_code(target)) {
        report(Site{i, SiteForm::kThumbBranch24, 0, target});
        i += 4;
        continue;
      }
    } else if ((word & 0xD000F800U) == 0x8000F000U && (word & 0x380U) != 0x380U) {  // B<c>.W
      const std::uint64_t target = pc + 4U + thumb_branch20(word);
      if (window.is_code(target)) {
        report(Site{i, SiteForm::kThumbBranch20, 0, target});
        i += 4;
        continue;
      }
    } else if ((pc & 3U) == 0 && window.holds(word)) {
      report(Site{i, SiteForm::kAbsolute32, 0, word});
      i += 4;
      continue;
    }
    i += 2;
  }
}

template <class Report>
void scan_words64(boot::ByteView bytes, std::uint64_t address, const AddressWindow& window, Report&& report) {
  const auto n = static_cast<std::uint32_t>(bytes.size());
  for (auto i = static_cast<std::uint32_t>(-address & 7U); i + 8 <= n; i += 8) {
    const auto word = load<std::uint64_t>(bytes.data() + i);
    if (window.holds(word)) report(Site{i, SiteForm::kAbsolute64, 0, word});
  }
}

template <class Report>
void scan_words32(boot::ByteView bytes, std::uint64_t address, const AddressWindow& window, Report&& report) {
  const auto n = static_cast<std::uint32_t>(bytes.size());
  for (auto i = static_cast<std::uint32_t>(-address & 3U); i + 4 <= n; i += 4) {
    const auto word = load<std::uint32_t>(bytes.data() + i);
    if (window.holds(word)) report(Site{i, SiteForm::kAbsolute32, 0, word});
  }
}

// `offset`: of bytes[0] in the table.
template <class Report>
void scan_rela64(boot::ByteView bytes, std::uint64_t offset, const AddressWindow& window, Report&& report) {
  const auto n = static_cast<std::uint32_t>(bytes.size());
  const auto phase = static_cast<std::uint32_t>(offset % 24U);
  for (std::uint32_t i = phase == 0 ? 0 : 24U - phase; i + 24 <= n; i += 24) {
    const auto where = load<std::uint64_t>(bytes.data() + i);
    const auto addend = load<std::uint64_t>(bytes.data() + i + 16);
    if (window.holds(where)) report(Site{i, SiteForm::kAbsolute64, 0, where});
    if (window.holds(addend)) report(Site{i + 16, SiteForm::kAbsolute64, 0, addend});
  }
}

template <class Report>
void scan_symbols64(boot::ByteView bytes, std::uint64_t offset, const AddressWindow& window, Report&& report) {
  const auto n = static_cast<std::uint32_t>(bytes.size());
  const auto phase = static_cast<std::uint32_t>(offset % 24U);
  for (std::uint32_t i = phase == 0 ? 0 : 24U - phase; i + 24 <= n; i += 24) {
    const auto value = load<std::uint64_t>(bytes.data() + i + 8);
    if (window.holds(value)) report(Site{i + 8, SiteForm::kAbsolute64, 0, value});
  }
}

// `base`: address of .eh_frame_hdr, whose table (12 bytes behind it) is the area.
template <class Report>
void scan_frame_table(boot::ByteView bytes, std::uint64_t address, std::uint64_t base, const AddressWindow& window,
                      Report&& report) {
  const auto n = static_cast<std::uint32_t>(bytes.size());
  for (auto i = static_cast<std::uint32_t>((base - address) & 3U); i + 4 <= n; i += 4) {
    const std::uint64_t target = base + sign_extend(load<std::uint32_t>(bytes.data() + i), 32);
    if (window.holds(target)) report(Site{i, SiteForm::kFromBase32, 0, target});
  }
}

// Frame description entries, found from any 4-byte boundary on by what must be true of one.
template <class Report>
void scan_frames(boot::ByteView bytes, std::uint64_t address, const AddressWindow& window, Report&& report) {
  const std::uint8_t* c = bytes.data();
  const auto n = static_cast<std::uint32_t>(bytes.size());
  for (auto i = static_cast<std::uint32_t>(-address & 3U); i + 16 <= n;) {
    const auto length = load<std::uint32_t>(c + i);
    const auto back = load<std::uint32_t>(c + i + 4);
    const std::uint64_t code = address + i + 8U + sign_extend(load<std::uint32_t>(c + i + 8), 32);
    if (length < 12 || length > 4096 || length % 4 != 0 || back == 0 || back % 4 != 0 || !window.is_code(code)) {
      i += 4;
      continue;
    }
    report(Site{i + 4, SiteForm::kBackwards32, 0, address + i + 4U - back});
    report(Site{i + 8, SiteForm::kRelative32, 0, code});
    if (i + 21 <= n && length >= 17 && c[i + 16] == 4) {  // augmentation data: a pointer to the exception table
      const auto distance = load<std::uint32_t>(c + i + 17);
      const std::uint64_t table = address + i + 17U + sign_extend(distance, 32);
      if (distance != 0 && window.holds(table)) report(Site{i + 17, SiteForm::kRelative32, 0, table});
    }
    if (length > n - i - 4) return;
    i += 4 + length;
  }
}

// One entry alone may be chance: the word before must have been one as well.
template <class Report>
void scan_offsets32(boot::ByteView bytes, std::uint64_t address, const AddressWindow& window, Report&& report) {
  const auto n = static_cast<std::uint32_t>(bytes.size());
  bool before = false;
  for (auto i = static_cast<std::uint32_t>(-address & 3U); i + 4 <= n; i += 4) {
    const auto word = load<std::uint32_t>(bytes.data() + i);
    const std::uint64_t target = address + i + sign_extend(word, 32);
    const bool is = word != 0 && window.is_code(target);
    bool next = before;
    if (is && !next && i + 8 <= n) {
      const auto following = load<std::uint32_t>(bytes.data() + i + 4);
      next = following != 0 && window.is_code(address + i + 4U + sign_extend(following, 32));
    }
    if (is && next) report(Site{i, SiteForm::kRelative32, 0, target});
    before = is;
  }
}

}  // namespace sites

struct ScanPlace {
  AreaKind kind = AreaKind::kWords64;
  std::uint64_t address = 0;       // of the first byte
  std::uint64_t area_address = 0;  // of the area's first byte
};

template <class Report>
void scan_any(const ScanPlace& place, boot::ByteView bytes, const AddressWindow& window, Report&& report) {
  const std::uint64_t offset = place.address - place.area_address;
  switch (place.kind) {
    case AreaKind::kX86Code:
      return sites::scan_x86(bytes, place.address, window, report);
    case AreaKind::kArm64Code:
      return sites::scan_arm64(bytes, place.address, window, report);
    case AreaKind::kThumbCode:
      return sites::scan_thumb(bytes, place.address, window, report);
    case AreaKind::kWords64:
      return sites::scan_words64(bytes, place.address, window, report);
    case AreaKind::kWords32:
      return sites::scan_words32(bytes, place.address, window, report);
    case AreaKind::kRela64:
      return sites::scan_rela64(bytes, offset, window, report);
    case AreaKind::kFrameTable:
      return sites::scan_frame_table(bytes, place.address, place.area_address, window, report);
    case AreaKind::kFrames:
      return sites::scan_frames(bytes, place.address, window, report);
    case AreaKind::kOffsets32:
      return sites::scan_offsets32(bytes, place.address, window, report);
    case AreaKind::kSymbols64:
      return sites::scan_symbols64(bytes, offset, window, report);
  }
}

// With `ThumbOnly` the scanners of other processors are not even compiled in, and find nothing.
template <bool ThumbOnly = false, class Report>
void scan_sites(const ScanPlace& place, boot::ByteView bytes, const AddressWindow& window, Report&& report) {
  if constexpr (ThumbOnly) {
    if (place.kind == AreaKind::kThumbCode) return sites::scan_thumb(bytes, place.address, window, report);
    if (place.kind == AreaKind::kWords32) return sites::scan_words32(bytes, place.address, window, report);
    return;
  } else {
    scan_any(place, bytes, window, report);
  }
}

}  // namespace aseptic::payload
