// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/cortex_m/exec_ram.h"

namespace aseptic::boot::cortex_m {

// SECURITY(T-35): an image that was linked for another address is refused before a byte of it is copied.
Status ExecRam::check_placement(std::uint64_t load_address, AreaOffset size) {
  return load_address == run_address_ && size <= memory_.size() ? Status::kOk : Status::kLoaderFailed;
}

Status ExecRam::begin(AreaOffset size) {
  used_ = 0;
  if (size > memory_.size()) return Status::kLoaderFailed;
  used_ = static_cast<std::size_t>(size);
  return Status::kOk;
}

Status ExecRam::write(AreaOffset offset, ByteView bytes) {
  if (offset > used_ || bytes.size() > used_ - offset) return Status::kOutOfRange;
  copy_bytes(memory_.subspan(static_cast<std::size_t>(offset)), bytes);
  return Status::kOk;
}

Status ExecRam::seal(ByteView& sealed) {
  // What the last image left behind the new one is not verified: it must not be there to jump to.
  fill_bytes(memory_.subspan(used_), 0);
  sealed = memory_.first(used_);
  return Status::kOk;
}

}  // namespace aseptic::boot::cortex_m
