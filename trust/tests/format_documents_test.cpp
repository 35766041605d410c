// SPDX-License-Identifier: Apache-2.0
// The examples in docs/formats are what the code writes.
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "expect.h"
#include "samples.h"

namespace aseptic::trust::test {
namespace {

std::string page_text(const std::string& path) {
  std::ifstream in(std::string(ASEPTIC_SOURCE_DIR) + "/" + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> json_blocks(const std::string& page) {
  const std::string text = page_text("docs/formats/" + page);
  std::vector<std::string> blocks;
  constexpr std::string_view kOpen = "```json\n", kClose = "```";
  for (std::size_t at = text.find(kOpen); at != std::string::npos; at = text.find(kOpen, at)) {
    at += kOpen.size();
    blocks.push_back(text.substr(at, text.find(kClose, at) - at));
  }
  return blocks;
}

void expect_example(const std::string& page, const core::JsonValue& sample) {
  for (const std::string& block : json_blocks(page))
    if (block == core::pretty_json(sample)) return;
  ADD_FAILURE() << page << " does not show:\n" << core::pretty_json(sample);
}

core::JsonValue tree(const std::string& text) { return *core::parse_json_value(core::as_bytes(text)); }

TEST(FormatDocuments, ShowWhatTheCodeWrites) {
  const ReleaseManifest release = sample_release();
  expect_example("release_manifest.md", tree(release.encode()));
  expect_example("channel.md", tree(sample_channel(release).encode()));
  expect_example("payload_index.md", tree(sample_index(release).encode()));
  expect_example("key_envelope.md", tree(sample_envelope().encode()));
  expect_example("authority_policy.md", sample_policy().encode());
  expect_example("provisioning_attributes.md", sample_attributes().encode());
  expect_example("boot_key.md", sample_boot_key().encode());
  expect_example("director.md", sample_director().encode());
  expect_example("downgrade_token.md", sample_token().encode());
  expect_example("offline_bundle.md", sample_bundle().encode());
  expect_example("report.md", sample_report().encode());
  expect_example("report.md", sample_boot_report().encode());
  HostileRepository repository;
  repository.publish();
  expect_example("tuf.md", repository.timestamp.encode());
}

std::set<std::string> registered_tests() {
  std::set<std::string> names;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i)
    for (int k = 0; k < all.GetTestSuite(i)->total_test_count(); ++k)
      names.insert(std::string(all.GetTestSuite(i)->name()) + "." + all.GetTestSuite(i)->GetTestInfo(k)->name());
  return names;
}

TEST(FormatDocuments, NameOnlyTestsThatExist) {
  const std::set<std::string> names = registered_tests();
  const std::string text = page_text("trust/README.md");
  std::size_t found = 0;
  const std::regex quoted("`([A-Z][A-Za-z0-9]+\\.[A-Z][A-Za-z0-9]+)`");
  for (std::sregex_iterator at(text.begin(), text.end(), quoted), end; at != end; ++at, ++found)
    EXPECT_TRUE(names.contains((*at)[1])) << (*at)[1];
  EXPECT_GT(found, 30U);
}

}  // namespace
}  // namespace aseptic::trust::test
