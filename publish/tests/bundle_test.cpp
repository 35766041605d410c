// SPDX-License-Identifier: Apache-2.0
// The bundle that goes onto a stick: what is in it, and that it is the same whoever makes it. The readers are the device's and GNU tar.
#include "aseptic/publish/bundle.h"

#include <gtest/gtest.h>

#include <fstream>

#include "aseptic/fetch/bundle.h"
#include "aseptic/publish/codes.h"
#include "press.h"
#include "tests/support/run_program.h"

namespace aseptic::publish::test {
namespace {

namespace fs = std::filesystem;

class BundleWriting : public ::testing::Test {
 protected:
  BundleWriting() {
    press.publish_first();
    SigningFile edition = press.edition();
    for (const auto& [path, content] : {std::pair<std::string, std::string>{"a/one", "first"}, {"a/two", std::string(70'000, '2')}, {"empty", ""}}) {
      contents["targets/" + path] = content;
      must(add_target(edition.document, must(press.repository().store_target(path, core::as_bytes(content)))));
    }
    must(press.publish_targets(edition));
    // Published once, listed no more.
    must(press.repository().store_target("forgotten", core::as_bytes("forgotten")));
  }
  std::string bundle(const std::string& name = "bundle") {
    must(write_bundle(press.repository_path(), std::nullopt, press.path(name)));
    return press.read(press.path(name));
  }

  Press press;
  std::map<std::string, std::string> contents;
};

// Answers: AP-07
TEST_F(BundleWriting, HoldsWhatTodaysMetadataNamesAndNothingElse) {
  const std::string bytes = bundle();
  const auto index = must(fetch::BundleIndex::read(bytes.size(), [&](std::uint64_t offset, core::ByteSpan out) -> core::Result<void> {
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  }));
  std::map<std::string, std::string> expected = contents;
  for (const char* name : {"metadata/1.root.json", "metadata/2.snapshot.json", "metadata/2.targets.json", "metadata/1.payload-index.json", "metadata/timestamp.json"})
    expected[name] = press.read(press.repository_path() / name);
  std::map<std::string, std::string> held;
  for (const fetch::BundleEntry& entry : index.entries()) held[entry.path] = bytes.substr(entry.offset, entry.size);
  EXPECT_EQ(held, expected);
}

// Answers: AP-07
TEST_F(BundleWriting, GivesTheSameBytesWhoeverWritesItWhenever) {
  const std::string first = bundle();
  fs::copy(press.repository_path(), press.path("copy"), fs::copy_options::recursive);
  for (const auto& entry : fs::recursive_directory_iterator(press.path("copy"))) {
    fs::permissions(entry.path(), fs::perms::owner_all);
    fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - std::chrono::hours(1000));
  }
  const BundleInfo info = must(write_bundle(press.path("copy"), std::nullopt, press.path("second")));
  EXPECT_EQ(press.read(press.path("second")), first);
  EXPECT_EQ(info.sha256, core::sha256(first));
  EXPECT_EQ(info.bytes, first.size());
}

// Answers: AP-07
TEST_F(BundleWriting, IsATarThatGnuTarLists) {
  bundle();
  const auto listed = aseptic::test::run_program({"/bin/tar", "--list", "--verbose", "--file", press.path("bundle").string()});
  EXPECT_EQ(listed.exit_status, 0) << listed.err;
  EXPECT_EQ(listed.err, "");
  EXPECT_NE(listed.out.find("-rw-r--r-- 0/0           70000 1970-01-01"), std::string::npos) << listed.out;
  EXPECT_NE(listed.out.find("targets/a/two"), std::string::npos);
}

TEST_F(BundleWriting, RefusesAFileThatIsNotWhatItsMetadataSays) {
  for (const auto& entry : fs::directory_iterator(press.repository_path() / "targets/a"))
    if (entry.path().string().ends_with(".one")) std::ofstream(entry.path(), std::ios::binary) << "other";
  EXPECT_TRUE(write_bundle(press.repository_path(), std::nullopt, press.path("bundle")).error().is(PublishCode::kUnverifiable));
  EXPECT_FALSE(fs::exists(press.path("bundle")));
  EXPECT_FALSE(fs::exists(press.path("bundle.new")));
}

TEST_F(BundleWriting, RefusesANameThatAHeaderCannotHold) {
  SigningFile edition = press.edition();
  must(add_target(edition.document, must(press.repository().store_target(std::string(101, 'n'), core::as_bytes("x")))));
  must(press.publish_targets(edition));
  EXPECT_TRUE(write_bundle(press.repository_path(), std::nullopt, press.path("bundle")).error().is(PublishCode::kTargetPath));
}

}  // namespace
}  // namespace aseptic::publish::test
