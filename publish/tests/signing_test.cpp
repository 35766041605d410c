// SPDX-License-Identifier: Apache-2.0
// How people sign: what they are shown, what the log knows, what cannot be signed.
#include "aseptic/publish/signing.h"

#include <gtest/gtest.h>

#include "aseptic/publish/codes.h"
#include "aseptic/publish/review.h"
#include "press.h"
#include "aseptic/boot/format/publicly_known_keys.h"
#include "publicly_known_keys.h"
#include "tests/support/release_test_key.h"

namespace aseptic::publish::test {
namespace {

core::Result<Agreement> agree(const Presentation& presentation) {
  return Agreement::ask(presentation, [](const Presentation&) { return true; });
}

// Answers: KM-09, T-82
TEST(SigningDesk, RefusesADocumentThatChangedAfterItWasShown) {
  Press press;
  press.publish_first();
  SigningFile file = press.edition();
  const Agreement agreement = must(agree(must(review(file, std::nullopt))));
  must(add_target_content(press.repository(), file, "evil.bin", core::as_bytes("evil")));
  ReleaseSigner signer = press.release_signer("release-a");
  const auto refused = sign_as_release(file, agreement, signer, {press.log, kNow});
  EXPECT_TRUE(refused.error().is(PublishCode::kSigningFile)) << refused.error().sentence();
  EXPECT_TRUE(file.document.signatures.empty());
}

// Answers: KM-09
TEST(SigningDesk, SignsNothingThatThePersonDidNotAgreeTo) {
  const auto refused = Agreement::ask({"x", "text", {}}, [](const Presentation&) { return false; });
  EXPECT_TRUE(refused.error().is(PublishCode::kNotConfirmed));
}

// Answers: KM-09
TEST(SigningDesk, TheLogKnowsOfASignatureBeforeItExists) {
  Press press;
  press.publish_first();
  SigningFile file = press.edition();
  const std::uint64_t lines = must(press.log.verify()).lines;
  must(press.sign(file, "release-a"));
  EXPECT_EQ(must(press.log.verify()).lines, lines + 1);
  const std::string last = press.read(press.path("keys/signing.log"));
  EXPECT_NE(last.find(file.digest().hex()), std::string::npos);
  EXPECT_NE(last.find(key_id(press.key("release-a"))), std::string::npos);
  // A log that cannot be written stops the signature.
  SigningLog nowhere(press.path("keys/root-a.pem/signing.log"));
  const Agreement agreement = must(agree({"x", "shown", file.digest()}));
  ReleaseSigner signer = press.release_signer("release-b");
  EXPECT_FALSE(sign_as_release(file, agreement, signer, {nowhere, kNow}));
  EXPECT_EQ(file.document.signatures.size(), 1u);
}

// Answers: KM-09, T-81
TEST(SigningLog, NoticesAnEditedARemovedAndACutLine) {
  Press press;
  for (int i = 0; i < 4; ++i) must(press.log.append({kNow, "document " + std::to_string(i), "key", {}, {}, {}}));
  const Path file = press.path("keys/signing.log");
  const std::string good = press.read(file);
  ASSERT_TRUE(press.log.verify());
  std::string edited = good;
  edited.replace(edited.find("document 1"), 10, "document 9");
  press.write("keys/signing.log", edited);
  EXPECT_FALSE(press.log.verify());
  std::string removed = good;
  const std::size_t second = removed.find('\n') + 1;
  removed.erase(second, removed.find('\n', second) + 1 - second);
  press.write("keys/signing.log", removed);
  EXPECT_FALSE(press.log.verify());
  press.write("keys/signing.log", good.substr(0, good.size() - 5));
  EXPECT_FALSE(press.log.verify());
  EXPECT_FALSE(press.log.append({kNow, "more", "key", {}, {}, {}})) << "a broken log is not continued";
}

TEST(SigningFile, ReadsBackAsWritten) {
  Press press;
  press.publish_first();
  SigningFile file = press.edition();
  must(add_target_content(press.repository(), file, "releases/x/consent.en.txt", core::as_bytes("text")));
  must(press.sign(file, "release-b"));
  const SigningFile again = must(SigningFile::parse(core::as_bytes(file.file_text())));
  EXPECT_EQ(again.file_text(), file.file_text());
  EXPECT_EQ(again.digest(), file.digest());
  EXPECT_EQ(again.progress()->front().valid, 1u);
}

TEST(SigningFile, MergesCopiesThatPeopleSignedApart) {
  Press press;
  press.publish_first();
  SigningFile mine = press.edition();
  SigningFile yours = must(SigningFile::parse(core::as_bytes(mine.file_text())));
  must(press.sign(mine, "release-a"));
  must(press.sign(yours, "release-b"));
  must(merge_signatures(mine, yours));
  EXPECT_TRUE(mine.progress()->front().is_complete());
  must(merge_signatures(mine, yours));
  EXPECT_EQ(mine.document.signatures.size(), 2u);
  must(press.publish(mine));
}

// Answers: T-82
TEST(SigningFile, RefusesToMergeSignaturesOfAnotherDocument) {
  Press press;
  press.publish_first();
  SigningFile mine = press.edition();
  SigningFile other = press.edition();
  other.document.set_expires(kNow + std::chrono::days(1));
  must(press.sign(other, "release-b"));
  EXPECT_TRUE(merge_signatures(mine, other).error().is(PublishCode::kSigningFile));
}

TEST(SigningFile, DamageIsOneSentence) {
  Press press;
  press.publish_first();
  const std::string good = press.edition().file_text();
  for (const std::string& text : {std::string(), std::string("{}"), std::string("[1]"), good.substr(0, good.size() / 2),
                                  std::string(R"({"format":"aseptic-signing-9"})")}) {
    const auto refused = SigningFile::parse(core::as_bytes(text));
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(PublishCode::kSigningFile));
  }
  std::string wrong_role = good;
  wrong_role.replace(wrong_role.find("\"role\": \"targets\""), 17, "\"role\": \"root\"");
  EXPECT_FALSE(SigningFile::parse(core::as_bytes(wrong_role)));
}

// Answers: T-82
TEST(SigningFile, AChainThatTheTrustedRootDoesNotReachIsRefused) {
  Press press;
  press.publish_first();
  SigningFile file = press.edition();
  const Document root1 = *press.repository().root();
  EXPECT_TRUE(check_chain(file, root1));
  Press thief;
  thief.publish_first();
  EXPECT_FALSE(check_chain(thief.edition(), root1));
  EXPECT_FALSE(review(thief.edition(), root1)) << "nothing is shown as trusted that is not";
  // One rotation later the old root still leads there; two later it does not, and says so.
  for (int i = 0; i < 2; ++i) {
    SigningFile root = press.edition("root");
    must(press.sign(root, "root-a"));
    must(press.sign(root, "root-b"));
    must(press.publish(root));
    EXPECT_EQ(check_chain(press.edition(), root1).has_value(), i == 0);
  }
}

// Answers: KM-09
TEST(Review, ShowsATargetsEditionFieldByField) {
  Press press;
  press.publish_first();
  SigningFile file = press.edition();
  must(add_target_content(press.repository(), file, "files/a.txt", core::as_bytes("abc")));
  const std::string index_key = key_id(press.key("p256-index")).substr(0, 16);
  must(set_delegation(file.document, {"extra", {{press.key("p256-index")}, 1}, {"extra/*"}}));
  const std::string expected =
      "About to be signed: targets version 2\n"
      "  follows: version 1, signed by this role\n"
      "  expires: 2027-11-23T05:00:00Z\n"
      "  signatures so far: 0 of 2\n"
      "  authority: NOT CHECKED; give the root that you trust with --root\n"
      "  digest of what is signed: " + file.digest().hex() + "\n"
      "Targets that change:\n"
      "  + files/a.txt  (3 bytes, sha256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad)\n"
      "Delegations CHANGE. After this signature:\n"
      "  payload-index: 1 of " + index_key + "..., paths payload-index/* payloads/*\n"
      "  extra: 1 of " + index_key + "..., paths extra/*\n";
  EXPECT_EQ(must(review(file, std::nullopt)).text, expected);
}

// Answers: KM-09
TEST(Review, ShowsWhoMaySignAfterARootRotation) {
  Press press;
  press.publish_first();
  SigningFile root = press.edition("root");
  must(set_role(root.document, "targets", {press.keys({"release-a", "release-c"}), 2}));
  const std::string text = must(review(root, press.repository().root())).text;
  const auto id = [&](const std::string& name) { return key_id(press.key(name)).substr(0, 16) + "..."; };
  EXPECT_NE(text.find("  authority: root version 1, trusted by you\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  targets (release): 2 of " + id("release-a") + " " + id("release-c") + "\n      before: 2 of " + id("release-a") + " " + id("release-b")),
            std::string::npos) << text;
  EXPECT_NE(text.find("  signatures so far: 0 of 2 by the keys of the root before\n"), std::string::npos) << text;
}

// Answers: KM-09, T-82
TEST(Review, SaysWhenAStatementIsMissingSwappedOrUnreadable) {
  Press press;
  press.publish_first();
  SigningFile file = press.edition();
  must(add_target_content(press.repository(), file, "channels/x/stable.json", core::as_bytes("{}")));
  EXPECT_NE(must(review(file, std::nullopt)).text.find("DO NOT SIGN unread: no device will accept this file"), std::string::npos);
  file.attachments["channels/x/stable.json"] = {'[', ']'};
  EXPECT_NE(must(review(file, std::nullopt)).text.find("the attached one is not the one that would be signed"), std::string::npos);
  file.attachments.clear();
  EXPECT_NE(must(review(file, std::nullopt)).text.find("DO NOT SIGN unread"), std::string::npos);
}

// Answers: T-82
TEST(Review, APreviousVersionThatNobodySignedIsCalledSo) {
  Press press;
  press.publish_first();
  SigningFile file = press.edition();
  file.previous->set_version(7);
  EXPECT_NE(must(review(file, std::nullopt)).text.find("NOT SIGNED BY THE PRESENT KEYS"), std::string::npos);
}

TEST(Review, NoTextFromAFileCanRewriteTheScreen) {
  EXPECT_EQ(printable("a\x1b[2Jb\r\n\xc3\xa9"), "a?[2Jb????");
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1234567), "1,234,567");
}

TEST(Sbom, DifferenceNamesWhatCameWentAndChanged) {
  const std::string before = R"({"spdxVersion":"SPDX-2.3","packages":[{"name":"zlib","versionInfo":"1.2"},{"name":"ssl","versionInfo":"3.0.11"}]})";
  const std::string after = R"({"bomFormat":"CycloneDX","components":[{"name":"zstd","version":"1.5"},{"name":"ssl","version":"3.0.14"}],"x":1.5})";
  EXPECT_EQ(must(sbom_difference(core::as_bytes(before), core::as_bytes(after))),
            (std::vector<std::string>{"~ ssl 3.0.11 -> 3.0.14", "+ zstd 1.5", "- zlib 1.2"}));
  EXPECT_FALSE(sbom_packages(core::as_bytes("{}")));
  EXPECT_FALSE(sbom_packages(core::as_bytes("not json")));
}

// Answers: RB-08, T-48
TEST(RoleAdmission, ProductionRefusesKeyFiles) {
  Press press;
  const auto refused = ReleaseSigner::admit(press.open("release-a"), Profile::kProduction);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(PublishCode::kDevelopmentKey));
  EXPECT_TRUE(ReleaseSigner::admit(press.open("release-a"), Profile::kDevelopment));
}

// Answers: RB-08, T-48
TEST(RoleAdmission, EveryProfileRefusesKeysWhosePrivateHalfIsPublished) {
  ASSERT_GE(publicly_known_keys().size(), 5u);
  for (const PubliclyKnownKey& known : publicly_known_keys()) {
    const core::Bytes raw = must(core::from_hex(known.raw_hex));
    const core::PublicKey key = must(raw.size() == 32 ? core::PublicKey::from_ed25519(raw) : core::PublicKey::from_p256_point(raw));
    for (const Profile profile : {Profile::kDevelopment, Profile::kProduction}) {
      const auto refused = check_admissible(key, platform::KeyCustody::kToken, profile);
      ASSERT_FALSE(refused) << known.source;
      EXPECT_TRUE(refused.error().is(PublishCode::kDevelopmentKey));
    }
    // What could stand in an image's key slot is on boot's own list too.
    if (raw.size() == 64) {
      EXPECT_TRUE(boot::is_publicly_known(core::sha256(raw).bytes)) << known.source;
    }
  }
  EXPECT_TRUE(boot::is_publicly_known(core::sha256(aseptic::test::release_test_key().view()).bytes));
  EXPECT_FALSE(boot::is_publicly_known(core::sha256("another key").bytes));
}

TEST(PublishCodes, TableHasUniqueNumbersAndNamesInOrder) {
  std::uint16_t expected = 601;
  std::map<std::string_view, int> names;
  for (const core::ErrorInfo& info : publish_error_table()) {
    EXPECT_EQ(info.number, expected++);
    EXPECT_EQ(names[info.name]++, 0) << info.name;
    EXPECT_TRUE(info.name.starts_with("publish."));
  }
}

}  // namespace
}  // namespace aseptic::publish::test
