// SPDX-License-Identifier: Apache-2.0
// From a program to a published release: images, release manifest, payload index, channel, withdrawal, inspection.
#include "aseptic/boot/cortex_m/flash_map.h"
#include "aseptic/boot/format/provisioning.h"
#include "aseptic/publish/mcu_flash.h"
#include "aseptic/publish/release.h"

#include <gtest/gtest.h>

#include "aseptic/payload/make/maker.h"
#include "aseptic/platform/posix/posix_entropy.h"
#include "aseptic/publish/bundle.h"
#include "aseptic/publish/codes.h"
#include "aseptic/publish/image.h"
#include "aseptic/publish/boot_state.h"
#include "aseptic/trust/boot_key.h"
#include "aseptic/publish/inspect.h"
#include "aseptic/boot/format/monotonic.h"
#include "aseptic/publish/pki.h"
#include "aseptic/publish/provision.h"
#include "aseptic/publish/review.h"
#include "aseptic/publish/verify_repository.h"
#include "boot_hasher.h"
#include "press.h"
#include "tests/support/release_test_key.h"
#include "tests/support/run_program.h"

namespace aseptic::publish::test {
namespace {

constexpr std::string_view kProduct = "22222222-2222-4222-8222-222222222222";

// The head of a 64-bit ELF file without program headers, then content that differs by `seed`.
// Two of them differ in one byte; none can be compressed.
std::string program(char seed, std::size_t size = 10000) {
  std::string text("\x7f" "ELF\x02\x01\x01", 7);
  text.resize(64, '\0');
  text += seed;
  for (std::uint32_t word = 1; text.size() < size; word = word * 1664525 + 1013904223) text += static_cast<char>(word >> 24);
  return text;
}

std::string description(int number, const std::string& extra = {}) {
  const std::string n = std::to_string(number);
  return "[release]\nid = \"pump-1." + n + ".0\"\nversion = \"1." + n + ".0\"\nsequence = " + n +
         "\nvendor = \"11111111-1111-4111-8111-111111111111\"\nproduct = \"" + std::string(kProduct) +
         "\"\nclass = \"33333333-3333-4333-8333-333333333333\"\nagent_min = \"0.1.0\"\nsources = { min = 0, max = " + std::to_string(number - 1) +
         " }\n" + extra + "[[release.hardware]]\nid = \"44444444-4444-4444-8444-444444444444\"\nmin = 1\nmax = 3\n" +
         "[safety]\nclass = \"security\"\nstates = [\"idle\"]\ndowntime_s_max = 60\nrestart = \"device\"\nessential_performance = \"none\"\n"
         "energy_mwh_min = 5\njurisdictions = [{ code = \"EU\", approval = \"CE 0123\" }]\nconsent = { en = \"consent.txt\" }\n"
         "[[component]]\nid = \"55555555-5555-4555-8555-555555555555\"\nname = \"pump\"\ntype = \"image\"\nlocation = \"slot\"\nepoch = " + n +
         "\n[sbom]\nfile = \"sbom" + n + ".json\"\nformat = \"spdx-2.3\"\n";
}

class ReleaseTest : public ::testing::Test {
 protected:
  ReleaseTest() {
    press.publish_first();
    press.write("consent.txt", "The pump restarts.");
    press.write("sbom1.json", R"({"spdxVersion":"SPDX-2.3","packages":[{"name":"ssl","versionInfo":"3.0.11"}]})");
    press.write("sbom2.json", R"({"spdxVersion":"SPDX-2.3","packages":[{"name":"ssl","versionInfo":"3.0.14"},{"name":"zstd","versionInfo":"1.5"}]})");
    for (int number : {1, 2}) press.write("r" + std::to_string(number) + ".toml", description(number));
  }

  ReleaseDescription described(int number) { return must(ReleaseDescription::read(press.path("r" + std::to_string(number) + ".toml"))); }

  ImagePlan plan(int number) {
    const ReleaseDescription text = described(number);
    const std::string name = "program" + std::to_string(number);
    press.write(name, program(static_cast<char>('a' + number)));
    ImagePlan made{.product = text.draft.product, .hardware = text.draft.hardware.front().id, .component = text.draft.components.front().id,
                   .hardware_revision_min = 1, .hardware_revision_max = 3, .version = text.draft.version.text(), .sequence = text.draft.sequence,
                   .epoch = text.draft.components.front().epoch, .regions = {{ImageRegionKind::kExecCopied, press.path(name)}}};
    made.tree_salt.bytes.fill(7);
    return made;
  }

  Path signed_image(int number, const std::string& builder = "p256-builder") {
    const Path file = press.path("image" + std::to_string(number));
    must(build_image(plan(number), press.image_keys(builder), file));
    must(sign(file, builder));
    must(release_it(file, builder));
    return file;
  }

  core::Result<void> sign(const Path& file, const std::string& builder) {
    ASEPTIC_TRY(const Presentation shown, review_image(file, ImageCustodian::kBuilder, std::nullopt));
    ASEPTIC_TRY(const Agreement agreement, Agreement::ask(shown, [](const Presentation&) { return true; }));
    BuilderSigner signer = press.builder_signer(builder);
    return sign_image(file, agreement, signer, {press.log, kNow});
  }

  core::Result<void> release_it(const Path& file, const std::string& builder = "p256-builder", const std::string& key = "release-image") {
    ASEPTIC_TRY(const Presentation shown, review_image(file, ImageCustodian::kRelease, std::nullopt));
    ASEPTIC_TRY(const Agreement agreement, Agreement::ask(shown, [](const Presentation&) { return true; }));
    ImageReleaseSigner signer = press.image_release_signer(key);
    return release_image(file, agreement, press.key(builder), signer, {press.log, kNow});
  }

  core::Result<CreatedRelease> create(SigningFile& edition, int number, const Path& image) {
    return create_release(press.repository(), edition, described(number), {{{"pump", image}}, {press.image_keys()}}, {.zstd_level = 1, .workers = 1, .delta_releases = deltas});
  }

  // The file of the only published payload is replaced by the payload of another image.
  core::Result<void> create_payload_in_place_of_release_1(const Path& image) {
    for (const auto& entry : std::filesystem::directory_iterator(press.repository_path() / "targets/payloads"))
      ASEPTIC_TRY_VOID(payload::make_payload_file(image.string(), entry.path().string(), {.workers = 1}));
    return {};
  }

  // Creates, sets the channel, signs and publishes release `number`.
  void release(int number) {
    SigningFile edition = press.edition();
    const CreatedRelease made = must(create(edition, number, signed_image(number)));
    must(set_channel(press.repository(), edition, {made.manifest.product, "stable", made.manifest.release_id, {}}));
    must(press.sign(edition, "release-a"));
    must(press.sign(edition, "release-b"));
    auto index = press.online({"p256-index"});
    std::vector<Edition> editions{{"targets", edition.document}};
    editions.push_back(must(payload_edition(press.repository(), editions, made.payloads, index, kNow + std::chrono::days(90))));
    must(press.publish(std::move(editions)));
  }

  core::Result<RepositoryVerdict> verdict() {
    const std::string root = press.read(press.repository_path() / "metadata/1.root.json");
    return verify_repository(press.repository_path(), core::as_bytes(root), kNow);
  }

  Press press;
  unsigned deltas = 3;
};

TEST_F(ReleaseTest, AnImageVerifiesAndEveryChangedByteIsNoticed) {
  const Path file = signed_image(1);
  const std::string good = press.read(file);
  ASSERT_TRUE(verify_image(file, {press.image_keys()}));
  EXPECT_EQ(good.size() % 4096, 0u);
  // Manifest, reserved tail, signature, unused signature block, gap, region, padding after the region, bytes after the image.
  for (const std::size_t at : {std::size_t{84}, std::size_t{900}, std::size_t{1030}, std::size_t{9000}, std::size_t{9300}, std::size_t{12288}, good.size() - 1}) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    press.write("bad", bad);
    EXPECT_FALSE(verify_image(press.path("bad"), {press.image_keys()})) << at;
  }
  press.write("bad", good + std::string(4096, '\0') + "x");
  EXPECT_FALSE(verify_image(press.path("bad"), {press.image_keys()})) << "appended bytes";
  press.write("bad", good.substr(0, good.size() - 1));
  EXPECT_FALSE(verify_image(press.path("bad"), {press.image_keys()})) << "cut short";
  EXPECT_FALSE(verify_image(file, {press.image_keys("p256-stranger")}));
}

// Answers: AP-07
TEST_F(ReleaseTest, ABundleOfAChannelHoldsWhatItsDevicesReadAndNoOtherRelease) {
  release(1);
  release(2);
  const auto listing = [&](const std::optional<BundleChannel>& channel) {
    must(write_bundle(press.repository_path(), channel, press.path("bundle")));
    return aseptic::test::run_program({"/bin/tar", "--list", "--file", press.path("bundle").string()}).out;
  };
  const std::string one = listing(BundleChannel{*core::Uuid::parse(kProduct), "stable"});
  for (const char* part : {"metadata/timestamp.json", "metadata/1.root.json", ".targets.json", ".payload-index.json", "/stable.json", "targets/releases/pump-1.2.0/release.json",
                           "targets/payload-index/", "targets/payloads/"})
    EXPECT_NE(one.find(part), std::string::npos) << part << "\n" << one;
  EXPECT_EQ(one.find("pump-1.1.0"), std::string::npos) << one;
  EXPECT_NE(listing(std::nullopt).find("pump-1.1.0"), std::string::npos);
  EXPECT_TRUE(write_bundle(press.repository_path(), BundleChannel{*core::Uuid::parse(kProduct), "beta"}, press.path("other")).error().is(PublishCode::kRepositoryState));
}

TEST_F(ReleaseTest, AnImageWithTreeRegionsVerifies) {
  ImagePlan made = plan(1);
  press.write("rootfs", std::string(100000, 'r'));
  made.regions.push_back({ImageRegionKind::kTreeVerified, press.path("rootfs")});
  must(build_image(made, press.image_keys(), press.path("tree")));
  must(sign(press.path("tree"), "p256-builder"));
  must(release_it(press.path("tree")));
  const ImageInfo info = must(verify_image(press.path("tree"), {press.image_keys()}));
  ASSERT_EQ(info.regions.size(), 2u);
  EXPECT_EQ(info.regions[1].size, 102400u) << "completed to whole blocks";
  EXPECT_EQ(info.regions[1].offset % 4096, 0u);
}

// Answers: KM-03
TEST_F(ReleaseTest, OnlyTheBuilderKeyThatTheImageNamesCanSignIt) {
  const Path file = press.path("image");
  must(build_image(plan(1), press.image_keys(), file));
  EXPECT_TRUE(sign(file, "p256-other").error().is(PublishCode::kKeyNotInRole));
  EXPECT_FALSE(verify_image(file, {press.image_keys()})) << "still unsigned";
  EXPECT_FALSE(build_image(plan(1), press.image_keys("release-a"), file)) << "Ed25519 is no builder algorithm";
}

// Answers: RB-08, KM-03
TEST_F(ReleaseTest, AnImageThatWasBuiltButNotReleasedDoesNotVerify) {
  const Path file = press.path("image");
  must(build_image(plan(1), press.image_keys(), file));
  EXPECT_FALSE(release_it(file)) << "the release role signs nothing that no builder answers for";
  must(sign(file, "p256-builder"));
  EXPECT_NE(verify_image(file, {press.image_keys()}).error().sentence().find("post-quantum"), std::string::npos);
  EXPECT_TRUE(release_it(file, "p256-builder", "release-other").error().is(PublishCode::kKeyNotInRole));
  EXPECT_FALSE(release_it(file, "p256-stranger"));
  must(release_it(file));
  must(verify_image(file, {press.image_keys()}));
  EXPECT_FALSE(verify_image(file, {press.image_keys("p256-builder", "release-other")})) << "the pair counts, not one key of it";
}

// Answers: RB-08, T-48
TEST_F(ReleaseTest, ProductionRefusesDevelopmentKeysAndPublishedKeys) {
  EXPECT_TRUE(ImageReleaseSigner::admit(press.open_release_key("release-image"), Profile::kProduction).error().is(PublishCode::kDevelopmentKey));
  ImagePlan made = plan(1);
  made.profile = Profile::kProduction;
  ImageKeys keys = press.image_keys();
  const ImageInfo info = must(build_image(made, keys, press.path("image")));
  EXPECT_FALSE(info.is_development);
  keys.release = must(core::PostQuantumPublicKey::from_raw(core::PostQuantumAlgorithm::kSlhDsaSha2_128s,
                                                           aseptic::test::release_test_key().view()));
  EXPECT_TRUE(build_image(made, keys, press.path("image")).error().is(PublishCode::kDevelopmentKey)) << "the tests' own key is published";
  made.profile = Profile::kDevelopment;
  EXPECT_TRUE(build_image(made, keys, press.path("image")));
}

TEST_F(ReleaseTest, AKeyFileThatOthersMayReadOrThatIsDamagedIsRefused) {
  platform::PosixEntropy entropy;
  HashKeyFolder folder(press.path("more"), entropy);
  const core::PostQuantumPublicKey key = must(folder.create_slh_dsa("k"))->public_key();
  EXPECT_FALSE(folder.create_slh_dsa("k")) << "keys are never replaced";
  EXPECT_FALSE(folder.create_slh_dsa("../k"));
  EXPECT_EQ(must(folder.open_slh_dsa("k"))->public_key(), key);
  EXPECT_EQ(must(core::PostQuantumPublicKey::from_pem(key.pem())), key);
  std::filesystem::permissions(press.path("more/k.slh"), std::filesystem::perms::group_read, std::filesystem::perm_options::add);
  EXPECT_NE(folder.open_slh_dsa("k").error().sentence().find("others may access"), std::string::npos);
  std::string pem = press.read(press.path("more/k.slh"));
  pem[60] = pem[60] == 'A' ? 'B' : 'A';
  must(write_secret_file(press.path("more/k.slh"), core::as_bytes(pem)));
  EXPECT_NE(folder.open_slh_dsa("k").error().sentence().find("damaged"), std::string::npos);
}

// Answers: KM-09, T-82
TEST_F(ReleaseTest, AnImageThatChangedAfterItWasShownIsNotSigned) {
  const Path file = press.path("image");
  must(build_image(plan(1), press.image_keys(), file));
  const Agreement agreement = must(Agreement::ask(must(review_image(file, ImageCustodian::kBuilder, std::nullopt)), [](const Presentation&) { return true; }));
  must(build_image(plan(2), press.image_keys(), file));
  BuilderSigner signer = press.builder_signer("p256-builder");
  EXPECT_FALSE(sign_image(file, agreement, signer, {press.log, kNow}));
  press.write("image", press.read(file).replace(12300, 1, "#"));
  EXPECT_FALSE(review_image(file, ImageCustodian::kBuilder, std::nullopt)) << "a region that does not match is not even shown";
}

TEST_F(ReleaseTest, ADynamicProgramIsRefusedWithTheReason) {
  std::string dynamic = program('a');
  dynamic[32] = 64;   // program header table right after the header
  dynamic[54] = 56;   // entry size
  dynamic[56] = 1;    // one entry
  dynamic.replace(64, 4, std::string("\x03\0\0\0", 4));  // PT_INTERP
  ImagePlan made = plan(1);
  press.write("program1", dynamic);
  const auto refused = build_image(made, press.image_keys(), press.path("image"));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().sentence().find("link it statically"), std::string::npos);
  dynamic[33] = 0x20;  // the table beyond what is looked at
  press.write("program1", dynamic);
  EXPECT_FALSE(build_image(made, press.image_keys(), press.path("image")));
  press.write("program1", "#!/bin/sh\n");
  EXPECT_FALSE(build_image(made, press.image_keys(), press.path("image")));
  EXPECT_FALSE(std::filesystem::exists(press.path("image")));
}

TEST_F(ReleaseTest, AReleaseIsWhatADeviceVerifies) {
  release(1);
  release(2);
  const auto seen = verdict();
  ASSERT_TRUE(seen) << seen.error().sentence();
  ASSERT_EQ(seen->channels.size(), 1u);
  EXPECT_EQ(seen->channels.front().release_id, "pump-1.2.0");
  EXPECT_EQ(seen->channels.front().payloads, 2u) << "full, and the delta from release 1";
  // A changed payload head is noticed.
  for (const auto& entry : std::filesystem::directory_iterator(press.repository_path() / "targets/payloads")) {
    std::string bytes = press.read(entry.path());
    bytes[70] = static_cast<char>(bytes[70] ^ 1);
    press.write("repo/targets/payloads/" + entry.path().filename().string(), bytes);
  }
  EXPECT_FALSE(verdict());
}

// Answers: AP-03
TEST_F(ReleaseTest, AReleaseGetsDeltasFromTheLastReleases) {
  release(1);
  SigningFile edition = press.edition();
  const CreatedRelease made = must(create(edition, 2, signed_image(2)));
  ASSERT_EQ(made.sizes.size(), 2u);
  EXPECT_EQ(made.sizes[0].from, "");
  EXPECT_EQ(made.sizes[1].from, "pump-1.1.0");
  EXPECT_GT(made.sizes[1].bytes, 0u);
  EXPECT_LT(made.sizes[1].bytes, made.sizes[0].bytes);
  EXPECT_EQ(made.payloads.targets.size(), 3u) << "full payload, delta, index";
  for (const auto& entry : std::filesystem::directory_iterator(press.repository_path() / "targets/payloads"))
    EXPECT_FALSE(entry.path().filename().string().starts_with('.')) << "work left behind: " << entry.path();
}

// Answers: AP-03, KM-03
TEST_F(ReleaseTest, ALaterDeltaNeedsNoNewReleaseSignature) {
  release(1);
  deltas = 0;
  release(2);
  const std::string targets = press.read(press.repository().metadata_file("targets", press.repository().version_of("targets")));
  ASSERT_EQ(must(verdict()).channels.front().payloads, 1u);
  const AddedDeltas added = must(add_deltas(press.repository(), "pump-1.2.0", {}, {.zstd_level = 1, .workers = 1}));
  auto index = press.online({"p256-index"});
  must(press.publish({must(payload_edition(press.repository(), {}, added.payloads, index, kNow + std::chrono::days(90)))}));
  EXPECT_EQ(must(verdict()).channels.front().payloads, 2u);
  EXPECT_EQ(press.read(press.repository().metadata_file("targets", press.repository().version_of("targets"))), targets);
  const AddedDeltas again = must(add_deltas(press.repository(), "pump-1.2.0", {"pump-1.1.0"}, {.zstd_level = 1, .workers = 1}));
  EXPECT_EQ(again.payloads.targets.size(), 1u) << "the index has this delta already: nothing but the index again";
  EXPECT_FALSE(add_deltas(press.repository(), "pump-1.2.0", {"pump-1.2.0"}, {}));
  EXPECT_FALSE(add_deltas(press.repository(), "pump-9.9.9", {}, {}));
}

// A payload in the repository that carries another image than was released is no base for anything.
TEST_F(ReleaseTest, ADeltaStartsOnlyFromTheImageThatWasReleased) {
  release(1);
  const Path other = signed_image(2);
  must(create_payload_in_place_of_release_1(other));
  SigningFile edition = press.edition();
  EXPECT_FALSE(create(edition, 2, other));
}

// What a release does and which devices take it is shown before it exists.
// Answers: KM-09, MF-10
TEST_F(ReleaseTest, SigningShowsVersionsSizesSbomDifferenceAndSafety) {
  release(1);
  SigningFile edition = press.edition();
  const CreatedRelease made = must(create(edition, 2, signed_image(2)));
  must(set_channel(press.repository(), edition, {made.manifest.product, "stable", "pump-1.2.0", {}}));
  const std::string text = must(review(edition, press.repository().root())).text;
  const std::size_t from = text.find("      RELEASE");
  const std::size_t to = text.find("  + releases/pump-1.2.0/sbom.json");
  ASSERT_TRUE(from != text.npos && to != text.npos) << text;
  const trust::Component& component = made.manifest.components.front();
  EXPECT_EQ(text.substr(from, to - from),
            "      RELEASE pump-1.2.0, version 1.2.0, sequence 2; before: pump-1.1.0, version 1.1.0, sequence 1\n"
            "      product 22222222-2222-4222-8222-222222222222, vendor 11111111-1111-4111-8111-111111111111, class 33333333-3333-4333-8333-333333333333\n"
            "      hardware 44444444-4444-4444-8444-444444444444, revisions 1 to 3\n"
            "      updates from sequence 0 to 1\n"
            "      component pump (image, at slot)\n"
            "        size 24,576 bytes, before 24,576; sequence 2; epoch 2 (RAISED from 1: older epochs will be refused for ever)\n"
            "        boot manifest " + component.manifest_digest.hex() + "\n"
            "        image         " + component.image_digest.hex() + "\n"
            "      safety: class security, allowed in states: idle\n"
            "        downtime at most 60 s, restart of the device, energy at least 5 mWh\n"
            "        effect on essential performance: none\n"
            "        jurisdictions: EU (CE 0123)\n"
            "        consent texts: en\n"
            "      SBOM: spdx-2.3, sha256 " + made.manifest.sbom.front().digest.hex() + "\n"
            "        difference to release pump-1.1.0: 2 changes\n"
            "          ~ ssl 3.0.11 -> 3.0.14\n"
            "          + zstd 1.5\n");
  EXPECT_NE(text.find("      CHANNEL stable of product 22222222-2222-4222-8222-222222222222, revision 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("      before: release pump-1.1.0, sequence 1, attempt 1, 0 withdrawn\n"), std::string::npos) << text;
}

// Answers: KM-03
TEST_F(ReleaseTest, AnImageThatDoesNotBelongToTheDescriptionIsRefused) {
  SigningFile edition = press.edition();
  const Path one = signed_image(1);
  EXPECT_FALSE(create(edition, 2, one)) << "sequence of another release";
  EXPECT_FALSE(create_release(press.repository(), edition, described(1), {{{"pump", one}}, {press.image_keys("p256-stranger")}}, {}));
  EXPECT_FALSE(create_release(press.repository(), edition, described(1), {{{"motor", one}}, {press.image_keys()}}, {}));
  EXPECT_FALSE(create_release(press.repository(), edition, described(1), {{}, {press.image_keys()}}, {}));
  ImagePlan other_set = plan(1);
  other_set.others.push_back({core::Uuid{{1}}, 1, 1, {}});
  must(build_image(other_set, press.image_keys(), press.path("set")));
  must(sign(press.path("set"), "p256-builder"));
  EXPECT_FALSE(create(edition, 1, press.path("set"))) << "built for a set of two";
  EXPECT_TRUE(targets_of(edition.document)->empty()) << "nothing entered the edition";
}

TEST_F(ReleaseTest, AReleaseManifestIsNeverTouchedAgain) {
  release(1);
  SigningFile edition = press.edition();
  EXPECT_FALSE(create(edition, 1, signed_image(1)));
}

TEST_F(ReleaseTest, WithdrawalStaysAndAttemptsCount) {
  release(1);
  const core::Uuid product = must(core::Uuid::parse(kProduct));
  SigningFile edition = press.edition();
  const trust::Channel again = must(set_channel(press.repository(), edition, {product, "stable", "pump-1.1.0", 2}));
  EXPECT_EQ(again.attempt, 2u);
  EXPECT_EQ(again.revision, 2u);
  const trust::Channel withdrawn = must(withdraw_release(press.repository(), edition, {product, "stable", "pump-1.1.0", "alarm"}));
  EXPECT_EQ(withdrawn.revision, 2u) << "one edition, one revision";
  EXPECT_EQ(withdrawn.withdrawn.size(), 1u);
  EXPECT_FALSE(withdraw_release(press.repository(), edition, {product, "stable", "pump-1.1.0", "twice"}));
  EXPECT_FALSE(set_channel(press.repository(), edition, {product, "stable", "pump-1.1.0", {}})) << "a withdrawn release is not selected";
  EXPECT_FALSE(set_channel(press.repository(), edition, {product, "stable", "pump-9", {}}));
  EXPECT_FALSE(set_channel(press.repository(), edition, {core::Uuid{{1}}, "stable", "pump-1.1.0", {}}));
}

TEST_F(ReleaseTest, ADescriptionWithAMistakeIsRefusedWithTheField) {
  const auto sentence = [&](const std::string& text) {
    press.write("bad.toml", text);
    const auto refused = ReleaseDescription::read(press.path("bad.toml"));
    return refused ? std::string() : refused.error().sentence();
  };
  EXPECT_NE(sentence(description(1, "sequense = 5\n")).find("unknown key \"sequense\""), std::string::npos);
  EXPECT_NE(sentence("[release]\n").find("[.release] id is missing"), std::string::npos) << sentence("[release]\n");
  EXPECT_NE(sentence("x = [").find("line 1"), std::string::npos);
  std::string wrong = description(1);
  wrong.replace(wrong.find("\"security\""), 10, "\"urgent\"");
  EXPECT_NE(sentence(wrong).find("allowed: security, function, recall"), std::string::npos) << sentence(wrong);
}

TEST_F(ReleaseTest, ADescriptionCarriesRequirementsAdvisoriesAndTheMatrix) {
  press.write("vex.json", "{}");
  const std::string digest(64, 'a');
  press.write("full.toml", description(1, "require = [\"log\"]\nnot_after = \"2030-01-01T00:00:00Z\"\n") +
                               "[[advisory]]\nkind = \"vex\"\nfile = \"vex.json\"\n[[compatible]]\ntogether = [{ component = "
                               "\"55555555-5555-4555-8555-555555555555\", manifest = \"" + digest + "\" }]\n");
  const trust::ReleaseManifest draft = must(ReleaseDescription::read(press.path("full.toml"))).draft;
  EXPECT_EQ(draft.log, trust::Requirement::kRequired);
  EXPECT_EQ(draft.encryption, trust::Requirement::kNone);
  ASSERT_EQ(draft.advisories.size(), 1u);
  EXPECT_EQ(draft.advisories.front().digest, core::sha256("{}"));
  ASSERT_EQ(draft.matrix.size(), 1u);
  EXPECT_EQ(draft.matrix.front().front().manifest_digest.hex(), digest);
  EXPECT_TRUE(draft.not_after);
}

// Answers: RB-08, T-48
TEST_F(ReleaseTest, ADeviceIsProvisionedWholeOrNotAtAll) {
  platform::PosixEntropy entropy;
  const auto provision = [&](ProvisionPlan made) { return DeviceFolder::prepare(press.path("device"), std::move(made), entropy); };
  ProvisionPlan good{.device_id = "pump-1", .jurisdiction = "EU", .description = described(1), .image = signed_image(1),
                     .keys = {press.image_keys()}, .root = press.repository_path() / "metadata/1.root.json",
                     .anchors_pem = "anchors",
                     .site = {.repository_url = "https://localhost/", .mirrors = {"https://cache/"}, .rate_max_bytes_per_s = 9000}};
  ProvisionPlan bad = good;
  bad.keys = {press.image_keys("p256-stranger")};
  EXPECT_FALSE(provision(bad));
  bad = good;
  // RFC 6979's example key: anybody can sign with it.
  bad.keys.push_back(press.image_keys());
  bad.keys.back().builder = must(core::PublicKey::from_p256_point(must(core::from_hex(
      "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"))));
  EXPECT_TRUE(provision(bad).error().is(PublishCode::kDevelopmentKey));
  bad = good;
  bad.profile = Profile::kProduction;
  EXPECT_FALSE(provision(bad)) << "a development image in a production device";
  bad = good;
  bad.root = press.path("consent.txt");
  EXPECT_FALSE(provision(bad));
  bad = good;
  bad.hardware_revision = 9;
  EXPECT_FALSE(provision(bad));
  bad = good;
  bad.slot_size = 4096;
  EXPECT_FALSE(provision(bad));
  EXPECT_FALSE(std::filesystem::exists(press.path("device")));
  DeviceFolder folder = must(provision(good));
  EXPECT_FALSE(std::filesystem::exists(press.path("device"))) << "not there before it is complete";
  must(folder.finish({press.key("p256-device"), press.key("p256-therapy"), "certificate"}));
  for (const char* file : {"boot/journal.bin", "boot/monotonic.bin", "boot/provisioning.bin", "boot/secret.bin", "boot/recovery.img", "slots/a.img",
                           "slots/b.img", "requests/requests.bin", "permit/permit.bin", "agent/root.json", "agent/agent.toml", "agent/therapy.pub.pem"})
    EXPECT_TRUE(std::filesystem::exists(press.path("device") / file)) << file;
  const std::string agent = press.read(press.path("device") / "agent/agent.toml");
  EXPECT_NE(agent.find("\nmirrors = [\"https://cache/\"]\n"), std::string::npos) << agent;
  EXPECT_NE(agent.find("\nrate_max_bytes_per_s = 9000\n"), std::string::npos) << agent;
  EXPECT_FALSE(provision(good)) << "a device is provisioned once";
}

// What is encoded is recognised and shown again.
TEST_F(ReleaseTest, InspectRecognisesEveryFormat) {
  release(1);
  platform::PosixEntropy entropy;
  DeviceFolder folder = must(DeviceFolder::prepare(
      press.path("device"), {.device_id = "pump-1", .jurisdiction = "EU", .description = described(1), .image = signed_image(1),
                             .keys = {press.image_keys()}, .root = press.repository_path() / "metadata/1.root.json", .anchors_pem = "x",
                             .site = {.repository_url = "https://localhost/"}}, entropy));
  must(folder.finish({press.key("p256-device"), press.key("p256-therapy"), "x"}));
  must(save_edition(press.edition(), press.path("edition.json")));
  press.write("key.pub", press.key("p256-builder").pem());
  IssuerSigner issuer = press.issuer_signer("p256-ca");
  press.write("ca.crt", must(make_authority(issuer, {"CA", {"a.example"}, {}, {kNow}}, entropy)));
  const auto format = [&](const Path& path, InspectOptions options = {}) {
    const auto found = inspect_file(path, options);
    return found ? found->format : found.error().sentence();
  };
  const auto target = [&](const std::string& subfolder, const std::string& ending) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(press.repository_path() / "targets" / subfolder))
      if (entry.is_regular_file() && entry.path().string().ends_with(ending)) return entry.path();
    return Path("absent");
  };
  EXPECT_EQ(format(press.path("image1")), "boot manifest");
  EXPECT_EQ(format(target("payloads", ".payload")), "payload");
  EXPECT_EQ(format(target("payload-index", ".json")), "payload index");
  EXPECT_EQ(format(target("releases", "release.json")), "release manifest");
  EXPECT_EQ(format(target("channels", ".json")), "channel");
  EXPECT_EQ(format(press.repository_path() / "metadata/1.root.json"), "TUF root");
  EXPECT_EQ(format(press.repository_path() / "metadata/2.targets.json"), "TUF targets");
  EXPECT_EQ(format(press.repository_path() / "metadata/2.snapshot.json"), "TUF snapshot");
  EXPECT_EQ(format(press.repository_path() / "metadata/timestamp.json"), "TUF timestamp");
  EXPECT_EQ(format(press.path("edition.json")), "signing file");
  EXPECT_EQ(format(press.path("key.pub")), "public key");
  EXPECT_EQ(format(press.path("ca.crt")), "certificate");
  EXPECT_EQ(format(press.path("keys/signing.log")), "log");
  EXPECT_EQ(format(press.path("device/boot/provisioning.bin")), "provisioning record");
  EXPECT_EQ(format(press.path("device/boot/monotonic.bin")), "monotonic store");
  EXPECT_EQ(format(press.path("device/requests/requests.bin")), "request area");
  EXPECT_EQ(format(press.path("device/permit/permit.bin")), "PERMIT cell");
  EXPECT_NE(format(press.path("device/boot/journal.bin")).find("give it with --secret"), std::string::npos);
  EXPECT_EQ(format(press.path("device/boot/journal.bin"), {must(read_file(press.path("device/boot/secret.bin")))}), "boot journal");
  EXPECT_NE(format(press.path("r1.toml")).find("none of the known formats"), std::string::npos);
  // Fields are those that were put in.
  const Inspection image = must(inspect_file(press.path("image1"), {}));
  EXPECT_EQ(image.fields.string_at("version").value_or(""), "1.1.0");
  EXPECT_EQ(image.fields.string_at("image_digest").value_or(""), must(read_image(press.path("image1"))).image_digest.hex());
  const Inspection store = must(inspect_file(press.path("device/boot/monotonic.bin"), {}));
  EXPECT_EQ(store.fields.string_at("confirmed").value_or(""), must(read_image(press.path("image1"))).manifest_digest.hex());
  EXPECT_NE(image.text().find("  version: 1.1.0\n"), std::string::npos);
  // The same device as a whole.
  EXPECT_EQ(must(inspect_boot_state(must(read_boot_areas(press.path("device"))))).fields.string_at("journal").value_or(""), "in force");
}

TEST_F(ReleaseTest, InspectSurvivesDamageOfEveryFormat) {
  release(1);
  const std::string image = press.read(signed_image(1)).substr(0, 9216);
  for (std::size_t size : {0ul, 1ul, 7ul, 8ul, 100ul, 1023ul, 1024ul, 9215ul}) static_cast<void>(inspect_bytes(core::as_bytes(image).first(size), {}));
  std::string bad = image;
  for (std::size_t at = 8; at < 1024; at += 13) {
    bad[at] = static_cast<char>(bad[at] ^ 0xff);
    static_cast<void>(inspect_bytes(core::as_bytes(bad), {}));
    bad[at] = image[at];
  }
  const std::string root = press.read(press.repository_path() / "metadata/1.root.json");
  for (std::size_t size = 0; size < root.size(); size += 97) static_cast<void>(inspect_bytes(core::as_bytes(root).first(size), {}));
  SUCCEED();
}

// An ELF file with one loadable segment, as a linked boot stage is one.
std::string boot_stage(const std::string& code) {
  std::string elf(84, '\0');
  elf.replace(0, 6, std::string("\x7f" "ELF\x01\x01", 6));
  elf[28] = 52;                                   // program headers
  elf[52 + 4] = 84;                               // offset of the segment
  elf[52 + 16] = static_cast<char>(code.size());  // its size in the file
  return elf + code;
}

// Answers: RB-07
TEST_F(ReleaseTest, AMicrocontrollersFlashHoldsItsFactoryImageAndAKeyBoundToItsBootStage) {
  const Path image = signed_image(1);
  press.write("boot.elf", boot_stage("code of the boot stage"));
  press.write("other.elf", boot_stage("code of another stage!"));
  McuPlan plan_of_flash{.device_id = "pump-0001-mcu", .description = described(1), .component = "pump", .image = image,
                        .keys = {press.image_keys()}, .boot_elf = press.path("boot.elf")};
  platform::PosixEntropy entropy;
  const McuKeys keys = must(make_mcu_flash(press.path("flash.img"), plan_of_flash, entropy));
  const std::string flash = press.read(press.path("flash.img")), bytes = press.read(image);
  ASSERT_EQ(flash.size(), 16u << 20);
  for (const boot::Area area : {boot::Area::kSlotA, boot::Area::kSlotB, boot::Area::kRecovery})
    EXPECT_EQ(flash.substr(boot::cortex_m::flash_area(area).offset, bytes.size()), bytes);
  boot::Provisioning record;
  const auto encoded = core::as_bytes(flash).subspan(boot::cortex_m::flash_area(boot::Area::kProvisioning).offset).first<boot::kProvisioningSize>();
  BootHasher hasher;
  ASSERT_EQ(boot::decode_provisioning(hasher, encoded, record), boot::Status::kOk);
  EXPECT_EQ(record.device_id, boot_device_id("pump-0001-mcu").bytes);
  EXPECT_TRUE(record.key_slots[0].provisioned);
  EXPECT_EQ(record.life_cycle, boot::LifeCycle::kDevelopment);
  EXPECT_NE(keys.boot.pem(), keys.lease.pem());
  plan_of_flash.boot_elf = press.path("other.elf");
  EXPECT_NE(must(make_mcu_flash(press.path("other.img"), plan_of_flash, entropy)).boot.pem(), keys.boot.pem());
  plan_of_flash.boot_elf = image;
  EXPECT_FALSE(make_mcu_flash(press.path("third.img"), plan_of_flash, entropy)) << "no boot stage";
}

// Answers: RB-07, T-49
TEST_F(ReleaseTest, AnOpenDebugPortIsForDevelopmentPartsAndItsKeyIsCertifiedForNobody) {
  press.write("boot.elf", boot_stage("code of the boot stage"));
  McuPlan plan_of_flash{.device_id = "pump-0001-mcu", .description = described(1), .component = "pump", .image = signed_image(1),
                        .keys = {press.image_keys()}, .boot_elf = press.path("boot.elf"), .debug = DebugAtFactory::kOpen};
  platform::PosixEntropy entropy;
  const McuKeys keys = must(make_mcu_flash(press.path("flash.img"), plan_of_flash, entropy));
  const std::string state = press.read(press.path("flash.img")).substr(boot::cortex_m::kHardwareState.offset, 16);
  EXPECT_EQ(state, std::string(16, '\0')) << "neither register says closed";
  EXPECT_FALSE(boot_key_request(plan_of_flash, keys, "pump-0001"));
  plan_of_flash.profile = Profile::kProduction;
  const auto refused = make_mcu_flash(press.path("other.img"), plan_of_flash, entropy);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().sentence().find("debug port"), std::string::npos) << refused.error().sentence();
}

// Answers: RB-07, T-56
TEST_F(ReleaseTest, ABootKeyIsCertifiedByAFactoryThatThePolicyNamesForItsBootStage) {
  const Path image = signed_image(1);
  press.write("boot.elf", boot_stage("code of the boot stage"));
  const McuPlan plan_of_flash{.device_id = "pump-0001-mcu", .description = described(1), .component = "pump", .image = image,
                              .keys = {press.image_keys()}, .boot_elf = press.path("boot.elf")};
  platform::PosixEntropy entropy;
  const McuKeys keys = must(make_mcu_flash(press.path("flash.img"), plan_of_flash, entropy));
  trust::AuthorityPolicy policy;
  policy.product = must(core::Uuid::parse(kProduct));
  policy.provisioning_keys = {trust::TufKey::from_public_key(press.key("factory"))};
  ProvisioningSigner factory = must(ProvisioningSigner::admit(press.open("factory"), Profile::kDevelopment));
  ProvisioningSigner stranger = must(ProvisioningSigner::admit(press.open("stranger"), Profile::kDevelopment));
  const std::string file = must(certify_boot_key(plan_of_flash, keys, "pump-0001", policy, factory));
  const trust::BootKey key = must(trust::verify_boot_key(core::as_bytes(file), policy, "pump-0001"));
  EXPECT_EQ(key.key().spki(), keys.boot.spki());
  EXPECT_EQ(key.statement()->boot_id, boot_device_id("pump-0001-mcu"));
  EXPECT_EQ(key.statement()->boot_digest, core::sha256("code of the boot stage"));
  EXPECT_EQ(key.statement()->life_cycle, "dev");
  EXPECT_EQ(key.statement()->component, described(1).draft.components.front().id);
  EXPECT_FALSE(certify_boot_key(plan_of_flash, keys, "pump-0001", policy, stranger)) << "what a device would refuse is not handed out";
  policy.product = described(1).draft.vendor;
  EXPECT_FALSE(certify_boot_key(plan_of_flash, keys, "pump-0001", policy, factory)) << "another product's policy";
}

// Field of the listing at "a.b.c".
core::JsonValue field_of(const Inspection& listing, std::string_view path) {
  core::JsonValue at = listing.fields;
  while (!path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    const core::JsonValue* next = at.find(path.substr(0, dot));
    if (next == nullptr) return "absent";
    at = core::JsonValue(*next);
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return at;
}
std::string text_of(const core::JsonValue& value) { return value.as_string() ? *value.as_string() : core::canonical_json(value); }

// Answers: RC-08, T-57
TEST_F(ReleaseTest, ADevicesJournalIsReadAsBootFoldsItAndTornRecordsAreShownAsTorn) {
  const Path image = signed_image(1);
  press.write("boot.elf", boot_stage("code"));
  platform::PosixEntropy entropy;
  must(make_mcu_flash(press.path("flash.img"), {.device_id = "pump-0001-mcu", .description = described(1), .component = "pump", .image = image,
                                                .keys = {press.image_keys()}, .boot_elf = press.path("boot.elf")}, entropy));
  BootAreas areas = must(read_boot_areas(press.path("flash.img")));
  const auto field = [&](std::string_view path) { return text_of(field_of(must(inspect_boot_state(areas)), path)); };
  EXPECT_EQ(field("state.confirmed.manifest"), must(read_image(image)).manifest_digest.hex());
  EXPECT_EQ(field("state.confirmed.sequence"), "1");
  EXPECT_EQ(field("state.generation"), field("store.generation"));
  EXPECT_EQ(field("store.confirmed"), field("state.confirmed.manifest"));
  EXPECT_EQ(field("store.floor"), "1") << "the factory image's epoch";
  EXPECT_EQ(field("journal"), "in force");
  EXPECT_EQ(field("device_id"), boot_device_id("pump-0001-mcu").text());
  const auto halves = [&] { return *field_of(must(inspect_boot_state(areas)), "halves").as_array(); };
  EXPECT_EQ(text_of(*halves()[0].find("torn")), "0");
  EXPECT_EQ(text_of(*halves()[0].find("snapshot")), "closed");
  EXPECT_EQ(text_of(*halves()[1].find("snapshot")), "none");

  // A record that a power cut tore, behind it one that boot burnt: shown, and no part of the state.
  const std::string before = field("state.confirmed.manifest");
  const auto used = static_cast<std::size_t>(*halves()[0].find("written")->as_integer());
  std::fill_n(areas.journal.begin() + static_cast<std::ptrdiff_t>(64 * used), 40, std::uint8_t{0x5A});
  std::fill_n(areas.journal.begin() + static_cast<std::ptrdiff_t>(64 * (used + 1)), 64, std::uint8_t{0});
  EXPECT_EQ(text_of(*halves()[0].find("torn")), "1");
  EXPECT_EQ(text_of(*halves()[0].find("burnt")), "1");
  EXPECT_EQ(field("state.damaged_records"), "1");
  EXPECT_EQ(field("state.confirmed.manifest"), before);
  const core::JsonArray records = *field_of(must(inspect_boot_state(areas)), "records").as_array();
  EXPECT_EQ(records[used].string_at("condition").value_or(""), "torn");
  EXPECT_EQ(records[used + 1].string_at("condition").value_or(""), "burnt");

  // A record changed by somebody without the secret is no record.
  areas.journal[10] ^= 1;
  EXPECT_EQ(text_of(*halves()[0].find("torn")), "2");
  EXPECT_EQ(text_of(*halves()[0].find("snapshot")), "none");
  EXPECT_EQ(field("journal"), "DISCARDED at the next start: default state");
}

// Answers: RC-03, T-58
TEST_F(ReleaseTest, AJournalThatTheStoreHasLeftBehindIsShownAsDiscarded) {
  const Path image = signed_image(1);
  press.write("boot.elf", boot_stage("code"));
  platform::PosixEntropy entropy;
  must(make_mcu_flash(press.path("flash.img"), {.device_id = "m", .description = described(1), .component = "pump", .image = image,
                                                .keys = {press.image_keys()}, .boot_elf = press.path("boot.elf")}, entropy));
  BootAreas areas = must(read_boot_areas(press.path("flash.img")));
  const auto field = [&](std::string_view path) { return text_of(field_of(must(inspect_boot_state(areas)), path)); };
  const auto generation = static_cast<std::uint32_t>(std::stoul(field("state.generation")));
  // The newest cell may be the third one.
  const auto burn = [&](std::uint32_t to, std::size_t cell) {
    boot::MonotonicCell wire;
    wire.state.generation = to;
    wire.state.floor = 4;
    wire.write_count = 1000 + to;
    boot::encode_monotonic_cell(wire, core::ByteSpan(areas.store).subspan(cell * boot::kMonotonicCellStride).first<boot::kMonotonicCellSize>());
  };
  burn(generation + 1, 2);
  EXPECT_EQ(field("store.floor"), "4");
  EXPECT_EQ(field("journal"), "DISCARDED at the next start: its generation is not the store's");
  EXPECT_EQ(text_of(field_of(must(inspect_bytes(areas.store, {})), "floor")), "4");
  std::ranges::fill(areas.store, std::uint8_t{0});
  EXPECT_EQ(field("store"), "no cell of it is whole: nothing boots");
  if (generation > 0) {
    burn(generation - 1, 0);
    EXPECT_EQ(field("journal"), "in force once boot has completed the burn");
  }
  areas.secret.pop_back();
  EXPECT_FALSE(inspect_boot_state(areas));
  EXPECT_FALSE(read_boot_areas(image)) << "a file that is neither folder nor flash image";
}

TEST_F(ReleaseTest, ARawProgramIsTakenOnlyForAnAddress) {
  press.write("raw", std::string(5000, 'r'));
  ImagePlan raw = plan(1);
  raw.regions = {{ImageRegionKind::kExecCopied, press.path("raw")}};
  EXPECT_FALSE(build_image(raw, press.image_keys(), press.path("image"))) << "not a static ELF";
  raw.regions.front().form = ProgramForm::kRaw;
  raw.load_address = 0x28000000;
  raw.entry = 0x28000100;
  EXPECT_TRUE(build_image(raw, press.image_keys(), press.path("image")));
  raw.entry = 0x27000000;
  EXPECT_FALSE(build_image(raw, press.image_keys(), press.path("image"))) << "an entry outside of it";
}

}  // namespace
}  // namespace aseptic::publish::test
