// SPDX-License-Identifier: Apache-2.0
// Everything boot keeps or reads, as areas of one injected medium. The host port maps areas to files of the
// virtual device, an MCU port to flash sectors, the simulator to its recording disk with power cuts.
// Contract: `program` writes bytes that were erased before (journal) or replaces a whole cell (requests,
// permit, mailbox, store, recovery); `erase` sets a range to `erased_value`; neither is durable before `sync`
// of that area returned. A call that fails may have happened in part. Not thread safe.
#pragma once
#include "aseptic/boot/format/bytes.h"
#include "aseptic/boot/format/status.h"

namespace aseptic::boot {

enum class Area : std::uint8_t {
  kJournal = 0,       // boot only
  kMonotonic = 1,     // boot only
  kProvisioning = 2,  // read only
  kSecret = 3,        // read only, boot only: the device secret, empty where there is none
  kRecovery = 4,      // boot only
  kSlotA = 5,         // read by boot
  kSlotB = 6,         // read by boot
  kRequests = 7,      // written by the application; boot clears it
  kPermit = 8,        // written by the therapy side; boot clears it
  kMailbox = 9,       // boot only; the application reads
};
inline constexpr std::size_t kAreaCount = 10;

// An offset or size within an area: 64 bits on the host, 32 on a microcontroller.
using AreaOffset = std::size_t;

class Storage {
 public:
  virtual AreaOffset size(Area area) = 0;  // 0: the area does not exist
  virtual Status read(Area area, AreaOffset offset, MutableBytes out) = 0;
  virtual Status program(Area area, AreaOffset offset, ByteView bytes) = 0;
  virtual Status erase(Area area, AreaOffset offset, AreaOffset length) = 0;
  virtual Status sync(Area area) = 0;
  virtual std::uint8_t erased_value() const = 0;
  // How many bytes from `offset` on are known to be zero without reading them (holes of a sparse file); 0 =
  // unknown.
  virtual AreaOffset known_zero(Area, AreaOffset) { return 0; }

  // The calls that boot makes most, out of line over plain pointers (bytes.h, namespace raw).
  template <class Bytes>
  [[gnu::always_inline]] Status read_into(Area area, AreaOffset offset, Bytes&& out) {
    const MutableBytes view(out);
    return read_raw(area, offset, view.data(), view.size());
  }
  // DURABILITY: programmed and synced.
  template <class Bytes>
  [[gnu::always_inline]] Status program_durably(Area area, AreaOffset offset, const Bytes& bytes) {
    const ByteView view(bytes);
    return program_raw(area, offset, view.data(), view.size());
  }
  [[gnu::noinline]] Status erase_durably(Area area, AreaOffset offset, AreaOffset length) {
    ASEPTIC_BOOT_TRY(erase(area, offset, length));
    return sync(area);
  }

 protected:
  ~Storage() = default;

 private:
  [[gnu::noinline]] Status read_raw(Area area, AreaOffset offset, std::uint8_t* out, std::size_t size) {
    return read(area, offset, {out, size});
  }
  [[gnu::noinline]] Status program_raw(Area area, AreaOffset offset, const std::uint8_t* bytes, std::size_t size) {
    ASEPTIC_BOOT_TRY(program(area, offset, {bytes, size}));
    return sync(area);
  }
};

}  // namespace aseptic::boot
