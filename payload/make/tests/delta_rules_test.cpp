// SPDX-License-Identifier: Apache-2.0
// What a delta may not say: the rules of section and copy map with every digest made right, as a careless or hostile
// signer of payload indexes would; and the classic holes of patch programs by name.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "delta_encoder.h"
#include "delta_plan.h"
#include "delta_support.h"
#include "range_encoder.h"

namespace aseptic::payload::tests {
namespace {

constexpr std::uint64_t kOldSize = 64 * 1024;
constexpr std::uint64_t kNewSize = 96 * 1024;

// A small valid map for a test to spoil.
OwnedMap<LinuxProfile> valid_map() {
  OwnedMap<LinuxProfile> map;
  map.segments = {{0, 100, 4000}, {5000, 30000, 2000}, {8000, 50, 300}};
  map.elements = {{.window = {0x1000, 0x9000, 0x1000, 0x5000}, .ranges_at = 0, .old_ranges = 1, .new_ranges = 1}};
  map.ranges = {{0x1000, 0, 0x8000}, {0x1000, 0, 0x9000}};
  map.areas = {{0, 0x4000, 0x1000, 0, AreaKind::kX86Code}, {0x4000, 0x1000, 0x5000, 0, AreaKind::kWords64}};
  return map;
}

core::Bytes section_of(OwnedMap<LinuxProfile> owned) {
  auto map = owned.view(kOldSize, kNewSize);
  return encode_delta_section(map);
}

Status decode_section(core::ByteView section, std::uint64_t old_size = kOldSize, std::uint64_t new_size = kNewSize) {
  DeltaSectionHeader header;
  if (const Status status = decode_delta_section_header(section, header); !ok(status)) return status;
  OwnedMap<LinuxProfile> owned;
  owned.segments.resize(header.counts.segments);
  owned.elements.resize(header.counts.elements);
  owned.ranges.resize(header.counts.ranges);
  owned.areas.resize(header.counts.areas);
  auto map = owned.view(old_size, new_size);
  return decode_delta_section(section, map);
}

Status decode_spoiled(const std::function<void(OwnedMap<LinuxProfile>&)>& spoil) {
  OwnedMap<LinuxProfile> map = valid_map();
  spoil(map);
  return decode_section(section_of(std::move(map)));
}

// For what the coded form cannot even express.
Status check_spoiled(const std::function<void(OwnedMap<LinuxProfile>&)>& spoil) {
  OwnedMap<LinuxProfile> owned = valid_map();
  spoil(owned);
  return check_map(owned.view(kOldSize, kNewSize));
}

// The list ends where readable memory ends: a check behind it would be the last thing this process does.
// Answers: T-42
TEST(DeltaRules, ReadsNoRangeBehindTheList) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  auto* memory = static_cast<std::uint8_t*>(::mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(::mprotect(memory + page, page, PROT_NONE), 0);
  OwnedMap<LinuxProfile> owned = valid_map();
  auto* ranges = reinterpret_cast<AddressRange*>(memory + page - owned.ranges.size() * sizeof(AddressRange));
  std::ranges::copy(owned.ranges, ranges);
  auto map = owned.view(kOldSize, kNewSize);
  map.ranges = {ranges, owned.ranges.size()};
  EXPECT_EQ(check_map(map), Status::kOk);
  owned.elements[0].new_ranges = 2;
  EXPECT_EQ(check_map(map), Status::kBadDirectory);
  EXPECT_EQ(::munmap(memory, 2 * page), 0);
}

// One segment, coded by hand: numbers that the encoder never writes. Lengths have 32 bits, on an MCU offsets too.
template <class Profile>
Status decode_by_hand(std::uint64_t gap, std::uint64_t size) {
  RangeEncoder coder;
  auto models = std::make_unique<MapModels<Profile>>();
  code_number(coder, models->segments.gap, gap);
  code_number(coder, models->segments.size, size);
  code_tree(coder, models->segments.repeats, 2, 1);  // shift 0
  const core::Bytes block = coder.finish();
  CopySegment<Profile> segment;
  DeltaMap<Profile> map;
  map.old_size = map.new_size = 1U << 30U;
  map.segments = {&segment, 1};
  RangeDecoder decoder(block);
  auto fresh = std::make_unique<MapModels<Profile>>();
  code_map(decoder, *fresh, map);
  return check_map(map);
}

TEST(DeltaRules, AcceptsTheMapThatTheOtherTestsSpoil) {
  EXPECT_EQ(decode_section(section_of(valid_map())), Status::kOk);
}

TEST(DeltaRules, RefusesSegmentsThatOverlapOrLeaveAnImage) {
  using Map = OwnedMap<LinuxProfile>;
  EXPECT_EQ(check_spoiled([](Map& m) { m.segments[1].new_at = 3999; }), Status::kBadCopyMap);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.segments[1].new_at = 4000; }), Status::kOk);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.segments[0].size = 0; }), Status::kBadCopyMap);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.segments[2] = {kNewSize - 300, 50, 300}; }), Status::kOk);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.segments[2] = {kNewSize - 299, 50, 300}; }), Status::kBadCopyMap);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.segments[2].old_at = kOldSize - 300; }), Status::kOk);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.segments[2].old_at = kOldSize - 299; }), Status::kBadCopyMap);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.segments[2].old_at = ~0ULL - 100; }), Status::kBadCopyMap) << "old + size wraps";
  EXPECT_EQ(decode_spoiled([](Map& m) { m.segments[2].old_at = 1ULL << 62U; }), Status::kBadCopyMap);
}

// CVE-2014-9862 and CVE-2020-14315: bspatch took negative lengths and sums that wrapped, and wrote in front of its buffer.
// Answers: T-35
TEST(DeltaRules, Cve2014_9862AndCve2020_14315LengthsNeverReachABuffer) {
  for (const unsigned long long new_at : {~0ULL, ~0ULL - 4095, 1ULL << 63U, 1ULL << 48U, kNewSize + 1ULL}) {
    EXPECT_EQ(check_spoiled([&](auto& m) { m.segments[2].new_at = new_at; }), Status::kBadCopyMap) << new_at;
    if (new_at >> 62U == 0) {
      EXPECT_EQ(decode_spoiled([&](auto& m) { m.segments[2].new_at = new_at; }), Status::kBadCopyMap) << new_at;
    }
  }
  EXPECT_EQ(decode_by_hand<McuProfile>(16, 100), Status::kOk);
  EXPECT_EQ(decode_by_hand<McuProfile>((1U << 30U) - 100, 101), Status::kBadCopyMap);
  EXPECT_EQ(decode_by_hand<LinuxProfile>(16, 100), Status::kOk);
  EXPECT_EQ(decode_by_hand<LinuxProfile>(16, (1ULL << 32U) + 100), Status::kBadCopyMap) << "the size comes back as 100";
  for (const std::uint32_t size : {0x80000000U, 0xFFFFFFFFU, 0xFFFFF000U}) {
    EXPECT_EQ(decode_spoiled([&](auto& m) { m.segments[2].size = size; }), Status::kBadCopyMap) << size;
    EXPECT_EQ(decode_spoiled([&](auto& m) { m.segments[0].size = size; }), Status::kBadCopyMap) << size;
  }
}

TEST(DeltaRules, RefusesDirectoriesThatLeaveTheirImageOrTheirLists) {
  using Map = OwnedMap<LinuxProfile>;
  const auto bad = Status::kBadDirectory;
  EXPECT_EQ(decode_spoiled([](Map& m) { m.elements[0].old_ranges = 0; m.elements[0].new_ranges = 2; }), bad);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.elements[0].old_ranges = 2; m.elements[0].new_ranges = 0; }), bad);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.elements[0].old_ranges = 2; }), bad) << "more ranges than there are";
  EXPECT_EQ(decode_spoiled([](Map& m) { m.elements[0].old_ranges = 65535; }), bad);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.ranges.push_back({0, 0, 1}); }), bad) << "a range of nobody";
  EXPECT_EQ(decode_spoiled([](Map& m) { m.ranges[0] = {0x1000, kOldSize - 10, 10}; }), Status::kOk);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.ranges[0] = {0x1000, kOldSize - 10, 11}; }), bad);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.ranges[0] = {0x1000, ~0ULL, 2}; }), bad);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.ranges[1] = {0x1000, kNewSize - 10, 11}; }), bad);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.elements[0].window.low = 0xA000; }), bad);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.elements[0].window.code_low = 0x6000; }), bad);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.areas[1].element = 1; }), bad);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.areas[1].element = 0xFFFFFFFFU; }), bad);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.areas[1].at = 0x3FFF; }), bad) << "overlap";
  EXPECT_EQ(decode_spoiled([](Map& m) { m.areas[1].size = 0; }), bad);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.areas[1].size = kOldSize - 0x4000; }), Status::kOk);
  EXPECT_EQ(decode_spoiled([](Map& m) { m.areas[1].size = kOldSize - 0x3FFF; }), bad);
  for (const int kind : {0, 11, 12, 15})
    EXPECT_EQ(decode_spoiled([&](Map& m) { m.areas[1].kind = static_cast<AreaKind>(kind); }), bad) << kind;
}

// Check 4: decoding is bounded by what was announced, and the input is used up exactly.
TEST(DeltaRules, RefusesSectionsOfAnotherLength) {
  const core::Bytes section = section_of(valid_map());
  core::Bytes longer = section;
  longer.insert(longer.end(), 5, 1);  // up to four bytes stand for zeros that an encoder leaves out
  EXPECT_EQ(decode_section(longer), Status::kBadCopyMap);
  for (std::size_t size = 0; size < kDeltaSectionHeaderSize; ++size)
    EXPECT_EQ(decode_section(core::ByteView(section).first(size)), Status::kBadLength);
  for (std::size_t size = kDeltaSectionHeaderSize; size + 5 < section.size(); ++size)
    EXPECT_NE(decode_section(core::ByteView(section).first(size)), Status::kOk) << size;
  EXPECT_EQ(decode_section(core::Bytes(kDeltaSectionMax + 1)), Status::kBadLength);
}

TEST(DeltaRules, RefusesSectionHeadersByTheirRules) {
  const core::Bytes section = section_of(valid_map());
  const auto with = [&](std::size_t at, std::uint64_t value, std::size_t size) {
    core::Bytes changed = section;
    for (std::size_t i = 0; i < size; ++i)
      changed[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
    return decode_section(changed);
  };
  EXPECT_EQ(with(0, 'B', 1), Status::kBadMagic);
  EXPECT_EQ(with(8, 2, 2), Status::kBadDeltaHeader);
  EXPECT_EQ(with(10, 2, 2), Status::kBadDeltaHeader);
  EXPECT_EQ(with(28, 1, 1), Status::kReservedNotZero);
  EXPECT_EQ(with(31, 0x80, 1), Status::kReservedNotZero);
}

// Check 4 and T-42: no memory by untrusted numbers.
// Answers: T-42
TEST(DeltaRules, RefusesCountsAboveTheLimitsBeforeAnyMemoryIsAskedFor) {
  const auto with = [](DeltaCounts counts) {
    core::Bytes section(64);
    encode_delta_section_header(counts, section);
    DeltaSectionHeader header;
    return decode_delta_section_header(section, header);
  };
  const DeltaCounts most{LinuxProfile::kSegmentsMax, LinuxProfile::kElementsMax, LinuxProfile::kRangesMax,
                         LinuxProfile::kAreasMax};
  EXPECT_EQ(with(most), Status::kOk);
  for (auto field : {&DeltaCounts::segments, &DeltaCounts::elements, &DeltaCounts::ranges, &DeltaCounts::areas}) {
    DeltaCounts counts = most;
    ++(counts.*field);
    EXPECT_EQ(with(counts), Status::kDeltaLimit);
    counts.*field = 0xFFFFFFFFU;
    EXPECT_EQ(with(counts), Status::kDeltaLimit);
  }
}

TEST(DeltaRules, RefusesMemoryOfAnotherSizeThanTheCounts) {
  const core::Bytes section = section_of(valid_map());
  OwnedMap<LinuxProfile> owned = valid_map();
  owned.elements.resize(2);
  auto map = owned.view(kOldSize, kNewSize);
  EXPECT_EQ(decode_delta_section(section, map), Status::kBufferSize);
}

// Whatever stands in a section: a refusal or a map that obeys the rules.
TEST(DeltaRules, EveryChangedByteOfASectionGivesARefusalOrAValidMap) {
  const core::Bytes section = section_of(valid_map());
  std::size_t refused = 0;
  for (std::size_t at = 0; at < section.size(); ++at) {
    for (unsigned value = 0; value < 256; value += 51) {
      core::Bytes changed = section;
      changed[at] = static_cast<std::uint8_t>(value);
      refused += decode_section(changed) == Status::kOk ? 0 : 1;
    }
  }
  EXPECT_GT(refused, section.size() * 2);
}

// Old bytes for one chunk, which an attacker may exchange between two reads.
class SwappingImage final : public OldImage {
 public:
  bool read(std::uint64_t at, MutableBytes out) override {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<std::uint8_t>((at + i) * 7 + (reads_ == 0 ? 0 : 1));
    ++reads_;
    return true;
  }
  int reads_ = 0;
};

class DeltaRulesChunk : public testing::Test {
 protected:
  DeltaRulesChunk() {
    owned_.segments = {{0, 0, 4096}};
    map_ = owned_.view(8192, 8192);
    index_map(map_);
    old_.resize(8192);
    for (std::size_t i = 0; i < old_.size(); ++i)
      old_[i] = static_cast<std::uint8_t>(i * 7);
    new_ = old_;
    for (std::size_t i = 100; i < 8192; i += 61)
      new_[i] ^= 0x33U;
    DeltaChunkEncoder<LinuxProfile> encoder(map_, old_, new_);
    const core::Bytes coded = encoder.encode(0, 8192);
    core::Bytes used(old_.begin(), old_.begin() + 4096);
    const auto digest = core::sha256(used).bytes;
    stored_.assign(digest.begin(), digest.end());
    stored_.insert(stored_.end(), coded.begin(), coded.end());
  }
  Status decode(const core::Bytes& stored, OldImage& old, std::uint64_t new_at = 0, std::size_t size = 8192) {
    CoreHasher hasher;
    state_ = std::make_unique<DeltaState<LinuxProfile>>();
    out_.assign(size, 0);
    return decode_delta_chunk(map_, *state_, old, hasher, new_at, stored, out_);
  }

  OwnedMap<LinuxProfile> owned_;
  DeltaMap<LinuxProfile> map_;
  core::Bytes old_;
  core::Bytes new_;
  core::Bytes stored_;
  core::Bytes out_;
  std::unique_ptr<DeltaState<LinuxProfile>> state_;
};

// CVE-2020-25860: the checked bytes and the used bytes were read twice, and could be swapped in between.
// Answers: T-29
TEST_F(DeltaRulesChunk, Cve2020_25860OldBytesAreReadOnceAndHashedWhereTheyAreUsed) {
  SwappingImage old;
  EXPECT_EQ(decode(stored_, old), Status::kOk);
  EXPECT_EQ(old.reads_, 1);
  EXPECT_EQ(out_, new_);
  EXPECT_EQ(decode(stored_, old), Status::kOldDigest) << "swapped";
}

TEST_F(DeltaRulesChunk, RefusesCodedBytesThatAreLeftOverOrMissing) {
  SwappingImage old;
  core::Bytes longer = stored_;
  longer.insert(longer.end(), 5, 1);
  EXPECT_EQ(decode(longer, old), Status::kBadDelta);
  for (std::size_t size = 0; size < 32; ++size) {
    SwappingImage fresh;
    EXPECT_EQ(decode(core::Bytes(stored_.begin(), stored_.begin() + static_cast<std::ptrdiff_t>(size)), fresh), Status::kBadDelta);
  }
  SwappingImage again;
  EXPECT_EQ(decode(core::Bytes(stored_.begin(), stored_.begin() + 60), again), Status::kBadDelta);
}

// Answers: T-29, VF-06
TEST_F(DeltaRulesChunk, WithoutCodedBytesAChunkIsItsOldBytesAndNothingElse) {
  const core::Bytes digest_alone(stored_.begin(), stored_.begin() + 32);
  SwappingImage old;
  EXPECT_EQ(decode(digest_alone, old, 0, 4096), Status::kOk);
  EXPECT_EQ(out_, core::Bytes(old_.begin(), old_.begin() + 4096));
  EXPECT_EQ(decode(digest_alone, old, 0, 4096), Status::kOldDigest) << "swapped";
  SwappingImage fresh;
  EXPECT_EQ(decode(digest_alone, fresh, 0, 4097), Status::kBadDelta) << "a byte that no old one stands for";
}

// CVE-2026-34155: sizes of more than 2 and 4 GiB were cut to 32 bits.
// Answers: T-35
TEST_F(DeltaRulesChunk, Cve2026_34155OffsetsOfMoreThan4GiBAreNotCut) {
  for (const unsigned long long base : {(2ULL << 30U) + 4096, (4ULL << 30U) + 4096, 1ULL << 47U}) {
    struct FarImage final : OldImage {
      bool read(std::uint64_t at, MutableBytes out) override {
        first = at;
        std::fill(out.begin(), out.end(), std::uint8_t{9});
        return true;
      }
      std::uint64_t first = 0;
    } old;
    owned_.segments = {{base, base + 8192, 4096}};
    map_ = owned_.view(base + 65536, base + 65536);
    index_map(map_);
    EXPECT_EQ(check_map(map_), Status::kOk);
    const auto section = encode_delta_section(map_);
    EXPECT_EQ(decode_section(section, base + 65536, base + 65536), Status::kOk);
    EXPECT_EQ(decode_section(section, 65536, 65536), Status::kBadCopyMap) << "the low half alone would fit";
    EXPECT_EQ(decode(stored_, old, base, 4096), Status::kOldDigest);
    EXPECT_EQ(old.first, base + 8192);
  }
}

TEST_F(DeltaRulesChunk, RefusesPlacesOutsideTheNewImage) {
  SwappingImage old;
  EXPECT_EQ(decode(stored_, old, 4096, 8192), Status::kBufferSize);
  EXPECT_EQ(decode(stored_, old, ~0ULL - 100, 8192), Status::kBufferSize);
  EXPECT_EQ(old.reads_, 0);
}

TEST(DeltaRules, RefusesHeadersWhoseBaseOrSectionDoesNotFitTheEncodings) {
  PayloadHeader header;
  header.image_size = 8192;
  header.chunk_size = 8192;
  header.chunk_count = 1;
  header.page_entries = 1;
  header.page_count = 1;
  header.encodings = encoding_bit(Encoding::kDelta);
  header.image_digest.fill(1);
  header.manifest_digest.fill(2);
  header.first_page.fill(3);
  header.base_image_digest.fill(4);
  header.base_image_size = 4096;
  header.auxiliary_size = 100;
  header.auxiliary_digest.fill(5);
  header.payload_size = 512 + 100 + 64 + 96 + 50;
  std::array<std::uint8_t, kHeaderSize> bytes{};
  const auto check = [&](const std::function<void(PayloadHeader&)>& spoil) {
    PayloadHeader spoiled = header;
    spoil(spoiled);
    return encode_header(spoiled, bytes);
  };
  EXPECT_EQ(check([](auto&) {}), Status::kOk);
  EXPECT_EQ(check([](auto& h) { h.base_image_digest = {}; }), Status::kBadBase);
  EXPECT_EQ(check([](auto& h) { h.base_image_size = 0; }), Status::kBadBase);
  EXPECT_EQ(check([](auto& h) { h.base_image_size = 4097; }), Status::kBadBase);
  EXPECT_EQ(check([](auto& h) { h.base_image_size = kImageSizeMax + 4096; }), Status::kBadBase);
  EXPECT_EQ(check([](auto& h) { h.auxiliary_size = 0; }), Status::kBadAuxiliary);
  EXPECT_EQ(check([](auto& h) { h.auxiliary_digest = {}; }), Status::kBadAuxiliary);
  EXPECT_EQ(check([](auto& h) {
              h.auxiliary_size = kAuxiliarySizeMax;
              h.payload_size = 512 + kAuxiliarySizeMax + 64 + 96 + 50;
            }),
            Status::kOk);
  EXPECT_EQ(check([](auto& h) {
              h.auxiliary_size = kAuxiliarySizeMax + 1;
              h.payload_size = 512 + kAuxiliarySizeMax + 1 + 64 + 96 + 50;
            }),
            Status::kBadAuxiliary);
  EXPECT_EQ(check([](auto& h) { h.payload_size = 512 + 64 + 96 + 50; }), Status::kBadPayloadSize);
  EXPECT_EQ(check([](auto& h) { h.encodings = encoding_bit(Encoding::kRaw); }), Status::kBadBase);
  EXPECT_EQ(check([](auto& h) { h.encodings = encoding_bit(Encoding::kCopyFromSlot); }), Status::kBadAuxiliary);
}

}  // namespace
}  // namespace aseptic::payload::tests
