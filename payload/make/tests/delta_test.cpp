// SPDX-License-Identifier: Apache-2.0
// Delta payloads from the maker to the slot: sizes, binding to the base, resume, and what a changed byte does.
#include <gtest/gtest.h>

#include <random>

#include "delta_support.h"
#include "rechain.h"

namespace aseptic::payload::tests {
namespace {

class DeltaPayload : public testing::Test {
 protected:
  static const DeltaPair& pair() {
    static const DeltaPair made = program_pair();
    return made;
  }
  DeltaPayload() { fill_device(old_slot_, pair().old_image.bytes); }
  BaseSlot base() { return {&old_slot_, pair().old_image.image_digest, pair().old_image.bytes.size()}; }

  SparseDevice old_slot_{1U << 20U};
  SparseDevice slot_{1U << 20U};
};

// Answers: DL-01
TEST_F(DeltaPayload, GivesBackTheImageAndIsAFractionOfIt) {
  const TestPayload& payload = pair().payload;
  EXPECT_GT(payload.summary.chunks_delta, 3U);
  const TestPayload full = make_test_payload(payload.image, delta_options());
  EXPECT_LT(payload.file.size() * 4, full.file.size());
  const auto done = install_delta(payload.file, payload.reference(), payload.image.reference(), slot_, base());
  EXPECT_TRUE(done) << done.error().sentence();
}

// What does not fit into the suffix array costs bytes and never correctness (each delta made is applied and compared).
// Answers: AP-03
TEST_F(DeltaPayload, OldTextAboveTheLimitCostsBytesAndNeverCorrectness) {
  std::size_t before = 0;
  for (const std::uint64_t text_max : {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{40'000}, ~std::uint64_t{0}}) {
    MakeOptions options = delta_options();
    options.delta_text_max = text_max;
    const DeltaPair pair = program_pair();
    MemoryImage old_image(pair.old_image.bytes), new_image(pair.payload.image.bytes);
    MemoryPayload out;
    const auto made = make_delta_payload(old_image, new_image, out, options);
    if (!made) {
      EXPECT_TRUE(made.error().is(PayloadCode::kOptions)) << made.error().sentence();
      continue;
    }
    if (before != 0) {
      EXPECT_LE(made->payload_size, before + before / 10) << text_max;
    }
    before = made->payload_size;
  }
  EXPECT_NE(before, 0u);
}

TEST_F(DeltaPayload, ProjectsTheReferencesOfAProgram) {
  const core::Bytes old_program = make_program({});
  const core::Bytes new_program = make_program({.insert_at = 200});
  std::size_t differing = 0;  // what a byte-wise delta would have to say
  for (std::size_t i = 0; i < std::min(old_program.size(), new_program.size()); ++i)
    differing += old_program[i] != new_program[i] ? 1U : 0U;
  EXPECT_GT(differing, 5000U);
  const DeltaPair made = make_pair(old_program, new_program);
  EXPECT_LT(made.payload.file.size(), 4200U) << "header, table and 40 new bytes";
}

// Chunks of several pieces that moved by different distances, none of which changed.
TEST_F(DeltaPayload, AChunkThatOnlyMovedCostsItsDigest) {
  std::mt19937 random(5);
  core::Bytes old_program(200'000);
  for (std::uint8_t& byte : old_program) byte = static_cast<std::uint8_t>(random());
  core::Bytes new_program;
  for (std::size_t at = 0; at < old_program.size(); at += 5000)
    new_program.insert(new_program.end(), old_program.begin() + static_cast<std::ptrdiff_t>(at) + 3, old_program.begin() + static_cast<std::ptrdiff_t>(at) + 5000);
  const DeltaPair made = make_pair(old_program, new_program);
  SparseDevice old_slot(1U << 20U);
  fill_device(old_slot, made.old_image.bytes);
  const BaseSlot from{&old_slot, made.old_image.image_digest, made.old_image.bytes.size()};
  EXPECT_TRUE(install_delta(made.payload.file, made.payload.reference(), made.payload.image.reference(), slot_, from));
  const auto pages = page_offsets(made.payload.file);
  std::size_t copies = 0, others = 0;
  for (const PagePlace& page : pages) {
    for (std::size_t entry = page.offset + kPageHeaderSize; entry < page.offset + page.size; entry += kEntrySize) {
      boot::Le32 stored_size;
      std::copy_n(made.payload.file.begin() + static_cast<std::ptrdiff_t>(entry) + 4, 4, stored_size.raw);
      const bool is_copy = static_cast<Encoding>(made.payload.file[entry]) == Encoding::kDelta && stored_size.get() == 32;
      (is_copy ? copies : others) += 1;
      if (!is_copy) continue;
      // The table names other new bytes than the copy gives.
      core::Bytes file = made.payload.file;
      file[entry + 64] ^= 1U;
      rechain(file, pages);
      SparseDevice slot(1U << 20U);
      const auto refused = install_delta(file, resign(file).reference(), made.payload.image.reference(), slot, from);
      ASSERT_FALSE(refused);
      EXPECT_TRUE(refused.error().is(PayloadCode::kChunkDecode)) << refused.error().sentence();
    }
  }
  EXPECT_GT(copies, others);
}

TEST_F(DeltaPayload, DoesNotDependOnTheNumberOfWorkers) {
  MakeOptions options = delta_options();
  options.workers = 1;
  const core::Bytes old_program = make_program({});
  const core::Bytes new_program = make_program({.insert_at = 10, .change = 500});
  EXPECT_EQ(make_pair(old_program, new_program).payload.file, make_pair(old_program, new_program, options).payload.file);
}

// Answers: VF-03
TEST_F(DeltaPayload, RefusesAnotherBaseOfTheSameSizeBeforeAnyWrite) {
  const TestPayload& payload = pair().payload;
  BaseSlot other = base();
  other.image_digest.bytes[0] ^= 1U;
  const auto refused = install_delta(payload.file, payload.reference(), payload.image.reference(), slot_, other);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(PayloadCode::kBase));
  EXPECT_TRUE(slot_.blocks.empty());
  const auto none = install_delta(payload.file, payload.reference(), payload.image.reference(), slot_, {});
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().is(PayloadCode::kBase));
  BaseSlot shorter = base();
  shorter.image_size -= kBlockSize;
  const auto of_other_size = install_delta(payload.file, payload.reference(), payload.image.reference(), slot_, shorter);
  ASSERT_FALSE(of_other_size);
  EXPECT_TRUE(of_other_size.error().is(PayloadCode::kBase));
  EXPECT_TRUE(slot_.blocks.empty());
}

TEST_F(DeltaPayload, RefusesToWriteOverItsOwnBase) {
  const TestPayload& payload = pair().payload;
  const core::Bytes before = old_slot_.content();
  const auto refused = install_delta(payload.file, payload.reference(), payload.image.reference(), old_slot_, base());
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(PayloadCode::kBase));
  EXPECT_EQ(old_slot_.content(), before);
}

TEST_F(DeltaPayload, ComparesTheCopyMapsDigestBeforeItDecodesTheMap) {
  const TestPayload& payload = pair().payload;
  for (std::size_t at = 0; at < payload.summary.auxiliary_size; at += 3) {
    core::Bytes file = payload.file;
    file[kHeaderSize + at] ^= 1U;
    const auto refused = install_delta(file, payload.reference(), payload.image.reference(), slot_, base());
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(PayloadCode::kAuxiliaryDigest));
  }
}

TEST_F(DeltaPayload, RefusesOldBytesThatChangedUnderIt) {
  const ChangedBaseTrials trials = try_changed_bases(pair(), 3001);
  EXPECT_GT(trials.refused, 20U);
  EXPECT_EQ(trials.refused_for_another_reason, 0U);
}

// Answers: DL-02
TEST_F(DeltaPayload, EveryChangedByteOfTheFileIsRefused) {
  const TestPayload& payload = pair().payload;
  for (std::size_t at = kHeaderSize; at < payload.file.size(); at += at < 2000 ? 7 : 131) {
    core::Bytes file = payload.file;
    file[at] ^= 0x40U;
    SparseDevice slot(1U << 20U);
    const auto done = install_delta(file, payload.reference(), payload.image.reference(), slot, base());
    ASSERT_FALSE(done) << "at " << at;
  }
}

// Answers: DL-03
TEST_F(DeltaPayload, ResumesAfterEveryChunk) {
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
      for (std::size_t at = 0; at < payload.file.size() && first->progress().chunks_done < cut; ++at)
        ASSERT_TRUE(first->feed(at, core::ByteView(payload.file).subspan(at, 1)));
      progress = first->progress();
    }
    const auto done = install_delta(payload.file, payload.reference(), payload.image.reference(), slot, base(),
                                    {.hint = {progress.chunks_durable}});
    ASSERT_TRUE(done) << "cut " << cut << ": " << done.error().sentence();
  }
}

// Killed at a random byte, again and again until it is done: what was durable is kept, the rest is made again.
// Answers: DL-03
TEST_F(DeltaPayload, ResumesAtTwoHundredRandomPoints) {
  std::mt19937_64 random(20261123);
  const auto header = pair().payload.verify();
  ASSERT_TRUE(header);
  for (int kills = 0; kills < 200;) {
    SparseDevice slot(pair().payload.image.bytes.size());
    ResumeHint hint;
    for (bool is_done = false; !is_done;) {
      auto installer = PayloadInstaller::begin(*header, slot, hint, {.flush_every_bytes = 1}, base());
      ASSERT_TRUE(installer) << installer.error().sentence();
      std::uint64_t budget = random() % pair().payload.file.size();
      while (!installer->is_complete() && budget != 0) {
        const auto at = static_cast<std::size_t>(installer->next_offset());
        const auto size = static_cast<std::size_t>(std::min(installer->wanted_bytes(), budget));
        ASSERT_TRUE(installer->feed(at, core::ByteView(pair().payload.file).subspan(at, size)));
        budget -= size;
      }
      is_done = installer->is_complete();
      if (is_done) {
        ASSERT_TRUE(installer->finish());
      } else {
        ++kills;
      }
      hint.chunks_written = installer->progress().chunks_durable;
    }
    ASSERT_EQ(slot.content(), pair().payload.image.bytes) << "after " << kills << " kills";
  }
}

TEST_F(DeltaPayload, KeepsWholeGroupsOnAResumeAndMakesTheLastOneAgain) {
  const TestPayload& payload = pair().payload;
  ASSERT_TRUE(install_delta(payload.file, payload.reference(), payload.image.reference(), slot_, base()));
  const auto header = payload.verify();
  const std::uint64_t chunks = (*header)->chunk_count;
  auto all = PayloadInstaller::begin(*header, slot_, {chunks}, {}, base());
  ASSERT_TRUE(all && all->feed(0, payload.file));
  EXPECT_GT(all->progress().chunks_kept, chunks / 2);
  EXPECT_EQ(all->progress().bytes_written, 0U);
  // One byte of a group's last chunk: the group is made again, from its start, and nothing else.
  core::Bytes block(kBlockSize);
  ASSERT_TRUE(slot_.read(5 * 8192, block));
  block[9] ^= 1U;
  ASSERT_TRUE(slot_.write(5 * 8192, block));
  auto again = PayloadInstaller::begin(*header, slot_, {chunks}, {}, base());
  ASSERT_TRUE(again && again->feed(0, payload.file) && again->finish());
  EXPECT_GT(again->progress().bytes_written, 0U);
  EXPECT_LE(again->progress().bytes_written, 3U * 8192U);
  EXPECT_TRUE(measure_slot(slot_, payload.image.reference()));
}

// Signed by somebody who signs anything: what comes out of a base is compared before it is written.
TEST_F(DeltaPayload, RefusesChunksThatDoNotDecodeToTheBytesOfTheTable) {
  const TestPayload& payload = pair().payload;
  const auto pages = page_offsets(payload.file);
  std::size_t refusals = 0;
  for (const PagePlace& page : pages) {
    for (std::size_t entry = page.offset + kPageHeaderSize; entry < page.offset + page.size; entry += kEntrySize) {
      const auto encoding = static_cast<Encoding>(payload.file[entry]);
      if (encoding != Encoding::kDelta && encoding != Encoding::kCopyFromSlot) continue;
      core::Bytes file = payload.file;
      file[entry + 64] ^= 1U;
      rechain(file, pages);
      SparseDevice slot(1U << 20U);
      const auto done = install_delta(file, resign(file).reference(), payload.image.reference(), slot, base());
      ASSERT_FALSE(done);
      EXPECT_TRUE(done.error().is(encoding == Encoding::kDelta ? PayloadCode::kChunkDecode : PayloadCode::kBase));
      ++refusals;
    }
  }
  EXPECT_GT(refusals, 3U);
}

TEST_F(DeltaPayload, RefusesADeltaChunkWhoseGroupWasNeverStarted) {
  const TestPayload& payload = pair().payload;
  const auto pages = page_offsets(payload.file);
  std::size_t tried = 0;
  for (const PagePlace& page : pages) {
    std::size_t index = 0;
    for (std::size_t entry = page.offset + kPageHeaderSize; entry < page.offset + page.size; entry += kEntrySize, ++index) {
      if (static_cast<Encoding>(payload.file[entry]) != Encoding::kDelta || index < 2) continue;
      core::Bytes file = payload.file;
      const std::size_t first = static_cast<std::size_t>(&page - pages.data()) * delta_options().page_entries;
      file[entry + 8] = static_cast<std::uint8_t>(file[entry + 8] == first + 1 ? first : first + 1);
      rechain(file, pages);
      SparseDevice slot(1U << 20U);
      const auto done = install_delta(file, resign(file).reference(), payload.image.reference(), slot, base());
      ASSERT_FALSE(done);
      EXPECT_TRUE(done.error().is(PayloadCode::kPageInvalid) || done.error().is(PayloadCode::kChunkDecode)) << done.error().sentence();
      tried += done.error().is(PayloadCode::kPageInvalid) ? 1 : 0;
    }
  }
  EXPECT_GT(tried, 0U);
}

TEST_F(DeltaPayload, RefusesTableEntriesThatStartFromTheWrongPlace) {
  PayloadHeader header;
  header.image_size = 8 * 8192;
  header.chunk_size = 8192;
  header.chunk_count = 8;
  header.page_entries = 4;
  header.page_count = 2;
  header.encodings = kEncodingsSupported;
  header.base_image_size = 5 * 8192;
  Digest some{};
  some.fill(1);
  const auto check = [&](std::uint64_t chunk, const ChunkEntry& entry) {
    core::Bytes page(page_size(4));
    encode_page_header(chunk / 4, 4, {chunk < 4 ? some : Digest{}}, page);
    for (std::uint32_t i = 0; i < 4; ++i)
      encode_entry({Encoding::kZero, 0, 8192, {}, {}},
                   core::ByteSpan(page).subspan(kPageHeaderSize + i * kEntrySize).first<kEntrySize>());
    encode_entry(entry, core::ByteSpan(page).subspan(kPageHeaderSize + chunk % 4 * kEntrySize).first<kEntrySize>());
    PageLink next;
    return check_page(header, chunk / 4, page, next);
  };
  const auto delta = [&](std::uint64_t group) { return ChunkEntry{Encoding::kDelta, 100, 8192, some, some, group}; };
  EXPECT_EQ(check(6, delta(6)), Status::kOk);
  EXPECT_EQ(check(6, delta(4)), Status::kOk);
  EXPECT_EQ(check(6, delta(3)), Status::kBadSource) << "on the page in front";
  EXPECT_EQ(check(6, delta(7)), Status::kBadSource) << "behind itself";
  EXPECT_EQ(check(6, delta(~0ULL)), Status::kBadSource);
  const auto copy = [&](std::uint64_t from) { return ChunkEntry{Encoding::kCopyFromSlot, 0, 8192, {}, some, from}; };
  EXPECT_EQ(check(1, copy(0)), Status::kOk);
  EXPECT_EQ(check(1, copy(4 * 8192)), Status::kOk);
  EXPECT_EQ(check(1, copy(4 * 8192 + 1)), Status::kBadSource);
  EXPECT_EQ(check(1, copy(~0ULL - 4095)), Status::kBadSource) << "offset + size wraps";
  EXPECT_EQ(check(1, {Encoding::kRaw, 8192, 8192, some, some, 1}), Status::kReservedNotZero);
  EXPECT_EQ(check(1, {Encoding::kDelta, 31, 8192, some, some, 1}), Status::kBadStoredSize);
  EXPECT_EQ(check(1, {Encoding::kDelta, 8192, 8192, some, some, 1}), Status::kBadStoredSize);
  EXPECT_EQ(check(1, {Encoding::kCopyFromSlot, 1, 8192, {}, some, 0}), Status::kBadStoredSize);
  EXPECT_EQ(check(1, {Encoding::kCopyFromSlot, 0, 8192, some, some, 0}), Status::kBadEntryDigest);
}

TEST_F(DeltaPayload, RefusesImagesThatHaveNothingInCommon) {
  const TestImage old_image = make_image_of(core::Bytes(64 * 1024, 0), 1);
  const TestImage new_image = make_image_of(mixed_bytes(64 * 1024, 99), 2);
  MemoryImage base(old_image.bytes);
  MemoryImage image(new_image.bytes);
  MemoryPayload out;
  const auto made = make_delta_payload(base, image, out, delta_options());
  if (made) {  // the manifest's pages may still be worth a delta; then it must give back the image
    SparseDevice old_slot(1U << 20U);
    fill_device(old_slot, old_image.bytes);
    const TestPayload payload{new_image, out.content, *made};
    EXPECT_TRUE(install_delta(payload.file, payload.reference(), new_image.reference(), slot_,
                              {&old_slot, old_image.image_digest, old_image.bytes.size()}));
  } else {
    EXPECT_TRUE(made.error().is(PayloadCode::kOptions));
  }
}

}  // namespace
}  // namespace aseptic::payload::tests
