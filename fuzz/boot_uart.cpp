// SPDX-License-Identifier: Apache-2.0
// Any bytes on the recovery line: frames are found or dropped, nothing is programmed twice, nothing beyond the slot.
#include <cstdlib>
#include <vector>

#include "aseptic/boot/core/uart_frame.h"

namespace {

using namespace aseptic::boot;

class CheckedSlot final : public Storage {
 public:
  AreaOffset size(Area) override { return bytes_.size(); }
  Status read(Area, AreaOffset, MutableBytes) override { return Status::kIoError; }
  Status program(Area, AreaOffset offset, ByteView bytes) override {
    if (offset > bytes_.size() || bytes.size() > bytes_.size() - offset || offset % 16 != 0) std::abort();
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes_[offset + i] != 0) std::abort();
      bytes_[offset + i] = 1;
    }
    return Status::kOk;
  }
  Status erase(Area area, AreaOffset offset, AreaOffset length) override {
    if (area != Area::kSlotA || offset != 0 || length != bytes_.size()) std::abort();
    bytes_.assign(bytes_.size(), 0);
    return Status::kOk;
  }
  Status sync(Area) override { return Status::kOk; }
  std::uint8_t erased_value() const override { return 0xFF; }

 private:
  std::vector<std::uint8_t> bytes_ = std::vector<std::uint8_t>(65536, 1);
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  CheckedSlot slot;
  UartReceiver receiver(slot);
  UartFrameReader reader;
  UartFrame frame;
  for (std::size_t i = 0; i < size; ++i)
    if (reader.push(data[i], frame) && receiver.take(frame) == UartReceiver::Answer::kDone) break;
  return 0;
}
