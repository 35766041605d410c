// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/journal/requests.h"

#include "aseptic/boot/format/checksum.h"

namespace aseptic::boot {
namespace {

Status check_stage(const RequestCellWire& w) {
  if (w.slot.get() > static_cast<std::uint8_t>(SlotId::kB)) return Status::kBadEnumerator;
  if (w.number.get() == 0 || w.number.get() > kAttemptMax) return Status::kBadRange;
  return is_zero(w.first) ? Status::kBadRange : Status::kOk;
}

// Fields that a kind does not use are zero, so that one request has one encoding.
Status check_unused(const RequestCellWire& w, RequestKind kind) {
  const bool stage = kind == RequestKind::kStage;
  const bool challenge = kind == RequestKind::kChallenge;
  if (!stage && w.slot.get() != 0) return Status::kReservedNotZero;
  if (!stage && !challenge && (!is_zero(w.second) || w.number.get() != 0)) return Status::kReservedNotZero;
  if (!stage && !challenge && kind != RequestKind::kConfirm && !is_zero(w.first))
    return Status::kReservedNotZero;
  return Status::kOk;
}

}  // namespace

RequestCell encode_request(const Request& request) {
  RequestCellWire w{};
  w.tag.set(kRequestTag);
  w.format.set(kRequestFormat);
  w.kind.set(static_cast<std::uint8_t>(request.kind));
  w.boot_count.set(request.boot_count);
  switch (request.kind) {
    case RequestKind::kStage:
      w.slot.set(static_cast<std::uint8_t>(request.slot));
      copy_digest(w.first, request.manifest);
      copy_digest(w.second, request.set);
      w.number.set(request.attempt);
      break;
    case RequestKind::kConfirm:
      copy_digest(w.first, request.token);
      break;
    case RequestKind::kChallenge:
      copy_digest(w.first, request.challenge);
      copy_digest(w.second, request.log_head);
      w.number.set(request.log_count);
      break;
    case RequestKind::kArm:
    case RequestKind::kSynced:
    case RequestKind::kRevert:
      break;
  }
  seal_checksum(mutable_bytes_of(w));
  RequestCell out{};
  copy_bytes(out, bytes_of(w));
  return out;
}

Status check_request(std::span<const std::uint8_t, kRequestCellSize> bytes, RequestKind kind) {
  const auto& w = *reinterpret_cast<const RequestCellWire*>(bytes.data());
  if (w.tag.get() != kRequestTag) return Status::kNotFound;
  if (w.format.get() != kRequestFormat) return Status::kBadFormat;
  if (w.kind.get() != static_cast<std::uint8_t>(kind)) return Status::kBadEnumerator;
  if (!checksum_matches(bytes)) return Status::kBadChecksum;
  if (w.reserved0 != 0 || !all_bytes_are(w.reserved1, 0) || !all_bytes_are(w.reserved2, 0))
    return Status::kReservedNotZero;
  ASEPTIC_BOOT_TRY(check_unused(w, kind));
  return kind == RequestKind::kStage ? check_stage(w) : Status::kOk;
}

Status decode_request(std::span<const std::uint8_t, kRequestCellSize> bytes, RequestKind kind, Request& request) {
  ASEPTIC_BOOT_TRY(check_request(bytes, kind));
  const auto& w = *reinterpret_cast<const RequestCellWire*>(bytes.data());
  request.kind = kind;
  request.boot_count = w.boot_count.get();
  if (kind == RequestKind::kStage) {
    request.slot = static_cast<SlotId>(w.slot.get());
    request.attempt = static_cast<std::uint16_t>(w.number.get());
    copy_digest(request.manifest, w.first);
    copy_digest(request.set, w.second);
  } else if (kind == RequestKind::kConfirm) {
    copy_digest(request.token, w.first);
  } else if (kind == RequestKind::kChallenge) {
    copy_digest(request.challenge, w.first);
    copy_digest(request.log_head, w.second);
    request.log_count = w.number.get();
  }
  return Status::kOk;
}

Requests parse_request_area(ByteView area) {
  Requests out;
  if (area.size() < kRequestKindCount * kRequestCellSize) return out;
  for (std::size_t i = 0; i < kRequestKindCount; ++i) {
    const auto cell = area.subspan(i * kRequestCellSize).first<kRequestCellSize>();
    out.present[i] = ok(decode_request(cell, static_cast<RequestKind>(i), out.requests[i]));
  }
  return out;
}

PermitCell encode_permit(const Permit& permit) {
  PermitCellWire w{};
  w.tag.set(kPermitTag);
  w.format.set(kRequestFormat);
  w.boot_count.set(permit.boot_count);
  w.hold_nonce = permit.hold_nonce;
  seal_checksum(mutable_bytes_of(w));
  PermitCell out{};
  copy_bytes(out, bytes_of(w));
  return out;
}

PermitCell cleared_permit() {
  return {};
}

Status decode_permit(std::span<const std::uint8_t, kPermitCellSize> bytes, Permit& out) {
  PermitCellWire w{};
  copy_bytes(mutable_bytes_of(w), bytes);
  if (w.tag.get() != kPermitTag) return Status::kNotFound;
  if (w.format.get() != kRequestFormat) return Status::kBadFormat;
  if (!checksum_matches(bytes)) return Status::kBadChecksum;
  if (!all_bytes_are(w.reserved0, 0) || !all_bytes_are(w.reserved1, 0) || !all_bytes_are(w.reserved2, 0))
    return Status::kReservedNotZero;
  out = {w.boot_count.get(), w.hold_nonce};
  return Status::kOk;
}

}  // namespace aseptic::boot
