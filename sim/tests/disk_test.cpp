// SPDX-License-Identifier: Apache-2.0
#include "aseptic/sim/disk.h"

#include <gtest/gtest.h>

namespace aseptic::sim {
namespace {

Operation write_op(std::uint64_t offset, std::string_view text) {
  const auto view = core::as_bytes(text);
  return {.kind = OperationKind::kWrite,
          .file = "f",
          .offset = offset,
          .bytes = std::make_shared<core::Bytes>(view.begin(), view.end())};
}
Operation file_op(OperationKind kind, std::string file, std::string_view text = {}) {
  const auto view = core::as_bytes(text);
  return {.kind = kind,
          .file = std::move(file),
          .bytes = std::make_shared<core::Bytes>(view.begin(), view.end())};
}
std::string text_of(const Files& files, const std::string& file) {
  const auto found = files.find(file);
  return found == files.end() ? "(absent)" : std::string(core::as_text(found->second.bytes()));
}

DiskState disk_with(std::string_view text) {
  DiskState disk;
  disk.place("f", PagedBytes(core::as_bytes(text)));
  return disk;
}

TEST(SimDisk, LosesUnflushedWritesAndKeepsFlushedOnes) {
  DiskState disk = disk_with("........");
  disk.apply(write_op(0, "AA"));
  disk.apply({.kind = OperationKind::kFlush, .file = "f"});
  disk.apply(write_op(2, "BB"));
  EXPECT_EQ(text_of(disk.live(), "f"), "AABB....");
  EXPECT_EQ(text_of(disk.cut({false}).live(), "f"), "AA......");
  EXPECT_EQ(text_of(disk.cut({true}).live(), "f"), "AABB....");
}

TEST(SimDisk, KeepsAnySubsetOfPendingWritesInTheirOrder) {
  DiskState disk = disk_with("........");
  disk.apply(write_op(0, "AAAA"));
  disk.apply(write_op(2, "BBBB"));
  EXPECT_EQ(text_of(disk.cut({false, true}).live(), "f"), "..BBBB..");
  EXPECT_EQ(text_of(disk.cut({true, false}).live(), "f"), "AAAA....");
  EXPECT_EQ(text_of(disk.cut({true, true}).live(), "f"), "AABBBB..");
}

TEST(SimDisk, FlushesOneFileOnly) {
  DiskState disk = disk_with("....");
  disk.place("g", PagedBytes(core::as_bytes("....")));
  disk.apply(write_op(0, "AA"));
  disk.apply({.kind = OperationKind::kFlush, .file = "g"});
  EXPECT_EQ(disk.pending_count(), 1U);
}

TEST(SimDisk, TearsTheWriteInProgress) {
  const DiskState disk = disk_with("........");
  const Operation operation = write_op(0, "AAAAAA");
  EXPECT_EQ(text_of(disk.cut(operation, Tear::kNotBegun, {}, 1).live(), "f"), "........");
  EXPECT_EQ(text_of(disk.cut(operation, Tear::kHalf, {}, 1).live(), "f"), "AAA.....");
  EXPECT_EQ(text_of(disk.cut(operation, Tear::kDoneUnacknowledged, {}, 1).live(), "f"), "AAAAAA..");
  const std::string random = text_of(disk.cut(operation, Tear::kRandomBytes, {}, 1).live(), "f");
  EXPECT_NE(random.substr(0, 6), "AAAAAA");
  EXPECT_EQ(random.substr(6), "..");
}

TEST(SimDisk, TearsOneWriteOfTheFlushInProgress) {
  DiskState disk = disk_with("........");
  disk.apply(write_op(0, "AAAA"));
  const Operation flush{.kind = OperationKind::kFlush, .file = "f"};
  EXPECT_EQ(text_of(disk.cut(flush, Tear::kHalf, {false}, 1).live(), "f"), "AA......");
  EXPECT_EQ(text_of(disk.cut(flush, Tear::kDoneUnacknowledged, {false}, 1).live(), "f"), "AAAA....");
}

TEST(SimDisk, ReplacesAtomically) {
  const DiskState disk = disk_with("old");
  const Operation replace = file_op(OperationKind::kReplace, "f", "newer");
  for (const Tear tear : {Tear::kNotBegun, Tear::kHalf, Tear::kRandomBytes})
    EXPECT_EQ(text_of(disk.cut(replace, tear, {}, 1).live(), "f"), "old");
  EXPECT_EQ(text_of(disk.cut(replace, Tear::kDoneUnacknowledged, {}, 1).live(), "f"), "newer");
}

TEST(SimDisk, TearsTheEndOfAnAppendOnly) {
  const DiskState disk = disk_with("one ");
  const Operation append = file_op(OperationKind::kAppend, "f", "two+two");
  EXPECT_EQ(text_of(disk.cut(append, Tear::kNotBegun, {}, 1).live(), "f"), "one ");
  EXPECT_EQ(text_of(disk.cut(append, Tear::kHalf, {}, 1).live(), "f"), "one two");
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    EXPECT_TRUE(text_of(disk.cut(append, Tear::kRandomBytes, {}, seed).live(), "f").starts_with("one "));
  EXPECT_EQ(text_of(disk.cut(append, Tear::kDoneUnacknowledged, {}, 1).live(), "f"), "one two+two");
}

TEST(SimDisk, KeepsMarksAsTheyWereAtTheCut) {
  DiskState disk = disk_with("....");
  disk.apply(file_op(OperationKind::kMark, "therapy", "active"));
  const DiskState left = disk.cut(std::vector<bool>{});
  disk.apply(file_op(OperationKind::kMark, "therapy", "idle"));
  EXPECT_EQ(left.marks().at("therapy"), "active");
}

TEST(SimPagedBytes, CopiesAreIndependent) {
  PagedBytes a(100'000);
  a.write(5000, core::as_bytes("hello"));
  const PagedBytes b = a;
  a.write(5000, core::as_bytes("other"));
  core::Bytes out(5);
  b.read(5000, out);
  EXPECT_EQ(core::as_text(out), "hello");
  EXPECT_FALSE(a == b);
}

TEST(SimPagedBytes, HoldsFarOffsetsSparsely) {
  PagedBytes big(1ULL << 36U);
  big.write((1ULL << 36U) - 3, core::as_bytes("end"));
  EXPECT_EQ(big.allocated_bytes(), PagedBytes::kPageSize);
  big.clear(1ULL << 35U, 1ULL << 35U);
  EXPECT_EQ(big.allocated_bytes(), 0U);
}

TEST(SimPagedBytes, ComparesContentNotAllocation) {
  PagedBytes a(10'000);
  PagedBytes b(10'000);
  a.write(0, core::Bytes(5000, 0));
  EXPECT_TRUE(a == b);
  a.write(4999, core::Bytes(1, 1));
  EXPECT_FALSE(a == b);
}

}  // namespace
}  // namespace aseptic::sim
