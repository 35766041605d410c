// SPDX-License-Identifier: Apache-2.0
// The product's delta decoder against the second one, on valid deltas and on deltas with changed bytes that somebody signed.
#include <gtest/gtest.h>
#include <lz4.h>
#include <lz4hc.h>
#include <zlib.h>
#include <zstd.h>

#include <set>

#include "aseptic/payload/decode/recoding.h"
#include "aseptic/sim/checkers/sha256.h"
#include "delta_encoder.h"
#include "delta_plan.h"
#include "file_systems.h"
#include "firmware.h"
#include "projection_case.h"
#include "rechain.h"
#include "slow_delta.h"

namespace aseptic::payload::tests {
namespace {

struct Outcome {
  bool is_accepted = false;
  core::Bytes image;
};

// The product's, with all digests made right for whatever the patch decodes to: a first run tells the image.
Outcome decode_signed(core::Bytes patch, const core::Bytes& old_image) {
  const Digest old_digest = core::sha256(old_image).bytes;
  std::copy(old_digest.begin(), old_digest.end(), patch.begin() + 32);
  const Digest body = core::sha256(core::ByteView(patch).subspan(kMcuDeltaHeaderSize)).bytes;
  std::copy(body.begin(), body.end(), patch.begin() + 96);
  Flash flash;
  flash.old_image = old_image;
  const Status status = flash.apply(patch);
  // Only the digest of the new image may stop it now; everything else is a refusal.
  return {ok(status) || status == Status::kNewDigest, std::move(flash.new_image)};
}

// Answers: T-35
TEST(DeltaDifferential, BothDecodersAgreeOnValidAndOnChangedDeltas) {
  const std::vector<std::pair<core::Bytes, core::Bytes>> pairs = {
      {make_firmware(60, 0), make_firmware(60, 10)},
      {mixed_bytes(3000, 1), mixed_bytes(2500, 2)},
      {make_firmware(25, 2), mixed_bytes(1700, 3)},
  };
  std::mt19937_64 random(20);
  std::size_t accepted = 0;
  std::size_t refused = 0;
  for (const auto& [old_image, new_image] : pairs) {
    const auto patch = make_mcu_delta(old_image, new_image);
    ASSERT_TRUE(patch);
    const auto slow = slow_mcu_delta(*patch, old_image);
    ASSERT_TRUE(slow);
    ASSERT_EQ(*slow, new_image);
    for (int i = 0; i < 60; ++i) {
      core::Bytes changed = *patch;
      for (std::uint64_t flips = 1 + random() % 3; flips != 0; --flips) {
        const std::size_t at = i % 3 == 0 ? 20 + random() % 12 : 128 + random() % (changed.size() - 128);
        changed[at] ^= static_cast<std::uint8_t>(1U << random() % 8);
      }
      const Outcome product = decode_signed(changed, old_image);
      const auto second = slow_mcu_delta(changed, old_image);
      ASSERT_EQ(product.is_accepted, second.has_value()) << i;
      if (product.is_accepted) {
        ASSERT_EQ(product.image, *second);
      }
      (product.is_accepted ? accepted : refused)++;
    }
  }
  EXPECT_GT(refused, 30U);
  EXPECT_GT(accepted, 5U);
}

// Answers: T-35
TEST(DeltaDifferential, BothDecodersProjectReferencesOfEveryKindAlike) {
  std::mt19937_64 random(31);
  const NumberBelow below = [&](std::uint64_t limit) { return random() % limit; };
  std::set<AreaKind> kinds;
  std::size_t projected = 0;  // bytes that are neither old ones nor coded
  for (int i = 0; i < 150; ++i) {
    ProjectionCase c(below);
    ASSERT_TRUE(c.is_valid());
    // Two chunks of a group; the first, mostly, of a new image that has most old bytes where the map says.
    const std::uint64_t cut = 3000 + below(6000);
    core::Bytes wanted(ProjectionCase::kNewSize, 0x11);
    for (const auto& s : c.map().segments)
      std::copy_n(c.old_image.begin() + static_cast<std::ptrdiff_t>(s.old_at), s.size, wanted.begin() + static_cast<std::ptrdiff_t>(s.new_at));
    for (int k = 0; k < 40; ++k)
      wanted[below(wanted.size())] ^= static_cast<std::uint8_t>(1 + below(255));
    DeltaChunkEncoder<LinuxProfile> encoder(c.map(), c.old_image, wanted);
    std::vector<SlowChunk> chunks{{0, cut, encoder.encode(0, cut)}, {cut, ProjectionCase::kNewSize, encoder.encode(cut, ProjectionCase::kNewSize - cut)}};
    const bool is_valid = i % 3 != 0;
    if (!is_valid)
      for (auto& byte : chunks[1].coded)
        if (below(20) == 0) byte = static_cast<std::uint8_t>(below(256));
    const auto slow = slow_delta_chunks(c.section(), c.old_image, ProjectionCase::kNewSize, chunks);
    ASSERT_TRUE(slow);
    auto state = std::make_unique<DeltaState<LinuxProfile>>();
    for (std::size_t k = 0; k < chunks.size(); ++k) {
      const SlowChunk& chunk = chunks[k];
      const core::Bytes product = c.decode(chunk.from, chunk.to - chunk.from, chunk.coded, *state);
      ASSERT_EQ(product, slow->at(k)) << i;
      if (is_valid) {
        ASSERT_TRUE(std::equal(product.begin(), product.end(), wanted.begin() + static_cast<std::ptrdiff_t>(chunk.from))) << i;
      }
    }
    for (const ReferenceArea& area : c.map().areas)
      kinds.insert(area.kind);
    projected += encoder.shares().differences;
  }
  EXPECT_EQ(kinds.size(), kAreaKindLast);
  EXPECT_GT(projected, 50'000U) << "fields were guessed to differ, or nothing was compared";
}

std::vector<std::uint8_t> slow_cluster(const SlowEncoder& encoder, const std::vector<std::uint8_t>& text,
                                       const std::vector<std::uint8_t>& following, std::uint64_t size) {
  std::vector<std::uint8_t> shown = text;
  shown.insert(shown.end(), following.begin(), following.end());
  std::vector<char> coded(encoder.filter * std::size_t{4096});
  int used = static_cast<int>(shown.size());
  const char* in = reinterpret_cast<const char*>(shown.data());
  std::vector<std::uint64_t> state(static_cast<std::size_t>(LZ4_sizeofStateHC()) / 8 + 1);
  const int made = encoder.codec == 7
                       ? LZ4_compress_destSize(in, coded.data(), &used, static_cast<int>(coded.size()))
                       : LZ4_compress_HC_destSize(state.data(), in, coded.data(), &used, static_cast<int>(coded.size()), static_cast<int>(encoder.level));
  if (made <= 0 || static_cast<std::uint64_t>(made) > size || used != static_cast<int>(text.size())) return {};
  std::vector<std::uint8_t> out(size - static_cast<std::uint64_t>(made));
  out.insert(out.end(), coded.begin(), coded.begin() + made);
  return out;
}

// Codecs of the second decoder: the libraries' simplest calls.
SlowTools slow_tools() {
  using Bytes = std::vector<std::uint8_t>;
  SlowTools tools;
  tools.digest = [](const Bytes& bytes) {
    const auto digest = sim::checker_sha256(bytes);
    return Bytes(digest.begin(), digest.end());
  };
  tools.decode = [](unsigned codec, const Bytes& stored, std::uint64_t size) {
    Bytes text(size);
    uLongf produced = text.size();
    if (codec == 1 && (uncompress(text.data(), &produced, stored.data(), stored.size()) != Z_OK || produced != size)) return Bytes();
    if (codec == 3 && ZSTD_decompress(text.data(), text.size(), stored.data(), stored.size()) != size) return Bytes();
    if (codec == 7 || codec == 8) {
      const auto zeros = std::find_if(stored.begin(), stored.end(), [](std::uint8_t byte) { return byte != 0; }) - stored.begin();
      const int made = LZ4_decompress_safe(reinterpret_cast<const char*>(stored.data() + zeros), reinterpret_cast<char*>(text.data()),
                                           static_cast<int>(stored.size()) - static_cast<int>(zeros), static_cast<int>(text.size()));
      return made == static_cast<int>(text.size()) ? text : Bytes();
    }
    return codec == 1 || codec == 3 ? text : Bytes();
  };
  tools.encode = [](const SlowEncoder& encoder, const Bytes& text, const Bytes& following, std::uint64_t block_size) {
    if (encoder.codec == 7 || encoder.codec == 8) return slow_cluster(encoder, text, following, block_size);
    Bytes coded(text.size() * 2 + 1000);
    uLongf size = coded.size();
    if (encoder.codec == 1 && compress2(coded.data(), &size, text.data(), text.size(), static_cast<int>(encoder.level)) != Z_OK) return Bytes();
    if (encoder.codec == 3) size = ZSTD_compress(coded.data(), coded.size(), text.data(), text.size(), static_cast<int>(encoder.level));
    coded.resize(size);
    return coded;
  };
  return tools;
}

// Answers: T-35
TEST(DeltaDifferential, BothDecodersAgreeOnPayloadsWithRecodedBlocks) {
  const SlowTools tools = slow_tools();
  std::size_t accepted = 0;
  std::size_t refused = 0;
  for (const char* options : {"-comp zstd -b 8192", "-comp gzip -Xcompression-level 5 -b 4096", "-zlz4hc,12", "-zlz4 -C8192"}) {
    const auto make = options[1] == 'z' ? make_erofs : make_squashfs;
    std::mt19937_64 random(4);
    FileTree tree;
    for (const char* name : {"a", "b/c", "b/d"})
      tree[name] = make_text_file(9000 + random() % 9000, random);
    FileTree changed = tree;
    changed["b/c"].insert(changed["b/c"].begin() + 5000, 40, 'x');
    const DeltaPair pair = make_pair(make(tree, options), make(changed, options));
    ASSERT_GT(pair.payload.summary.recoded_blocks, 0U);
    const auto whole = slow_delta_payload(pair.payload.file, pair.old_image.bytes, tools);
    ASSERT_TRUE(whole);
    ASSERT_EQ(*whole, pair.payload.image.bytes);
    const auto pages = page_offsets(pair.payload.file);
    PayloadHeader header;
    ASSERT_TRUE(ok(decode_header(core::ByteView(pair.payload.file).first<kHeaderSize>(), header)));
    const auto section_size = static_cast<std::size_t>(header.auxiliary_size);
    RecodingHeader recoding;
    ASSERT_TRUE(ok(decode_recoding_header(core::ByteView(pair.payload.file).subspan(kHeaderSize, section_size), recoding)));
    const std::size_t lists_at = kRecodingHeaderSize + recoding.settings * kCodecSettingSize;
    SparseDevice old_slot(1U << 20U);
    fill_device(old_slot, pair.old_image.bytes);
    for (int i = 0; i < 80; ++i) {
      core::Bytes file = pair.payload.file;
      if (i % 2 == 0) {  // lists and copy map; the map's header is judged by tests of its own
        const std::size_t map_at = recoding.size();
        std::size_t at = lists_at + random() % (section_size - lists_at);
        if (at >= map_at && at < map_at + kDeltaSectionHeaderSize) at = lists_at;
        file[kHeaderSize + at] ^= static_cast<std::uint8_t>(1U << random() % 8);
        const auto digest = core::sha256(core::ByteView(file).subspan(kHeaderSize, section_size));
        std::copy(digest.bytes.begin(), digest.bytes.end(), file.begin() + 280);
      } else {  // stored bytes of a chunk, its digest in the table made right
        std::size_t at = 0;
        do {
          at = kHeaderSize + section_size + random() % (file.size() - kHeaderSize - section_size);
        } while (is_in_page(pages, at));
        file[at] ^= static_cast<std::uint8_t>(1U << random() % 8);
        resign_chunk(file, pages, at);
      }
      rechain(file, pages);
      SparseDevice slot(1U << 20U);
      const bool is_accepted = install_delta(file, resign(file).reference(), pair.payload.image.reference(), slot,
                                             {&old_slot, pair.old_image.image_digest, pair.old_image.bytes.size()}).has_value();
      const auto second = slow_delta_payload(file, pair.old_image.bytes, tools);
      ASSERT_EQ(is_accepted, second.has_value()) << i;
      if (second) {
        ASSERT_EQ(*second, pair.payload.image.bytes);
      }
      (is_accepted ? accepted : refused)++;
    }
  }
  EXPECT_GT(refused, 80U);
}

}  // namespace
}  // namespace aseptic::payload::tests
