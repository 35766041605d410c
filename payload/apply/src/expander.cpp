// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/apply/expander.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "aseptic/payload/apply/codes.h"
#include "aseptic/payload/apply/core_hasher.h"
#include "aseptic/payload/apply/zstd_decoder.h"
#include "aseptic/payload/decode/short_form.h"
#include "delta_engine.h"

namespace aseptic::payload {
namespace {

constexpr std::string_view kWhere = "short payload";

class Expansion {
 public:
  Expansion(const ShortHead& head, const ImageReference& image, const BaseSlot& base) : head_(head), base_(base) {
    header_.image_size = image.image_size;
    header_.image_digest = image.image_digest.value().bytes;
    header_.manifest_digest = image.manifest_digest.value().bytes;
    header_.chunk_size = head.chunk_size;
    header_.page_entries = head.page_entries;
    header_.chunk_count = chunk_count_for(header_.image_size, header_.chunk_size);
    header_.page_count = page_count_for(header_.chunk_count, header_.page_entries);
    header_.base_image_digest = base.image_digest.bytes;
    header_.base_image_size = base.image_size;
    header_.auxiliary_size = head.section_size();
  }

  core::Result<core::Bytes> run() {
    if (const Status status = read_entries(); !ok(status)) return to_error(status, kWhere);
    expand_section(head_, core::ByteSpan(file_).subspan(kHeaderSize, head_.section_size()));
    delta_ = std::make_unique<DeltaEngine>(header_, base_, ChunkDigests());
    // An authentic copy map that leaves the base is that of another one.
    if (auto loaded = delta_->load(core::ByteView(file_).subspan(kHeaderSize, head_.section_size())); !loaded)
      return loaded.error().is(PayloadCode::kDeltaInvalid) ? core::Error(PayloadCode::kBase, loaded.error().sentence()) : loaded.error();
    chunk_.resize(header_.chunk_size);
    if (const Status status = hash_old_bytes(); !ok(status)) return to_error(status, kWhere);
    if (const Status status = decode_chunks(); !ok(status)) return to_error(status, kWhere);
    delta_.reset();
    if (const Status status = write_table(); !ok(status)) return to_error(status, kWhere);
    return std::move(file_);
  }

 private:
  // Every chunk's place is known before memory is asked for.
  Status read_entries() {
    // SECURITY(T-42): the image size is signed; what is kept of each chunk is bounded all the same.
    if (header_.image_size == 0 || header_.image_size > kImageSizeMax || header_.image_size % kBlockSize != 0) return Status::kBadImageSize;
    if (header_.chunk_count > kShortChunksMax) return Status::kDeltaLimit;
    entries_.resize(static_cast<std::size_t>(header_.chunk_count));
    ShortEntries list(header_, head_.list);
    std::uint64_t stored = 0;
    std::uint64_t derived = 0;
    for (ChunkEntry& entry : entries_) {
      ASEPTIC_PAYLOAD_TRY(list.next(entry));
      header_.encodings |= encoding_bit(entry.encoding);
      stored += entry.stored_size;
      if (entry.encoding == Encoding::kDelta) derived += boot::kDigestSize;
    }
    // SECURITY(T-34): the stored bytes fill the file exactly.
    if (list.rest().size() != stored - derived) return Status::kBadShortForm;
    if (!header_.has(Encoding::kDelta)) return Status::kBadShortForm;
    stored_ = list.rest();
    header_.payload_size = kHeaderSize + head_.section_size() + header_.table_size_min(header_.page_count, header_.chunk_count) + stored;
    file_.resize(static_cast<std::size_t>(header_.payload_size));
    return Status::kOk;
  }

  // Calls act(index, entry, stored bytes in the file) in order.
  template <class Act>
  Status for_each_chunk(Act&& act) {
    std::size_t at = kHeaderSize + head_.section_size();
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (i % header_.page_entries == 0) at += page_size(header_.entries_of_page(i / header_.page_entries));
      ASEPTIC_PAYLOAD_TRY(act(i, entries_[i], core::ByteSpan(file_).subspan(at, entries_[i].stored_size)));
      at += entries_[i].stored_size;
    }
    return Status::kOk;
  }

  [[nodiscard]] Carry carry_of(std::size_t index) const {
    const bool goes_on = index != 0 && entries_[index - 1].encoding == Encoding::kDelta &&
                         entries_[index - 1].source_offset == entries_[index].source_offset;
    return goes_on ? Carry::kFromChunkBefore : Carry::kNone;
  }

  Status hash_old_bytes() {
    CoreHasher all;
    all.reset();
    all.update(boot::domain(kOldBytesDomain));
    const Status read = for_each_chunk([&](std::size_t i, ChunkEntry& entry, core::ByteSpan stored) {
      if (entry.encoding != Encoding::kDelta && entry.encoding != Encoding::kCopyFromSlot) return Status::kOk;
      const core::ByteSpan out = core::ByteSpan(chunk_).first(entry.decoded_size);
      Digest digest;
      if (entry.encoding == Encoding::kDelta) {
        ASEPTIC_PAYLOAD_TRY(delta_->old_digest(i, carry_of(i), hasher_, out, digest));
        std::copy(digest.begin(), digest.end(), stored.begin());
      } else {
        ASEPTIC_PAYLOAD_TRY(delta_->copy(entry, out));
        digest = entry.decoded_digest = boot::hash_of(hasher_, out);
      }
      all.update(digest);
      return Status::kOk;
    });
    if (!ok(read)) return read;
    // SECURITY(T-29): what the base gave is what the publisher had, before anything coded touches it.
    Digest digest;
    all.finish(digest);
    return boot::equal(digest, head_.old_digest) ? Status::kOk : Status::kOldDigest;
  }

  Status decode_chunks() {
    return for_each_chunk([&](std::size_t i, ChunkEntry& entry, core::ByteSpan stored) {
      if (entry.stored_size == 0) return Status::kOk;
      const std::size_t derived = entry.encoding == Encoding::kDelta ? boot::kDigestSize : 0;
      const core::ByteSpan coded = stored.subspan(derived);
      std::copy_n(stored_.begin(), coded.size(), coded.begin());
      stored_ = stored_.subspan(coded.size());
      entry.stored_digest = boot::hash_of(hasher_, stored);
      const core::ByteSpan out = core::ByteSpan(chunk_).first(entry.decoded_size);
      if (entry.encoding == Encoding::kDelta) return delta_->make(entry, i, stored, hasher_, out, entry.decoded_digest);
      ASEPTIC_PAYLOAD_TRY(verify_and_decode(entry, stored, hasher_, zstd_, out));
      entry.decoded_digest = boot::hash_of(hasher_, out);
      return Status::kOk;
    });
  }

  // Last page first, because each holds the digest of the one behind it.
  Status write_table() {
    std::vector<std::size_t> pages;
    const Status placed = for_each_chunk([&](std::size_t i, const ChunkEntry&, core::ByteSpan stored) {
      const std::size_t size = page_size(header_.entries_of_page(i / header_.page_entries));
      if (i % header_.page_entries == 0) pages.push_back(static_cast<std::size_t>(stored.data() - file_.data()) - size);
      return Status::kOk;
    });
    if (!ok(placed)) return placed;
    PageLink next;
    for (std::size_t index = pages.size(); index-- > 0;) {
      const std::uint32_t count = header_.entries_of_page(index);
      const core::ByteSpan page = core::ByteSpan(file_).subspan(pages[index], page_size(count));
      encode_page_header(index, count, next, page);
      for (std::uint32_t i = 0; i < count; ++i)
        encode_entry(entries_[index * header_.page_entries + i], page.subspan(kPageHeaderSize + i * kEntrySize).first<kEntrySize>());
      next.digest = boot::hash_of(hasher_, page);
    }
    header_.first_page = next.digest;
    header_.auxiliary_digest = boot::hash_of(hasher_, core::ByteView(file_).subspan(kHeaderSize, head_.section_size()));
    return encode_header(header_, core::ByteSpan(file_).first<kHeaderSize>());
  }

  const ShortHead& head_;
  const BaseSlot& base_;
  PayloadHeader header_;
  std::vector<ChunkEntry> entries_;
  ByteView stored_;   // of the short file, not yet used
  core::Bytes file_;  // the long form
  core::Bytes chunk_;
  std::unique_ptr<DeltaEngine> delta_;
  CoreHasher hasher_;
  ZstdDecoder zstd_;
};

}  // namespace

bool PayloadExpander::is_short(core::ByteView first_bytes) {
  return has_short_form(first_bytes);
}

core::Result<core::Bytes> PayloadExpander::expand_own(core::ByteView file, const ImageReference& image, const BaseSlot& base) {
  ShortHead head;
  if (const Status status = decode_short_head(file, head); !ok(status)) return to_error(status, kWhere);
  if (base.device == nullptr || base.image_size == 0 || base.image_size > base.device->size())
    return core::Error(PayloadCode::kBase, "the payload starts from another image than the one that is installed");
  return Expansion(head, image, base).run();
}

core::Result<ExpandedPayload> PayloadExpander::expand(const core::Untrusted<core::ByteView>& file, const ShortReference& payload,
                                                      const ImageReference& image, const BaseSlot& base) {
  // SECURITY(T-29): one private copy is hashed and parsed; its size is bounded first.
  const core::ByteView outside = file.for_verification();
  if (outside.size() != payload.payload_size || outside.size() > kShortSizeMax)
    return core::Error(PayloadCode::kIdentity, "the payload's size is not that of the signed release; refusing it");
  const core::Bytes copy(outside.begin(), outside.end());
  if (!payload.file_digest.matches(core::sha256(copy)))
    return core::Error(PayloadCode::kHeaderDigest, "the payload was changed: its digest is not the one in the signed payload index");
  ASEPTIC_TRY(core::Bytes expanded, expand_own(copy, image, base));
  const std::uint64_t size = expanded.size();
  // SECURITY(T-38): every derived digest leads to this one.
  ASEPTIC_TRY(auto header, HeaderVerifier::verify(core::Untrusted<core::ByteView>(core::ByteView(expanded).first(kHeaderSize)),
                                                  {payload.header_digest, size}, image));
  return ExpandedPayload{std::move(expanded), header};
}

}  // namespace aseptic::payload
