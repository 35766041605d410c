// SPDX-License-Identifier: Apache-2.0
// Profile cnsa2 from the command line: the release role signs images with LMS, and no one-time key is used twice, whatever is
// put back. The library's own cuts and restores: publish/tests/lms_state_test.cpp.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <set>

#include "aseptic/boot/format/manifest.h"
#include "aseptic/core/json.h"
#include "command_fixture.h"

namespace aseptic::app {
namespace {

// An office with the builder's key, and a vault with the LMS key "second", whose witness lies on a medium of its own.
class LmsCommand : public Command {
 protected:
  LmsCommand() {
    fs::create_directory(folder / "medium");
    write("consent.txt", "The pump restarts.");
    write("r.toml",
          "[release]\nid = \"pump-1\"\nversion = \"1.0.0\"\nsequence = 1\nvendor = \"11111111-1111-4111-8111-111111111111\"\n"
          "product = \"22222222-2222-4222-8222-222222222222\"\nclass = \"33333333-3333-4333-8333-333333333333\"\nagent_min = \"0.1.0\"\n"
          "sources = { min = 0, max = 0 }\nhardware = [{ id = \"44444444-4444-4444-8444-444444444444\", min = 1, max = 1 }]\n"
          "[safety]\nclass = \"function\"\nstates = [\"idle\"]\ndowntime_s_max = 60\nrestart = \"device\"\nessential_performance = \"none\"\n"
          "energy_mwh_min = 0\njurisdictions = []\nconsent = { en = \"consent.txt\" }\n"
          "[[component]]\nid = \"55555555-5555-4555-8555-555555555555\"\nname = \"main\"\ntype = \"image\"\nlocation = \"slot\"\nepoch = 1\n");
  }
  void make_keys() const {
    ok("office", {"keys", "create", "--algorithm", "p256", "builder"});
    ok("vault", {"keys", "create", "--algorithm", "lms-h10", "--witness", at("medium"), "second"});
  }
  void make_image(const std::string& name) const {
    ok("office", {"image", "build", "--description", at("r.toml"), "--builder", "builder", "--release-key", at("vault/second.pub"), "--exec",
                  ASEPTIC_TEST_IMAGE, "--out", at(name)});
    ok("office", {"image", "sign", at(name), "--key", "builder", "--yes"});
  }
  std::vector<std::string> release(const std::string& name, const std::string& witness = "medium") const {
    return {"image", "release", at(name), "--key", "second", "--builder", at("office/builder.pub"), "--yes", "--witness", at(witness)};
  }
  // The index q of the signature in an image: a u32 behind the number of levels.
  std::uint32_t index_of(const std::string& name) const {
    const std::string image = contents(folder / name);
    std::uint32_t q = 0;
    for (std::size_t i = 0; i < 4; ++i)
      q = q << 8 | static_cast<std::uint8_t>(image.at(boot::kManifestRegionSize + boot::kP256SignatureSize + 4 + i));
    return q;
  }
  std::int64_t left(bool with_witness = true) const {
    std::vector<std::string> words{"--json", "keys", "show", "second"};
    if (with_witness) words.insert(words.end(), {"--witness", at("medium")});
    const ProgramResult result = run("vault", words);
    EXPECT_EQ(result.exit_status, 0) << result.err;
    const auto value = core::parse_json_value(core::as_bytes(result.out));
    return value ? value->integer_at(with_witness ? "signatures_left" : "signatures_left_at_most").value_or(-1) : -1;
  }
  fs::path only_file(const std::string& where, const std::string& suffix) const {
    for (const auto& entry : fs::directory_iterator(folder / where))
      if (entry.path().extension() == suffix) return entry.path();
    return {};
  }
  // The record of this suffix says `number`, as if that many signatures had been made.
  void set_number(const fs::path& file, std::uint64_t number) const {
    std::string text = contents(file);
    text = text.substr(0, text.rfind(' ') + 1) + std::to_string(number) + "\n";
    std::ofstream(file, std::ios::binary) << text;
  }
};

// Timeline: keys made; image built, signed, released with LMS; a device is provisioned for that pair and boots it; then one byte
// of the LMS signature changes and boot runs the other slot.
// Answers: KM-07, KM-08, RB-01
TEST_F(LmsCommand, ADeviceBootsWhatTheReleaseRoleSignedWithLms) {
  init();
  make_keys();
  make_image("a.img");
  const ProgramResult released = run("vault", release("a.img"));
  ASSERT_EQ(released.exit_status, 0) << released.err;
  EXPECT_NE(released.out.find("1023 of 1024 signatures left"), std::string::npos) << released.out;
  ok("office", {"image", "verify", at("a.img"), "--builder", "builder", "--release-key", at("vault/second.pub")});
  EXPECT_NE(contents(folder / "vault/signing.log").find("released"), std::string::npos);
  for (const std::string person : {"root-a", "root-c"}) ok(person, {"sign", at("ed/root.signing.json"), "--key", person, "--yes"});
  for (const std::string person : {"release-a", "release-b"}) ok(person, {"sign", at("ed/targets.signing.json"), "--key", person, "--yes"});
  ok("office", {"repo", "publish", at("repo"), at("ed/root.signing.json"), at("ed/targets.signing.json"), "--snapshot-key", "snapshot", "--timestamp-key",
                "timestamp"});
  ok("office", {"pki", "init", "--pki", at("pki"), "--dns", "localhost"});
  ok("office", {"device", "provision", at("pump"), "--id", "pump-0001", "--description", at("r.toml"), "--image", at("a.img"), "--builder", "builder",
                "--release-key", at("vault/second.pub"), "--root", at("repo/metadata/1.root.json"), "--pki", at("pki"), "--jurisdiction", "EU",
                "--repository-url", "https://localhost/", "--without-policy"});
  const ProgramResult first = test::run_program({ASEPTIC_BOOT, "run", at("pump"), "--once"});
  EXPECT_NE((first.out + first.err).find("RUN place=a"), std::string::npos) << first.out << first.err;
  std::string slot = contents(folder / "pump/slots/a.img");
  const std::size_t in_path = boot::kManifestRegionSize + boot::kP256SignatureSize + 2500;
  slot[in_path] = static_cast<char>(slot[in_path] ^ 1);
  std::ofstream(folder / "pump/slots/a.img", std::ios::binary) << slot;
  const ProgramResult second = test::run_program({ASEPTIC_BOOT, "run", at("pump"), "--once"});
  EXPECT_NE((second.out + second.err).find("RUN place=b"), std::string::npos) << second.out << second.err;
}

// Answers: KM-08
TEST_F(LmsCommand, WithoutItsWitnessAnLmsKeyIsNeitherMadeNorSigns) {
  refused("vault", {"keys", "create", "--algorithm", "lms-h10", "second"}, "needs a witness");
  refused("vault", {"keys", "create", "--algorithm", "lms-h10", "--witness", at("nowhere"), "second"}, "is its medium mounted?");
  EXPECT_TRUE(!fs::exists(folder / "vault") || fs::is_empty(folder / "vault"));
  make_keys();
  fs::create_directory(folder / "vault/inside");
  fs::create_directory(folder / "empty");
  refused("vault", {"keys", "create", "--algorithm", "lms-h10", "--witness", at("vault/inside"), "third"}, "one backup would hold both");
  refused("vault", {"keys", "create", "--algorithm", "lms-h10", "--witness", at("vault"), "third"}, "one backup would hold both");
  refused("vault", {"keys", "create", "--algorithm", "lms-h10", "--witness", folder.string(), "third"}, "one backup would hold both");
  refused("vault", {"keys", "create", "--algorithm", "lms-h10", "--witness", at("medium"), "second"}, "exists in");
  refused("vault", {"keys", "create", "--algorithm", "p256", "second"}, "exists in");
  make_image("a.img");
  const std::string unsigned_image = contents(folder / "a.img");
  std::vector<std::string> without = release("a.img");
  without.resize(without.size() - 2);
  refused("vault", without, "signs only with a witness");
  refused("vault", release("a.img", "empty"), "the witness of the LMS key");
  EXPECT_EQ(contents(folder / "a.img"), unsigned_image);
  EXPECT_EQ(left(), 1024) << "no refusal used an index";
}

// Whoever shares the folders, or signs twice at a time, cannot get one index twice.
// Answers: KM-08
TEST_F(LmsCommand, OnlyOneProcessAtATimeSigns) {
  make_keys();
  make_image("a.img");
  for (const std::string held : {"vault", "medium"}) {
    const int descriptor = ::open(at(held).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT_EQ(::flock(descriptor, LOCK_EX), 0);
    refused("vault", release("a.img"), "in use by another process");
    ::close(descriptor);
  }
  ok("vault", release("a.img"));
}

// Timeline: two signatures; the key's folder comes back from a backup of before; the next signature takes a new index. Then the
// witness comes back as well, but not the key's folder: the key signs never again.
// Answers: KM-08
TEST_F(LmsCommand, AStateOutOfABackupReusesNoIndex) {
  make_keys();
  make_image("a.img");
  fs::copy(folder / "vault", folder / "vault.backup", fs::copy_options::recursive);
  fs::copy(folder / "medium", folder / "medium.backup", fs::copy_options::recursive);
  std::set<std::uint32_t> used;
  for (int i = 0; i < 2; ++i) {
    ok("vault", release("a.img"));
    EXPECT_TRUE(used.insert(index_of("a.img")).second);
  }
  EXPECT_EQ(left(), 1022);
  fs::remove_all(folder / "vault");
  fs::copy(folder / "vault.backup", folder / "vault", fs::copy_options::recursive);
  EXPECT_EQ(left(), 1022) << "the witness counts, not the backup";
  EXPECT_EQ(left(false), 1024) << "which is why the record beside the key says only: at most";
  ok("vault", release("a.img"));
  EXPECT_TRUE(used.insert(index_of("a.img")).second) << "an index was used twice";
  EXPECT_EQ(left(), 1021);
  fs::remove_all(folder / "medium");
  fs::copy(folder / "medium.backup", folder / "medium", fs::copy_options::recursive);
  refused("vault", release("a.img"), "the witness has been put back");
  refused("vault", {"keys", "list", "--witness", at("medium")}, "the witness has been put back");
}

// Answers: KM-08
TEST_F(LmsCommand, TheLastSignatureIsCountedAndAUsedUpKeyStops) {
  make_keys();
  make_image("a.img");
  set_number(only_file("medium", ".lms-witness"), 1023);
  EXPECT_EQ(left(), 1);
  const ProgramResult last = run("vault", release("a.img"));
  EXPECT_NE(last.out.find("0 of 1024 signatures left"), std::string::npos) << last.out << last.err;
  EXPECT_EQ(index_of("a.img"), 1023U);
  EXPECT_EQ(left(), 0);
  const std::string image = contents(folder / "a.img");
  refused("vault", release("a.img"), "used up");
  EXPECT_EQ(contents(folder / "a.img"), image);
  const ProgramResult list = run("vault", {"keys", "list", "--witness", at("medium")});
  EXPECT_NE(list.out.find("second: lms-sha256, key id "), std::string::npos) << list.out;
  EXPECT_NE(list.out.find("0 of 1024 signatures left, DEVELOPMENT key file"), std::string::npos) << list.out;
}

// Answers: RB-08, KM-01
TEST_F(LmsCommand, TheProductionProfileRefusesTheKeyFileAndUsesNoIndex) {
  make_keys();
  make_image("a.img");
  std::vector<std::string> words = release("a.img");
  words.insert(words.begin(), {"--profile", "production"});
  refused("vault", words, "key file");
  refused("vault", {"--profile", "production", "keys", "create", "--algorithm", "lms-h10", "--witness", at("medium"), "other"}, "makes no private key in a file");
  EXPECT_EQ(left(), 1024);
}

// Answers: KM-08
TEST_F(LmsCommand, ADamagedKeyOrRecordSignsNothing) {
  make_keys();
  make_image("a.img");
  ok("vault", release("a.img"));
  for (const fs::path& file : {folder / "vault/second.lms", only_file("vault", ".lms-state"), only_file("medium", ".lms-witness")}) {
    const std::string good = contents(file);
    std::ofstream(file, std::ios::binary) << good.substr(0, good.size() - 1);
    refused("vault", release("a.img"), "damaged");
    std::ofstream(file, std::ios::binary) << good;
  }
  fs::permissions(folder / "vault/second.lms", fs::perms::group_read, fs::perm_options::add);
  refused("vault", release("a.img"), "others may access this file");
}

}  // namespace
}  // namespace aseptic::app
