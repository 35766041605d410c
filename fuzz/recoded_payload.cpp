// SPDX-License-Identifier: Apache-2.0
// A whole delta payload with recoded blocks, changed in up to 16 places and signed by somebody who signs anything: every four bytes of
// input say where (section or stored bytes of the chunks) and how. The installer and the second decoder of the tests agree, and what is
// accepted is the image.
#include <zlib.h>

#include <cstdint>
#include <cstdlib>

#include "../payload/make/tests/delta_support.h"
#include "../payload/make/tests/product_tools.h"
#include "../payload/make/tests/rechain.h"
#include "../payload/make/tests/slow_delta.cpp"  // the one file; the target links no test program
#include "aseptic/payload/apply/recoder.h"
#include "aseptic/payload/decode/delta_chunk.h"

using namespace aseptic;
using namespace aseptic::payload;

namespace {

void need(bool condition) {
  if (!condition) std::abort();
}

// A gzip member of compressible text.
core::Bytes member(const core::Bytes& text) {
  core::Bytes out = {0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 3};
  Recoder recoder;
  const auto coded = recoder.encode({.codec = Codec::kDeflate, .level = 6, .version = Recoder::version_of(Codec::kDeflate)}, text);
  out.insert(out.end(), coded.begin(), coded.end());
  tests::put(out, out.size(), static_cast<std::uint32_t>(crc32(0, text.data(), static_cast<uInt>(text.size()))));
  tests::put(out, out.size(), static_cast<std::uint32_t>(text.size()));
  return out;
}

tests::DeltaPair make_recoded_pair() {
  core::Bytes old_content = tests::mixed_bytes(3000, 3);
  core::Bytes new_content = old_content;
  for (std::uint64_t i = 0; i < 3; ++i) {
    core::Bytes text;
    const core::Bytes words = tests::mixed_bytes(5000, i);
    for (const std::uint8_t byte : words)
      text.push_back(static_cast<std::uint8_t>('a' + byte % 12));
    for (core::Bytes* content : {&old_content, &new_content}) {
      const core::Bytes coded = member(text);
      content->insert(content->end(), coded.begin(), coded.end());
      text.insert(text.begin() + 700, 9, 'x');
    }
  }
  MakeOptions options = tests::delta_options();
  options.chunk_size = 4096;
  options.recompression = Recompression::kAlways;
  return tests::make_pair(std::move(old_content), std::move(new_content), options);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const tests::DeltaPair pair = make_recoded_pair();
  static const auto pages = tests::page_offsets(pair.payload.file);
  static const tests::SlowTools tools = tests::product_tools();
  need(pair.payload.summary.recoded_blocks != 0);
  PayloadHeader header;
  need(ok(decode_header(core::ByteView(pair.payload.file).first<kHeaderSize>(), header)));
  const auto section_size = static_cast<std::size_t>(header.auxiliary_size);
  RecodingHeader recoding;
  need(ok(decode_recoding_header(core::ByteView(pair.payload.file).subspan(kHeaderSize, section_size), recoding)));
  core::Bytes file = pair.payload.file;
  for (std::size_t i = 0; i + 4 <= size && i < 64; i += 4) {
    const std::size_t where = data[i] | std::size_t{data[i + 1]} << 8U;
    const bool is_section = data[i + 2] % 2 == 0;
    const std::size_t from = kHeaderSize + (is_section ? kRecodingHeaderSize + recoding.settings * kCodecSettingSize : section_size);
    const std::size_t to = is_section ? kHeaderSize + section_size : file.size();
    const std::size_t at = from + where % (to - from);
    // The counts of the map's header size the second decoder's lists too; tests of their own judge them.
    const std::size_t map_at = kHeaderSize + recoding.size();
    if ((is_section && at >= map_at && at < map_at + kDeltaSectionHeaderSize) || tests::is_in_page(pages, at)) continue;
    file[at] ^= data[i + 3];
    if (!is_section) tests::resign_chunk(file, pages, at);
  }
  const auto digest = core::sha256(core::ByteView(file).subspan(kHeaderSize, section_size));
  std::copy(digest.bytes.begin(), digest.bytes.end(), file.begin() + 280);
  tests::rechain(file, pages);
  tests::SparseDevice old_slot(1U << 20U);
  tests::SparseDevice slot(1U << 20U);
  tests::fill_device(old_slot, pair.old_image.bytes);
  const bool is_accepted = tests::install_delta(file, tests::resign(file).reference(), pair.payload.image.reference(), slot,
                                                {&old_slot, pair.old_image.image_digest, pair.old_image.bytes.size()})
                               .has_value();
  const auto second = tests::slow_delta_payload(file, pair.old_image.bytes, tools);
  need(is_accepted == second.has_value());
  if (second) need(*second == pair.payload.image.bytes);
  return 0;
}
