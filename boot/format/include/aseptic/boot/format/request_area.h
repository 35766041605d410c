// SPDX-License-Identifier: Apache-2.0
// Layout of the request area (written by the application, untrusted) and of the PERMIT cell (written by the
// therapy side only). Format: docs/formats/boot_requests.md. Each request kind has its own self-checked
// 128-byte cell at a fixed offset, so that one torn write spoils one request. Encoder and parser:
// aseptic/boot/journal/requests.h.
#pragma once
#include "aseptic/boot/format/bytes.h"

namespace aseptic::boot {

enum class RequestKind : std::uint8_t {
  kStage = 0,
  kArm = 1,
  kConfirm = 2,
  kSynced = 3,
  kRevert = 4,
  kChallenge = 5
};
inline constexpr std::size_t kRequestKindCount = 6;
inline constexpr std::size_t kRequestCellSize = 128;
inline constexpr std::size_t kRequestAreaSize = 1024;  // six cells, the rest reserved
inline constexpr std::size_t kPermitCellSize = 64;
inline constexpr std::size_t kHoldNonceSize = 16;
inline constexpr std::uint32_t kRequestTag = 0x51455241U;  // "AREQ"
inline constexpr std::uint32_t kPermitTag = 0x54524D50U;   // "PMRT"
inline constexpr std::uint16_t kRequestFormat = 1;
inline constexpr std::uint32_t kAttemptMax = 0xFFFF;  // attempt numbers fit the journal's 16-bit field

enum class SlotId : std::uint8_t { kA = 0, kB = 1 };

struct RequestCellWire {
  Le32 tag;
  Le16 format;
  Le8 kind;
  std::uint8_t reserved0;
  Le32 boot_count;  // of the run that wrote it; binding for kArm and kRevert
  Le8 slot;         // kStage
  std::uint8_t reserved1[3];
  Digest first;   // kStage: manifest digest; kConfirm: token; kChallenge: challenge
  Digest second;  // kStage: set digest; kChallenge: head of the device log
  Le64 number;    // kStage: attempt; kChallenge: length of the device log
  std::uint8_t reserved2[32];
  Le64 checksum;
};
static_assert(sizeof(RequestCellWire) == kRequestCellSize && alignof(RequestCellWire) == 1);
static_assert(offsetof(RequestCellWire, boot_count) == 8 && offsetof(RequestCellWire, slot) == 12);
static_assert(offsetof(RequestCellWire, first) == 16 && offsetof(RequestCellWire, second) == 48);
static_assert(offsetof(RequestCellWire, number) == 80 && offsetof(RequestCellWire, checksum) == 120);
static_assert(kRequestKindCount * kRequestCellSize <= kRequestAreaSize);

struct PermitCellWire {
  Le32 tag;
  Le16 format;
  std::uint8_t reserved0[2];
  Le32 boot_count;  // of the run in which the therapy side holds
  std::uint8_t reserved1[4];
  std::array<std::uint8_t, kHoldNonceSize> hold_nonce;
  std::uint8_t reserved2[24];
  Le64 checksum;
};
static_assert(sizeof(PermitCellWire) == kPermitCellSize && alignof(PermitCellWire) == 1);
static_assert(offsetof(PermitCellWire, boot_count) == 8 && offsetof(PermitCellWire, hold_nonce) == 16);
static_assert(offsetof(PermitCellWire, checksum) == 56);

}  // namespace aseptic::boot
