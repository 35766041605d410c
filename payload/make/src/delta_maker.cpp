// SPDX-License-Identifier: Apache-2.0
#include "delta_maker.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <iterator>
#include <thread>

#include "aseptic/payload/apply/core_hasher.h"
#include "aseptic/payload/apply/zero_blocks.h"
#include "span_image.h"

namespace aseptic::payload {
namespace {

core::Result<core::ByteView> bytes_of(ImageSource& image, std::uint64_t size, core::Bytes& copy) {
  const core::ByteView mapped = image.mapped();
  if (mapped.size() >= size) return mapped.first(static_cast<std::size_t>(size));
  copy.resize(static_cast<std::size_t>(size));
  ASEPTIC_TRY_VOID(image.read(0, copy));
  return core::ByteView(copy);
}

// A delta so much smaller than what a quick encoder makes of the chunk needs no comparison with the best encoder.
constexpr std::size_t kClearlySmaller = 4;

// Coding a delta of up to so many bytes a second time costs little.
constexpr std::uint64_t kSmallDelta = 16U * 1024U;

// Old bytes, unchanged and in one piece: where they start.
bool is_plain_copy(const DeltaMap<LinuxProfile>& map, core::ByteView old_image, core::ByteView new_bytes,
                   std::uint64_t new_at, std::uint64_t& source) {
  std::size_t parts = 0;
  bool is_copy = true;
  for_each_part(
      map, new_at, new_bytes.size(),
      [&](std::uint64_t, std::uint64_t old_at, std::uint64_t) {
        if (parts++ == 0) source = old_at;
      },
      [&](std::uint64_t, std::uint64_t) { is_copy = false; });
  return is_copy && parts == 1 && std::memcmp(old_image.data() + source, new_bytes.data(), new_bytes.size()) == 0;
}

}  // namespace

core::Result<std::unique_ptr<DeltaMaker>> DeltaMaker::make(ImageSource& base, const ImageFacts& base_facts,
                                                           ImageSource& image, const ImageFacts& facts,
                                                           const PayloadHeader& header, const MakeOptions& options) {
  core::Bytes old_copy;
  core::Bytes new_copy;
  Images images;
  ASEPTIC_TRY(images.old_image, bytes_of(base, base_facts.image_size, old_copy));
  ASEPTIC_TRY(images.new_image, bytes_of(image, facts.image_size, new_copy));
  images.release = [&] {
    base.release();
    image.release();
    ::malloc_trim(0);  // what was freed of the round before would lie beside the next suffix array
  };
  std::unique_ptr<DeltaMaker> maker;
  if (options.recompression != Recompression::kNever) {
    const CompressedParts old_parts = find_compressed_parts(images.old_image);
    const CompressedParts new_parts = find_compressed_parts(images.new_image);
    const RecodingPlanInput input{.old_image = images.old_image,
                                  .new_image = images.new_image,
                                  .old_parts = &old_parts,
                                  .new_parts = &new_parts,
                                  .chunk_size = header.chunk_size,
                                  .workers = options.workers,
                                  .files = options.recoded_files};
    if (auto recoding = plan_recoding(input)) {
      auto recoded = make_one(images, std::move(recoding), nullptr, header, options);
      if (recoded) maker = *std::move(recoded);
      if (options.recompression == Recompression::kAlways && maker == nullptr) return recoded.error();
      if (options.recompression == Recompression::kSmaller && !(maker && maker->is_clearly_smaller())) {
        const TextFacts plain = plain_facts(input);
        auto other = make_one(images, {}, &plain, header, options);
        if (!other && maker == nullptr) return other.error();
        if (other && (maker == nullptr || (*other)->size() <= maker->size())) maker = *std::move(other);
      }
    }
  }
  if (maker == nullptr) {
    ASEPTIC_TRY(maker, make_one(images, {}, nullptr, header, options));
  }
  maker->base_facts_ = base_facts;
  return maker;
}

core::Result<std::unique_ptr<DeltaMaker>> DeltaMaker::make_one(const Images& images, std::optional<RecodingPlan> recoding,
                                                               const TextFacts* facts, const PayloadHeader& header,
                                                               const MakeOptions& options) {
  auto maker = std::unique_ptr<DeltaMaker>(new DeltaMaker());
  maker->image_ = images.new_image;
  maker->old_ = images.old_image;
  maker->new_ = images.new_image;
  if (recoding) {
    maker->section_ = encode_recoding(*recoding);
    maker->old_text_ = std::move(recoding->old_text);
    maker->new_text_ = std::move(recoding->new_text);
    maker->old_blocks_ = std::move(recoding->old_blocks);
    maker->new_blocks_ = std::move(recoding->new_blocks);
    maker->old_ = maker->old_text_;
    maker->new_ = maker->new_text_;
    facts = &recoding->facts;
  }
  maker->old_map_ = {maker->old_blocks_, images.old_image.size()};
  maker->new_map_ = {maker->new_blocks_, images.new_image.size()};
  maker->owned_ = plan_delta(maker->old_, maker->new_, {.rounds = options.delta_rounds, .facts = facts, .release = images.release, .text_max = options.delta_text_max});
  if (!counts_fit<LinuxProfile>(maker->owned_.counts()))
    return core::Error(PayloadCode::kOptions, "the images differ in more places than a delta may have");
  maker->prefix_ = std::move(maker->section_);
  ASEPTIC_TRY_VOID(maker->code(header, options));
  ASEPTIC_TRY_VOID(maker->try_without_programs(header, options));
  maker->forget_texts();
  return maker;
}

// The planned map as a section, and the chunks by it.
core::Result<void> DeltaMaker::code(const PayloadHeader& header, const MakeOptions& options) {
  map_ = owned_.view(old_.size(), new_.size());
  if (const Status status = check_map(map_); !ok(status)) return to_error(status, "make delta");
  index_map(map_);
  const core::Bytes map_section = encode_delta_section(map_);
  section_ = prefix_;
  section_.insert(section_.end(), map_section.begin(), map_section.end());
  if (section_.size() > kAuxiliarySizeMax)
    return core::Error(PayloadCode::kOptions, "the delta's copy map is larger than a device accepts");
  chunks_.clear();
  encode(header, options);
  return {};
}

// Where next to nothing differs, the list of programs costs more than it saves.
core::Result<void> DeltaMaker::try_without_programs(const PayloadHeader& header, const MakeOptions& options) {
  if (owned_.elements.empty() || size() > kSmallDelta) return {};
  const std::uint64_t with_programs = size();
  core::Bytes section = std::move(section_);
  std::vector<EncodedChunk> chunks = std::move(chunks_);
  owned_.elements.clear();
  owned_.ranges.clear();
  owned_.areas.clear();
  ASEPTIC_TRY_VOID(code(header, options));
  if (size() < with_programs) return {};
  section_ = std::move(section);
  chunks_ = std::move(chunks);
  return {};
}

bool DeltaMaker::is_in_old_image(std::uint64_t text_at, std::uint64_t size, std::uint64_t& at) const {
  std::size_t parts = 0;
  bool is_plain = true;
  for_each_text_part(
      old_map_, text_at, size,
      [&](std::uint64_t, std::uint64_t image_at, std::uint64_t) {
        if (parts++ == 0) at = image_at;
      },
      [&](std::uint64_t, std::size_t, std::uint64_t, std::uint64_t) { is_plain = false; });
  return is_plain && parts == 1;
}

std::uint64_t DeltaMaker::recoded_bytes() const {
  std::uint64_t sum = 0;
  for (const RecodedBlock& block : new_blocks_)
    sum += block.text_size;
  return sum;
}

bool DeltaMaker::is_clearly_smaller() const {
  std::uint64_t coded = 0;
  for (const RecodedBlock& block : new_blocks_)
    coded += block.size;
  return size() < coded / 4;
}

std::uint64_t DeltaMaker::size() const {
  std::uint64_t sum = section_.size();
  for (const EncodedChunk& chunk : chunks_)
    sum += chunk.stored.size();
  return sum;
}

std::vector<EncodedChunk> DeltaMaker::encode_group(const PayloadHeader& header, const MakeOptions& options,
                                                   std::uint64_t first, std::uint64_t count) const {
  std::vector<EncodedChunk> chunks(static_cast<std::size_t>(count));
  DeltaChunkEncoder<LinuxProfile> encoder(map_, old_, new_);
  ChunkEncoder plain(options.zstd_level);
  CoreHasher hasher;
  SpanImage old_image(old_);
  core::Bytes old_bytes;
  std::uint64_t group = ~std::uint64_t{0};  // starts at the first chunk that needs the decoder's memory
  std::uint64_t carry_for = ~std::uint64_t{0};
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t index = first + i;
    const std::uint64_t new_at = index * header.chunk_size;
    const auto bytes = image_.subspan(static_cast<std::size_t>(new_at), header.decoded_size(index));
    ChunkText text;
    const Carry carry = carry_for == index ? Carry::kFromChunkBefore : Carry::kNone;
    const bool has_text = ok(chunk_text(new_map_, new_at, bytes.size(), carry, text));
    EncodedChunk& chunk = chunks[static_cast<std::size_t>(i)];
    std::uint64_t source = 0;
    const bool is_raw = has_text && text.first_block == text.end_block && text.text_size == bytes.size();
    if (is_raw && is_plain_copy(map_, old_, bytes, text.text_at, source) && is_in_old_image(source, bytes.size(), source)) {
      chunk.entry = {.encoding = Encoding::kCopyFromSlot,
                     .decoded_size = static_cast<std::uint32_t>(bytes.size()),
                     .decoded_digest = core::sha256(bytes).bytes,
                     .source_offset = source};
      continue;
    }
    if (!has_text || is_all_zero(bytes)) {
      chunk = plain.encode(bytes);
      continue;
    }
    old_bytes.assign(static_cast<std::size_t>(text.text_size), 0);
    static_cast<void>(ok(read_old_bytes(map_, old_image, text.text_at, old_bytes)));
    const Digest old_digest = digest_old_bytes(map_, hasher, text.text_at, old_bytes);
    const auto before = encoder.save();
    const core::Bytes coded =
        encoder.take_plain_copy(text.text_at, text.text_size) ? core::Bytes() : encoder.encode(text.text_at, text.text_size);
    const std::size_t delta_size = boot::kDigestSize + coded.size();
    if (delta_size >= plain.quick_size(bytes) / kClearlySmaller) {
      if (EncodedChunk whole = plain.encode(bytes); delta_size >= whole.entry.stored_size) {
        encoder.restore(before);
        chunk = std::move(whole);
        continue;
      }
    }
    if (group == ~std::uint64_t{0}) group = index;
    const bool reaches_out = text.end_block != 0 && new_blocks_[text.end_block - 1].at + new_blocks_[text.end_block - 1].size > new_at + bytes.size();
    carry_for = reaches_out ? index + 1 : ~std::uint64_t{0};
    chunk.stored.assign(old_digest.begin(), old_digest.end());
    chunk.stored.insert(chunk.stored.end(), coded.begin(), coded.end());
    chunk.entry = {.encoding = Encoding::kDelta,
                   .stored_size = static_cast<std::uint32_t>(chunk.stored.size()),
                   .decoded_size = static_cast<std::uint32_t>(bytes.size()),
                   .stored_digest = core::sha256(chunk.stored).bytes,
                   .decoded_digest = core::sha256(bytes).bytes,
                   .source_offset = group};
  }
  return chunks;
}

void DeltaMaker::encode(const PayloadHeader& header, const MakeOptions& options) {
  struct Group {
    std::uint64_t first, count;
    std::vector<EncodedChunk> chunks;
  };
  std::vector<Group> groups;
  for (std::uint64_t first = 0; first < header.chunk_count;) {
    const std::uint64_t page_end = (first / header.page_entries + 1) * header.page_entries;
    const std::uint64_t end = std::min({first + options.delta_group, page_end, header.chunk_count});
    groups.push_back({first, end - first, {}});
    first = end;
  }
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < groups.size(); i = next++)
      groups[i].chunks = encode_group(header, options, groups[i].first, groups[i].count);
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 1; i < options.workers; ++i)
      threads.emplace_back(work);
    work();
  }
  for (Group& group : groups)
    std::move(group.chunks.begin(), group.chunks.end(), std::back_inserter(chunks_));
}

// All that is needed from here on is bytes of their own.
void DeltaMaker::forget_texts() {
  old_text_ = core::Bytes();
  new_text_ = core::Bytes();
  old_ = {};
  new_ = {};
  image_ = {};
}

}  // namespace aseptic::payload
