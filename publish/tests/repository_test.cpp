// SPDX-License-Identifier: Apache-2.0
// Publications: what may go out, what clients see, and what a cut leaves behind. The reader is trust's client.
#include "aseptic/publish/repository.h"

#include <gtest/gtest.h>

#include <set>

#include "aseptic/publish/codes.h"
#include "aseptic/publish/verify_repository.h"
#include "press.h"

namespace aseptic::publish::test {
namespace {

namespace fs = std::filesystem;

std::set<std::string> files_below(const Path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().filename() != ".lock") names.insert(fs::relative(entry.path(), folder).string());
  return names;
}

// What a client that trusts root 1 makes of the repository.
core::Result<RepositoryVerdict> client_view(const Press& press, core::UtcTime now = kNow) {
  const std::string root = press.read(press.repository_path() / "metadata/1.root.json");
  return verify_repository(press.repository_path(), core::as_bytes(root), now);
}

// Answers: KM-02, T-20
TEST(Publication, RefusesARootBelowItsThreshold) {
  Press press;
  must(Repository::create(press.repository_path()));
  InitialEditions first = press.initial();
  must(press.sign(first.root, "root-a"));
  must(press.sign(first.targets, "release-a"));
  must(press.sign(first.targets, "release-b"));
  const auto refused = press.publish({{"root", first.root.document}, {"targets", first.targets.document}});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(PublishCode::kThreshold)) << refused.error().sentence();
  EXPECT_TRUE(files_below(press.repository_path()).empty()) << "nothing may be written before everything is checked";
}

// Answers: KM-02, T-20
TEST(Publication, RefusesAReleaseThatOnePersonSigned) {
  Press press;
  press.publish_first();
  const auto before = files_below(press.repository_path());
  SigningFile file = press.edition();
  must(press.sign(file, "release-a"));
  EXPECT_TRUE(press.publish(file).error().is(PublishCode::kThreshold));
  EXPECT_EQ(files_below(press.repository_path()), before);
}

// Answers: KM-02, T-04
TEST(Publication, CountsOneKeyOnceHoweverOftenItSigned) {
  Press press;
  press.publish_first();
  SigningFile file = press.edition();
  must(press.sign(file, "release-a"));
  EXPECT_TRUE(press.sign(file, "release-a").error().is(PublishCode::kAlreadySigned));
  // The same signature under the other person's id, and the same entry twice.
  const auto one = file.document.signatures.front();
  auto forged = *one.as_object();
  forged["keyid"] = key_id(press.key("release-b"));
  file.document.signatures.push_back(forged);
  file.document.signatures.push_back(one);
  EXPECT_TRUE(press.publish(file).error().is(PublishCode::kThreshold));
}

// Answers: KM-02, T-04
TEST(Publication, RefusesARoleThatListsOneKeyUnderTwoIds) {
  Press press;
  press.publish_first();
  SigningFile root = press.edition("root");
  core::JsonObject& keys = *root.document.fields()["keys"].as_object();
  const std::string id = key_id(press.key("release-a"));
  keys["00000000"] = keys.at(id);
  core::JsonObject& targets = *root.document.fields()["roles"].as_object()->at("targets").as_object();
  targets["keyids"] = core::JsonArray{id, "00000000"};
  must(press.sign(root, "root-a"));
  must(press.sign(root, "root-b"));
  const auto refused = press.publish(root);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().sentence().find("same public key twice"), std::string::npos) << refused.error().sentence();
  RolePlan twice{{press.key("root-a"), press.key("root-a")}, 2};
  EXPECT_FALSE(set_role(root.document, "root", twice)) << "nor can such a role be made";
}

// Answers: KM-03
TEST(Publication, RefusesSignaturesOfKeysThatHaveAnotherRole) {
  Press press;
  press.publish_first();
  SigningFile file = press.edition();
  for (const std::string stranger : {"root-a", "p256-index"})
    EXPECT_TRUE(press.sign(file, stranger).error().is(PublishCode::kKeyNotInRole)) << stranger;
  // And with the signatures put in by hand, past the signing desk.
  const std::string message = file.document.signed_bytes();
  for (const std::string stranger : {"root-a", "root-b", "p256-index"}) {
    const auto signer = press.open(stranger);
    file.document.add_signature(key_id(signer->public_key()), must(signer->sign(core::as_bytes(message))));
  }
  EXPECT_TRUE(press.publish(file).error().is(PublishCode::kThreshold));
  SigningFile root = press.edition("root");
  EXPECT_TRUE(press.sign(root, "release-a").error().is(PublishCode::kKeyNotInRole));
}

// Answers: KM-03
TEST(Publication, TheOnlineRoleCannotSpeakForReleases) {
  Press press;
  press.publish_first();
  press.write("release.json", "{}");
  auto index = press.online({"p256-index"});
  auto snapshot = press.online({"p256-snapshot"});
  auto timestamp = press.online({"p256-timestamp"});
  const auto published = put_targets(press.repository_path(), "payload-index", {{"releases/x/release.json", press.path("release.json")}}, index,
                                     kNow + std::chrono::days(9), {snapshot, timestamp}, {.now = kNow});
  ASSERT_TRUE(published) << "TUF lets a role list any path; the delegation's pattern is what clients obey";
  const auto refused = put_targets(press.repository_path(), "targets", {{"releases/x/release.json", press.path("release.json")}}, index,
                                   kNow + std::chrono::days(9), {snapshot, timestamp}, {.now = kNow});
  EXPECT_TRUE(refused.error().is(PublishCode::kKeyNotInRole)) << refused.error().sentence();
}

// Answers: KM-04, T-21
TEST(Publication, AnOldClientFollowsEveryRootRotation) {
  Press press;
  press.publish_first();
  const std::vector<std::vector<std::string>> generations{{"root-b", "root-c", "root-d"}, {"root-c", "root-d", "root-e"}, {"root-d", "root-e", "root-f"}};
  std::vector<std::string> old{"root-a", "root-b", "root-c"};
  for (const auto& people : generations) {
    SigningFile root = press.edition("root");
    must(set_role(root.document, "root", {press.keys(people), 2}));
    for (const std::string& person : {old[1], old[2]}) must(press.sign(root, person));
    if (people[1] != old[2]) must(press.sign(root, people[1]));
    if (auto more = press.sign(root, people[2]); !more) FAIL() << more.error().sentence();
    must(press.publish(root));
    old = people;
  }
  const auto view = client_view(press);
  ASSERT_TRUE(view) << view.error().sentence();
  EXPECT_EQ(view->root_version, 4u);
}

// Answers: KM-04, T-21
TEST(Publication, RefusesARootThatOnlyItsOwnNewKeysSigned) {
  Press press;
  press.publish_first();
  SigningFile root = press.edition("root");
  must(set_role(root.document, "root", {press.keys({"thief-a", "thief-b"}), 2}));
  must(press.sign(root, "thief-a"));
  must(press.sign(root, "thief-b"));
  const auto refused = press.publish(root);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().sentence().find("by the keys of version 1"), std::string::npos) << refused.error().sentence();
}

TEST(Publication, ReleaseKeysRotateTogetherWithAnEditionOfTheNewPeople) {
  Press press;
  press.publish_first();
  SigningFile root = press.edition("root");
  must(set_role(root.document, "targets", {press.keys({"release-b", "release-c"}), 2}));
  must(press.sign(root, "root-a"));
  must(press.sign(root, "root-c"));
  EXPECT_TRUE(press.publish(root).error().is(PublishCode::kThreshold)) << "clients could verify no targets document any more";
  SigningFile targets = press.edition();
  targets.chain = {{"root", root.document}};
  must(press.sign(targets, "release-b"));
  must(press.sign(targets, "release-c"));
  must(press.publish({{"root", root.document}, {"targets", targets.document}}));
  EXPECT_TRUE(client_view(press));
}

TEST(Publication, RefusesAVersionThatDoesNotFollow) {
  Press press;
  press.publish_first();
  SigningFile file = press.edition();
  file.document.set_version(3);
  EXPECT_TRUE(press.publish_targets(file).error().is(PublishCode::kUnverifiable));
}

TEST(Publication, RefusesAnExpiredEditionAndSaysWhatToDo) {
  Press press;
  press.publish_first();
  SigningFile file = press.edition();
  file.document.set_expires(kNow);
  const auto refused = press.publish_targets(file);
  EXPECT_NE(refused.error().sentence().find("aseptic repo renew"), std::string::npos) << refused.error().sentence();
}

TEST(Publication, RefusesATargetWhoseFileIsMissingOrOther) {
  Press press;
  press.publish_first();
  SigningFile file = press.edition();
  const TargetEntry entry = must(press.repository().store_target("a/b.txt", core::as_bytes("content")));
  must(add_target(file.document, entry));
  const Path stored = press.repository().target_file(entry);
  press.write("repo/targets/a/" + stored.filename().string(), "CONTENT");
  EXPECT_TRUE(press.publish_targets(file).error().is(PublishCode::kUnverifiable));
}

TEST(Publication, APublicationCutAtAnyFileIsInvisibleAndCanBeRepeated) {
  Press press;
  press.publish_first();
  SigningFile file = press.edition();
  must(add_target_content(press.repository(), file, "files/a.txt", core::as_bytes("a")));
  must(press.sign(file, "release-a"));
  must(press.sign(file, "release-b"));
  const std::string timestamp = press.read(press.repository_path() / "metadata/timestamp.json");
  const auto before = files_below(press.repository_path() / "metadata");
  const Published whole = must(press.publish(file));
  ASSERT_EQ(whole.files.back(), "metadata/timestamp.json") << "what makes everything visible comes last";
  const auto after = files_below(press.repository_path() / "metadata");
  // Cut after k of the files: the later ones are not there and the timestamp is the old one.
  for (std::size_t k = 0; k + 1 < whole.files.size(); ++k) {
    press.write("repo/metadata/timestamp.json", timestamp);
    for (std::size_t i = k; i + 1 < whole.files.size(); ++i) fs::remove(press.repository_path() / whole.files[i]);
    const auto view = client_view(press);
    ASSERT_TRUE(view) << "cut after " << k << ": " << view.error().sentence();
    EXPECT_EQ(view->targets_version, 1u);
    const auto again = press.publish(file);
    ASSERT_TRUE(again) << "cut after " << k << ": " << again.error().sentence();
    EXPECT_EQ(client_view(press)->targets_version, 2u);
    EXPECT_EQ(files_below(press.repository_path() / "metadata"), after);
  }
}

TEST(Publication, ARotationCutAfterItsRootBecameVisibleIsCompletedByTheSameEditions) {
  Press press;
  press.publish_first();
  SigningFile root = press.edition("root");
  must(set_role(root.document, "targets", {press.keys({"release-b", "release-c"}), 2}));
  must(press.sign(root, "root-a"));
  must(press.sign(root, "root-c"));
  SigningFile targets = press.edition();
  targets.chain = {{"root", root.document}};
  must(press.sign(targets, "release-b"));
  must(press.sign(targets, "release-c"));
  const std::string timestamp = press.read(press.repository_path() / "metadata/timestamp.json");
  const std::vector<Edition> editions{{"root", root.document}, {"targets", targets.document}};
  const Published whole = must(press.publish(editions));
  ASSERT_EQ(whole.files[whole.files.size() - 2], "metadata/2.root.json");
  press.write("repo/metadata/timestamp.json", timestamp);  // the cut: everything but the last rename
  must(press.publish(editions));
  const auto view = client_view(press);
  ASSERT_TRUE(view) << view.error().sentence();
  EXPECT_EQ(view->root_version, 2u);
  EXPECT_EQ(view->targets_version, 2u);
}

TEST(Publication, TwoPublishersCannotChangeOneRepositoryAtOnce) {
  Press press;
  press.publish_first();
  const FolderLock lock = must(FolderLock::take(press.repository_path()));
  EXPECT_TRUE(press.publish(std::vector<Edition>{}).error().is(PublishCode::kBusy));
}

TEST(Publication, ATimestampSaysWhenItWasIssuedAndCanBeRefreshedAlone) {
  Press press;
  press.publish_first();
  auto timestamp = press.online({"p256-timestamp"});
  const core::UtcTime later = kNow + std::chrono::days(6);
  must(refresh_timestamp(press.repository_path(), timestamp, {.now = later}));
  const Repository repository = press.repository();
  EXPECT_EQ(repository.timestamp()->signed_part.string_at("issued").value_or(""), "2026-11-29T05:00:00Z");
  EXPECT_EQ(repository.snapshot()->version(), 1u);
  EXPECT_TRUE(client_view(press, later + std::chrono::days(6)));
  EXPECT_FALSE(client_view(press, later + std::chrono::days(8))) << "an expired timestamp is a freeze";
  EXPECT_FALSE(refresh_timestamp(press.repository_path(), timestamp, {.now = kNow + std::chrono::days(31)})) << "over an expired snapshot";
}

TEST(HashBins, SpreadTargetsAndStayReadable) {
  Press press;
  press.publish_first();
  SigningFile file = press.edition();
  must(remove_delegation(file.document, "payload-index"));
  must(set_hash_bins(file.document, {"bin", 5}, {press.keys({"p256-index"}), 1}));
  must(press.sign(file, "release-a"));
  must(press.sign(file, "release-b"));
  auto index = press.online({"p256-index"});
  std::vector<Edition> editions{{"targets", file.document}};
  auto bins = must(missing_roles(press.repository_path(), editions, index, kNow + std::chrono::days(90)));
  EXPECT_EQ(bins.size(), 32u);
  for (Edition& bin : bins) editions.push_back(std::move(bin));
  must(press.publish(std::move(editions)));
  std::vector<NewTarget> targets;
  for (int i = 0; i < 40; ++i) {
    const std::string name = "f" + std::to_string(i);
    press.write(name, name);
    targets.push_back({"files/" + name, press.path(name)});
  }
  auto snapshot = press.online({"p256-snapshot"});
  auto timestamp = press.online({"p256-timestamp"});
  must(put_targets(press.repository_path(), "targets", targets, index, kNow + std::chrono::days(9), {snapshot, timestamp}, {.now = kNow}));
  const Repository repository = press.repository();
  const HashBins spread = *hash_bins_of(must(repository.load("targets")));
  for (const NewTarget& target : targets) EXPECT_TRUE(find_target(must(repository.load(spread.name_for(target.path))), target.path)) << target.path;
  const auto view = client_view(press);
  ASSERT_TRUE(view) << view.error().sentence();
  must(drop_targets(press.repository_path(), "targets", {"files/f7"}, index, kNow + std::chrono::days(9), {snapshot, timestamp}, {.now = kNow}));
  EXPECT_FALSE(find_target(must(press.repository().load(spread.name_for("files/f7"))), "files/f7"));
}

// Vectors of the stock client's getRoleForTarget.
TEST(HashBins, AreNamedAsTap15Says) {
  EXPECT_EQ((HashBins{"bin", 4}.name(10)), "bin-a");
  EXPECT_EQ((HashBins{"bin", 5}.name(10)), "bin-0a");
  EXPECT_EQ((HashBins{"bin", 10}.name(3)), "bin-003");
  EXPECT_EQ((HashBins{"bin", 1}.name_for("files/hello.txt")), "bin-0");  // SHA-256 begins with 4038...
  EXPECT_EQ((HashBins{"bin", 8}.name_for("files/hello.txt")), "bin-40");
  EXPECT_EQ((HashBins{"bin", 14}.name_for("files/hello.txt")), "bin-100e");
}

}  // namespace
}  // namespace aseptic::publish::test
