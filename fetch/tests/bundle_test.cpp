// SPDX-License-Identifier: Apache-2.0
// A repository in one file: what is read in place, and each reason for which all of it is refused.
#include "aseptic/fetch/bundle.h"

#include <gtest/gtest.h>

#include "aseptic/fetch/codes.h"
#include "tar_maker.h"

namespace aseptic::fetch {
namespace {

using test::set_checksum;
using test::tar_end;
using test::tar_entry;
using test::tar_header;

core::Result<BundleIndex> read(const std::string& tar) {
  return BundleIndex::read(tar.size(), [&](std::uint64_t offset, core::ByteSpan out) -> core::Result<void> {
    EXPECT_LE(offset + out.size(), tar.size()) << "reads behind the end";
    std::copy_n(tar.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  });
}

std::string good() { return tar_entry("metadata/timestamp.json", "{}"); }

// Empty: accepted.
std::string refusal(const std::string& tar) {
  const auto index = read(tar);
  if (index) return "";
  EXPECT_TRUE(index.error().is(FetchCode::kBundle));
  return index.error().sentence();
}
void expect_refused(const std::string& entry, const std::string& reason) {
  for (const std::string& tar : {entry + good() + tar_end(), good() + entry + tar_end()})
    EXPECT_NE(refusal(tar).find(reason), std::string::npos) << reason << ": " << refusal(tar);
}
void expect_header_refused(const std::function<void(std::string&)>& edit, const std::string& reason) {
  expect_refused(tar_entry("targets/x", "12345", edit), reason);
}

// Answers: AP-07
TEST(Bundle, FindsEachFileWhereItLies) {
  const std::string long_name(90, 'n');
  const std::string tar = tar_entry("targets/payloads/a", std::string(513, 'a')) + tar_entry("metadata/1.root.json", "") +
                          tar_entry("payloads/" + long_name, "b", [](std::string& h) { h.replace(345, 7, "targets"); }) + tar_end();
  const auto index = read(tar);
  ASSERT_TRUE(index) << index.error().sentence();
  EXPECT_EQ(index->entries().size(), 3u);
  const BundleEntry* first = index->find("targets/payloads/a");
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(tar.substr(first->offset, first->size), std::string(513, 'a'));
  ASSERT_NE(index->find("metadata/1.root.json"), nullptr);
  EXPECT_EQ(index->find("metadata/1.root.json")->size, 0u);
  const BundleEntry* prefixed = index->find("targets/payloads/" + long_name);
  ASSERT_NE(prefixed, nullptr);
  EXPECT_EQ(tar[prefixed->offset], 'b');
  EXPECT_EQ(index->find("targets/payloads"), nullptr);
  EXPECT_EQ(index->find("metadata/2.root.json"), nullptr);
}

// Answers: AP-07, T-41
TEST(Bundle, T41_RefusesNamesThatAreNoFilesOfARepository) {
  for (const char* name : {"/etc/passwd", "../metadata/x", "metadata/../../x", "metadata/..", "metadata/.", "metadata//x", "./metadata/x",
                           "metadata/", "metadata", "boot/journal.bin", "targets/.hidden", "targets/a\\b", "targets/a\nb", "", "targets/a/b/c/d/e/f/g/h"})
    expect_refused(tar_entry(name, "x"), "names a path that is not one of a repository's files");
  EXPECT_EQ(refusal(tar_entry("targets/a/b/c/d/e/f/g", "x") + tar_end()), "") << "eight names";
  expect_header_refused([](std::string& h) { h.replace(345, 2, ".."); }, "names a path");
  expect_header_refused([](std::string& h) { h.replace(345, 4, "/etc"); }, "names a path");
}

// Answers: AP-07, T-41
TEST(Bundle, T41_RefusesLinksDevicesFoldersAndFifos) {
  for (const char type : {'1', '2', '3', '4', '5', '6'}) expect_header_refused([&](std::string& h) { h[156] = type; }, "is no regular file's");
  // A link with a content, a folder with a content, a regular file with a goal.
  expect_header_refused([](std::string& h) { h[156] = '2'; h.replace(157, 11, "/etc/shadow"); }, "is no regular file's");
  expect_header_refused([](std::string& h) { h.replace(157, 11, "/etc/shadow"); }, "names a link's goal");
  expect_header_refused([](std::string& h) { h.replace(329, 7, "0000008"); }, "has a device number");
  expect_header_refused([](std::string& h) { h.replace(337, 7, "0000001"); }, "has a device number");
}

// Answers: AP-07, T-41
TEST(Bundle, T41_RefusesExtensionsThatGiveNamesAndSizesASecondMeaning) {
  for (const char type : {'x', 'g', 'L', 'K', 'S', 'V', 'M', 'D', 'X', '7', 'A', '\0'}) expect_header_refused([&](std::string& h) { h[156] = type; }, "is an extension");
  expect_header_refused([](std::string& h) { h.replace(257, 8, std::string("ustar  \0", 8)); }, "is not ustar");
  expect_header_refused([](std::string& h) { h.replace(257, 8, std::string(8, '\0')); }, "is not ustar");
  expect_header_refused([](std::string& h) { h.replace(263, 2, "01"); }, "is not ustar");
  expect_header_refused([](std::string& h) { h.replace(124, 12, std::string("\x80\0\0\0\0\0\0\0\0\0\0\5", 12)); }, "has a size that is not octal");
}

// Answers: AP-07, T-41
TEST(Bundle, T41_RefusesPermissionsThatRaise) {
  for (const char* mode : {"0004755", "0002755", "0001755", "0100644", "7777777"}) expect_header_refused([&](std::string& h) { h.replace(100, 7, mode); }, "has permissions beyond 0777");
  EXPECT_EQ(refusal(tar_entry("targets/x", "x", [](std::string& h) { h.replace(100, 7, "0000777"); }) + tar_end()), "");
}

// Answers: AP-07, T-41
TEST(Bundle, T41_RefusesASecondFileOfOneName) {
  expect_refused(tar_entry("metadata/timestamp.json", "{\"second\":1}"), "names a file that the bundle has already");
  expect_refused(tar_entry("timestamp.json", "{}", [](std::string& h) { h.replace(345, 8, "metadata"); }), "names a file that the bundle has already");
}

// Answers: AP-07, T-41
TEST(Bundle, T41_RefusesWhatHidesBehindFields) {
  expect_header_refused([](std::string& h) { h.replace(20, 4, "evil"); }, "has bytes behind a name's end");
  expect_header_refused([](std::string& h) { h.replace(400, 4, "evil"); }, "has bytes behind a name's end");
  expect_header_refused([](std::string& h) { h.replace(280, 4, "evil"); }, "has bytes behind a name's end");
  expect_header_refused([](std::string& h) { h.replace(300, 4, "evil"); }, "has bytes behind a name's end");
  expect_header_refused([](std::string& h) { h.replace(505, 1, "x"); }, "has bytes behind its fields");
  expect_header_refused([](std::string& h) { h.replace(108, 8, "  000000"); }, "has a number that is not octal");
  expect_header_refused([](std::string& h) { h.replace(136, 12, "000000000009"); }, "has a number that is not octal");
  expect_header_refused([](std::string& h) { h.replace(116, 8, "00000000"); }, "has a number that is not octal");
  expect_header_refused([](std::string& h) { h.replace(124, 12, "000000000005"); }, "has a size that is not octal");
  expect_header_refused([](std::string& h) { h.replace(124, 12, std::string(12, '\0')); }, "has a size that is not octal");
}

// Answers: AP-07, T-41
TEST(Bundle, T41_RefusesAWrongChecksum) {
  std::string entry = tar_entry("targets/x", "12345");
  entry[3] ^= 1;
  expect_refused(entry, "has a wrong checksum");
  entry = tar_entry("targets/x", "12345");
  entry.replace(148, 8, "12345678");
  expect_refused(entry, "has a wrong checksum");
}

// Answers: AP-07, T-42
TEST(Bundle, T42_RefusesSizesBeyondTheFile) {
  const std::string end = good() + tar_end();
  for (const std::uint64_t size : {std::uint64_t{2049}, std::uint64_t{10} << 20, std::uint64_t{077777777777}})
    EXPECT_NE(refusal(tar_header("targets/x", size) + end).find("has a size beyond the bundle"), std::string::npos) << size;
  // One that swallows the end blocks.
  EXPECT_NE(refusal(tar_header("targets/x", end.size()) + end).find("the bundle ends before its end blocks"), std::string::npos);
  EXPECT_NE(refusal(tar_header("targets/x", end.size() - 512) + end).find("two to twenty zero blocks"), std::string::npos);
}

// Answers: AP-07, T-42
TEST(Bundle, T42_RefusesMoreFilesThanItsCapBeforeItKeepsThem) {
  std::string tar;
  for (std::size_t i = 0; i < kBundleEntriesMax; ++i) tar += tar_header("targets/" + std::to_string(i), 0);
  EXPECT_EQ(refusal(tar + tar_end()), "");
  EXPECT_NE(refusal(tar + good() + tar_end()).find("a bundle has at most 16384 files"), std::string::npos);
}

// Answers: AP-07
TEST(Bundle, RefusesAnythingButZerosAtItsEnd) {
  EXPECT_EQ(refusal(good() + tar_end()), "");
  EXPECT_EQ(refusal(good() + std::string(20 * 512, '\0')), "") << "as tar programs fill up their last record";
  EXPECT_NE(refusal(good() + std::string(512, '\0')), "");
  EXPECT_NE(refusal(good() + std::string(21 * 512, '\0')), "");
  EXPECT_NE(refusal(good()), "");
  EXPECT_NE(refusal(good() + tar_end() + "x"), "");
  EXPECT_NE(refusal(good() + tar_end() + good()).find("is followed by something"), std::string::npos);
  EXPECT_NE(refusal(tar_end()).find("there is no file"), std::string::npos);
  EXPECT_NE(refusal(""), "");
  for (std::size_t cut = 0; cut < good().size() + tar_end().size(); cut += 100) EXPECT_NE(refusal((good() + tar_end()).substr(0, cut)), "") << cut;
}

// Answers: DL-06
TEST(Bundle, SaysThatTheMediumFailedAndNotThatTheBundleIsWrong) {
  const auto index = BundleIndex::read(4096, [](std::uint64_t, core::ByteSpan) -> core::Result<void> { return core::Error(FetchCode::kConfiguration, "gone"); });
  ASSERT_FALSE(index);
  EXPECT_FALSE(index.error().is(FetchCode::kBundle));
}

// Any single changed bit of a header is noticed, wherever it stands: there is no field that two readers could read differently.
TEST(Bundle, RefusesEveryChangedBitOfAHeader) {
  const std::string tar = good() + tar_end();
  for (std::size_t bit = 0; bit < 512 * 8; ++bit) {
    std::string changed = tar;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    EXPECT_NE(refusal(changed), "") << bit;
  }
}

}  // namespace
}  // namespace aseptic::fetch
