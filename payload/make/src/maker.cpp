// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/make/maker.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "aseptic/payload/apply/core_hasher.h"
#include "chunk_encoder.h"
#include "delta_maker.h"
#include "image.h"
#include "self_check.h"
#include "short_encoder.h"

namespace aseptic::payload {
namespace {

constexpr unsigned kWorkersMax = 64;
constexpr std::size_t kNextToNothing = 4096;
constexpr std::size_t kSmallPayload = 16U * 1024U;
constexpr std::uint64_t kSmallImage = 1U << 20U;
constexpr std::uint64_t kChunksPerBatch = 64;  // bounds memory: at most 32 MiB of image and stored bytes

core::Result<void> check(const MakeOptions& options) {
  if (options.chunk_size == 0 || options.chunk_size > kChunkSizeMax || options.chunk_size % kBlockSize != 0)
    return core::Error(PayloadCode::kOptions, "the chunk size must be a multiple of 4096 up to 262144");
  if (options.page_entries == 0 || options.page_entries > kPageEntriesMax)
    return core::Error(PayloadCode::kOptions, "the number of entries per table page must be 1 to 1024");
  if (options.zstd_level < 1 || options.zstd_level > 22)
    return core::Error(PayloadCode::kOptions, "the zstd level must be 1 to 22");
  if (options.workers == 0 || options.workers > kWorkersMax)
    return core::Error(PayloadCode::kOptions, "the number of workers must be 1 to 64");
  if (options.delta_rounds == 0 || options.delta_rounds > 8 || options.delta_group == 0)
    return core::Error(PayloadCode::kOptions, "a delta needs 1 to 8 rounds and groups of at least one chunk");
  return {};
}

class Maker {
 public:
  Maker(ImageSource& image, const ImageFacts& facts, PayloadFile& out, const MakeOptions& options)
      : image_(image), out_(out), options_(options) {
    header_.image_size = facts.image_size;
    header_.chunk_size = options.chunk_size;
    header_.page_entries = options.page_entries;
    header_.chunk_count = chunk_count_for(facts.image_size, options.chunk_size);
    header_.page_count = page_count_for(header_.chunk_count, options.page_entries);
    header_.image_digest = facts.image_digest.bytes;
    header_.manifest_digest = facts.manifest_digest.bytes;
    for (unsigned i = 0; i < options.workers; ++i)
      encoders_.emplace_back(options.zstd_level);
  }

  core::Result<PayloadSummary> make() {
    for (std::uint64_t first = 0; first < header_.chunk_count; first += kChunksPerBatch) {
      const std::uint64_t count = std::min(kChunksPerBatch, header_.chunk_count - first);
      ASEPTIC_TRY(const auto batch, encode_batch(first, count));
      for (const EncodedChunk& chunk : batch)
        ASEPTIC_TRY_VOID(put_chunk(chunk));
    }
    ASEPTIC_TRY_VOID(put_pages());
    return close();
  }

  [[nodiscard]] const PayloadHeader& header() const { return header_; }
  // All chunks are there before the first is written, so the table can be packed.
  core::Result<PayloadSummary> make(const DeltaMaker& delta) {
    for (const EncodedChunk& chunk : delta.chunks())
      take_entry(chunk.entry);
    if (header_.needs_base()) {
      header_.base_image_digest = delta.base_facts().image_digest.bytes;
      header_.base_image_size = delta.base_facts().image_size;
      summary_.base_image_digest = delta.base_facts().image_digest;
      summary_.base_image_size = delta.base_facts().image_size;
    }
    if (!header_.has(Encoding::kDelta))
      return core::Error(PayloadCode::kOptions, "the image has nothing that a delta from this base would serve");
    const core::Bytes& section = delta.section();
    header_.auxiliary_size = section.size();
    header_.auxiliary_digest = core::sha256(section).bytes;
    summary_.auxiliary_size = section.size();
    const Table table = options_.pack_table ? packed_table() : plain_table();
    link(table);
    if (const core::Bytes short_form = options_.shorten ? encode_short_form(header_, section, delta.chunks()) : core::Bytes();
        !short_form.empty() && is_worth(short_form.size(), section.size()))
      return close_short(short_form);
    ASEPTIC_TRY_VOID(put(section));
    for (std::uint64_t page = 0; page < header_.page_count; ++page) {
      ASEPTIC_TRY_VOID(put(table.pages[static_cast<std::size_t>(page)]));
      for (std::uint64_t i = 0; i < header_.entries_of_page(page); ++i)
        ASEPTIC_TRY_VOID(put(delta.chunks()[static_cast<std::size_t>(page * header_.page_entries + i)].stored));
    }
    return close();
  }

 private:
  // The stored bytes of each page, and what leads to the first.
  struct Table {
    std::vector<core::Bytes> pages;
    PageLink first;
  };

  // For a short form the device reads the base twice, and decodes twice what differs. That is little work where next to nothing is
  // coded, where few chunks differ, or where the image is small.
  [[nodiscard]] bool is_worth(std::size_t short_size, std::size_t section_size) const {
    std::uint64_t long_size = summary_.table_size + section_size;
    std::uint64_t differ = 0;
    for (const ChunkEntry& entry : entries_) {
      long_size += entry.stored_size;
      if (entry.stored_size > boot::kDigestSize) ++differ;
    }
    if (short_size >= long_size) return false;
    if (short_size <= kNextToNothing) return true;
    const bool is_little_work = differ <= header_.chunk_count / 2 || header_.image_size <= kSmallImage;
    return is_little_work && (short_size <= kSmallPayload || short_size <= long_size / 4 * 3);
  }

  // Digests are of the long form with a plain table, the file is the short one.
  core::Result<PayloadSummary> close_short(const core::Bytes& short_form) {
    link(plain_table());
    header_.payload_size = summary_.table_size + header_.auxiliary_size;
    std::uint64_t coded = 0;
    for (const ChunkEntry& entry : entries_) {
      header_.payload_size += entry.stored_size;
      coded += entry.stored_size - (entry.encoding == Encoding::kDelta ? boot::kDigestSize : 0);
    }
    std::array<std::uint8_t, kHeaderSize> bytes{};
    if (const Status status = encode_header(header_, bytes); !ok(status)) return to_error(status, "make payload");
    CoreHasher hasher;
    summary_.header_digest = {payload::header_digest(hasher, bytes)};
    summary_.is_short = true;
    summary_.payload_size = short_form.size();
    summary_.auxiliary_size = header_.auxiliary_size - kDeltaSectionHeaderSize;
    summary_.table_size = short_form.size() - std::min<std::uint64_t>(short_form.size(), summary_.auxiliary_size + coded);
    ASEPTIC_TRY_VOID(out_.write(0, short_form));
    return summary_;
  }

  core::Result<PayloadSummary> close() {
    header_.payload_size = offset_;
    ASEPTIC_TRY_VOID(put_header());
    return summary_;
  }

  core::Result<void> put(core::ByteView bytes) {
    if (!bytes.empty()) ASEPTIC_TRY_VOID(out_.write(offset_, bytes));
    offset_ += bytes.size();
    return {};
  }

  // Which worker takes which chunk does not matter: each result goes to its own place.
  core::Result<std::vector<EncodedChunk>> encode_batch(std::uint64_t first, std::uint64_t count) {
    std::vector<EncodedChunk> batch(static_cast<std::size_t>(count));
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::optional<core::Error> failure;
    const auto work = [&](ChunkEncoder& encoder) {
      core::Bytes bytes;
      for (std::size_t i = next++; i < batch.size(); i = next++) {
        bytes.resize(header_.decoded_size(first + i));
        if (auto read = image_.read((first + i) * header_.chunk_size, bytes); !read) {
          const std::lock_guard lock(mutex);
          failure = read.error();
          return;
        }
        batch[i] = encoder.encode(bytes);
      }
    };
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 1; i < encoders_.size(); ++i)
        threads.emplace_back([&, i] { work(encoders_[i]); });
      work(encoders_[0]);
    }
    if (failure) return *failure;
    return batch;
  }

  core::Result<void> put_chunk(const EncodedChunk& chunk) {
    const std::uint64_t index = entries_.size();
    if (index % header_.page_entries == 0) {
      pages_.push_back(offset_);
      offset_ += page_size(header_.entries_of_page(index / header_.page_entries));
    }
    take_entry(chunk.entry);
    return put(chunk.stored);
  }

  void take_entry(const ChunkEntry& entry) {
    entries_.push_back(entry);
    header_.encodings |= encoding_bit(entry.encoding);
    count(entry.encoding);
  }

  void count(Encoding encoding) {
    if (encoding == Encoding::kRaw) ++summary_.chunks_raw;
    if (encoding == Encoding::kZstd) ++summary_.chunks_zstd;
    if (encoding == Encoding::kZero) ++summary_.chunks_zero;
    if (encoding == Encoding::kDelta) ++summary_.chunks_delta;
    if (encoding == Encoding::kCopyFromSlot) ++summary_.chunks_copied;
  }

  // Last page first, because each page holds the digest of the one behind it. `store` turns a page into its stored bytes.
  template <class Store>
  Table make_table(Store&& store) const {
    CoreHasher hasher;
    Table table;
    table.pages.resize(static_cast<std::size_t>(header_.page_count));
    for (std::uint64_t index = header_.page_count; index-- > 0;) {
      const std::uint32_t entries = header_.entries_of_page(index);
      core::Bytes page(page_size(entries));
      encode_page_header(index, entries, table.first, page);
      for (std::uint32_t i = 0; i < entries; ++i)
        encode_entry(entries_[static_cast<std::size_t>(index * header_.page_entries + i)],
                     core::ByteSpan(page).subspan(kPageHeaderSize + i * kEntrySize).first<kEntrySize>());
      core::Bytes& stored = table.pages[static_cast<std::size_t>(index)];
      stored = store(page);
      const bool is_packed = stored.size() < page.size();
      table.first = {boot::hash_of(hasher, stored), is_packed ? static_cast<std::uint32_t>(stored.size()) : 0};
    }
    return table;
  }
  Table plain_table() const {
    return make_table([](const core::Bytes& page) { return page; });
  }
  // All pages or none.
  Table packed_table() {
    Table table = make_table([&](const core::Bytes& page) { return encoders_[0].encode(page).stored; });
    for (std::size_t i = 0; i < table.pages.size(); ++i)
      if (table.pages[i].size() >= page_size(header_.entries_of_page(i))) return plain_table();
    return table;
  }
  void link(const Table& table) {
    header_.first_page = table.first.digest;
    header_.first_page_size = table.first.stored_size;
    summary_.table_size = kHeaderSize;
    for (const core::Bytes& page : table.pages)
      summary_.table_size += page.size();
  }

  core::Result<void> put_pages() {
    const Table table = plain_table();
    link(table);
    for (std::size_t i = 0; i < table.pages.size(); ++i)
      ASEPTIC_TRY_VOID(out_.write(pages_[i], table.pages[i]));
    return {};
  }

  core::Result<void> put_header() {
    std::array<std::uint8_t, kHeaderSize> bytes{};
    if (const Status status = encode_header(header_, bytes); !ok(status))
      return to_error(status, "make payload");
    CoreHasher hasher;
    summary_.header_digest = {payload::header_digest(hasher, bytes)};
    summary_.payload_size = header_.payload_size;
    return out_.write(0, bytes);
  }

  ImageSource& image_;
  PayloadFile& out_;
  const MakeOptions options_;
  PayloadHeader header_;
  std::vector<ChunkEncoder> encoders_;
  std::vector<ChunkEntry> entries_;
  std::vector<std::uint64_t> pages_;  // file offsets, of a full payload
  std::uint64_t offset_ = kHeaderSize;
  PayloadSummary summary_;
};

}  // namespace

core::Result<PayloadSummary> make_payload(ImageSource& image, PayloadFile& out, const MakeOptions& options) {
  ASEPTIC_TRY_VOID(check(options));
  ASEPTIC_TRY(const ImageFacts facts, read_image_facts(image));
  ASEPTIC_TRY_VOID(PayloadSelfCheck::measure(image, facts));
  ASEPTIC_TRY(PayloadSummary summary, Maker(image, facts, out, options).make());
  ASEPTIC_TRY(summary.file_digest, PayloadSelfCheck::apply(out, summary, image, nullptr));
  summary.manifest_digest = facts.manifest_digest;
  summary.image_digest = facts.image_digest;
  summary.image_size = facts.image_size;
  return summary;
}

core::Result<PayloadSummary> make_delta_payload(ImageSource& base, ImageSource& image, PayloadFile& out,
                                                const MakeOptions& options) {
  ASEPTIC_TRY_VOID(check(options));
  ASEPTIC_TRY(const ImageFacts base_facts, read_image_facts(base));
  ASEPTIC_TRY_VOID(PayloadSelfCheck::measure(base, base_facts).within("base image"));
  ASEPTIC_TRY(const ImageFacts facts, read_image_facts(image));
  ASEPTIC_TRY_VOID(PayloadSelfCheck::measure(image, facts));
  PayloadSummary summary;
  {
    Maker maker(image, facts, out, options);
    ASEPTIC_TRY(const auto delta, DeltaMaker::make(base, base_facts, image, facts, maker.header(), options));
    ASEPTIC_TRY(summary, maker.make(*delta));
    summary.recoded_blocks = delta->recoded_blocks();
    summary.recoded_bytes = delta->recoded_bytes();
  }
  // Every delta is applied to its base and compared before anybody sees it.
  ASEPTIC_TRY(summary.file_digest, PayloadSelfCheck::apply(out, summary, image, &base));
  summary.manifest_digest = facts.manifest_digest;
  summary.image_digest = facts.image_digest;
  summary.image_size = facts.image_size;
  return summary;
}

}  // namespace aseptic::payload
