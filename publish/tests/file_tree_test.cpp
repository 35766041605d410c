// SPDX-License-Identifier: Apache-2.0
// Images made from a folder of files: with the real mksquashfs, byte for byte the same again, and updated by delta.
#include "aseptic/publish/file_tree.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "aseptic/publish/codes.h"
#include "aseptic/publish/review.h"
#include "payload/make/tests/delta_support.h"
#include "press.h"

namespace aseptic::publish::test {
namespace {

namespace fs = std::filesystem;

core::Bytes bytes_of(const Path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class FileTreeTest : public ::testing::Test {
 protected:
  // A small system: programs with the same text in many places, a configuration, links. `edit` is the only difference of two versions.
  Path tree(const std::string& name, const std::string& edit) {
    const Path root = press.path(name);
    for (const char* folder : {"bin", "etc/app", "lib"}) fs::create_directories(root / folder);
    for (int i = 0; i < 12; ++i) {
      std::string text;
      for (std::uint32_t word = static_cast<std::uint32_t>(i) + 1; text.size() < 40'000; word = word * 1664525 + 1013904223)
        text += (word >> 28) < 10 ? "the same words again and again " : std::to_string(word);
      std::ofstream(root / "lib" / ("part" + std::to_string(i)), std::ios::binary) << text;
    }
    std::ofstream(root / "lib/part5", std::ios::binary | std::ios::app) << edit;
    std::ofstream(root / "etc/app/config") << "version = " << edit << "\n";
    std::ofstream(root / "bin/tool") << "#!/bin/sh\n";
    fs::permissions(root / "bin/tool", fs::perms(0755));
    fs::create_symlink("../lib/part0", root / "bin/link");
    return root;
  }
  ImagePlan plan(const Path& source, int number) const {
    ImagePlan made{.product = *core::Uuid::parse("22222222-2222-4222-8222-222222222222"), .hardware = *core::Uuid::parse("44444444-4444-4444-8444-444444444444"),
                   .component = *core::Uuid::parse("55555555-5555-4555-8555-555555555555"), .hardware_revision_min = 1, .hardware_revision_max = 3,
                   .version = "1." + std::to_string(number) + ".0", .sequence = static_cast<std::uint64_t>(number), .epoch = 1,
                   .regions = {{ImageRegionKind::kTreeVerified, source}}};
    made.tree_salt.bytes.fill(7);
    return made;
  }
  ImageInfo build(const Path& source, int number, const std::string& name) { return must(build_image(plan(source, number), press.image_keys(), press.path(name))); }

  // Both custodians agree to everything.
  void sign(const std::string& name) {
    const auto yes = [](const Presentation&) { return true; };
    BuilderSigner builder = press.builder_signer("p256-builder");
    must(sign_image(press.path(name), must(Agreement::ask(must(review_image(press.path(name), ImageCustodian::kBuilder, std::nullopt)), yes)), builder, {press.log, kNow}));
    ImageReleaseSigner release = press.image_release_signer();
    must(release_image(press.path(name), must(Agreement::ask(must(review_image(press.path(name), ImageCustodian::kRelease, std::nullopt)), yes)),
                       press.key("p256-builder"), release, {press.log, kNow}));
  }

  Press press;
};

// Answers: AP-03
TEST_F(FileTreeTest, AFolderBecomesATreeVerifiedRegionThatIsASquashfs) {
  const ImageInfo info = build(tree("tree", "1"), 1, "image");
  ASSERT_EQ(info.regions.size(), 1u);
  EXPECT_EQ(info.regions[0].kind, ImageRegionKind::kTreeVerified);
  const core::Bytes image = bytes_of(press.path("image"));
  ASSERT_GT(image.size(), info.regions[0].offset + 4);
  EXPECT_EQ(core::as_text(core::ByteView(image).subspan(info.regions[0].offset, 4)), "hsqs");
  std::size_t left = 0;
  for (const auto& entry : fs::directory_iterator(press.path("."))) left += entry.path().filename().string().starts_with("image.") ? 1 : 0;
  EXPECT_EQ(left, 0u) << "nothing of the packing is left";
}

// Answers: AP-03
TEST_F(FileTreeTest, TwoBuildsOfTheSameFilesAreTheSameBytes) {
  const Path first = tree("first", "1");
  fs::copy(first, press.path("second"), fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  for (const auto& entry : fs::recursive_directory_iterator(press.path("second")))
    if (!entry.is_symlink()) fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - std::chrono::hours(10'000));
  ::setenv("SOURCE_DATE_EPOCH", "12345", 1);
  build(first, 1, "one");
  ::unsetenv("SOURCE_DATE_EPOCH");
  build(press.path("second"), 1, "two");
  EXPECT_EQ(bytes_of(press.path("one")), bytes_of(press.path("two")));
  std::ofstream(press.path("second") / "etc/app/config") << "other\n";
  build(press.path("second"), 1, "three");
  EXPECT_NE(bytes_of(press.path("one")), bytes_of(press.path("three")));
}

// Answers: AP-03, DL-01
TEST_F(FileTreeTest, ADeltaBetweenTwoSuchReleasesIsMadeAndApplied) {
  using namespace payload::tests;
  const ImageInfo old_info = build(tree("old", "one"), 1, "old.img");
  const ImageInfo new_info = build(tree("new", "another"), 2, "new.img");
  for (const char* image : {"old.img", "new.img"}) sign(image);
  const core::Bytes old_image = bytes_of(press.path("old.img"));
  const core::Bytes new_image = bytes_of(press.path("new.img"));
  const auto made = must(payload::make_delta_payload_file(press.path("old.img").string(), press.path("new.img").string(), press.path("delta").string(), {.shorten = false}));
  const auto full = must(payload::make_payload_file(press.path("new.img").string(), press.path("full").string()));
  EXPECT_LT(made.payload_size * 3, full.payload_size);
  SparseDevice running(1U << 22U), slot(1U << 22U);
  fill_device(running, old_image);
  const payload::ImageReference image{trust::DigestIssuer::issue(new_info.manifest_digest), trust::DigestIssuer::issue(new_info.image_digest), new_info.image_size};
  must(install_delta(bytes_of(press.path("delta")), {trust::DigestIssuer::issue(made.header_digest), made.payload_size}, image, slot,
                     {&running, old_info.image_digest, old_info.image_size}));
  core::Bytes written = slot.content();
  written.resize(new_image.size());
  EXPECT_EQ(written, new_image);
}

TEST_F(FileTreeTest, RefusesWhatNoFileCanVouchForAndAnEmptyFolder) {
  const Path root = tree("tree", "1");
  ASSERT_EQ(::mkfifo((root / "etc/fifo").c_str(), 0600), 0);
  EXPECT_TRUE(pack_file_tree(root, press.path("out")).error().is(PublishCode::kInput));
  EXPECT_FALSE(fs::exists(press.path("out")));
  fs::create_directory(press.path("empty"));
  EXPECT_TRUE(pack_file_tree(press.path("empty"), press.path("out")).error().is(PublishCode::kInput));
  EXPECT_TRUE(pack_file_tree(press.path("none"), press.path("out")).error().is(PublishCode::kFileIo));
}

}  // namespace
}  // namespace aseptic::publish::test
