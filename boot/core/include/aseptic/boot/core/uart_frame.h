// SPDX-License-Identifier: Apache-2.0
// The frames by which an image reaches a device on which nothing boots any more (RC-07). Format:
// docs/formats/uart_recovery.md. Called by the microcontroller ports when the decision found nothing to run.
// SECURITY: a frame carries bytes and no authority. What arrives is written to a slot and judged by the next power-up
// like any other content of a slot: signatures, device match, floor, revocations; then it runs as a forced trial.
// Invariants: total over all byte sequences; lengths are checked before anything is stored; no allocation.
#pragma once
#include "aseptic/boot/core/port.h"

namespace aseptic::boot {

inline constexpr std::size_t kUartDataMax = 256;

enum class UartFrameType : std::uint8_t { kBegin = 1, kData = 2, kEnd = 3 };

struct UartFrameHeader {
  std::uint8_t start[2];  // kUartStart
  Le8 type;
  Le8 reserved;  // zero
  Le32 offset;   // kBegin: size of the image; kData: offset in the slot
  Le16 length;   // of the data that follow, at most kUartDataMax; multiple of 16 in kData, 0 otherwise
  std::uint8_t reserved2[6];  // zero
};
static_assert(sizeof(UartFrameHeader) == 16 && alignof(UartFrameHeader) == 1);
inline constexpr std::uint8_t kUartStart[2] = {0xA5, 0x5A};
inline constexpr std::size_t kUartFrameMax = sizeof(UartFrameHeader) + kUartDataMax + sizeof(Le64);

struct UartFrame {
  UartFrameType type = UartFrameType::kBegin;
  std::uint32_t offset = 0;
  ByteView data;
};

class UartFrameReader {
 public:
  // One byte from the line. True when it completed a valid frame, which stays valid until the next call. A byte that
  // cannot belong to a frame is dropped; a frame whose checksum (CRC-64 over header and data, behind the data) is wrong
  // is dropped as a whole.
  bool push(std::uint8_t byte, UartFrame& out);

 private:
  std::array<std::uint8_t, kUartFrameMax> buffer_{};
  std::size_t used_ = 0;
};

// Puts an image into slot A, frame by frame in ascending order.
class UartReceiver {
 public:
  enum class Answer : std::uint8_t { kTaken = 'K', kRefused = 'N', kDone = 'D' };

  explicit UartReceiver(Storage& storage) : storage_(storage) {}
  Answer take(const UartFrame& frame);

 private:
  Status obey(const UartFrame& frame);

  Storage& storage_;
  AreaOffset size_ = 0;  // announced
  AreaOffset next_ = 0;
};

}  // namespace aseptic::boot
