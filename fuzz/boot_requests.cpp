// SPDX-License-Identifier: Apache-2.0
// The request area and the PERMIT cell, which the application writes: any bytes. The first byte chooses
// whether the checksums are put right first, so that the fuzzer gets behind them. Property: what is accepted
// encodes to the same cell again.
#include <cstdlib>
#include <cstring>

#include "aseptic/boot/format/checksum.h"
#include "aseptic/boot/journal/requests.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace aseptic::boot;
  if (size == 0) return 0;
  const bool seal = (data[0] & 1U) != 0;
  std::array<std::uint8_t, kRequestAreaSize> area{};
  std::memcpy(area.data(), data + 1, size - 1 < area.size() ? size - 1 : area.size());
  PermitCell cell{};
  std::memcpy(cell.data(), area.data(), cell.size());
  if (seal) {
    seal_checksum(cell);
    for (std::size_t i = 0; i < kRequestKindCount; ++i)
      seal_checksum(std::span(area).subspan(i * kRequestCellSize, kRequestCellSize));
  }
  const Requests requests = parse_request_area(area);
  for (std::size_t i = 0; i < kRequestKindCount; ++i) {
    if (!requests.present[i]) continue;
    const RequestCell again = encode_request(requests.requests[i]);
    if (std::memcmp(again.data(), area.data() + i * kRequestCellSize, again.size()) != 0) std::abort();
  }
  Permit permit;
  if (ok(decode_permit(cell, permit)) && encode_permit(permit) != cell) std::abort();
  // A short view of the area is survived too.
  static_cast<void>(parse_request_area(ByteView(data, size)));
  return 0;
}
