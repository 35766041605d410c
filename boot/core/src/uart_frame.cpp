// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/core/uart_frame.h"

#include "aseptic/boot/format/checksum.h"

namespace aseptic::boot {
namespace {

constexpr std::size_t kHeader = sizeof(UartFrameHeader);

bool is_header(const UartFrameHeader& h) {
  const bool data = h.type.get() == static_cast<std::uint8_t>(UartFrameType::kData);
  const std::size_t length = h.length.get();
  if (h.type.get() == 0 || h.type.get() > static_cast<std::uint8_t>(UartFrameType::kEnd)) return false;
  if (h.reserved.get() != 0 || !all_bytes_are(h.reserved2, 0)) return false;
  // SECURITY(T-35): the length is judged before a byte of the data is stored.
  return data ? length != 0 && length <= kUartDataMax && length % 16 == 0 : length == 0;
}

}  // namespace

bool UartFrameReader::push(std::uint8_t byte, UartFrame& out) {
  buffer_[used_++] = byte;
  if (used_ <= 2) {
    if (byte != kUartStart[used_ - 1]) used_ = byte == kUartStart[0] ? 1 : 0;
    return false;
  }
  if (used_ < kHeader) return false;
  const auto& header = *reinterpret_cast<const UartFrameHeader*>(buffer_.data());
  if (used_ == kHeader && !is_header(header)) {
    used_ = 0;
    return false;
  }
  const std::size_t size = kHeader + header.length.get() + sizeof(Le64);
  if (used_ < size) return false;
  used_ = 0;
  if (!checksum_matches(ByteView(buffer_).first(size))) return false;
  out.type = static_cast<UartFrameType>(header.type.get());
  out.offset = header.offset.get();
  out.data = ByteView(buffer_).subspan(kHeader, header.length.get());
  return true;
}

Status UartReceiver::obey(const UartFrame& frame) {
  if (frame.type == UartFrameType::kBegin) {
    size_ = 0;
    const AreaOffset slot = storage_.size(Area::kSlotA);
    if (frame.offset > slot || frame.offset < kFirstRegionOffset || frame.offset % kImageBlockSize != 0)
      return Status::kOutOfRange;
    ASEPTIC_BOOT_TRY(storage_.erase_durably(Area::kSlotA, 0, slot));
    size_ = frame.offset;
    next_ = 0;
    return Status::kOk;
  }
  // INVARIANT: each byte of the slot is programmed at most once after the erase.
  if (frame.offset != next_ || frame.data.size() > size_ - next_) return Status::kOutOfRange;
  if (frame.type == UartFrameType::kEnd) return size_ != 0 && next_ == size_ ? Status::kOk : Status::kBadLength;
  ASEPTIC_BOOT_TRY(storage_.program_durably(Area::kSlotA, next_, frame.data));
  next_ += frame.data.size();
  return Status::kOk;
}

UartReceiver::Answer UartReceiver::take(const UartFrame& frame) {
  if (!ok(obey(frame))) return Answer::kRefused;
  return frame.type == UartFrameType::kEnd ? Answer::kDone : Answer::kTaken;
}

}  // namespace aseptic::boot
