// SPDX-License-Identifier: Apache-2.0
// A gzip member: RFC 1952.
#include <algorithm>

#include "aseptic/payload/make/compressed_parts.h"

namespace aseptic::payload {
namespace {

constexpr std::size_t kFixedSize = 10;
constexpr std::size_t kTrailerSize = 8;
constexpr std::uint8_t kHasHeaderCrc = 2;
constexpr std::uint8_t kHasExtra = 4;
constexpr std::uint8_t kHasName = 8;
constexpr std::uint8_t kHasComment = 16;
constexpr std::uint8_t kReservedFlags = 0xE0;
constexpr std::size_t kTextFieldMax = 4096;  // names longer than any file system has are none

std::uint32_t word(core::ByteView bytes, std::size_t at) {
  return static_cast<std::uint32_t>(bytes[at]) | static_cast<std::uint32_t>(bytes[at + 1]) << 8U |
         static_cast<std::uint32_t>(bytes[at + 2]) << 16U | static_cast<std::uint32_t>(bytes[at + 3]) << 24U;
}

// Moves `at` behind a text and its zero.
bool skip_text(core::ByteView rest, std::size_t& at) {
  const std::size_t end = std::min(rest.size(), at + kTextFieldMax);
  while (at < end && rest[at] != 0)
    ++at;
  return at++ < end;
}

// Where the deflate stream starts; 0 when this is no header.
std::size_t header_size(core::ByteView rest) {
  if (rest.size() < kFixedSize || rest[0] != 0x1F || rest[1] != 0x8B || rest[2] != 8) return 0;
  const std::uint8_t flags = rest[3];
  if ((flags & kReservedFlags) != 0) return 0;
  std::size_t at = kFixedSize;
  if ((flags & kHasExtra) != 0) {
    if (rest.size() - at < 2) return 0;
    at += 2 + (std::size_t{rest[at]} | std::size_t{rest[at + 1]} << 8U);
    if (at > rest.size()) return 0;
  }
  if ((flags & kHasName) != 0 && !skip_text(rest, at)) return 0;
  if ((flags & kHasComment) != 0 && !skip_text(rest, at)) return 0;
  if ((flags & kHasHeaderCrc) != 0) at += 2;
  return at < rest.size() ? at : 0;
}

}  // namespace

bool read_gzip_member(core::ByteView rest, Recoder& recoder, CompressedBlock& out) {
  const std::size_t start = header_size(rest);
  if (start == 0) return false;
  const core::ByteView stream = rest.subspan(start, std::min<std::size_t>(rest.size() - start, kBlockTextMax + kTrailerSize));
  core::Bytes text(kBlockTextMax);
  const auto decoded = recoder.decode(Codec::kDeflate, stream, text);
  if (!decoded || decoded->produced == 0 || stream.size() - decoded->consumed < kTrailerSize) return false;
  if (word(stream, decoded->consumed + 4) != decoded->produced) return false;
  out = {.at = start,
         .size = static_cast<std::uint32_t>(decoded->consumed),
         .room = static_cast<std::uint32_t>(decoded->produced),
         .likely = {Codec::kDeflate, 9, 0, Recoder::version_of(Codec::kDeflate), 0}};
  return true;
}

CompressedParts find_compressed_parts(core::ByteView image) {
  constexpr std::uint64_t kStep = 1024;  // partitions and images inside images start at least so
  constexpr std::size_t kMembersMax = 65536;
  CompressedParts parts;
  for (std::uint64_t at = 0; at < image.size();) {
    if (read_squashfs(image, at, parts) || read_erofs(image, at, parts)) {
      at += std::max<std::uint64_t>(kStep, (parts.file_systems.back().size + kStep - 1) / kStep * kStep);
    } else {
      at += kStep;
    }
  }
  Recoder recoder;
  std::size_t next_system = 0;
  std::size_t members = 0;
  for (std::size_t at = 0; at < image.size() && members < kMembersMax;) {
    if (next_system < parts.file_systems.size() && at >= parts.file_systems[next_system].at) {
      at = static_cast<std::size_t>(parts.file_systems[next_system].at + parts.file_systems[next_system].size);
      ++next_system;
      continue;
    }
    const std::size_t end = next_system < parts.file_systems.size() ? static_cast<std::size_t>(parts.file_systems[next_system].at) : image.size();
    const auto hit = std::find(image.begin() + static_cast<std::ptrdiff_t>(at), image.begin() + static_cast<std::ptrdiff_t>(end), std::uint8_t{0x1F});
    at = static_cast<std::size_t>(hit - image.begin());
    if (at == end) continue;
    CompressedBlock block;
    if (image.size() - at >= 3 && image[at + 1] == 0x8B && image[at + 2] == 8 && read_gzip_member(image.subspan(at, end - at), recoder, block)) {
      block.at += at;
      at = static_cast<std::size_t>(block.at + block.size);
      parts.blocks.push_back(block);
      ++members;
    } else {
      ++at;
    }
  }
  std::sort(parts.blocks.begin(), parts.blocks.end(), [](const CompressedBlock& a, const CompressedBlock& b) { return a.at < b.at; });
  std::vector<CompressedBlock> apart;
  for (const CompressedBlock& block : parts.blocks)
    if (apart.empty() || block.at >= apart.back().at + apart.back().size) apart.push_back(block);
  parts.blocks = std::move(apart);
  return parts;
}

}  // namespace aseptic::payload
