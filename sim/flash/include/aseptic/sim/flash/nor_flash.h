// SPDX-License-Identifier: Apache-2.0
// Flash of a microcontroller as boot and installer see it: erase sectors, write units, erased value, ECC
// units that take one write, and a power line that fails at a chosen operation. Fault model in prose:
// docs/power_cut.md.
//
// An operation is one sector erased, or one burst of at most `FlashArea::burst` bytes programmed. It is done,
// or the power fails in it and the tear model says what the cells show: now, and at every later power-up,
// when unstable cells change their face. Misuse is a bug of the code under test, remembered as `misuse()`:
// programming a unit twice without an erase, unaligned programs, erasing parts of sectors. Areas without
// sectors and with `ram_size` are memory: lost with the power, no operation of the flash. Copying a NorFlash
// copies the medium; not thread safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "aseptic/boot/installer/installer.h"
#include "aseptic/boot/journal/storage.h"
#include "aseptic/sim/random.h"

namespace aseptic::sim {

struct FlashArea {
  std::vector<std::uint32_t> sectors;  // what the port exposes of each erase sector, from offset 0 on
  std::uint32_t burst = 256;           // bytes that one program operation writes; a multiple of the unit
  std::uint32_t ram_size = 0;
};

struct FlashGeometry {
  std::string name;
  std::uint32_t unit = 1;  // bytes; programmed at once
  std::uint8_t erased = 0xFF;
  bool ecc = false;  // a unit takes one write; a torn one may be unreadable until it is erased
  std::array<FlashArea, boot::kAreaCount> areas;
};

enum class ProgramTear : std::uint8_t {
  kNotBegun,
  kHalf,        // the first half of the burst
  kRandomBits,  // any subset of the bits that change
  kComesLater,  // garbage now, as written at the next power-up, and so on in turn
  kBlankNow,    // reads blank now, as written later; what is programmed over it is spoilt later
  kFadesLater,  // as written now, garbage at the next power-up
  kDone,        // done, but nobody was told
};
enum class EraseTear : std::uint8_t {
  kNotBegun,
  kHalf,
  kRandomBits,
  kWeakBits,     // nearly erased; the weak bits read differently the next time
  kLooksErased,  // reads erased now, weak bits later
  kOldNow,       // reads as before now, garbage later
  kDone,
};
inline constexpr unsigned kTearCount = 7;   // of each kind
// Not a cut: one bit of this program does not take, nobody is told, and the power stays.
inline constexpr unsigned kSilentBit = 7;

struct FlashOperation {
  enum class Kind : std::uint8_t { kProgram, kErase, kStore, kRam } kind = Kind::kProgram;
  boot::Area area = boot::Area::kJournal;
};

class NorFlash final : public boot::Storage, public boot::SectorMap {
 public:
  explicit NorFlash(const FlashGeometry& geometry);

  // boot::Storage
  std::uint64_t size(boot::Area area) override { return size_[index(area)]; }
  boot::Status read(boot::Area area, std::uint64_t offset, boot::MutableBytes out) override;
  boot::Status program(boot::Area area, std::uint64_t offset, boot::ByteView bytes) override;
  boot::Status erase(boot::Area area, std::uint64_t offset, std::uint64_t length) override;
  boot::Status sync(boot::Area) override { return off_ ? boot::Status::kIoError : boot::Status::kOk; }
  std::uint8_t erased_value() const override { return geometry_->erased; }
  // boot::SectorMap
  std::uint64_t sector_end(boot::Area area, std::uint64_t offset) override;

  // ---- the power line. The operation with this number (counted from 0 over the life of the medium) is torn.
  void cut_at(std::uint64_t operation, unsigned tear, std::uint64_t seed);
  void no_cut() { cut_at_ = kNever; }
  bool is_off() const { return off_; }
  // Power returns after a cut or a mere loss of power: memory is gone, unstable cells show their other face.
  void power_returns();
  std::uint64_t operations() const { return operations_; }
  // For stores beside the flash: counts one operation. kTorn: the power fails in this one.
  enum class Turn : std::uint8_t { kOff, kDone, kTorn };
  Turn turn(FlashOperation operation);
  unsigned tear() const { return tear_; }

  // ---- faults that stay
  void make_unreadable(boot::Area area, std::uint64_t offset);  // the sector that holds it
  // ---- for the test: raw content, and a factory's gang programmer
  boot::ByteView raw(boot::Area area) const;
  void burn_factory(boot::Area area, boot::ByteView content);
  void wipe(boot::Area area);
  const std::string& misuse() const { return misuse_; }
  void log_to(std::vector<FlashOperation>* log) { log_ = log; }
  const FlashGeometry& geometry() const { return *geometry_; }

 private:
  static constexpr std::uint64_t kNever = ~0ULL;
  enum Unit : std::uint8_t { kErased = 0, kProgrammed = 1, kLooksBlank = 2, kUnreadable = 3 };
  struct Face {  // what these cells show at the next power-up
    std::size_t at = 0;
    std::vector<std::uint8_t> content;
  };
  static std::size_t index(boot::Area area) { return static_cast<std::size_t>(area); }
  std::uint8_t* cells(boot::Area area) { return cells_.data() + base_[index(area)]; }
  std::uint8_t merged(std::uint8_t old, std::uint8_t with) const {
    return static_cast<std::uint8_t>(geometry_->erased == 0xFF ? old & with : old | with);
  }
  void program_with_a_lost_bit(std::size_t at, boot::ByteView bytes);
  bool program_burst(boot::Area area, std::size_t at, boot::ByteView bytes);
  void program_units(std::size_t at, boot::ByteView bytes);
  void tear_program(std::size_t at, boot::ByteView bytes);
  void tear_erase(std::size_t at, std::size_t length);
  bool reads_blank(std::size_t unit) const;
  void mark_torn(std::size_t at, std::size_t length);
  void drop_faces(std::size_t at, std::size_t length);
  std::uint8_t garbage() { return static_cast<std::uint8_t>(random_.next()); }
  void blame(const char* what, boot::Area area, std::uint64_t offset);

  const FlashGeometry* geometry_;
  std::array<std::size_t, boot::kAreaCount> base_{};
  std::array<std::uint64_t, boot::kAreaCount> size_{};
  std::vector<std::uint8_t> cells_;
  std::vector<std::uint8_t> units_;  // Unit of each write unit
  std::size_t unreadable_units_ = 0;
  std::vector<Face> faces_;
  std::array<bool, boot::kAreaCount> has_unreadable_sector_{};
  std::array<std::uint64_t, boot::kAreaCount> unreadable_from_{}, unreadable_to_{};
  std::uint64_t operations_ = 0;
  std::uint64_t cut_at_ = kNever;
  unsigned tear_ = 0;
  bool off_ = false;
  Random random_{0};
  std::string misuse_;
  std::vector<FlashOperation>* log_ = nullptr;
};

}  // namespace aseptic::sim
