// SPDX-License-Identifier: Apache-2.0
// Encoder and parser of the request area and of the PERMIT cell. Layout: aseptic/boot/format/request_area.h.
// The agent encodes requests and writes the cell at `request_offset(kind)`; the therapy side (interlock)
// encodes PERMIT; boot parses both. Security: the bytes are untrusted; parsing is total, reads only its fixed
// view, and a cell that is torn, of another kind or has a reserved byte set is "not there". A request grants
// nothing by itself: boot/core decides. Durability is the writer's duty: write, sync, read back, before it
// acts on a request.
#pragma once
#include "aseptic/boot/format/request_area.h"
#include "aseptic/boot/format/status.h"

namespace aseptic::boot {

// One decoded request; the fields that a kind does not use are zero.
struct Request {
  RequestKind kind = RequestKind::kStage;
  std::uint32_t boot_count = 0;  // of the run that writes it (BootReport::boot_count)
  SlotId slot = SlotId::kA;      // kStage
  std::uint16_t attempt = 0;     // kStage; at least 1
  Digest manifest{};             // kStage
  Digest set{};                  // kStage
  Digest token{};                // kConfirm: BootReport::token of the running trial
  Digest challenge{};            // kChallenge
  Digest log_head{};             // kChallenge
  std::uint64_t log_count = 0;   // kChallenge
};

constexpr std::size_t request_offset(RequestKind kind) {
  return static_cast<std::size_t>(kind) * kRequestCellSize;
}

using RequestCell = std::array<std::uint8_t, kRequestCellSize>;
RequestCell encode_request(const Request& request);
// Whether a cell is a valid request of this kind. Boot uses the fields of such a cell in place.
Status check_request(std::span<const std::uint8_t, kRequestCellSize> bytes, RequestKind kind);
// `out` is fresh, and meaningless after an error.
Status decode_request(std::span<const std::uint8_t, kRequestCellSize> bytes, RequestKind kind, Request& out);

// What a whole request area says: for each kind, whether a valid cell is there.
struct Requests {
  std::array<bool, kRequestKindCount> present{};
  std::array<Request, kRequestKindCount> requests{};

  bool has(RequestKind kind) const { return present[static_cast<std::size_t>(kind)]; }
  const Request& get(RequestKind kind) const { return requests[static_cast<std::size_t>(kind)]; }
  void drop(RequestKind kind) { present[static_cast<std::size_t>(kind)] = false; }
};
// Never fails: an area of the wrong size, or of any bytes, holds no valid requests.
Requests parse_request_area(ByteView area);

struct Permit {
  std::uint32_t boot_count = 0;
  std::array<std::uint8_t, kHoldNonceSize> hold_nonce{};
};
using PermitCell = std::array<std::uint8_t, kPermitCellSize>;
PermitCell encode_permit(const Permit& permit);
PermitCell cleared_permit();  // all zero: no permit
Status decode_permit(std::span<const std::uint8_t, kPermitCellSize> bytes, Permit& out);

}  // namespace aseptic::boot
