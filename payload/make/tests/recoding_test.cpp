// SPDX-License-Identifier: Apache-2.0
// Deltas that look into compressed parts: squashfs of Debian's mksquashfs with every codec, erofs of mkfs.erofs, gzip members; what they cost, what
// they survive, and that another compressor on the device is noticed before anything is written.
#include <gtest/gtest.h>
#define ZLIB_CONST  // the input is const
#include <zlib.h>

#include "aseptic/payload/make/compressed_parts.h"
#include "rechain.h"
#include "recoding_plan.h"
#include "file_systems.h"

namespace aseptic::payload::tests {
namespace {

constexpr std::size_t kBlock = 16384;

MakeOptions options_of(Recompression way) {
  MakeOptions options = delta_options();
  options.recompression = way;
  return options;
}

using MakeFileSystem = core::Bytes (*)(const FileTree&, const std::string&);

struct CodecCase {
  const char* name;
  const char* options;
  Codec codec;
  MakeFileSystem make = make_squashfs;
};
void PrintTo(const CodecCase& c, std::ostream* out) {
  *out << c.name;
}

// One pair of images for each codec, made once.
const DeltaPair& pair_of(const CodecCase& c) {
  static std::map<std::string, DeltaPair> made;
  const auto it = made.find(c.name);
  if (it != made.end()) return it->second;
  // Clusters hold so little that small files change in one or two of them.
  const FileTree tree = make_tree(1, c.make == make_squashfs ? kBlock : 2 * kBlock);
  const std::string options = c.options + (c.make == make_squashfs ? " -b " + std::to_string(kBlock) : "");
  return made.emplace(c.name, make_pair(c.make(tree, options), c.make(changed_tree(tree, 1), options), options_of(Recompression::kAlways)))
      .first->second;
}

class Recoding : public testing::TestWithParam<CodecCase> {
 protected:
  void SetUp() override {
    ASSERT_FALSE(GetParam().make({{"a", {1, 2, 3}}}, "").empty()) << "its tool is missing: './dev setup test' installs it";
    fill_device(old_slot_, pair().old_image.bytes);
  }
  static const DeltaPair& pair() { return pair_of(GetParam()); }
  BaseSlot base() { return {&old_slot_, pair().old_image.image_digest, pair().old_image.bytes.size()}; }
  core::Result<void> install(const core::Bytes& file, SparseDevice& slot) {
    return install_delta(file, resign(file).reference(), pair().payload.image.reference(), slot, base());
  }

  SparseDevice old_slot_{1U << 20U};
  SparseDevice slot_{1U << 20U};
};

// Answers: DL-01
TEST_P(Recoding, GivesBackTheImageAtAFractionOfThePlainDelta) {
  const TestPayload& payload = pair().payload;
  EXPECT_GT(payload.summary.recoded_blocks, 4U);
  const auto done = install(payload.file, slot_);
  ASSERT_TRUE(done) << done.error().sentence();
  MemoryImage old_image(pair().old_image.bytes);
  MemoryImage new_image(payload.image.bytes);
  MemoryPayload plain;
  const auto made = make_delta_payload(old_image, new_image, plain, options_of(Recompression::kNever));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->recoded_blocks, 0U);
  // Clusters of erofs change little where a file does: what they gain is shown below.
  if (GetParam().make == make_squashfs) {
    EXPECT_LT(payload.summary.payload_size * 3 / 2, made->payload_size);
  }
}

TEST_P(Recoding, TheSmallerOfBothWaysIsTaken) {
  MemoryImage old_image(pair().old_image.bytes);
  MemoryImage new_image(pair().payload.image.bytes);
  MemoryPayload out;
  MemoryPayload plain;
  ASSERT_TRUE(make_delta_payload(old_image, new_image, out, options_of(Recompression::kSmaller)));
  ASSERT_TRUE(make_delta_payload(old_image, new_image, plain, options_of(Recompression::kNever)));
  const bool is_recoded = pair().payload.file.size() < plain.content.size();
  EXPECT_TRUE(out.content == (is_recoded ? pair().payload.file : plain.content));
}

// Answers: DL-03
TEST_P(Recoding, ResumesAfterEveryChunk) {
  const TestPayload& payload = pair().payload;
  const auto chunks = payload.summary.image_size / delta_options().chunk_size + 1;
  for (std::uint64_t cut = 0; cut < chunks; ++cut) {
    SparseDevice slot(1U << 20U);
    InstallProgress progress;
    {
      const auto header = payload.verify();
      ASSERT_TRUE(header);
      auto first = PayloadInstaller::begin(*header, slot, {}, {.flush_every_bytes = 1}, base());
      ASSERT_TRUE(first);
      for (std::size_t at = 0; at < payload.file.size() && first->progress().chunks_done < cut; at += 64)
        ASSERT_TRUE(first->feed(at, core::ByteView(payload.file).subspan(at, std::min<std::size_t>(64, payload.file.size() - at))));
      progress = first->progress();
    }
    const auto done = install_delta(payload.file, payload.reference(), payload.image.reference(), slot, base(),
                                    {.hint = {progress.chunks_durable}});
    ASSERT_TRUE(done) << "cut " << cut << ": " << done.error().sentence();
  }
}

core::Bytes with_section_byte(core::Bytes file, std::size_t at, std::uint8_t value) {
  file[kHeaderSize + at] = value;
  PayloadHeader header;
  if (!ok(decode_header(core::ByteView(file).first<kHeaderSize>(), header))) std::abort();
  const auto digest = core::sha256(core::ByteView(file).subspan(kHeaderSize, static_cast<std::size_t>(header.auxiliary_size)));
  std::copy(digest.bytes.begin(), digest.bytes.end(), file.begin() + 280);
  return file;
}

// A device with another library would make other bytes: it says so at once, by a reason of its own, and takes another payload.
// Answers: DL-02
TEST_P(Recoding, AnotherVersionOfTheCodecIsRefusedBeforeAnyWrite) {
  const core::Bytes& file = pair().payload.file;
  for (const std::size_t part : {4U, 5U, 6U, 7U}) {
    const std::size_t at = kRecodingHeaderSize + part;
    const auto refused = install(with_section_byte(file, at, file[kHeaderSize + at] ^ 1U), slot_);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(PayloadCode::kCodec)) << refused.error().sentence();
    EXPECT_TRUE(slot_.blocks.empty());
  }
  const auto unknown = install(with_section_byte(file, kRecodingHeaderSize, kCodecLast + 1), slot_);
  ASSERT_FALSE(unknown);
  EXPECT_TRUE(unknown.error().is(PayloadCode::kCodec)) << unknown.error().sentence();
  EXPECT_TRUE(slot_.blocks.empty());
}

// The right version, another setting: what comes out is not what the table names, and is not written.
TEST_P(Recoding, BlocksThatDoNotComeOutAreNeverWritten) {
  const core::Bytes& file = pair().payload.file;
  std::size_t refusals = 0;
  for (std::size_t at = kRecodingHeaderSize + kCodecSettingSize * 2; at < kRecodingHeaderSize + kCodecSettingSize * 2 + 200; at += 5) {
    SparseDevice slot(1U << 20U);
    const auto done = install(with_section_byte(file, at, file[kHeaderSize + at] ^ 0x10U), slot);
    if (done) continue;
    ++refusals;
    const auto& code = done.error();
    EXPECT_TRUE(code.is(PayloadCode::kDeltaInvalid) || code.is(PayloadCode::kHeaderInvalid) || code.is(PayloadCode::kCodec) ||
                code.is(PayloadCode::kBase) || code.is(PayloadCode::kChunkDecode))
        << code.sentence();
    for (const auto& [index, bytes] : slot.blocks)
      ASSERT_TRUE(std::equal(bytes.begin(), bytes.end(), pair().payload.image.bytes.begin() + static_cast<std::ptrdiff_t>(index * kBlockSize)));
  }
  EXPECT_GT(refusals, 20U);
}

TEST_P(Recoding, RefusesOldBytesThatChangedUnderIt) {
  const ChangedBaseTrials trials = try_changed_bases(pair(), 4999);
  EXPECT_GT(trials.refused, 3U);
  EXPECT_EQ(trials.refused_for_another_reason, 0U);
}

INSTANTIATE_TEST_SUITE_P(Squashfs, Recoding,
                         testing::Values(CodecCase{"zstd", "-comp zstd -Xcompression-level 9", Codec::kZstd},
                                         CodecCase{"zstd_default", "-comp zstd", Codec::kZstd},
                                         CodecCase{"xz", "-comp xz", Codec::kXz},
                                         CodecCase{"xz_x86", "-comp xz -Xbcj x86", Codec::kXz},
                                         CodecCase{"gzip", "-comp gzip", Codec::kZlib},
                                         CodecCase{"gzip_3", "-comp gzip -Xcompression-level 3", Codec::kZlib},
                                         CodecCase{"lz4", "-comp lz4", Codec::kLz4},
                                         CodecCase{"lz4_hc", "-comp lz4 -Xhc", Codec::kLz4Hc}),
                         [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(Erofs, Recoding,
                         testing::Values(CodecCase{"erofs_lz4", "-zlz4", Codec::kLz4Cluster, make_erofs},
                                         CodecCase{"erofs_hc", "-zlz4hc -C8192 -Eztailpacking", Codec::kLz4HcCluster, make_erofs}),
                         [](const auto& test) { return std::string(test.param.name); });

// The filter for branches is found in the blocks themselves.
TEST(RecodingOfXz, BlocksOfXzWithAFilterCostNoMoreThanWithout) {
  const auto& plain = pair_of({"xz", "-comp xz", Codec::kXz}).payload.summary;
  const auto& filtered = pair_of({"xz_x86", "-comp xz -Xbcj x86", Codec::kXz}).payload.summary;
  EXPECT_EQ(filtered.recoded_blocks, plain.recoded_blocks);
  EXPECT_LT(filtered.payload_size, plain.payload_size * 11 / 10);
}

// A file of four blocks, one of which changes: the device makes one, or all of them.
TEST(RecodedFiles, OfWhichOneBlockHasChangedAreMadeAgainOnlyThereWhereTheMakerWantsIt) {
  std::mt19937_64 random(9);
  FileTree tree = {{"file", make_text_file(4 * kBlock, random)}};
  tree["file"].resize(4 * kBlock);
  const core::Bytes before = make_squashfs(tree, "-comp gzip -b 16384");
  for (std::size_t i = 0; i < 200; ++i)
    tree["file"][kBlock + 5000 + i * 7] = 'x';
  const core::Bytes after = make_squashfs(tree, "-comp gzip -b 16384");
  MakeOptions options = options_of(Recompression::kAlways);
  const auto whole = make_pair(before, after, options).payload.summary;
  options.recoded_files = RecodedFiles::kChangedBlocks;
  const auto light = make_pair(before, after, options).payload.summary;  // applied by the maker
  EXPECT_EQ(light.recoded_blocks + 3, whole.recoded_blocks);
}

// An inserted function moves the addresses in every cluster; decoded, they are found and carried along.
TEST(RecodingOfErofs, AProgramThatMovedCostsAFraction) {
  for (const char* options : {"-zlz4", "-zlz4hc,12 -C16384"}) {
    const FileTree before = {{"bin/program", make_program({.functions = 2500, .seed = 3})}};
    const FileTree after = {{"bin/program", make_program({.functions = 2500, .seed = 3, .insert_at = 100, .change = 200})}};
    MakeOptions always = options_of(Recompression::kAlways);
    MakeOptions never = options_of(Recompression::kNever);
    always.chunk_size = never.chunk_size = 128U * 1024U;
    const core::Bytes old_image = make_erofs(before, options);
    const core::Bytes new_image = make_erofs(after, options);
    const DeltaPair recoded = make_pair(old_image, new_image, always);
    const DeltaPair plain = make_pair(old_image, new_image, never);
    EXPECT_LT(recoded.payload.file.size() * 5, plain.payload.file.size()) << options;
  }
}

// Of so many clusters some come out only for an encoder that sees what follows them: all of them are recoded, chunk ends aside.
TEST(RecodingOfErofs, AllClustersInsideOfChunksComeOut) {
  std::mt19937_64 random(12);
  core::Bytes file = make_text_file(400000, random);
  const core::Bytes before = make_erofs({{"file", file}}, "-zlz4hc,12");
  file.insert(file.begin() + 10, 5, 'x');
  const core::Bytes after = make_erofs({{"file", file}}, "-zlz4hc,12");
  MakeOptions options = options_of(Recompression::kAlways);
  options.chunk_size = 64U * 1024U;
  const DeltaPair pair = make_pair(before, after, options);
  CompressedParts parts;
  ASSERT_TRUE(read_erofs(after, 0, parts));
  EXPECT_GE(pair.payload.summary.recoded_blocks + 1, parts.blocks.size());
}

// What read_squashfs says of every file, against the tree that went in.
TEST(SquashfsReader, FindsEveryByteOfEveryFile) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const FileTree tree = make_tree(seed, kBlock);
    const core::Bytes image = make_squashfs(tree, "-comp gzip -b 16384");
    ASSERT_FALSE(image.empty());
    core::Bytes shifted(5 * 1024, 0x5A);
    shifted.insert(shifted.end(), image.begin(), image.end());
    const CompressedParts parts = find_compressed_parts(shifted);
    ASSERT_EQ(parts.file_systems.size(), 1U);
    EXPECT_EQ(parts.file_systems[0].at, 5U * 1024U);
    expect_every_file(parts, shifted, tree);
  }
}

// Each class of damage: no file system, or fewer parts; never a byte outside.
TEST(SquashfsReader, RefusesDamagedSuperblocks) {
  const core::Bytes image = make_squashfs(make_tree(1, kBlock), "-comp zstd -b 16384");
  ASSERT_FALSE(image.empty());
  const auto accepts = [&](std::size_t at, std::uint64_t value, std::size_t size) {
    core::Bytes changed = image;
    for (std::size_t i = 0; i < size; ++i)
      changed[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
    CompressedParts parts;
    return read_squashfs(changed, 0, parts);
  };
  EXPECT_TRUE(accepts(0, 0x73717368, 4));
  EXPECT_FALSE(accepts(0, 0x68737173, 4)) << "magic of the other byte order";
  EXPECT_FALSE(accepts(28, 3, 2)) << "version 3";
  EXPECT_FALSE(accepts(12, 0, 4)) << "blocks of no bytes";
  EXPECT_FALSE(accepts(12, 16383, 4)) << "no power of two";
  EXPECT_FALSE(accepts(12, 2U << 20U, 4)) << "larger than squashfs has them";
  EXPECT_FALSE(accepts(40, image.size() + 1, 8)) << "ends behind the image";
  EXPECT_FALSE(accepts(40, ~0ULL, 8));
  EXPECT_FALSE(accepts(40, 95, 8)) << "ends inside its own superblock";
  EXPECT_FALSE(accepts(64, ~0ULL, 8)) << "inode table behind the end";
  EXPECT_FALSE(accepts(64, 5, 8)) << "inode table inside the superblock";
  EXPECT_FALSE(accepts(72, ~0ULL, 8)) << "directory table behind the end";
  CompressedParts parts;
  EXPECT_FALSE(read_squashfs(core::ByteView(image).first(95), 0, parts));
  EXPECT_FALSE(read_squashfs(image, image.size() + 1, parts));
  EXPECT_TRUE(parts.blocks.empty());
}

TEST(SquashfsReader, EveryDamagedByteLeavesPartsInsideTheImage) {
  const core::Bytes image = make_squashfs(make_tree(2, kBlock), "-comp gzip -b 16384 -noI -noF");
  ASSERT_FALSE(image.empty());
  std::mt19937_64 random(3);
  std::size_t systems = 0;
  for (int i = 0; i < 400; ++i) {
    core::Bytes changed = image;
    // Superblock, or the tables at the end: inodes are stored plain here.
    const std::size_t at = i % 2 == 0 ? random() % 96 : changed.size() - 1 - random() % 4000;
    changed[at] = static_cast<std::uint8_t>(random());
    const CompressedParts parts = find_compressed_parts(changed);
    systems += parts.file_systems.size();
    std::uint64_t end = 0;
    for (const CompressedBlock& block : parts.blocks) {
      ASSERT_GE(block.at, end);
      ASSERT_LE(block.size, changed.size());
      ASSERT_LE(block.at, changed.size() - block.size);
      ASSERT_LE(block.room, kBlockTextMax);
      end = block.at + block.size;
    }
    for (const FilePieces& file : parts.files)
      for (const FilePiece& piece : file)
        ASSERT_LT(piece.at, changed.size());
  }
  EXPECT_GT(systems, 200U);
}

core::Bytes gzip(const core::Bytes& text, int level, std::uint8_t flags = 0, const std::string& fields = {}) {
  core::Bytes out = {0x1F, 0x8B, 8, flags, 0, 0, 0, 0, 2, 3};
  out.insert(out.end(), fields.begin(), fields.end());
  const std::size_t start = out.size();
  out.resize(start + text.size() + 1000);
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  stream.next_in = text.data();
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = out.data() + start;
  stream.avail_out = static_cast<uInt>(out.size() - start);
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
  out.resize(start + stream.total_out);
  deflateEnd(&stream);
  put<std::uint32_t>(out, out.size(), static_cast<std::uint32_t>(crc32(0, text.data(), static_cast<uInt>(text.size()))));
  put<std::uint32_t>(out, out.size(), static_cast<std::uint32_t>(text.size()));
  return out;
}

TEST(GzipReader, FindsMembersWithEveryOptionalField) {
  std::mt19937_64 random(5);
  const core::Bytes text = make_text_file(20000, random);
  Recoder recoder;
  const std::vector<std::pair<std::uint8_t, std::string>> forms = {
      {0, ""}, {1, ""}, {8, std::string("name\0", 5)}, {16, std::string("a comment\0", 10)}, {4, std::string("\3\0abc", 5)}, {2, "xy"},
      {31, std::string("\1\0zname\0note\0xy", 15)}};
  for (const auto& [flags, fields] : forms) {
    const core::Bytes member = gzip(text, 6, flags, fields);
    CompressedBlock block;
    ASSERT_TRUE(read_gzip_member(member, recoder, block)) << int{flags};
    EXPECT_EQ(block.at, 10 + fields.size());
    EXPECT_EQ(block.size, member.size() - 18 - fields.size());
    EXPECT_EQ(block.room, text.size());
  }
}

TEST(GzipReader, RefusesWhatIsNoMember) {
  std::mt19937_64 random(6);
  const core::Bytes member = gzip(make_text_file(3000, random), 9, 8, std::string("n\0", 2));
  Recoder recoder;
  CompressedBlock block;
  ASSERT_TRUE(read_gzip_member(member, recoder, block));
  for (std::size_t size = 0; size < member.size(); ++size)
    ASSERT_FALSE(read_gzip_member(core::ByteView(member).first(size), recoder, block)) << "cut at " << size;
  const auto with = [&](std::size_t at, std::uint8_t value) {
    core::Bytes changed = member;
    changed[at] = value;
    return read_gzip_member(changed, recoder, block);
  };
  EXPECT_FALSE(with(0, 0x1E));
  EXPECT_FALSE(with(1, 0x8C));
  EXPECT_FALSE(with(2, 7)) << "another method than deflate";
  for (const int bit : {0x20, 0x40, 0x80})
    EXPECT_FALSE(with(3, static_cast<std::uint8_t>(8 | bit))) << "reserved flag";
  EXPECT_FALSE(with(3, 4)) << "an extra field that is longer than all there is";
  EXPECT_FALSE(with(member.size() - 4, member[member.size() - 4] ^ 1U)) << "another length";
  core::Bytes endless = {0x1F, 0x8B, 8, 8, 0, 0, 0, 0, 0, 0};
  endless.resize(100000, 'a');
  EXPECT_FALSE(read_gzip_member(endless, recoder, block)) << "a name without end";
  const core::Bytes bomb = gzip(core::Bytes(kBlockTextMax + 1), 9);
  EXPECT_FALSE(read_gzip_member(bomb, recoder, block)) << "decodes to more than a block may";
}

TEST(GzipMembers, AreSeenDecodedInAnImage) {
  std::mt19937_64 random(7);
  core::Bytes old_content = mixed_bytes(9000, 3);
  core::Bytes new_content = old_content;
  for (int level : {1, 6, 9}) {
    core::Bytes text = make_text_file(60000, random);
    const core::Bytes before = gzip(text, level);
    text.insert(text.begin() + 300, 9, 'x');
    const core::Bytes after = gzip(text, level);
    old_content.insert(old_content.end(), before.begin(), before.end());
    new_content.insert(new_content.end(), after.begin(), after.end());
  }
  const DeltaPair pair = make_pair(old_content, new_content);
  EXPECT_EQ(pair.payload.summary.recoded_blocks, 3U);
  const DeltaPair plain = make_pair(old_content, new_content, options_of(Recompression::kNever));
  EXPECT_LT(pair.payload.file.size() * 3, plain.payload.file.size());
  SparseDevice old_slot(1U << 20U);
  SparseDevice slot(1U << 20U);
  fill_device(old_slot, pair.old_image.bytes);
  EXPECT_TRUE(install_delta(pair.payload.file, pair.payload.reference(), pair.payload.image.reference(), slot,
                            {&old_slot, pair.old_image.image_digest, pair.old_image.bytes.size()}));
}

// Text that is new costs more as text than as the deflate stream that came with it.
TEST(GzipMembers, ThatAreNewAreCarriedAsTheyAre) {
  core::Bytes old_content = mixed_bytes(9000, 3);
  core::Bytes new_content = old_content;
  const auto letters = [](std::uint64_t seed) {  // sixteen of them in no order: nothing beats deflate's four bits each
    core::Bytes text = mixed_bytes(60000, seed);
    for (auto& byte : text)
      byte = static_cast<std::uint8_t>('a' + byte % 16);
    return text;
  };
  const core::Bytes before = gzip(letters(4), 9);
  const core::Bytes after = gzip(letters(5), 9);
  old_content.insert(old_content.end(), before.begin(), before.end());
  new_content.insert(new_content.end(), after.begin(), after.end());
  const DeltaPair always = make_pair(old_content, new_content, options_of(Recompression::kAlways));
  const DeltaPair smaller = make_pair(old_content, new_content, options_of(Recompression::kSmaller));
  EXPECT_EQ(always.payload.summary.recoded_blocks, 1U);
  EXPECT_EQ(smaller.payload.summary.recoded_blocks, 0U);
  EXPECT_LT(smaller.payload.file.size(), always.payload.file.size());
}

// Blocks that decode to far more than they are: the device's buffer bounds how many of them a chunk may have.
TEST(GzipMembers, ThatWouldOverflowTheDevicesBufferStayPlainBytes) {
  core::Bytes old_content;
  core::Bytes new_content;
  for (int i = 0; i < 8; ++i) {
    core::Bytes text(kBlockTextMax - 100, static_cast<std::uint8_t>('a' + i));
    const core::Bytes before = gzip(text, 9);
    text[1000] = 'x';
    const core::Bytes after = gzip(text, 9);
    old_content.insert(old_content.end(), before.begin(), before.end());
    new_content.insert(new_content.end(), after.begin(), after.end());
  }
  const DeltaPair pair = make_pair(old_content, new_content, options_of(Recompression::kAlways));
  EXPECT_LT(pair.payload.summary.recoded_blocks, 8U);
  EXPECT_GE(pair.payload.summary.recoded_blocks, 3U);
  SparseDevice old_slot(1U << 20U);
  SparseDevice slot(1U << 20U);
  fill_device(old_slot, pair.old_image.bytes);
  const auto done = install_delta(pair.payload.file, pair.payload.reference(), pair.payload.image.reference(), slot,
                                  {&old_slot, pair.old_image.image_digest, pair.old_image.bytes.size()});
  EXPECT_TRUE(done) << done.error().sentence();
}

// What cannot be re-encoded bit by bit is plain bytes, and costs what it did.
TEST(GzipMembers, OfAnotherCompressorStayPlainBytes) {
  std::mt19937_64 random(8);
  const core::Bytes text = make_text_file(3000, random);
  core::Bytes strange = gzip(core::Bytes(text.begin(), text.begin() + 1), 9);
  // Stored blocks of 100 bytes: no level of zlib makes them.
  strange.resize(10);
  for (std::size_t at = 0; at < text.size(); at += 100) {
    const bool is_last = at + 100 >= text.size();
    const auto size = static_cast<std::uint16_t>(std::min<std::size_t>(100, text.size() - at));
    strange.push_back(is_last ? 1 : 0);
    put<std::uint16_t>(strange, strange.size(), size);
    put<std::uint16_t>(strange, strange.size(), static_cast<std::uint16_t>(~size));
    strange.insert(strange.end(), text.begin() + static_cast<std::ptrdiff_t>(at), text.begin() + static_cast<std::ptrdiff_t>(at + size));
  }
  put<std::uint32_t>(strange, strange.size(), static_cast<std::uint32_t>(crc32(0, text.data(), static_cast<uInt>(text.size()))));
  put<std::uint32_t>(strange, strange.size(), static_cast<std::uint32_t>(text.size()));
  core::Bytes changed = strange;
  changed[200] ^= 1U;
  const DeltaPair pair = make_pair(strange, changed, options_of(Recompression::kAlways));
  EXPECT_EQ(pair.payload.summary.recoded_blocks, 0U);
}

}  // namespace
}  // namespace aseptic::payload::tests
