// SPDX-License-Identifier: Apache-2.0
// A delta's lists of recoded blocks from arbitrary bytes: a refusal, or lists that obey every rule, whose texts are walked
// completely and whose chunks have every byte of the text exactly once.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "aseptic/payload/decode/recoding.h"

using namespace aseptic::payload;

namespace {

void need(bool condition) {
  if (!condition) std::abort();
}

void check_text(const ImageText& image, std::size_t settings) {
  std::uint64_t end = 0;
  std::uint64_t text_end = 0;
  for (const RecodedBlock& block : image.blocks) {
    need(block.at >= end && block.size != 0 && block.text_size != 0 && block.text_size <= kBlockTextMax);
    text_end += block.at - end;
    need(block.text_at == text_end && block.setting < settings);
    need(image.text_of(block.at) == block.text_at);
    end = block.at + block.size;
    text_end += block.text_size;
    need(end <= image.image_size);
  }
  need(image.text_size() == text_end + (image.image_size - end));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t kOldSize = 1U << 16U;
  constexpr std::uint64_t kNewSize = (1U << 16U) + 8192;
  const ByteView section(data, size);
  if (!has_recoding(section)) return 0;
  RecodingHeader header;
  if (!ok(decode_recoding_header(section, header))) return 0;
  if (header.old_blocks > 4096 || header.new_blocks > 4096) return 0;  // keeps one run short
  std::vector<CodecSetting> settings(header.settings);
  std::vector<RecodedBlock> old_blocks(header.old_blocks);
  std::vector<RecodedBlock> new_blocks(header.new_blocks);
  if (!ok(decode_recoding(section, kOldSize, kNewSize, {settings, old_blocks, new_blocks}))) return 0;
  for (const CodecSetting& setting : settings)
    need(ok(check_setting(setting)));
  check_text({old_blocks, kOldSize}, settings.size());
  const ImageText image{new_blocks, kNewSize};
  check_text(image, settings.size());
  std::uint64_t next = 0;
  for (std::uint64_t at = 0; at < kNewSize; at += 4096) {
    ChunkText chunk;
    if (!ok(chunk_text(image, at, std::min<std::uint64_t>(4096, kNewSize - at), Carry::kFromChunkBefore, chunk))) return 0;
    need(chunk.text_at == next && chunk.end_block >= chunk.first_block && chunk.end_block <= new_blocks.size());
    std::uint64_t walked = 0;
    for_each_text_part(
        image, chunk.text_at, chunk.text_size,
        [&](std::uint64_t offset, std::uint64_t image_at, std::uint64_t count) {
          need(offset == walked && count <= kNewSize && image_at <= kNewSize - count);
          walked += count;
        },
        [&](std::uint64_t offset, std::size_t index, std::uint64_t skip, std::uint64_t count) {
          need(offset == walked && index < new_blocks.size() && skip + count <= new_blocks[index].text_size);
          walked += count;
        });
    need(walked == chunk.text_size);
    next += chunk.text_size;
  }
  need(next == image.text_size());
  return 0;
}
