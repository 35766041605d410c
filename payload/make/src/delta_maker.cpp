// SPDX-License-Identifier: Apache-2.0
#include "delta_maker.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#include "aseptic/payload/apply/core_hasher.h"

namespace aseptic::payload {
namespace {

core::Result<core::ByteView> bytes_of(ImageSource& image, std::uint64_t size, core::Bytes& copy) {
  const core::ByteView mapped = image.mapped();
  if (mapped.size() >= size) return mapped.first(static_cast<std::size_t>(size));
  copy.resize(static_cast<std::size_t>(size));
  ASEPTIC_TRY_VOID(image.read(0, copy));
  return core::ByteView(copy);
}

class SpanImage final : public OldImage {
 public:
  explicit SpanImage(core::ByteView bytes) : bytes_(bytes) {}
  bool read(std::uint64_t at, MutableBytes out) override {
    if (!delta_map::lies_inside(at, out.size(), bytes_.size())) return false;
    std::memcpy(out.data(), bytes_.data() + at, out.size());
    return true;
  }

 private:
  core::ByteView bytes_;
};

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

core::Result<std::unique_ptr<DeltaMaker>> DeltaMaker::plan(ImageSource& base, const ImageFacts& base_facts,
                                                           ImageSource& image, const ImageFacts& facts,
                                                           const MakeOptions& options) {
  auto maker = std::unique_ptr<DeltaMaker>(new DeltaMaker());
  maker->base_facts_ = base_facts;
  ASEPTIC_TRY(maker->old_, bytes_of(base, base_facts.image_size, maker->old_copy_));
  ASEPTIC_TRY(maker->new_, bytes_of(image, facts.image_size, maker->new_copy_));
  maker->owned_ = plan_delta(maker->old_, maker->new_, {.rounds = options.delta_rounds, .release = [&] {
                                base.release();
                                image.release();
                              }});
  if (!counts_fit<LinuxProfile>(maker->owned_.counts()))
    return core::Error(PayloadCode::kOptions, "the images differ in more places than a delta may have");
  maker->map_ = maker->owned_.view(maker->old_.size(), maker->new_.size());
  if (const Status status = check_map(maker->map_); !ok(status)) return to_error(status, "make delta");
  index_map(maker->map_);
  maker->section_ = encode_delta_section(maker->map_);
  if (maker->section_.size() > kAuxiliarySizeMax)
    return core::Error(PayloadCode::kOptions, "the delta's copy map is larger than a device accepts");
  return maker;
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
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t index = first + i;
    const std::uint64_t new_at = index * header.chunk_size;
    const auto bytes = new_.subspan(static_cast<std::size_t>(new_at), header.decoded_size(index));
    EncodedChunk& chunk = chunks[static_cast<std::size_t>(i)];
    std::uint64_t source = 0;
    if (is_plain_copy(map_, old_, bytes, new_at, source)) {
      chunk.entry = {.encoding = Encoding::kCopyFromSlot,
                     .decoded_size = static_cast<std::uint32_t>(bytes.size()),
                     .decoded_digest = core::sha256(bytes).bytes,
                     .source_offset = source};
      continue;
    }
    EncodedChunk whole = plain.encode(bytes);
    if (whole.entry.encoding == Encoding::kZero) {
      chunk = std::move(whole);
      continue;
    }
    old_bytes.assign(bytes.size(), 0);
    static_cast<void>(ok(read_old_bytes(map_, old_image, new_at, old_bytes)));
    const Digest old_digest = digest_old_bytes(map_, hasher, new_at, old_bytes);
    const auto before = encoder.save();
    const core::Bytes coded = encoder.encode(new_at, bytes.size());
    if (boot::kDigestSize + coded.size() >= whole.entry.stored_size) {
      encoder.restore(before);
      chunk = std::move(whole);
      continue;
    }
    if (group == ~std::uint64_t{0}) group = index;
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

core::Result<void> DeltaMaker::encode(const PayloadHeader& header, const MakeOptions& options, const Put& put) {
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
  for (const Group& group : groups)
    for (const EncodedChunk& chunk : group.chunks)
      ASEPTIC_TRY_VOID(put(chunk));
  return {};
}

}  // namespace aseptic::payload
