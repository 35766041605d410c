// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/installer/request_writer.h"

namespace aseptic::boot {

Status RequestWriter::write_kind(RequestKind kind) {
  Request request;
  request.kind = kind;
  return write(request);
}

Status RequestWriter::confirm(const Digest& token) {
  Request request;
  request.kind = RequestKind::kConfirm;
  request.token = token;
  return write(request);
}

Status RequestWriter::challenge(const Digest& challenge, const Digest& log_head, std::uint64_t log_count) {
  Request request;
  request.kind = RequestKind::kChallenge;
  request.challenge = challenge;
  request.log_head = log_head;
  request.log_count = log_count;
  return write(request);
}

Status RequestWriter::write(Request request) {
  request.boot_count = boot_count_;
  const RequestCell wanted = encode_request(request);
  const std::size_t offset = request_offset(request.kind);
  std::array<std::uint8_t, kRequestAreaSize> area{};
  ASEPTIC_BOOT_TRY(storage_.read(Area::kRequests, 0, area));
  const auto cell = MutableBytes(area).subspan(static_cast<std::size_t>(offset), kRequestCellSize);
  if (equal(cell, wanted)) return Status::kOk;
  const std::uint8_t erased = storage_.erased_value();
  if (all_bytes_are(cell, erased)) {
    ASEPTIC_BOOT_TRY(storage_.program(Area::kRequests, offset, wanted));
  } else {
    copy_bytes(cell, wanted);
    ASEPTIC_BOOT_TRY(storage_.erase(Area::kRequests, 0, storage_.size(Area::kRequests)));
    for (std::size_t i = 0; i < kRequestKindCount; ++i) {
      const auto kept = ByteView(area).subspan(i * kRequestCellSize, kRequestCellSize);
      if (!all_bytes_are(kept, erased))
        ASEPTIC_BOOT_TRY(storage_.program(Area::kRequests, i * kRequestCellSize, kept));
    }
  }
  ASEPTIC_BOOT_TRY(storage_.sync(Area::kRequests));
  RequestCell stored{};
  ASEPTIC_BOOT_TRY(storage_.read(Area::kRequests, offset, stored));
  return equal(stored, wanted) ? Status::kOk : Status::kWriteNotVerified;
}

}  // namespace aseptic::boot
