// SPDX-License-Identifier: Apache-2.0
// Payload header and first table page from arbitrary bytes: decoding never reads outside its view, and what
// it accepts encodes to the same bytes again (one form per meaning).
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "aseptic/payload/format/page.h"

using namespace aseptic::payload;

namespace {

void need(bool condition) {
  if (!condition) std::abort();
}

void check_first_page(const PayloadHeader& header, ByteView page) {
  PageLink next;
  if (!ok(check_page(header, 0, page, next))) return;
  for (std::uint32_t i = 0; i < header.entries_of_page(0); ++i) {
    ChunkEntry entry;
    need(ok(decode_entry(header, i, page, entry)));
    need(entry.stored_size <= entry.decoded_size && entry.decoded_size <= kChunkSizeMax);
    std::array<std::uint8_t, kEntrySize> again{};
    encode_entry(entry, again);
    need(std::equal(again.begin(), again.end(), page.begin() + kPageHeaderSize + i * kEntrySize));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kHeaderSize) return 0;
  const ByteView input(data, size);
  const auto head = input.first<kHeaderSize>();
  PayloadHeader header;
  if (!ok(decode_header(head, header))) return 0;
  std::array<std::uint8_t, kHeaderSize> again{};
  need(ok(encode_header(header, again)));
  need(std::equal(again.begin(), again.end(), head.begin()));
  need(header.decoded_size(header.chunk_count - 1) > 0 && header.entries_of_page(header.page_count - 1) > 0);
  check_first_page(header, input.subspan(kHeaderSize));
  return 0;
}
