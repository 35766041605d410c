// SPDX-License-Identifier: Apache-2.0
#include "slow_decoder.h"

#include <algorithm>
#include <string_view>

#define ZSTD_STATIC_LINKING_ONLY  // ZSTD_getFrameHeader
#include <zstd.h>

#include "aseptic/sim/checkers/slot_checker.h"

namespace aseptic::payload::tests {
namespace {

using Bytes = std::span<const std::uint8_t>;

struct Refusal {
  std::string why;
};

// The only exceptions of this tree: they keep the second decoder a straight line that reads like the
// document.
void need(bool condition, const std::string& why) {
  if (!condition) throw Refusal{why};
}

std::uint64_t number(Bytes bytes, std::size_t offset, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;)
    value = value * 256 + bytes[offset + i];
  return value;
}
bool zero(Bytes bytes) {
  return std::count(bytes.begin(), bytes.end(), std::uint8_t{0}) == static_cast<std::ptrdiff_t>(bytes.size());
}
bool same(Bytes a, Bytes b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}
Bytes text(std::string_view view) {
  return {reinterpret_cast<const std::uint8_t*>(view.data()), view.size()};
}

std::vector<std::uint8_t> unzstd(Bytes stored, std::uint64_t size) {
  ZSTD_frameHeader header{};
  need(ZSTD_getFrameHeader(&header, stored.data(), stored.size()) == 0, "no frame header");
  need(header.frameType == ZSTD_frame && header.dictID == 0 && header.checksumFlag == 0, "frame options");
  need((stored[4] & 0x20U) != 0 && (stored[4] & 0x1FU) == 0, "frame descriptor");
  need(header.frameContentSize == size, "frame content size");
  need(ZSTD_findFrameCompressedSize(stored.data(), stored.size()) == stored.size(),
       "frame does not fill the chunk");
  std::vector<std::uint8_t> out(size);
  need(ZSTD_decompress(out.data(), out.size(), stored.data(), stored.size()) == size, "does not decompress");
  return out;
}

std::vector<std::uint8_t> decode(Bytes file, const SlowExpectation& expected) {
  need(file.size() >= 512, "short");
  const Bytes h = file.first(512);
  need(sim::checker_sha256({text(std::string_view("aseptic-payload-header-v1", 26)), h}) ==
           expected.header_digest,
       "header digest");
  need(same(h.first(8), text("ASPTPAYL")) && number(h, 8, 2) == 1 && number(h, 10, 2) == 512, "envelope");
  need(number(h, 12, 4) == 0, "flags");
  need(zero(h.subspan(160)), "reserved");
  const std::uint64_t payload_size = number(h, 16, 8);
  const std::uint64_t image_size = number(h, 24, 8);
  const std::uint64_t chunk_count = number(h, 32, 8);
  const std::uint64_t page_count = number(h, 40, 8);
  const std::uint64_t chunk_size = number(h, 48, 4);
  const std::uint64_t page_entries = number(h, 52, 4);
  const std::uint64_t encodings = number(h, 56, 4);
  need(encodings != 0 && (encodings & ~std::uint64_t{0b1110}) == 0, "encodings");
  need(image_size > 0 && image_size <= (std::uint64_t{1} << 48) && image_size % 4096 == 0, "image size");
  need(chunk_size > 0 && chunk_size <= 262144 && chunk_size % 4096 == 0, "chunk size");
  need(chunk_count == (image_size + chunk_size - 1) / chunk_size, "chunk count");
  need(page_entries > 0 && page_entries <= 1024, "page entries");
  need(page_count == (chunk_count + page_entries - 1) / page_entries, "page count");
  need(number(h, 60, 4) == ((encodings & 4) != 0 ? chunk_size : 0), "window");
  need(!zero(h.subspan(64, 32)) && !zero(h.subspan(96, 32)) && !zero(h.subspan(128, 32)), "digests");
  need(payload_size == expected.payload_size && payload_size == file.size(), "payload size");
  need(image_size == expected.image_size, "image size of the release");
  need(same(h.subspan(64, 32), expected.image_digest), "image digest of the release");
  need(same(h.subspan(96, 32), expected.manifest_digest), "manifest digest of the release");

  std::vector<std::uint8_t> image;
  std::uint64_t used = 0;
  std::uint64_t at = 512;
  std::vector<std::uint8_t> link(h.begin() + 128, h.begin() + 160);
  for (std::uint64_t page = 0; page < page_count; ++page) {
    const std::uint64_t entries = std::min(page_entries, chunk_count - page * page_entries);
    need(file.size() - at >= 64 + 96 * entries, "no room for page");
    const Bytes p = file.subspan(at, 64 + 96 * entries);
    at += p.size();
    need(same(sim::checker_sha256(p), link), "page digest");
    need(same(p.first(8), text("ASPTPAGE")) && number(p, 8, 8) == page && number(p, 16, 4) == entries,
         "page header");
    need(zero(p.subspan(20, 4)) && zero(p.subspan(56, 8)), "page reserved");
    need(zero(p.subspan(24, 32)) == (page + 1 == page_count), "page link");
    link.assign(p.begin() + 24, p.begin() + 56);
    for (std::uint64_t i = 0; i < entries; ++i) {
      const Bytes e = p.subspan(64 + 96 * i, 96);
      const std::uint64_t decoded = std::min(chunk_size, image_size - image.size());
      const std::uint64_t stored_size = number(e, 4, 4);
      const std::uint8_t encoding = e[0];
      need(encoding >= 1 && encoding <= 3 && (encodings >> encoding & 1) == 1, "encoding");
      need(zero(e.subspan(1, 3)) && zero(e.subspan(8, 24)), "entry reserved");
      used |= std::uint64_t{1} << encoding;
      need(file.size() - at >= stored_size, "no room for chunk");
      const Bytes stored = file.subspan(at, stored_size);
      at += stored_size;
      if (encoding == 3) {
        need(stored_size == 0 && zero(e.subspan(32)), "zero chunk");
        image.resize(image.size() + decoded);
        continue;
      }
      need(!zero(e.subspan(32, 32)) && !zero(e.subspan(64, 32)), "entry digests");
      need(same(sim::checker_sha256(stored), e.subspan(32, 32)), "chunk digest");
      if (encoding == 1) {
        need(stored_size == decoded && same(e.subspan(32, 32), e.subspan(64, 32)), "raw chunk");
        image.insert(image.end(), stored.begin(), stored.end());
      } else {
        need(stored_size > 0 && stored_size < decoded, "stored size");
        const auto bytes = unzstd(stored, decoded);
        image.insert(image.end(), bytes.begin(), bytes.end());
      }
    }
  }
  need(at == file.size(), "bytes behind the last chunk");
  need(used == encodings, "unused encoding");
  const sim::SlotVerdict slot = sim::check_slot(image);
  need(slot.is_whole, slot.why_not);
  need(slot.manifest_digest == expected.manifest_digest && slot.image_size == image_size, "another image");
  need(slot.image_digest == expected.image_digest, "another region table");
  return image;
}

}  // namespace

SlowResult slow_decode(Bytes file, const SlowExpectation& expected) {
  try {
    return {decode(file, expected), {}};
  } catch (const Refusal& refusal) {
    return {{}, refusal.why};
  }
}

}  // namespace aseptic::payload::tests
