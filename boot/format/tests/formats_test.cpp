// SPDX-License-Identifier: Apache-2.0
// Cells of boot's formats: round trips, every bit, every reserved byte, every boundary.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "../../core/tests/world.h"
#include "aseptic/boot/format/checksum.h"
#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/monotonic.h"
#include "aseptic/boot/format/provisioning.h"
#include "aseptic/boot/format/tree_hash.h"

namespace aseptic::boot::testing {
namespace {

using Region1024 = std::array<std::uint8_t, kManifestRegionSize>;

Manifest sample() {
  World world;
  Manifest m = world.manifest_for({7, 3, 2, 1, kPolicyRevokeNow, true});
  m.region_count = 3;
  m.regions[2] = {RegionKind::kVerity, 32768, 8192, {}};
  m.regions[2].digest.fill(9);
  m.image_size = 40960;
  m.verity_root.fill(1);
  m.verity_salt.fill(2);
  m.set_digest.fill(3);
  m.dependency_count = 2;
  m.dependencies[0].component[0] = 5;
  m.dependencies[0].sequence_min = 11;
  m.dependencies[1].component[0] = 6;
  m.load_address = 0x20000000;
  m.entry = 0x20000010;
  m.min_boot_version = 1;
  m.min_root_version = 4;
  return m;
}

Region1024 encoded(const Manifest& m) {
  Region1024 region{};
  EXPECT_EQ(encode_manifest(m, region), Status::kOk);
  return region;
}

TEST(BootManifest, DecodesWhatItEncodes) {
  const Region1024 region = encoded(sample());
  Manifest decoded;
  ASSERT_EQ(decode_manifest(region, decoded), Status::kOk);
  EXPECT_EQ(encoded(decoded), region);
  EXPECT_EQ(decoded.sequence, 7U);
  EXPECT_EQ(decoded.regions[1].kind, RegionKind::kTreeVerified);
  EXPECT_EQ(decoded.min_root_version, 4U);
}

// Answers: MF-08
TEST(BootManifest, NoByteIsWithoutMeaning) {
  // Whatever byte is changed: the manifest is refused, or it decodes to something else that encodes to these
  // bytes.
  const Region1024 region = encoded(sample());
  for (std::size_t at = 0; at < region.size(); ++at)
    for (const int change : {0x01, 0x80, 0xFF}) {
      Region1024 changed = region;
      changed[at] = static_cast<std::uint8_t>(changed[at] ^ change);
      Manifest decoded;
      if (!ok(decode_manifest(changed, decoded))) continue;
      ASSERT_EQ(encoded(decoded), changed) << "byte " << at;
    }
}

struct Mutation {
  const char* name;
  std::function<void(Region1024&)> change;
  Status expected;
};

template <class T>
void set(Region1024& region, std::size_t offset, T value) {
  Le<T> field{};
  field.set(value);
  std::memcpy(region.data() + offset, field.raw, sizeof field.raw);
}

// Answers: MF-04, MF-05, MF-06, MF-08
TEST(BootManifest, T25_T35_EveryWrongFieldIsRefusedWithItsReason) {
  constexpr std::size_t kRegion0 = 120;
  constexpr std::size_t kRegion1 = 176;
  const Mutation mutations[] = {
      {"magic", [](Region1024& r) { r[0] = 'X'; }, Status::kBadMagic},
      {"format", [](Region1024& r) { set<std::uint16_t>(r, 8, 2); }, Status::kBadFormat},
      {"header length", [](Region1024& r) { set<std::uint16_t>(r, 10, 1023); }, Status::kBadLength},
      {"image type 0", [](Region1024& r) { r[12] = 0; }, Status::kBadEnumerator},
      {"image type 3", [](Region1024& r) { r[12] = 3; }, Status::kBadEnumerator},
      {"data with an executable region", [](Region1024& r) { r[12] = 2; }, Status::kBadRegionTable},
      {"life cycle 0", [](Region1024& r) { r[13] = 0; }, Status::kBadEnumerator},
      {"life cycle 3", [](Region1024& r) { r[13] = 3; }, Status::kBadEnumerator},
      {"no region", [](Region1024& r) { r[14] = 0; }, Status::kBadRegionTable},
      {"five regions", [](Region1024& r) { r[14] = 5; }, Status::kBadRegionTable},
      {"region count too low", [](Region1024& r) { r[14] = 2; }, Status::kReservedNotZero},
      {"region count too high", [](Region1024& r) { r[14] = 4; }, Status::kBadEnumerator},
      {"five dependencies", [](Region1024& r) { r[15] = 5; }, Status::kBadDependency},
      {"dependency not counted", [](Region1024& r) { r[15] = 1; }, Status::kBadDependency},
      {"dependency without component", [](Region1024& r) { r[15] = 3; }, Status::kBadDependency},
      {"revision range turned round", [](Region1024& r) { set<std::uint32_t>(r, 48, 6); }, Status::kBadRange},
      {"empty version", [](Region1024& r) { r[56] = 0; }, Status::kBadText},
      {"version with a space", [](Region1024& r) { r[57] = ' '; }, Status::kBadText},
      {"version with a control character", [](Region1024& r) { r[57] = '\n'; }, Status::kBadText},
      {"text behind the version's end", [](Region1024& r) { r[79] = 'x'; }, Status::kBadText},
      {"sequence 0", [](Region1024& r) { set<std::uint64_t>(r, 80, 0); }, Status::kBadRange},
      {"unknown policy flag", [](Region1024& r) { set<std::uint32_t>(r, 92, 2); },
       Status::kPolicyFlagUnknown},
      {"image size one block short", [](Region1024& r) { set<std::uint64_t>(r, 96, 36864); },
       Status::kBadImageSize},
      {"image size one block long", [](Region1024& r) { set<std::uint64_t>(r, 96, 45056); },
       Status::kBadImageSize},
      {"image size 2^63", [](Region1024& r) { set<std::uint64_t>(r, 96, 1ULL << 63U); },
       Status::kBadImageSize},
      {"entry below load address", [](Region1024& r) { set<std::uint64_t>(r, 112, 0x1FFFFFFF); },
       Status::kBadEntry},
      {"entry behind the region", [](Region1024& r) { set<std::uint64_t>(r, 112, 0x20000000 + 100); },
       Status::kBadEntry},
      {"load address wraps",
       [](Region1024& r) {
         set<std::uint64_t>(r, 104, ~0ULL - 50);
         set<std::uint64_t>(r, 112, ~0ULL - 40);
       },
       Status::kBadEntry},
      {"region kind 4", [](Region1024& r) { r[kRegion1] = 4; }, Status::kBadEnumerator},
      {"second executable region", [](Region1024& r) { r[kRegion1] = 1; }, Status::kBadRegionTable},
      {"first region not executable", [](Region1024& r) { r[kRegion0] = 2; }, Status::kBadRegionTable},
      {"region reserved byte", [](Region1024& r) { r[kRegion0 + 3] = 1; }, Status::kReservedNotZero},
      {"region over the manifest", [](Region1024& r) { set<std::uint64_t>(r, kRegion0 + 8, 8192); },
       Status::kBadRegionTable},
      {"region not aligned", [](Region1024& r) { set<std::uint64_t>(r, kRegion0 + 8, 12289); },
       Status::kBadRegionTable},
      {"region empty", [](Region1024& r) { set<std::uint64_t>(r, kRegion0 + 16, 0); },
       Status::kBadRegionTable},
      {"region overlaps the next", [](Region1024& r) { set<std::uint64_t>(r, kRegion0 + 16, 4097); },
       Status::kBadRegionTable},
      {"region size 2^64-1", [](Region1024& r) { set<std::uint64_t>(r, kRegion0 + 16, ~0ULL); },
       Status::kBadRegionTable},
      {"region offset 2^64-4096", [](Region1024& r) { set<std::uint64_t>(r, kRegion1 + 8, ~0ULL - 4095); },
       Status::kBadRegionTable},
      {"tree region not in blocks", [](Region1024& r) { set<std::uint64_t>(r, kRegion1 + 16, 12287); },
       Status::kBadRegionTable},
      {"zero digest", [](Region1024& r) { std::memset(r.data() + kRegion0 + 24, 0, 32); },
       Status::kBadRegionTable},
      {"tree hash missing",
       [](Region1024& r) {
         r[344] = 0;
         r[345] = 0;
       },
       Status::kBadTree},
      {"tree hash unknown", [](Region1024& r) { r[344] = 2; }, Status::kBadTree},
      {"tree block size", [](Region1024& r) { r[345] = 13; }, Status::kBadTree},
      {"verity root missing", [](Region1024& r) { std::memset(r.data() + 384, 0, 32); }, Status::kBadTree},
      {"revoked key slot that does not exist", [](Region1024& r) { set<std::uint32_t>(r, 576, 16); },
       Status::kPolicyFlagUnknown},
      {"reserved behind min_root_version", [](Region1024& r) { r[588] = 1; }, Status::kReservedNotZero},
      {"no classic algorithm", [](Region1024& r) { r[656] = 0; }, Status::kBadAlgorithm},
      {"other classic algorithm", [](Region1024& r) { r[656] = 2; }, Status::kBadAlgorithm},
      {"no post-quantum algorithm", [](Region1024& r) { r[657] = 0; }, Status::kBadAlgorithm},
      {"reserved behind the algorithms", [](Region1024& r) { r[663] = 1; }, Status::kReservedNotZero},
      {"first reserved tail byte", [](Region1024& r) { r[728] = 1; }, Status::kReservedNotZero},
      {"last reserved tail byte", [](Region1024& r) { r[1023] = 1; }, Status::kReservedNotZero},
  };
  for (const Mutation& mutation : mutations) {
    Region1024 region = encoded(sample());
    mutation.change(region);
    Manifest out;
    out.sequence = 4711;
    EXPECT_EQ(describe(decode_manifest(region, out)).name, std::string(describe(mutation.expected).name))
        << mutation.name;
    EXPECT_EQ(out.sequence, 4711U) << "out is written only on success: " << mutation.name;
  }
}

TEST(BootManifest, EveryReservedByteIsChecked) {
  const Region1024 region = encoded(sample());
  int reserved = 0;
  for (std::size_t at = 728; at < 1024; ++at, ++reserved) {
    Region1024 changed = region;
    changed[at] = 0x10;
    Manifest out;
    EXPECT_EQ(decode_manifest(changed, out), Status::kReservedNotZero) << at;
  }
  EXPECT_EQ(reserved, 296);
}

TEST(BootManifest, SlotBoundIsExact) {
  const Manifest m = sample();
  EXPECT_EQ(check_fits_slot(m, m.image_size), Status::kOk);
  EXPECT_EQ(check_fits_slot(m, m.image_size - 1), Status::kTooLargeForSlot);
}

TEST(BootManifest, TheLargestImageSizeIsAcceptedAndOneBlockMoreIsNot) {
  World world;
  Manifest m = world.manifest_for({});
  m.regions[0].size = kImageSizeMax - kFirstRegionOffset;
  m.image_size = kImageSizeMax;
  Region1024 region{};
  EXPECT_EQ(encode_manifest(m, region), Status::kOk);
  m.regions[0].size += kImageBlockSize;
  m.image_size += kImageBlockSize;
  EXPECT_EQ(encode_manifest(m, region), Status::kBadImageSize);
}

TEST(BootManifest, UnusedSignatureBytesMustBeZero) {
  std::array<std::uint8_t, kSignatureBlockSize> block{};
  std::memset(block.data(), 0xAA, kP256SignatureSize + kSlhDsaSignatureSize);
  EXPECT_EQ(check_signature_block(block), Status::kOk);
  for (std::size_t at = 7920; at < block.size(); ++at) {
    block[at] = 1;
    ASSERT_EQ(check_signature_block(block), Status::kReservedNotZero) << at;
    block[at] = 0;
  }
}

TEST(BootManifest, NeitherSignatureMayBeMissing) {
  std::array<std::uint8_t, kSignatureBlockSize> block{};
  block[0] = 1;
  EXPECT_EQ(check_signature_block(block), Status::kBadPostQuantumSignature) << "built, not released";
  block[0] = 0;
  block[64] = 1;
  EXPECT_EQ(check_signature_block(block), Status::kBadSignature);
}

TEST(BootManifest, ThereIsNoAlgorithmCalledNone) {
  Region1024 region{};
  Manifest m = sample();
  for (const int number : {0, 3, 255}) {
    m.post_quantum_algorithm = static_cast<PostQuantumAlgorithm>(number);
    EXPECT_EQ(encode_manifest(m, region), Status::kBadAlgorithm) << number;
  }
  m.post_quantum_algorithm = PostQuantumAlgorithm::kLmsSha256;
  EXPECT_EQ(encode_manifest(m, region), Status::kOk);
}

TEST(BootManifest, ImageDigestChangesWithEveryRegionAndTheSize) {
  IdealHasher hasher;
  const Manifest m = sample();
  const Digest digest = image_digest(hasher, m);
  for (std::size_t i = 0; i < m.region_count; ++i) {
    Manifest other = m;
    other.regions[i].digest[31] ^= 1;
    EXPECT_NE(image_digest(hasher, other), digest);
  }
  Manifest other = m;
  other.image_size += 4096;
  EXPECT_NE(image_digest(hasher, other), digest);
}

TEST(BootChecksum, GivesThePublishedCheckValue) {
  const char text[] = "123456789";
  EXPECT_EQ(checksum({reinterpret_cast<const std::uint8_t*>(text), 9}), 0x995dc9bbdf1939faULL);
}

template <class Array, class Decode>
void every_bit_counts(const Array& good, Decode decode) {
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Array changed = good;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    ASSERT_FALSE(ok(decode(changed))) << "bit " << bit;
  }
}

TEST(BootProvisioning, RoundTripsAndEveryBitCounts) {
  World world;
  world.provisioning.hardware_revision = 9;
  std::array<std::uint8_t, kProvisioningSize> bytes{};
  encode_provisioning(world.provisioning, bytes);
  Provisioning out;
  ASSERT_EQ(decode_provisioning(world.hasher, bytes, out), Status::kOk);
  EXPECT_EQ(out.product, world.provisioning.product);
  EXPECT_EQ(out.hardware_revision, 9U);
  EXPECT_TRUE(out.key_slots[1].provisioned);
  EXPECT_FALSE(out.key_slots[2].provisioned);
  every_bit_counts(bytes,
                   [&](const auto& changed) { return decode_provisioning(world.hasher, changed, out); });
}

// Answers: RB-08
TEST(BootProvisioning, AKeyThatDoesNotHashToItsSlotIsRefused) {
  World world;
  world.provisioning.key_slots[0].keys.post_quantum.bytes[0] ^= 1;  // the other key of the pair counts as well
  std::array<std::uint8_t, kProvisioningSize> bytes{};
  encode_provisioning(world.provisioning, bytes);
  Provisioning out;
  EXPECT_EQ(decode_provisioning(world.hasher, bytes, out), Status::kBadChecksum);
}

// Answers: RB-08
TEST(BootProvisioning, AKeySlotWithoutASecondKeyIsRefused) {
  World world;
  KeySlot& slot = world.provisioning.key_slots[0];
  std::array<std::uint8_t, kProvisioningSize> bytes{};
  Provisioning out;
  const auto verdict = [&] {
    slot.hash = key_slot_hash(world.hasher, slot.keys);
    encode_provisioning(world.provisioning, bytes);
    return decode_provisioning(world.hasher, bytes, out);
  };
  ASSERT_EQ(verdict(), Status::kOk);
  const KeyPairPublic good = slot.keys;
  slot.keys.post_quantum.bytes = {};
  EXPECT_EQ(verdict(), Status::kBadAlgorithm) << "a key of zeros is no key";
  slot.keys = good;
  slot.keys.post_quantum.algorithm = static_cast<PostQuantumAlgorithm>(0);
  EXPECT_EQ(verdict(), Status::kBadAlgorithm) << "there is no \"none\"";
  slot.keys = good;
  slot.keys.post_quantum.bytes[kSlhDsaPublicKeySize] = 1;
  EXPECT_EQ(verdict(), Status::kReservedNotZero) << "behind the key";
}

TEST(BootMonotonic, RoundTripsAndEveryBitCounts) {
  MonotonicCell cell;
  cell.write_count = 5;
  cell.state.generation = 6;
  cell.state.floor = 7;
  cell.state.revoked = 1;
  cell.state.confirmed.fill(8);
  cell.state.confirmed_sequence = 9;
  cell.state.quarantine_count = 1;
  cell.state.quarantine[0] = {cell.state.confirmed, 3};
  std::array<std::uint8_t, kMonotonicCellSize> bytes{};
  encode_monotonic_cell(cell, bytes);
  MonotonicCell out;
  ASSERT_EQ(decode_monotonic_cell(bytes, out), Status::kOk);
  EXPECT_EQ(out.state, cell.state);
  EXPECT_EQ(out.write_count, 5U);
  every_bit_counts(bytes, [&](const auto& changed) { return decode_monotonic_cell(changed, out); });
}

TEST(BootReportFormat, RoundTripsAndEveryBitCounts) {
  BootReport r;
  r.boot_count = 3;
  r.run_kind = RunKind::kTrial;
  r.place = ImagePlace::kSlotB;
  r.token.fill(4);
  r.quarantine_count = 1;
  r.quarantine[0].attempt = 2;
  r.event_count = 1;
  r.events[0] = {5, 6};
  r.policy_delay_left = 11;
  std::array<std::uint8_t, kBootReportSize> bytes{};
  encode_boot_report(r, bytes);
  BootReport out;
  ASSERT_EQ(decode_boot_report(bytes, out), Status::kOk);
  EXPECT_EQ(out.token, r.token);
  EXPECT_EQ(out.place, ImagePlace::kSlotB);
  EXPECT_EQ(out.policy_delay_left, 11U);
  std::array<std::uint8_t, kBootReportSize> again{};
  encode_boot_report(out, again);
  EXPECT_EQ(again, bytes);
  every_bit_counts(bytes, [&](const auto& changed) { return decode_boot_report(changed, out); });
}

// ---- tree hash
using Block = std::array<std::uint8_t, kImageBlockSize>;

Block block_of(std::uint64_t index) {
  Block block{};
  for (std::size_t i = 0; i < block.size(); ++i)
    block[i] = static_cast<std::uint8_t>(index * 31 + i * (index + 1));
  return block;
}

// The slow second way: level by level, an odd node moves up unchanged.
Digest slow_root(IdealHasher& hasher, const Digest& salt, std::uint64_t blocks) {
  std::vector<Digest> level;
  for (std::uint64_t i = 0; i < blocks; ++i)
    level.push_back(tree_leaf(hasher, salt, block_of(i)));
  while (level.size() > 1) {
    std::vector<Digest> above;
    for (std::size_t i = 0; i + 1 < level.size(); i += 2)
      above.push_back(tree_node(hasher, level[i], level[i + 1]));
    if (level.size() % 2 == 1) above.push_back(level.back());
    level = above;
  }
  return level[0];
}

TEST(BootTree, TheIncrementalRootIsTheSlowRoot) {
  IdealHasher hasher;
  Digest salt{};
  salt.fill(0x11);
  TreeHasher tree(hasher, salt);
  Digest root{};
  EXPECT_EQ(tree.root(root), Status::kBadTree) << "no leaf, no root";
  for (std::uint64_t blocks = 1; blocks <= 70; ++blocks) {
    tree.add_block(block_of(blocks - 1));
    ASSERT_EQ(tree.root(root), Status::kOk);
    ASSERT_EQ(root, slow_root(hasher, salt, blocks)) << blocks;
  }
}

struct VectorSource final : BlockSource {
  explicit VectorSource(std::uint64_t blocks) {
    for (std::uint64_t i = 0; i < blocks; ++i)
      content.push_back(block_of(i));
  }
  Status read_block(std::uint64_t index, std::span<std::uint8_t, kImageBlockSize> out) override {
    if (index >= content.size()) return Status::kOutOfRange;
    copy_bytes(out, content[static_cast<std::size_t>(index)]);
    return Status::kOk;
  }
  std::vector<Block> content;
};

// Answers: MB-02
TEST(BootTree, T46_EveryReadIsCheckedAgainstTheSignedRoot) {
  IdealHasher hasher;
  const Digest salt{};
  VectorSource source(9);
  TreeBlockReader reader(hasher, salt, source);
  std::vector<Digest> leaves(9);
  Block out{};
  EXPECT_EQ(reader.read(0, out), Status::kOutOfRange) << "not opened";
  ASSERT_EQ(reader.open(leaves, slow_root(hasher, salt, 9)), Status::kOk);
  for (std::uint64_t i = 0; i < 9; ++i) {
    ASSERT_EQ(reader.read(i, out), Status::kOk);
    ASSERT_EQ(out, block_of(i));
  }
  EXPECT_EQ(reader.read(9, out), Status::kOutOfRange);
  source.content[4][4095] ^= 1;  // changed after it was verified
  EXPECT_EQ(reader.read(4, out), Status::kRegionDigest);
  EXPECT_EQ(out, Block{}) << "nothing unverified is handed out";
  std::swap(source.content[1], source.content[2]);
  EXPECT_EQ(reader.read(1, out), Status::kRegionDigest) << "a right block in the wrong place";
}

TEST(BootTree, OpenRefusesAnotherRoot) {
  IdealHasher hasher;
  const Digest salt{};
  VectorSource source(3);
  TreeBlockReader reader(hasher, salt, source);
  std::vector<Digest> leaves(3);
  Digest root = slow_root(hasher, salt, 3);
  root[0] ^= 1;
  EXPECT_EQ(reader.open(leaves, root), Status::kRegionDigest);
  Block out{};
  EXPECT_EQ(reader.read(0, out), Status::kOutOfRange);
  std::vector<Digest> too_many(4);
  EXPECT_EQ(reader.open(too_many, root), Status::kOutOfRange);
}

TEST(BootTree, ANodeIsNoLeaf) {
  IdealHasher hasher;
  const Digest salt{};
  Block block{};
  const Digest left = tree_leaf(hasher, salt, block);
  std::copy(left.begin(), left.end(), block.begin());
  EXPECT_NE(tree_node(hasher, left, left), tree_leaf(hasher, salt, block));
}

}  // namespace
}  // namespace aseptic::boot::testing
