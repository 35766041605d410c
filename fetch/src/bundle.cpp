// SPDX-License-Identifier: Apache-2.0
#include "aseptic/fetch/bundle.h"

#include <algorithm>
#include <array>

#include "aseptic/fetch/codes.h"
#include "plain_path.h"

namespace aseptic::fetch {
namespace {

using core::ByteView;
using core::Error;
using core::Result;

constexpr std::size_t kBlock = 512;
constexpr std::uint64_t kTailMax = 20 * kBlock;  // what tar programs fill their last record up to
constexpr std::uint64_t kModeMax = 0777;
constexpr std::string_view kMagic("ustar\0" "00", 8);

struct Field {
  std::size_t offset, size;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12}, kTime{136, 12}, kChecksum{148, 8}, kType{156, 1},
    kLink{157, 100}, kMagicField{257, 8}, kUser{265, 32}, kGroup{297, 32}, kMajor{329, 8}, kMinor{337, 8}, kPrefix{345, 155}, kRest{500, 12};

using Header = std::array<std::uint8_t, kBlock>;

ByteView bytes_of(const Header& header, Field field) { return ByteView(header).subspan(field.offset, field.size); }

bool is_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

// Up to the first NUL, behind which there are only NULs: no second name hides there.
std::optional<std::string_view> text_of(const Header& header, Field field) {
  const std::string_view text = core::as_text(bytes_of(header, field));
  const auto end = std::min(text.find('\0'), text.size());
  if (text.find_first_not_of('\0', end) != std::string_view::npos) return std::nullopt;
  return text.substr(0, end);
}

// Octal digits, then at least one NUL or space and nothing else. (GNU's binary numbers do not fit in here.)
std::optional<std::uint64_t> number_of(const Header& header, Field field) {
  const std::string_view text = core::as_text(bytes_of(header, field));
  const auto end = text.find_first_not_of("01234567");
  if (end == 0 || end == std::string_view::npos || text.find_first_not_of(std::string_view("\0 ", 2), end) != std::string_view::npos)
    return std::nullopt;
  std::uint64_t number = 0;  // at most 11 digits: it fits
  for (const char digit : text.substr(0, end)) number = number * 8 + static_cast<std::uint64_t>(digit - '0');
  return number;
}

std::uint64_t sum_of(const Header& header) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    const bool is_sum = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    sum += is_sum ? ' ' : header[i];
  }
  return sum;
}

Error refused(std::uint64_t at, std::string_view why) {
  return {FetchCode::kBundle, "the bundle is refused: the header at byte " + std::to_string(at) + " " + std::string(why)};
}

// Why this header is not one of a regular file's; empty: it is. Order: first whether it is a header at all.
std::string_view fault_of(const Header& header) {
  // The checksum does not cover itself: its field has one spelling, six digits, a NUL and a space.
  const auto sum = number_of(header, kChecksum);
  const bool is_spelt = core::as_text(bytes_of(header, kChecksum)).ends_with(std::string_view("\0 ", 2));
  if (!sum || !is_spelt || *sum != sum_of(header)) return "has a wrong checksum";
  if (core::as_text(bytes_of(header, kMagicField)) != kMagic) return "is not ustar";
  const char type = static_cast<char>(header[kType.offset]);
  // SECURITY(T-41): links, devices, FIFOs and folders have no place in a repository; extensions (PAX, GNU) would give names and sizes a
  // second meaning.
  if (type >= '1' && type <= '6') return "is no regular file's, but a link's, a device's, a folder's or a FIFO's";
  if (type != '0') return "is an extension (PAX, GNU or older)";
  if (!is_zero(bytes_of(header, kLink))) return "names a link's goal";
  if (!is_zero(bytes_of(header, kRest))) return "has bytes behind its fields";
  for (const Field field : {kUid, kGid, kTime})
    if (!number_of(header, field)) return "has a number that is not octal";
  for (const Field field : {kMajor, kMinor})
    if (!is_zero(bytes_of(header, field)) && number_of(header, field) != 0) return "has a device number";
  for (const Field field : {kUser, kGroup})
    if (!text_of(header, field)) return "has bytes behind a name's end";
  const auto mode = number_of(header, kMode);
  // SECURITY(T-41): set-user-id and its kin.
  if (!mode || *mode > kModeMax) return "has permissions beyond 0777";
  if (!number_of(header, kSize)) return "has a size that is not octal";
  return {};
}

Result<std::string> path_of(const Header& header, std::uint64_t at) {
  const auto prefix = text_of(header, kPrefix);
  const auto name = text_of(header, kName);
  if (!prefix || !name) return refused(at, "has bytes behind a name's end");
  std::string path = prefix->empty() ? std::string(*name) : std::string(*prefix) + "/" + std::string(*name);
  if (!is_place_path(path)) return refused(at, "names a path that is not one of a repository's files");
  return path;
}

// At the first zero block: a second one, and then zeros up to the end.
Result<void> check_tail(std::uint64_t at, std::uint64_t bytes, const BundleIndex::Read& read) {
  if (bytes - at < 2 * kBlock || bytes - at > kTailMax) return refused(at, "does not begin the end of the bundle, which is two to twenty zero blocks");
  core::Bytes tail(static_cast<std::size_t>(bytes - at));
  ASEPTIC_TRY_VOID(read(at, tail));
  if (!is_zero(tail)) return refused(at, "is followed by something behind the end");
  return {};
}

Result<void> check_names(std::vector<BundleEntry>& entries) {
  std::ranges::sort(entries, {}, &BundleEntry::path);
  const auto twice = std::ranges::adjacent_find(entries, {}, &BundleEntry::path);
  // SECURITY(T-41): of two files with one name, each reader would take another.
  if (twice != entries.end()) return refused(std::next(twice)->offset - kBlock, "names a file that the bundle has already");
  return {};
}

}  // namespace

Result<BundleIndex> BundleIndex::read(std::uint64_t bytes, const Read& read) {
  BundleIndex index;
  Header header{};
  for (std::uint64_t at = 0;;) {
    if (at % kBlock != 0 || bytes % kBlock != 0 || bytes - at < kBlock) return refused(at, "is missing: the bundle ends before its end blocks");
    ASEPTIC_TRY_VOID(read(at, header));
    if (is_zero(header)) {
      if (index.entries_.empty()) return refused(at, "is the end: there is no file");
      ASEPTIC_TRY_VOID(check_tail(at, bytes, read));
      break;
    }
    if (const auto fault = fault_of(header); !fault.empty()) return refused(at, fault);
    ASEPTIC_TRY(std::string path, path_of(header, at));
    // SECURITY(T-42): what the names take is bounded before they are kept.
    if (index.entries_.size() == kBundleEntriesMax) return refused(at, "is one too many: a bundle has at most 16384 files");
    const std::uint64_t size = *number_of(header, kSize);
    at += kBlock;
    if (size > bytes - at) return refused(at - kBlock, "has a size beyond the bundle");
    index.entries_.push_back({std::move(path), at, size});
    at += (size + kBlock - 1) / kBlock * kBlock;  // the bundle's size is a multiple of the block, so this stays inside
  }
  ASEPTIC_TRY_VOID(check_names(index.entries_));
  return index;
}

const BundleEntry* BundleIndex::find(std::string_view path) const {
  const auto at = std::ranges::lower_bound(entries_, path, {}, &BundleEntry::path);
  return at != entries_.end() && at->path == path ? &*at : nullptr;
}

}  // namespace aseptic::fetch
