// SPDX-License-Identifier: Apache-2.0
// A whole payload from arbitrary bytes, signed by somebody who signs anything: stored digests, page chain and
// header digest are made right before the installer sees it, so that every check behind them is reached. The
// installer and the second decoder of the tests must agree, and nothing may be written outside the image.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "../payload/make/tests/slow_decoder.cpp"  // the one file; the target links no test program
#include "../payload/make/tests/support.h"

using namespace aseptic;
using namespace aseptic::payload;

namespace {

constexpr std::uint64_t kImageMax = 1U << 20U;  // keeps one run short

void need(bool condition) {
  if (!condition) std::abort();
}

void put(core::Bytes& file, std::size_t offset, const Digest& digest) {
  std::copy(digest.begin(), digest.end(), file.begin() + static_cast<std::ptrdiff_t>(offset));
}

// Walks the file as far as it goes together; gives the offsets of its pages.
std::vector<std::size_t> sign_chunks(core::Bytes& file, const PayloadHeader& header) {
  CoreHasher hasher;
  std::vector<std::size_t> pages;
  std::size_t at = kHeaderSize;
  for (std::uint64_t page = 0; page < header.page_count; ++page) {
    const std::uint32_t entries = header.entries_of_page(page);
    if (file.size() - at < page_size(entries)) break;
    const std::size_t start = at;
    pages.push_back(start);
    at += page_size(entries);
    for (std::uint32_t i = 0; i < entries; ++i) {
      const std::size_t entry = start + kPageHeaderSize + i * kEntrySize;
      std::uint32_t stored = 0;
      for (std::size_t b = 4; b-- > 0;)
        stored = stored << 8U | file[entry + 4 + b];
      if (stored > file.size() - at) return pages;
      if (stored != 0) put(file, entry + 32, boot::hash_of(hasher, core::ByteView(file).subspan(at, stored)));
      if (file[entry] == 1)
        std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(entry + 32), 32,
                    file.begin() + static_cast<std::ptrdiff_t>(entry + 64));
      at += stored;
    }
  }
  return pages;
}

void sign_pages(core::Bytes& file, const PayloadHeader& header, const std::vector<std::size_t>& pages) {
  CoreHasher hasher;
  for (std::size_t i = pages.size(); i-- > 0;) {
    const auto page = core::ByteView(file).subspan(pages[i], page_size(header.entries_of_page(i)));
    put(file, i == 0 ? offsetof(HeaderWire, first_page) : pages[i - 1] + offsetof(PageHeaderWire, next_page),
        boot::hash_of(hasher, page));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kHeaderSize) return 0;
  core::Bytes file(data, data + size);
  PayloadHeader header;
  if (!ok(decode_header(core::ByteView(file).first<kHeaderSize>(), header)) || header.image_size > kImageMax)
    return 0;
  sign_pages(file, header, sign_chunks(file, header));
  const tests::Resigned signer = tests::resign(file);
  const ImageReference image{trust::DigestIssuer::issue({header.manifest_digest}),
                             trust::DigestIssuer::issue({header.image_digest}), header.image_size};
  tests::SparseDevice slot(header.image_size + 4 * kBlockSize);
  const auto installed = tests::install(file, signer.reference(), image, slot, 1 + size % 777);
  const auto slow = tests::slow_decode(file, {.header_digest = signer.header_digest.bytes,
                                              .payload_size = signer.payload_size,
                                              .manifest_digest = header.manifest_digest,
                                              .image_digest = header.image_digest,
                                              .image_size = header.image_size});
  need(installed.has_value() == slow.why_not.empty());
  need(slot.blocks.empty() || slot.blocks.rbegin()->first < header.image_size / kBlockSize);
  return 0;
}
