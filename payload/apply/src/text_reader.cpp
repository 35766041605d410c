// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/apply/text_reader.h"

#include <algorithm>

namespace aseptic::payload {

void TextReader::set(const ImageText& text, std::span<const CodecSetting> settings) {
  text_ = text;
  settings_ = settings;
  const bool has_large = std::any_of(text.blocks.begin(), text.blocks.end(), [](const RecodedBlock& block) { return block.text_size > kLarge; });
  kept_max_ = has_large ? kKeptBytesOfLarge : kKeptBytesMax;
}

// Gives back memory of the texts that were not used for the longest time until `size` more bytes fit.
TextReader::Kept& TextReader::place_for(std::size_t size) {
  for (;;) {
    std::size_t sum = 0;
    Kept* oldest = nullptr;
    Kept* empty = nullptr;
    for (Kept& kept : kept_) {
      sum += kept.text.size();
      if (kept.text.empty()) {
        empty = &kept;
      } else if (oldest == nullptr || kept.used < oldest->used) {
        oldest = &kept;
      }
    }
    if (oldest == nullptr || (empty != nullptr && sum + size <= kept_max_)) return *empty;
    oldest->index = ~std::size_t{0};
    oldest->text = core::Bytes();
  }
}

const core::Bytes* TextReader::text_of_block(std::size_t index) {
  for (Kept& kept : kept_) {
    if (kept.index != index) continue;
    kept.used = ++clock_;
    return &kept.text;
  }
  const RecodedBlock& block = text_.blocks[index];
  // SECURITY(T-42): a listed size is not yet memory: no codec that pays makes a block larger than this.
  if (block.size > kBlockTextMax + kBlockTextMax / 64) return nullptr;
  stored_.resize(block.size);
  if (!image_.read(block.at, stored_)) return nullptr;
  Kept& kept = place_for(block.text_size);
  kept.text.resize(block.text_size);
  const auto decoded = recoder_.decode(settings_[block.setting].codec, stored_, kept.text);
  if (!decoded || decoded->produced != block.text_size || decoded->consumed != block.size) {
    kept.text = core::Bytes();
    return nullptr;
  }
  kept.index = index;
  kept.used = ++clock_;
  return &kept.text;
}

bool TextReader::read(std::uint64_t text_at, MutableBytes out) {
  bool is_read = true;
  for_each_text_part(
      text_, text_at, out.size(),
      [&](std::uint64_t offset, std::uint64_t image_at, std::uint64_t count) {
        is_read = is_read && image_.read(image_at, out.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(count)));
      },
      [&](std::uint64_t offset, std::size_t index, std::uint64_t skip, std::uint64_t count) {
        const core::Bytes* text = is_read ? text_of_block(index) : nullptr;
        is_read = text != nullptr;
        if (is_read)
          std::copy_n(text->begin() + static_cast<std::ptrdiff_t>(skip), static_cast<std::size_t>(count),
                      out.begin() + static_cast<std::ptrdiff_t>(offset));
      });
  return is_read;
}

}  // namespace aseptic::payload
