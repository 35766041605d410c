// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/lint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "press.h"

namespace aseptic::publish::test {
namespace {

std::vector<std::string> rules(const Press& press, core::UtcTime now = kNow) {
  std::vector<std::string> names;
  for (const Finding& finding : must(lint(press.repository(), {.now = now}))) names.push_back(finding.rule);
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

// Root and targets documents that two root people and both release people signed, with roles as `change` makes them.
template <typename Change>
void publish_with(Press& press, const Change& change) {
  SigningFile root = press.edition("root");
  change(root.document);
  for (const std::string person : {"root-a", "root-b"}) must(press.sign(root, person));
  SigningFile targets = press.edition();
  targets.chain = {{"root", root.document}};
  for (const std::string person : {"release-a", "release-b"}) static_cast<void>(press.sign(targets, person));
  must(press.publish({{"root", root.document}, {"targets", targets.document}}));
}

TEST(Lint, AGoodRepositoryHasNoFindings) {
  Press press;
  press.publish_first();
  EXPECT_EQ(rules(press), std::vector<std::string>{});
}

// Answers: KM-02
TEST(Lint, FindsRolesThatOneStolenKeyOpens) {
  Press press;
  press.publish_first();
  publish_with(press, [&](Document& root) {
    must(set_role(root, "targets", {press.keys({"release-a", "release-b"}), 1}));
    must(set_role(root, "root", {press.keys({"root-a", "root-b"}), 1}));
  });
  EXPECT_EQ(rules(press), std::vector<std::string>{"threshold"});
}

TEST(Lint, FindsARootWithoutASpareKeyAndSharedKeys) {
  Press press;
  press.publish_first();
  publish_with(press, [&](Document& root) {
    must(set_role(root, "root", {press.keys({"root-a", "root-b"}), 2}));
    must(set_role(root, "targets", {press.keys({"release-a", "release-b", "root-a"}), 2}));
  });
  EXPECT_EQ(rules(press), (std::vector<std::string>{"root-spare", "shared-key"}));
}

TEST(Lint, FindsExpiryInTime) {
  Press press;
  press.publish_first();
  EXPECT_EQ(rules(press, kNow + std::chrono::days(8)), std::vector<std::string>{"expired"});
  EXPECT_EQ(rules(press, kNow + std::chrono::days(20)), (std::vector<std::string>{"expired", "expires-soon"}));
}

TEST(Lint, FindsMissingTargetsAndOrphans) {
  Press press;
  press.publish_first();
  SigningFile file = press.edition();
  const TargetEntry entry = must(add_target_content(press.repository(), file, "a.txt", core::as_bytes("a")));
  must(press.publish_targets(file));
  std::filesystem::remove(press.repository().target_file(entry));
  press.write("repo/targets/forgotten.bin", "x");
  press.write("repo/metadata/root.json.bak", "x");
  EXPECT_EQ(rules(press), (std::vector<std::string>{"orphan", "target-file"}));
}

TEST(Lint, FindsMetadataThatStockClientsRefuseAndFlatLists) {
  Press press;
  press.publish_first();
  SigningFile file = press.edition();
  const TargetEntry stored = must(press.repository().store_target("a.txt", core::as_bytes("a")));
  for (int i = 0; i < 1001; ++i) {
    TargetEntry entry = stored;
    entry.custom = core::JsonValue(std::string(5000, 'x'));
    entry.path = "f" + std::to_string(i);
    press.write("repo/targets/" + press.repository().target_file(entry).filename().string(), "a");
    must(add_target(file.document, entry));
  }
  must(press.publish_targets(file));
  const auto found = rules(press);
  EXPECT_TRUE(std::ranges::count(found, "size") == 1 && std::ranges::count(found, "flat-targets") == 1) << found.size();
}

}  // namespace
}  // namespace aseptic::publish::test
