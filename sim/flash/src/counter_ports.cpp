// SPDX-License-Identifier: Apache-2.0
#include "aseptic/sim/flash/counter_ports.h"

#include <span>

namespace aseptic::sim {
namespace {

bool reads_blown(Fuse fuse) {
  return fuse == Fuse::kBlown || fuse == Fuse::kWeakReadsBlown;
}

// The length of the row of blown fuses; a hole ends it.
std::uint32_t row(std::span<const Fuse> fuses) {
  std::uint32_t count = 0;
  while (count < fuses.size() && reads_blown(fuses[count]))
    ++count;
  return count;
}

bool falls(const boot::MonotonicState& now, const boot::MonotonicState& wanted) {
  return wanted.floor < now.floor || wanted.generation < now.generation ||
         (now.revoked & ~wanted.revoked) != 0;
}

constexpr FlashOperation kStoreOperation{FlashOperation::Kind::kStore, boot::Area::kMonotonic};

}  // namespace

boot::Status NvCounterPort::load(boot::MonotonicState& out) {
  if (power_.is_off()) return boot::Status::kIoError;
  out = content_.state;
  return boot::Status::kOk;
}

boot::Status NvCounterPort::burn(const boot::MonotonicState& state) {
  if (power_.is_off()) return boot::Status::kIoError;
  if (falls(content_.state, state)) return boot::Status::kBadRange;
  if (state.generation > content_.generation_max) return boot::Status::kStoreExhausted;
  const NorFlash::Turn now = power_.turn(kStoreOperation);
  if (now == NorFlash::Turn::kOff) return boot::Status::kIoError;
  if (now == NorFlash::Turn::kDone || power_.tear() % 2 == 0) content_.state = state;
  return now == NorFlash::Turn::kDone ? boot::Status::kOk : boot::Status::kIoError;
}

void FuseContent::power_returns() {
  const auto change = [](std::span<Fuse> fuses) {
    for (Fuse& fuse : fuses)
      fuse = fuse == Fuse::kWeakReadsBlown    ? Fuse::kWeakReadsIntact
             : fuse == Fuse::kWeakReadsIntact ? Fuse::kWeakReadsBlown
                                              : fuse;
  };
  change(generation);
  change(floor);
  change(revoked);
}

boot::Status FusePort::blow(Fuse& fuse) {
  const NorFlash::Turn now = power_.turn(kStoreOperation);
  if (now == NorFlash::Turn::kDone) fuse = Fuse::kBlown;
  if (now == NorFlash::Turn::kTorn && fuse != Fuse::kBlown) {
    constexpr Fuse kLeft[] = {Fuse::kIntact, Fuse::kWeakReadsIntact, Fuse::kWeakReadsBlown, Fuse::kBlown};
    fuse = kLeft[power_.tear() % 4];
  }
  return now == NorFlash::Turn::kDone ? boot::Status::kOk : boot::Status::kIoError;
}

boot::Status FusePort::read(boot::MonotonicState& out) const {
  if (power_.is_off()) return boot::Status::kIoError;
  out = {};
  out.generation = row(content_.generation);
  out.floor = row(content_.floor);
  for (std::uint32_t i = 0; i < kRevocationFuses; ++i)
    if (reads_blown(content_.revoked[i])) out.revoked |= 1U << i;
  return boot::Status::kOk;
}

// What reads blown is blown again, where it may be weak: the end of each row, and each revocation.
boot::Status FusePort::load(boot::MonotonicState& out) {
  boot::MonotonicState now;
  ASEPTIC_BOOT_TRY(read(now));
  if (now.generation != 0) ASEPTIC_BOOT_TRY(blow(content_.generation[now.generation - 1]));
  if (now.floor != 0) ASEPTIC_BOOT_TRY(blow(content_.floor[now.floor - 1]));
  for (std::size_t i = 0; i < kRevocationFuses; ++i)
    if (reads_blown(content_.revoked[i])) ASEPTIC_BOOT_TRY(blow(content_.revoked[i]));
  out = now;
  return boot::Status::kOk;
}

// The generation comes last: it says that the rest is done.
boot::Status FusePort::burn(const boot::MonotonicState& state) {
  boot::MonotonicState now;
  ASEPTIC_BOOT_TRY(read(now));
  if (falls(now, state)) return boot::Status::kBadRange;
  if (state.generation > content_.generation_max || state.floor > kFloorFuses)
    return boot::Status::kStoreExhausted;
  for (std::uint32_t i = now.floor; i < state.floor; ++i)
    ASEPTIC_BOOT_TRY(blow(content_.floor[i]));
  for (std::uint32_t i = 0; i < kRevocationFuses; ++i)
    if (((state.revoked & ~now.revoked) >> i & 1U) != 0) ASEPTIC_BOOT_TRY(blow(content_.revoked[i]));
  for (std::uint32_t i = now.generation; i < state.generation; ++i)
    ASEPTIC_BOOT_TRY(blow(content_.generation[i]));
  ASEPTIC_BOOT_TRY(read(now));
  return now.generation == state.generation && now.floor == state.floor && now.revoked == state.revoked
             ? boot::Status::kOk
             : boot::Status::kWriteNotVerified;
}

}  // namespace aseptic::sim
