// SPDX-License-Identifier: Apache-2.0
#include "delta_engine.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <type_traits>

#include "aseptic/payload/apply/codes.h"

namespace aseptic::payload {

core::ByteView BaseReader::window_at(std::uint64_t at) {
  Window& window = windows_[static_cast<std::size_t>(at / kWindowSize % kWindows)];
  if (window.at != at) {
    const std::uint64_t size = std::min(kWindowSize, base_.device->size() - at);
    window.at = ~std::uint64_t{0};
    if (!base_.device->read(at, window.bytes.first(static_cast<std::size_t>(size)))) return {};
    window.at = at;
  }
  return window.bytes.span();
}

bool BaseReader::read(std::uint64_t at, MutableBytes out) {
  if (base_.device == nullptr || !delta_map::lies_inside(at, out.size(), base_.image_size)) return false;
  while (!out.empty()) {
    const std::uint64_t start = at / kWindowSize * kWindowSize;
    const auto skip = static_cast<std::size_t>(at - start);
    std::size_t count = std::min<std::size_t>(out.size(), static_cast<std::size_t>(kWindowSize) - skip);
    if (skip == 0 && out.size() >= kWindowSize) {  // whole windows: straight to where they are wanted
      count = out.size() / kWindowSize * kWindowSize;
      if (!base_.device->read(at, out.first(count))) return false;
    } else {
      const core::ByteView window = window_at(start);
      if (window.empty()) return false;
      std::memcpy(out.data(), window.data() + skip, count);
    }
    out = out.subspan(count);
    at += count;
  }
  return true;
}

static_assert(std::is_trivially_destructible_v<DeltaState<LinuxProfile>>);

namespace {

Digest first_digest(ByteView stored) {
  Digest digest;
  std::copy_n(stored.begin(), digest.size(), digest.begin());
  return digest;
}

}  // namespace

DeltaEngine::DeltaEngine(const PayloadHeader& header, const BaseSlot& base, const ChunkDigests& digests)
    : header_(header), base_(base), digests_(digests), base_text_(base_, recoder_) {
  if (header.has(Encoding::kDelta)) state_ = std::make_unique<DeltaState<LinuxProfile>>();
}

core::Result<core::ByteView> DeltaEngine::load_recoding(core::ByteView section) {
  RecodingHeader header;
  if (const Status status = decode_recoding_header(section, header); !ok(status)) return to_error(status, "payload recoding");
  settings_.resize(header.settings);
  old_blocks_.resize(header.old_blocks);
  new_blocks_.resize(header.new_blocks);
  if (const Status status = decode_recoding(section, map_.old_size, map_.new_size, {settings_, old_blocks_, new_blocks_});
      !ok(status))
    return to_error(status, "payload recoding");
  // SECURITY(T-31): another version may code other bytes; known here, before anything is written, not in the middle.
  for (const CodecSetting& setting : settings_)
    if (setting.version != Recoder::version_of(setting.codec)) return to_error(Status::kCodecMissing, "payload recoding");
  const ImageText old_text{old_blocks_, map_.old_size};
  new_text_ = {new_blocks_, map_.new_size};
  base_text_.set(old_text, settings_);
  map_.old_size = old_text.text_size();
  map_.new_size = new_text_.text_size();
  return section.subspan(header.size());
}

core::Result<void> DeltaEngine::load(core::ByteView section) {
  map_.old_size = header_.base_image_size;
  map_.new_size = header_.image_size;
  if (has_recoding(section)) {
    ASEPTIC_TRY(section, load_recoding(section));
  }
  DeltaSectionHeader counts_header;
  if (const Status status = decode_delta_section_header(section, counts_header); !ok(status))
    return to_error(status, "payload copy map");
  const DeltaCounts& counts = counts_header.counts;
  segments_.resize(counts.segments);
  by_old_.resize(counts.segments);
  reach_.resize(counts.segments);
  buckets_.resize((std::size_t{1} << LinuxProfile::kBucketBits) + 1);
  elements_.resize(counts.elements);
  ranges_.resize(counts.ranges);
  areas_.resize(counts.areas);
  map_.segments = segments_;
  map_.by_old = by_old_;
  map_.reach = reach_;
  map_.buckets = buckets_;
  map_.elements = elements_;
  map_.ranges = ranges_;
  map_.areas = areas_;
  if (const Status status = decode_delta_section(section, map_); !ok(status)) return to_error(status, "payload copy map");
  return {};
}

Status DeltaEngine::decode(const ChunkEntry& entry, std::uint64_t index, ByteView stored, boot::Hasher& hasher,
                           MutableBytes out) {
  Digest made;
  ASEPTIC_PAYLOAD_TRY(make(entry, index, stored, hasher, out, made));
  // SECURITY(T-29): bytes made from a base are compared before they are written.
  return boot::equal(made, entry.decoded_digest) ? Status::kOk : Status::kNewDigest;
}

Status DeltaEngine::make(const ChunkEntry& entry, std::uint64_t index, ByteView stored, boot::Hasher& hasher, MutableBytes out,
                         Digest& made) {
  if (stored.size() != entry.stored_size || out.size() != entry.decoded_size) return Status::kBufferSize;
  if (!boot::equal(boot::hash_of(hasher, stored), entry.stored_digest)) return Status::kStoredDigest;
  // What was learned belongs to one group; chunks in front of this one must have taught it.
  if (entry.source_offset == index) {
    std::construct_at(state_.get());  // in place: it is large, and nothing in it needs to be destroyed
    group_ = index;
    carry_for_ = ~std::uint64_t{0};
  }
  if (entry.source_offset != group_) return Status::kBadSource;
  const Status status = is_recoding() ? decode_recoded(index, stored, hasher, out)
                                      : decode_delta_chunk(map_, *state_, base_, hasher, index * header_.chunk_size, stored, out);
  if (!ok(status)) return status;
  // Those of a plain copy were hashed just now.
  made = is_plain_copy(stored) && !is_recoding() ? digests_.named(first_digest(stored)) : digests_.of(hasher, out);
  return Status::kOk;
}

Status DeltaEngine::old_digest(std::uint64_t index, Carry carry, boot::Hasher& hasher, MutableBytes out, Digest& digest) {
  const std::uint64_t at = index * header_.chunk_size;
  if (!is_recoding()) {
    ASEPTIC_PAYLOAD_TRY(read_old_bytes(map_, base_, at, out));
    digest = digest_old_bytes(map_, hasher, at, out);
    return Status::kOk;
  }
  ChunkText text;
  ASEPTIC_PAYLOAD_TRY(chunk_text(new_text_, at, out.size(), carry, text));
  text_.resize(static_cast<std::size_t>(text.text_size));
  ASEPTIC_PAYLOAD_TRY(read_old_bytes(map_, base_text_, text.text_at, text_));
  digest = digest_old_bytes(map_, hasher, text.text_at, text_);
  return Status::kOk;
}

Status DeltaEngine::decode_recoded(std::uint64_t index, ByteView stored, boot::Hasher& hasher, MutableBytes out) {
  const Carry carry = carry_for_ == index ? Carry::kFromChunkBefore : Carry::kNone;
  ChunkText text;
  ASEPTIC_PAYLOAD_TRY(chunk_text(new_text_, index * header_.chunk_size, out.size(), carry, text));
  text_.resize(static_cast<std::size_t>(text.text_size));
  ASEPTIC_PAYLOAD_TRY(decode_delta_chunk(map_, *state_, base_text_, hasher, text.text_at, stored, text_));
  return assemble(index, text, out);
}

// The chunk's image bytes from its text: what was carried, then raw bytes and re-encoded blocks in turn.
Status DeltaEngine::assemble(std::uint64_t index, const ChunkText& text, MutableBytes out) {
  const std::uint64_t start = index * header_.chunk_size;
  const std::uint64_t end = start + out.size();
  std::uint64_t at = start;  // of the image; what lies in front is done
  core::Bytes next_carry;
  const auto put = [&](std::uint64_t where, core::ByteView bytes) {  // the part of `bytes` that belongs to this chunk
    const std::uint64_t skip = where < start ? std::min<std::uint64_t>(start - where, bytes.size()) : 0;
    const core::ByteView rest = bytes.subspan(static_cast<std::size_t>(skip));
    where += skip;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(rest.size(), end - where));
    std::copy_n(rest.begin(), count, out.begin() + static_cast<std::ptrdiff_t>(where - start));
    if (count < rest.size()) next_carry.assign(rest.begin() + static_cast<std::ptrdiff_t>(count), rest.end());
    at = where + count;
  };
  if (carry_for_ == index) put(start, carry_);
  std::size_t used = 0;  // of the text
  const auto put_raw = [&](std::uint64_t to) {
    const auto count = static_cast<std::size_t>(to - at);
    put(at, core::ByteView(text_).subspan(used, count));
    used += count;
  };
  for (std::size_t i = text.first_block; i < text.end_block; ++i) {
    const RecodedBlock& block = new_blocks_[i];
    if (block.at > at) put_raw(block.at);
    const auto rest = core::ByteView(text_).subspan(used);
    // A block that is made again because a group starts inside it was made at the end of a chunk, where nothing followed.
    const auto following = block.at < start ? core::ByteView() : rest.subspan(block.text_size);
    const auto coded = recoder_.encode(settings_[block.setting], rest.first(block.text_size), following, block.size);
    if (coded.size() != block.size) return Status::kRecodeFailed;
    put(block.at, coded);
    used += block.text_size;
  }
  if (at < end) put_raw(end);
  if (used != text_.size()) return Status::kBadRecoding;
  carry_ = std::move(next_carry);
  carry_for_ = carry_.empty() ? ~std::uint64_t{0} : index + 1;
  return Status::kOk;
}

Status DeltaEngine::copy(const ChunkEntry& entry, MutableBytes out) {
  return out.size() == entry.decoded_size && base_.read(entry.source_offset, out) ? Status::kOk : Status::kOldUnreadable;
}

}  // namespace aseptic::payload
