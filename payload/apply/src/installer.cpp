// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/apply/installer.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "aligned_buffer.h"
#include "aseptic/payload/apply/codes.h"
#include "aseptic/payload/apply/core_hasher.h"
#include "aseptic/payload/apply/zero_blocks.h"
#include "aseptic/payload/apply/zstd_decoder.h"
#include "chunk_finder.h"
#include "delta_engine.h"

namespace aseptic::payload {
namespace {

// Shorter runs of zeros inside a chunk are written: a hole costs a system call and fragments the file.
constexpr std::uint64_t kDiscardRunMin = 16 * kBlockSize;

std::string chunk_name(std::uint64_t index) {
  return "payload chunk " + std::to_string(index);
}
std::string page_name(std::uint64_t index) {
  return "payload table page " + std::to_string(index);
}

}  // namespace

class PayloadInstaller::Engine {
 public:
  Engine(const PayloadHeader& header, platform::BlockDevice& slot, ResumeHint hint, InstallOptions options,
         const BaseSlot& base, std::unique_ptr<ChunkCipher> cipher)
      : header_(header),
        cipher_(std::move(cipher)),
        digests_(cipher_.get()),
        slot_(slot),
        hint_(hint),
        options_(options),
        next_page_(first_page_of(header)),
        stored_(header.chunk_size + header.tag_size()),
        decoded_(header.chunk_size),
        stored_page_(stored_page_size(0)) {
    if (header.needs_base()) {
      delta_ = std::make_unique<DeltaEngine>(header_, base, digests_);
    } else {
      finder_ = std::make_unique<ChunkFinder>(slot, hint, base, header.chunk_size, digests_);
    }
    if (header.auxiliary_size != 0) {
      unit_ = Unit::kAuxiliary;
      auxiliary_.resize(static_cast<std::size_t>(header.auxiliary_size));
    }
    want(kHeaderSize, unit_ == Unit::kAuxiliary ? auxiliary_.size() : stored_page_.size());
  }

  core::Result<void> feed(std::uint64_t offset, core::ByteView bytes) {
    if (failure_) return *failure_;
    auto result = accept(offset, bytes);
    if (!result) failure_ = result.error();
    return result;
  }

  core::Result<void> finish() {
    if (failure_) return *failure_;
    auto result = finish_once();
    if (!result && !result.error().is(PayloadCode::kTruncated)) failure_ = result.error();
    return result;
  }

  [[nodiscard]] std::uint64_t next_offset() const { return unit_offset_ + filled_; }
  [[nodiscard]] std::uint64_t wanted_bytes() const { return unit_size_ - filled_; }
  [[nodiscard]] bool is_complete() const { return progress_.chunks_done == header_.chunk_count; }
  [[nodiscard]] InstallProgress progress() const { return progress_; }

 private:
  enum class Unit { kAuxiliary, kPage, kChunk };

  void want(std::uint64_t offset, std::uint64_t size) {
    unit_offset_ = offset;
    unit_size_ = size;
    filled_ = 0;
  }

  core::Result<void> accept(std::uint64_t offset, core::ByteView bytes) {
    // SECURITY(T-34): the signed size ends the file; what lies behind it is refused, not ignored.
    if (offset > header_.payload_size || bytes.size() > header_.payload_size - offset)
      return core::Error(PayloadCode::kTrailingBytes, "there are bytes behind the signed end of the payload");
    while (!is_complete()) {
      if (offset > next_offset())
        return core::Error(PayloadCode::kStreamGap,
                           "payload bytes at offset " + std::to_string(next_offset()) +
                               " are missing: the source skipped to " + std::to_string(offset));
      const std::uint64_t known = std::min<std::uint64_t>(next_offset() - offset, bytes.size());
      bytes = bytes.subspan(static_cast<std::size_t>(known));
      offset += known;
      if (bytes.empty()) return {};
      const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), wanted_bytes()));
      collect(bytes.first(take));
      bytes = bytes.subspan(take);
      offset += take;
      if (wanted_bytes() == 0) ASEPTIC_TRY_VOID(close_unit());
    }
    return {};
  }

  // SECURITY(T-29): bytes are copied here first; digest and decoder see this copy only, so that nobody can
  // swap them in between.
  void collect(core::ByteView bytes) {
    const core::ByteSpan buffer = unit_ == Unit::kPage        ? core::ByteSpan(stored_page_)
                                  : unit_ == Unit::kAuxiliary ? core::ByteSpan(auxiliary_)
                                                              : stored_.span();
    std::memcpy(buffer.data() + filled_, bytes.data(), bytes.size());
    filled_ += bytes.size();
  }

  core::Result<void> close_unit() {
    const std::uint64_t after = unit_offset_ + unit_size_;
    if (unit_ == Unit::kAuxiliary) {
      ASEPTIC_TRY_VOID(take_auxiliary());
    } else if (unit_ == Unit::kPage) {
      ASEPTIC_TRY_VOID(take_page(after));
    } else {
      ASEPTIC_TRY_VOID(take_chunk());
    }
    return open_unit(after);
  }

  // Chooses the next unit, doing on the way the chunks that need no stored bytes.
  core::Result<void> open_unit(std::uint64_t offset) {
    while (!is_complete()) {
      const std::uint64_t index = progress_.chunks_done;
      if (index == page_end_) {
        unit_ = Unit::kPage;
        stored_page_.resize(stored_page_size(page_index()));
        want(offset, stored_page_.size());
        return {};
      }
      if (const Status status = decode_entry(header_, index, page_, entry_); !ok(status))
        return to_error(status, chunk_name(index));
      if (entry_.encoding == Encoding::kZero) {
        ASEPTIC_TRY_VOID(discard(index * header_.chunk_size, entry_.decoded_size));
      } else if (const auto place = find(index); place == ChunkFinder::Place::kSlot) {
        ++progress_.chunks_kept;
      } else if (place == ChunkFinder::Place::kBase) {
        ++progress_.chunks_found;
        ASEPTIC_TRY_VOID(put_chunk(index, decoded_.first(entry_.decoded_size)));
        offset += entry_.stored_size;
        continue;
      } else if (entry_.encoding == Encoding::kCopyFromSlot) {
        ASEPTIC_TRY_VOID(copy_chunk(index));
        continue;
      } else {
        unit_ = Unit::kChunk;
        want(offset, entry_.stored_size);
        return {};
      }
      offset += entry_.stored_size;
      ++progress_.chunks_done;
    }
    want(offset, 0);
    return {};
  }

  // SECURITY(T-29): the digest of the whole section first, over the copy that is decoded.
  core::Result<void> take_auxiliary() {
    if (!boot::equal(boot::hash_of(hasher_, auxiliary_), header_.auxiliary_digest))
      return core::Error(PayloadCode::kAuxiliaryDigest, "the payload's copy map was changed: its digest does not match");
    if (cipher_) {
      if (const Status status = cipher_->open(kAuxiliaryIndex, header_.auxiliary_digest, auxiliary_, hasher_); !ok(status))
        return to_error(status, "payload copy map");
    }
    auto loaded = delta_->load(core::ByteView(auxiliary_).first(auxiliary_.size() - header_.tag_size()));
    core::wipe(auxiliary_);
    auxiliary_ = core::Bytes();
    return loaded;
  }

  [[nodiscard]] std::uint64_t page_index() const { return progress_.chunks_done / header_.page_entries; }

  // Of the page that next_page_ leads to.
  [[nodiscard]] std::size_t stored_page_size(std::uint64_t index) const {
    return next_page_.stored_size != 0 ? next_page_.stored_size : page_size(header_.entries_of_page(index));
  }

  core::Result<void> take_page(std::uint64_t after) {
    const std::uint64_t index = page_index();
    if (!boot::equal(boot::hash_of(hasher_, stored_page_), next_page_.digest))
      return core::Error(PayloadCode::kPageDigest,
                         page_name(index) + " was changed: its digest does not match");
    page_.resize(page_size(header_.entries_of_page(index)));
    Status status = unpack_page(stored_page_, zstd_, page_);
    if (ok(status)) status = check_page(header_, index, page_, next_page_);
    if (!ok(status)) {
      auto error = to_error(status, page_name(index));
      return error.is(PayloadCode::kHeaderInvalid) ? core::Error(PayloadCode::kPageInvalid, error.sentence())
                                                   : error;
    }
    page_end_ = progress_.chunks_done + header_.entries_of_page(index);
    return check_sum(index, after);
  }

  // SECURITY(T-34): pages and chunks must fill the payload exactly, known before the first of the page's
  // chunks is read.
  core::Result<void> check_sum(std::uint64_t index, std::uint64_t end) {
    for (std::uint64_t chunk = progress_.chunks_done; chunk < page_end_; ++chunk) {
      if (const Status status = decode_entry(header_, chunk, page_, entry_); !ok(status))
        return to_error(status, chunk_name(chunk));
      end += entry_.stored_size;
      seen_encodings_ |= encoding_bit(entry_.encoding);
    }
    const std::uint64_t chunks_left = header_.chunk_count - page_end_;
    const std::uint64_t pages_left = header_.page_count - index - 1;
    const bool fits = end <= header_.payload_size && header_.payload_size - end >= header_.table_size_min(pages_left, chunks_left);
    const bool last = pages_left == 0;
    if (!fits || (last && end != header_.payload_size))
      return core::Error(PayloadCode::kPageInvalid,
                         page_name(index) + ": the chunks do not add up to the payload's signed size");
    if (last && seen_encodings_ != header_.encodings)
      return core::Error(PayloadCode::kPageInvalid,
                         page_name(index) + ": the header lists an encoding that no chunk uses");
    return {};
  }

  core::Result<void> take_chunk() {
    const std::uint64_t index = progress_.chunks_done;
    const core::ByteSpan out = decoded_.first(entry_.decoded_size);
    ASEPTIC_TRY_VOID(open_chunk(index));
    const core::ByteView stored = stored_.first(entry_.stored_size);
    const Status status = entry_.encoding == Encoding::kDelta
                              ? delta_->decode(entry_, index, stored, hasher_, out)
                              : verify_and_decode(entry_, stored, hasher_, zstd_, out);
    if (!ok(status)) return to_error(status, chunk_name(index));
    return put_chunk(index, out);
  }

  // Sealed bytes become plain ones, and the entry describes those.
  core::Result<void> open_chunk(std::uint64_t index) {
    if (!cipher_) return {};
    if (const Status status = cipher_->open(index, entry_.stored_digest, stored_.first(entry_.stored_size), hasher_); !ok(status))
      return to_error(status, chunk_name(index));
    entry_.stored_size -= kTagSize;
    entry_.stored_digest = boot::hash_of(hasher_, stored_.first(entry_.stored_size));
    return {};
  }

  core::Result<void> copy_chunk(std::uint64_t index) {
    const core::ByteSpan out = decoded_.first(entry_.decoded_size);
    Status status = delta_->copy(entry_, out);
    if (ok(status) && !boot::equal(digests_.of(hasher_, out), entry_.decoded_digest)) status = Status::kOldDigest;
    if (!ok(status)) return to_error(status, chunk_name(index));
    return put_chunk(index, out);
  }

  core::Result<void> put_chunk(std::uint64_t index, core::ByteView bytes) {
    ASEPTIC_TRY_VOID(write_sparse(index * header_.chunk_size, bytes).within(chunk_name(index)));
    ++progress_.chunks_done;
    if (unflushed_bytes_ >= options_.flush_every_bytes) ASEPTIC_TRY_VOID(flush());
    return {};
  }

  // A chunk that needs not be fetched; in the base: then its bytes are in `decoded_`.
  ChunkFinder::Place find(std::uint64_t index) {
    if (finder_) return finder_->find(index, entry_.decoded_digest, decoded_.first(entry_.decoded_size));
    return is_kept(index) ? ChunkFinder::Place::kSlot : ChunkFinder::Place::kNowhere;
  }

  // Of a payload with a base. A delta chunk needs what the chunks of its group have taught: a group is kept whole or made
  // again from its start.
  bool is_kept(std::uint64_t index) {
    if (index >= hint_.chunks_written) return false;
    if (entry_.encoding != Encoding::kDelta) return is_on_medium(index, entry_);
    if (entry_.source_offset == index) kept_group_end_ = is_group_on_medium(index) ? group_end(index) : index;
    return index < kept_group_end_;
  }
  std::uint64_t group_end(std::uint64_t first) {
    std::uint64_t end = first + 1;
    for (std::uint64_t index = end; index < page_end_; ++index) {
      ChunkEntry entry;
      if (!ok(decode_entry(header_, index, page_, entry))) break;
      if (entry.encoding == Encoding::kDelta && entry.source_offset == first) end = index + 1;
    }
    return end;
  }
  bool is_group_on_medium(std::uint64_t first) {
    const std::uint64_t end = group_end(first);
    if (end > hint_.chunks_written) return false;
    for (std::uint64_t index = first; index < end; ++index) {
      ChunkEntry entry;
      if (!ok(decode_entry(header_, index, page_, entry))) return false;
      if (entry.encoding == Encoding::kDelta && !is_on_medium(index, entry)) return false;
    }
    return true;
  }

  // Only asked below the hint; a read error means "not there" and the chunk is written again.
  bool is_on_medium(std::uint64_t index, const ChunkEntry& entry) {
    const core::ByteSpan out = decoded_.first(entry.decoded_size);
    if (!slot_.read_back(index * header_.chunk_size, out)) return false;
    return boot::equal(digests_.of(hasher_, out), entry.decoded_digest);
  }

  core::Result<void> discard(std::uint64_t offset, std::uint64_t size) {
    ASEPTIC_TRY_VOID(slot_.discard(offset, size));
    progress_.bytes_discarded += size;
    return {};
  }

  core::Result<void> write(std::uint64_t offset, core::ByteView bytes) {
    if (bytes.empty()) return {};
    ASEPTIC_TRY_VOID(slot_.write(offset, bytes));
    progress_.bytes_written += bytes.size();
    unflushed_bytes_ += bytes.size();
    return {};
  }

  // Writes `bytes`, but discards long runs of zero blocks.
  core::Result<void> write_sparse(std::uint64_t offset, core::ByteView bytes) {
    std::size_t begin = 0;  // of what is not yet written
    std::size_t at = 0;
    while (at < bytes.size()) {
      std::size_t end = at;
      while (end < bytes.size() && is_all_zero(bytes.subspan(end, kBlockSize)))
        end += kBlockSize;
      if (end - at >= kDiscardRunMin) {
        ASEPTIC_TRY_VOID(write(offset + begin, bytes.subspan(begin, at - begin)));
        ASEPTIC_TRY_VOID(discard(offset + at, end - at));
        begin = end;
      }
      at = end + kBlockSize;
    }
    if (begin >= bytes.size()) return {};
    return write(offset + begin, bytes.subspan(begin));
  }

  core::Result<void> flush() {
    ASEPTIC_TRY_VOID(slot_.flush());
    unflushed_bytes_ = 0;
    progress_.chunks_durable = progress_.chunks_done;
    return {};
  }

  core::Result<void> finish_once() {
    if (!is_complete())
      return core::Error(PayloadCode::kTruncated, "the payload ended after " + std::to_string(next_offset()) +
                                                      " of " + std::to_string(header_.payload_size) +
                                                      " bytes; fetch the rest");
    if (!is_finished_) {
      if (slot_.size() > header_.image_size)
        ASEPTIC_TRY_VOID(discard(header_.image_size, slot_.size() - header_.image_size));
      ASEPTIC_TRY_VOID(flush());
    }
    is_finished_ = true;
    return {};
  }

  const PayloadHeader header_;
  std::unique_ptr<ChunkCipher> cipher_;  // of an encrypted payload
  ChunkDigests digests_;
  platform::BlockDevice& slot_;
  const ResumeHint hint_;
  const InstallOptions options_;
  CoreHasher hasher_;
  ZstdDecoder zstd_;
  PageLink next_page_;  // to the page to come; from the verified header, then from each verified page
  AlignedBuffer stored_;
  AlignedBuffer decoded_;
  std::unique_ptr<DeltaEngine> delta_;  // when the payload starts from a base
  std::unique_ptr<ChunkFinder> finder_;  // when it does not
  core::Bytes auxiliary_;               // INVARIANT: at most kAuxiliarySizeMax bytes; empty once loaded
  std::uint64_t kept_group_end_ = 0;
  core::Bytes stored_page_;     // INVARIANT: at most kPageSizeMax bytes
  core::Bytes page_;            // INVARIANT: at most kPageSizeMax bytes
  std::uint64_t page_end_ = 0;  // first chunk behind the page at hand
  std::uint32_t seen_encodings_ = 0;
  ChunkEntry entry_;  // of the chunk at hand
  Unit unit_ = Unit::kPage;
  std::uint64_t unit_offset_ = 0;
  std::uint64_t unit_size_ = 0;
  std::uint64_t filled_ = 0;
  std::uint64_t unflushed_bytes_ = 0;
  bool is_finished_ = false;
  InstallProgress progress_;
  std::optional<core::Error> failure_;
};

core::Result<PayloadInstaller> PayloadInstaller::begin(const core::Verified<PayloadHeader>& header,
                                                       platform::BlockDevice& slot, ResumeHint hint,
                                                       InstallOptions options, BaseSlot base) {
  if (slot.size() % kBlockSize != 0)
    return core::Error(PayloadCode::kSlotTooSmall, "the slot's size is not a multiple of 4096 bytes");
  if (slot.size() < header->image_size)
    return core::Error(PayloadCode::kSlotTooSmall, "the image needs " + std::to_string(header->image_size) +
                                                       " bytes, the slot has " + std::to_string(slot.size()));
  // SECURITY(T-35): a delta is bound to the digest of its base; the same size or name is not enough.
  if (header->needs_base()) {
    const bool is_base = base.device != nullptr && base.device != &slot &&
                         boot::equal(base.image_digest.bytes, header->base_image_digest) &&
                         base.image_size == header->base_image_size && base.image_size <= base.device->size();
    if (!is_base)
      return core::Error(PayloadCode::kBase, "the payload starts from another image than the one that is installed");
  }
  ASEPTIC_TRY(auto cipher, ChunkCipher::begin(*header, options.content_key));
  options.content_key = nullptr;
  return PayloadInstaller(std::make_unique<Engine>(*header, slot, hint, options, base, std::move(cipher)));
}

PayloadInstaller::PayloadInstaller(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
PayloadInstaller::~PayloadInstaller() = default;
PayloadInstaller::PayloadInstaller(PayloadInstaller&&) noexcept = default;
PayloadInstaller& PayloadInstaller::operator=(PayloadInstaller&&) noexcept = default;

core::Result<void> PayloadInstaller::feed(std::uint64_t offset, core::ByteView bytes) {
  return engine_->feed(offset, bytes);
}
std::uint64_t PayloadInstaller::next_offset() const {
  return engine_->next_offset();
}
std::uint64_t PayloadInstaller::wanted_bytes() const {
  return engine_->wanted_bytes();
}
bool PayloadInstaller::is_complete() const {
  return engine_->is_complete();
}
InstallProgress PayloadInstaller::progress() const {
  return engine_->progress();
}
core::Result<void> PayloadInstaller::finish() {
  return engine_->finish();
}

}  // namespace aseptic::payload
