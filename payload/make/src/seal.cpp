// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/make/seal.h"

#include <algorithm>
#include <vector>

#include "aseptic/core/assert.h"
#include "aseptic/payload/apply/chunk_cipher.h"
#include "aseptic/payload/apply/zstd_decoder.h"
#include "aseptic/payload/format/page.h"
#include "self_check.h"

namespace aseptic::payload {
namespace {

class Sealer {
 public:
  Sealer(PayloadFile& plain, PayloadFile& out, const PayloadHeader& header, const core::SecretKey& key)
      : plain_(plain), out_(out), plain_header_(header), header_(header), keys_(key) {
    CoreHasher hasher;
    header_.key_id = key_id_of(hasher, key.view());
  }

  core::Result<PayloadHeader> seal() {
    ASEPTIC_TRY_VOID(read_table());
    header_.first_page_size = 0;  // what a packed table would take is known too late for what each chunk is bound to
    header_.payload_size = sealed_size();
    if (header_.auxiliary_size != 0) header_.auxiliary_size += kTagSize;
    ASEPTIC_TRY_VOID(bind());
    std::uint64_t at = kHeaderSize;
    if (header_.auxiliary_size != 0) ASEPTIC_TRY_VOID(seal_copy_map(at));
    for (std::uint64_t page = 0; page < header_.page_count; ++page) {
      page_offsets_.push_back(at);
      at += page_size(header_.entries_of_page(page));
      for (std::uint32_t i = 0; i < header_.entries_of_page(page); ++i)
        ASEPTIC_TRY_VOID(seal_chunk(page * header_.page_entries + i, at));
    }
    ASEPTIC_TRY_VOID(write_pages());
    ASEPTIC_TRY_VOID(write_header());
    return header_;
  }

 private:
  struct Chunk {
    ChunkEntry entry;
    std::uint64_t plain_offset = 0;
  };

  core::Result<void> read_table() {
    std::uint64_t at = kHeaderSize + plain_header_.auxiliary_size;
    PageLink next = first_page_of(plain_header_);
    for (std::uint64_t page = 0; page < plain_header_.page_count; ++page) {
      ASEPTIC_TRY(const core::Bytes bytes, read_page(page, next, at));
      for (std::uint32_t i = 0; i < plain_header_.entries_of_page(page); ++i) {
        Chunk chunk;
        const Status status = decode_entry(plain_header_, page * plain_header_.page_entries + i, bytes, chunk.entry);
        if (!ok(status)) return to_error(status, "payload to be sealed");
        chunk.plain_offset = at;
        at += chunk.entry.stored_size;
        chunks_.push_back(chunk);
      }
    }
    return {};
  }

  core::Result<core::Bytes> read_page(std::uint64_t index, PageLink& next, std::uint64_t& at) {
    core::Bytes page(page_size(plain_header_.entries_of_page(index)));
    core::Bytes stored(next.stored_size != 0 ? next.stored_size : page.size());
    ASEPTIC_TRY_VOID(plain_.read(at, stored));
    at += stored.size();
    Status status = unpack_page(stored, zstd_, page);
    if (ok(status)) status = check_page(plain_header_, index, page, next);
    if (!ok(status)) return to_error(status, "payload to be sealed");
    return page;
  }

  [[nodiscard]] std::uint64_t sealed_size() const {
    std::uint64_t size = kHeaderSize + plain_header_.page_count * kPageHeaderSize + plain_header_.chunk_count * kEntrySize;
    if (plain_header_.auxiliary_size != 0) size += plain_header_.auxiliary_size + kTagSize;
    for (const Chunk& chunk : chunks_)
      if (chunk.entry.stored_size != 0) size += chunk.entry.stored_size + kTagSize;
    return size;
  }

  // What every chunk is bound to does not depend on the sealed bytes.
  core::Result<void> bind() {
    std::array<std::uint8_t, kHeaderSize> bytes{};
    if (const Status status = encode_header(header_, bytes); !ok(status)) return to_error(status, "seal payload");
    CoreHasher hasher;
    seal_digest_ = payload::seal_digest(hasher, bytes);
    return {};
  }

  // INVARIANT: indexes ascend, so that a nonce is never used twice.
  void seal_bytes(std::uint64_t index, core::Bytes& bytes) {
    ASEPTIC_ASSERT(index == kAuxiliaryIndex ? next_index_ == 0 : index >= next_index_);
    if (index != kAuxiliaryIndex) next_index_ = index + 1;
    const SealPlace place(seal_digest_, index);
    std::array<std::uint8_t, kTagSize> tag{};
    keys_.cipher.seal(place.nonce, place.associated, bytes, tag);
    bytes.insert(bytes.end(), tag.begin(), tag.end());
  }

  core::Result<void> seal_copy_map(std::uint64_t& at) {
    core::Bytes bytes(static_cast<std::size_t>(plain_header_.auxiliary_size));
    ASEPTIC_TRY_VOID(plain_.read(kHeaderSize, bytes));
    seal_bytes(kAuxiliaryIndex, bytes);
    header_.auxiliary_digest = core::sha256(bytes).bytes;
    ASEPTIC_TRY_VOID(out_.write(at, bytes));
    at += bytes.size();
    return {};
  }

  core::Result<void> seal_chunk(std::uint64_t index, std::uint64_t& at) {
    Chunk& chunk = chunks_[static_cast<std::size_t>(index)];
    if (chunk.entry.encoding != Encoding::kZero)
      chunk.entry.decoded_digest = core::hmac_sha256(keys_.digests.view(), chunk.entry.decoded_digest).bytes;
    if (chunk.entry.stored_size == 0) return {};
    core::Bytes bytes(chunk.entry.stored_size);
    ASEPTIC_TRY_VOID(plain_.read(chunk.plain_offset, bytes));
    seal_bytes(index, bytes);
    chunk.entry.stored_size += kTagSize;
    chunk.entry.stored_digest = core::sha256(bytes).bytes;
    ASEPTIC_TRY_VOID(out_.write(at, bytes));
    at += bytes.size();
    return {};
  }

  core::Result<void> write_pages() {
    CoreHasher hasher;
    Digest next{};
    for (std::uint64_t page = header_.page_count; page-- > 0;) {
      const std::uint32_t entries = header_.entries_of_page(page);
      core::Bytes bytes(page_size(entries));
      encode_page_header(page, entries, {next, 0}, bytes);
      for (std::uint32_t i = 0; i < entries; ++i)
        encode_entry(chunks_[static_cast<std::size_t>(page * header_.page_entries + i)].entry,
                     core::ByteSpan(bytes).subspan(kPageHeaderSize + i * kEntrySize).first<kEntrySize>());
      next = boot::hash_of(hasher, bytes);
      ASEPTIC_TRY_VOID(out_.write(page_offsets_[static_cast<std::size_t>(page)], bytes));
    }
    header_.first_page = next;
    return {};
  }

  core::Result<void> write_header() {
    std::array<std::uint8_t, kHeaderSize> bytes{};
    if (const Status status = encode_header(header_, bytes); !ok(status)) return to_error(status, "seal payload");
    CoreHasher hasher;
    header_.header_digest = header_digest(hasher, bytes);
    return out_.write(0, bytes);
  }

  PayloadFile& plain_;
  PayloadFile& out_;
  const PayloadHeader plain_header_;
  PayloadHeader header_;
  SealKeys keys_;
  ZstdDecoder zstd_;
  Digest seal_digest_{};
  std::uint64_t next_index_ = 0;
  std::vector<Chunk> chunks_;
  std::vector<std::uint64_t> page_offsets_;
};

}  // namespace

core::Result<SealedPayload> seal_payload(PayloadFile& plain, PayloadFile& out, ImageSource& image, ImageSource* base,
                                         platform::Entropy& entropy) {
  ASEPTIC_TRY(const PayloadHeader plain_header, PayloadSelfCheck::header_of(plain));
  if (plain_header.is_encrypted()) return core::Error(PayloadCode::kOptions, "the payload is encrypted already");
  SealedPayload sealed;
  entropy.fill(sealed.content_key.span());
  ASEPTIC_TRY(const PayloadHeader header, Sealer(plain, out, plain_header, sealed.content_key).seal());
  sealed.key_id = core::Digest{header.key_id};
  sealed.summary.header_digest = core::Digest{header.header_digest};
  sealed.summary.payload_size = header.payload_size;
  ASEPTIC_TRY(sealed.summary.file_digest, PayloadSelfCheck::apply(out, sealed.summary, image, base, &sealed.content_key));
  sealed.summary.manifest_digest = core::Digest{header.manifest_digest};
  sealed.summary.image_digest = core::Digest{header.image_digest};
  sealed.summary.image_size = header.image_size;
  sealed.summary.base_image_digest = core::Digest{header.base_image_digest};
  sealed.summary.auxiliary_size = header.auxiliary_size;
  return sealed;
}

}  // namespace aseptic::payload
