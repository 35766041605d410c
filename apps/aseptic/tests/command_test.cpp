// SPDX-License-Identifier: Apache-2.0
// The real command: several people on several machines, exit statuses, one clear sentence for bad input, nothing
// half-changed.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "aseptic/boot/format/mailbox.h"
#include "aseptic/core/json.h"
#include "command_fixture.h"

namespace aseptic::app {
namespace {

// Answers: KM-02, KM-03, KM-09
TEST_F(Command, PeopleOnSeparateMachinesSignOneAfterAnotherAndApart) {
  init();
  const std::string root = at("ed/root.signing.json"), targets = at("ed/targets.signing.json");
  const std::vector<std::string> publish{"repo", "publish", at("repo"), root, targets, "--snapshot-key", "snapshot", "--timestamp-key", "timestamp"};
  ok("root-a", {"sign", root, "--key", "root-a", "--yes"});
  ok("release-a", {"sign", targets, "--key", "release-a", "--yes"});
  const auto before = tree("repo");
  refused("office", publish, "root version 1, by its own keys, has 1 of 2 needed signatures");
  refused("root-a", {"sign", root, "--key", "root-a", "--yes"}, "has signed this document already");
  refused("release-a", {"sign", root, "--key", "release-a", "--yes"}, "may not sign for the role root");
  refused("office", {"sign", targets, "--key", "index", "--yes"}, "may not sign for the role targets");
  EXPECT_EQ(tree("repo"), before);
  // root-b signs after root-a; release-b signs a copy that is merged.
  ok("root-b", {"sign", root, "--key", "root-b", "--yes"});
  fs::copy(targets, at("copy.json"));
  ok("release-b", {"sign", at("copy.json"), "--key", "release-b", "--yes"});
  ok("office", {"merge", targets, at("copy.json")});
  ok("office", publish);
  EXPECT_EQ(contents(folder / "root-b/signing.log").find("\"what\":\"root version 1\"") != std::string::npos, true);
  refused("office", publish, "the next one is version 2");
  ok("office", {"verify", at("repo"), "--root", at("repo/metadata/1.root.json")});
}

// Answers: KM-09
TEST_F(Command, ShowsBeforeItAsksAndSignsNothingWithoutAnAnswer) {
  init();
  const std::string file = at("ed/root.signing.json");
  const std::string before = contents(file);
  const ProgramResult result = run("root-a", {"sign", file, "--key", "root-a"});  // no terminal, no --yes
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_NE(result.err.find("\nAbout to be signed: root version 1"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("nothing was signed"), std::string::npos) << result.err;
  EXPECT_EQ(contents(file), before);
  EXPECT_FALSE(fs::exists(at("root-a/signing.log")));
  const ProgramResult shown = run("root-a", {"--json", "sign", file, "--show"});
  const auto json = core::parse_json_value(core::as_bytes(shown.out));
  ASSERT_TRUE(json) << shown.out;
  EXPECT_EQ(json->string_at("review").value_or("").find("About to be signed: root version 1"), 0u);
}

TEST_F(Command, SignedEditionsAreNotEdited) {
  init();
  const std::string targets = at("ed/targets.signing.json");
  write("f", "x");
  ok("office", {"repo", "add", at("repo"), "--signing", targets, "files/f=" + at("f")});
  ok("release-a", {"sign", targets, "--key", "release-a", "--yes"});
  const std::string before = contents(targets);
  refused("office", {"repo", "remove", at("repo"), "--signing", targets, "files/f"}, "has signatures already and cannot be edited");
  EXPECT_EQ(contents(targets), before);
}

// Answers: US-03, RB-08, KM-09
TEST_F(Command, TheDefaultIsTheProductionProfileAndDevelopmentIsLoudAndOnRecord) {
  init();
  const std::string before = contents(at("ed/root.signing.json"));
  for (const std::vector<std::string>& words : {std::vector<std::string>{"keys", "create", "another"},
                                                {"keys", "create", "another", "--algorithm", "slh-dsa"},
                                                {"pki", "init", "--pki", at("pki")},
                                                {"sign", at("ed/root.signing.json"), "--key", "root-a", "--yes"}}) {
    const ProgramResult result = run_as_it_comes("root-a", words);
    EXPECT_EQ(result.exit_status, 1) << words[0];
    EXPECT_NE(result.err.find("publish.development_key"), std::string::npos) << result.err;
  }
  EXPECT_EQ(contents(at("ed/root.signing.json")), before);
  EXPECT_FALSE(fs::exists(at("root-a/another.pem")));
  EXPECT_FALSE(fs::exists(at("pki/ca.pem")));
  EXPECT_FALSE(fs::exists(at("root-a/signing.log"))) << "nothing was signed";

  const ProgramResult loud = run("root-a", {"sign", at("ed/root.signing.json"), "--key", "root-a", "--yes"});
  EXPECT_EQ(loud.exit_status, 0) << loud.err;
  EXPECT_NE(loud.err.find("DEVELOPMENT profile: the key file root-a acts"), std::string::npos) << loud.err;
  EXPECT_NE(contents(at("root-a/signing.log")).find("\"custody\":\"development file\""), std::string::npos);
}

// Answers: RB-08, T-48
TEST_F(Command, TheProductionProfileRefusesKeyFilesAndKnownKeys) {
  init();
  refused("root-a", {"--profile", "production", "sign", at("ed/root.signing.json"), "--key", "root-a", "--yes"}, "a key in a token");
  // The example key of RFC 8032, as somebody's root key.
  write("rfc.pub", "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n");
  refused("office", {"repo", "init", at("repo2"), "--root", pub("root-a"), "--root", at("rfc.pub"), "--release", pub("release-a"), "--release",
                     pub("release-b"), "--snapshot", "snapshot", "--timestamp", "timestamp", "--out", at("ed2")}, "private half is published");
  EXPECT_FALSE(fs::exists(at("repo2")));
}

TEST_F(Command, BadInputGetsOneSentenceAndTheRightStatus) {
  init();
  write("garbage", std::string("\x00\xff{[", 4));
  write("text", "hello");
  refused("office", {}, "subcommand is required", 2);
  refused("office", {"frobnicate"}, "", 2);
  refused("office", {"keys", "create"}, "LABEL is required", 2);
  refused("office", {"keys", "create", "--algorithm", "dsa", "x"}, "dsa", 2);
  refused("office", {"repo", "init", at("r")}, "is required", 2);
  refused("office", {"keys", "create", "../evil"}, "");
  refused("office", {"keys", "create", "snapshot"}, "");
  refused("office", {"keys", "show", "nobody"}, "nobody");
  refused("office", {"inspect", at("nowhere")}, "cannot read");
  refused("office", {"inspect", at("garbage")}, "none of the known formats");
  refused("office", {"inspect", folder.string()}, "folder");
  refused("office", {"sign", at("garbage"), "--key", "snapshot", "--yes"}, "not a signing file");
  refused("office", {"sign", at("ed/root.signing.json"), "--yes"}, "name the key");
  refused("office", {"merge", at("ed/root.signing.json"), at("ed/targets.signing.json")}, "differ in what is signed");
  refused("office", {"repo", "show", at("nowhere")}, "is not a repository");
  refused("office", {"repo", "lint", at("repo")}, "nothing is published");
  refused("office", {"repo", "refresh", at("repo"), "--timestamp-key", "timestamp"}, "nothing is published");
  refused("office", {"repo", "add", at("repo"), "--signing", at("ed/targets.signing.json"), "../x=" + at("text")}, "must be relative");
  refused("office", {"repo", "add", at("repo"), "--signing", at("ed/targets.signing.json"), "x"}, "TARGET/PATH=FILE");
  refused("office", {"repo", "bins", at("repo"), "--signing", at("ed/targets.signing.json"), "--prefix", "b", "--bits", "15", "--key", "index"}, "1 to 14 bits");
  refused("office", {"repo", "delegate", at("repo"), "--signing", at("ed/targets.signing.json"), "--name", "a/b", "--path", "x/*", "--key", "index"}, "may have 1 to 64");
  refused("office", {"repo", "delegate", at("repo"), "--signing", at("ed/targets.signing.json"), "--name", "ok", "--path", "x/*", "--key", "index",
                     "--threshold", "2"}, "threshold must lie between");
  ok("vault", {"keys", "create", "--algorithm", "slh-dsa", "second"});
  refused("office", {"image", "verify", at("text"), "--builder", "index", "--release-key", at("vault/second.pub")}, "shorter than a boot manifest");
  refused("office", {"image", "build", "--description", at("text"), "--builder", "index", "--release-key", at("vault/second.pub"), "--out", at("o")}, "line 1");
  refused("office", {"verify", at("repo"), "--root", at("text")}, "root");
  refused("office", {"pki", "device", "--pki", at("nopki"), "--id", "x"}, "");
  refused("office", {"log", "verify", at("text")}, "");
  refused("office", {"boot", "journal", at("text")}, "neither a virtual device's folder nor a microcontroller's flash image");
  refused("office", {"boot", "journal", folder.string()}, "cannot read");
  refused("office", {"boot", "import-mcuboot", at("text"), "--key", "index", "--description", at("text"), "--builder", "index", "--release-key", at("vault/second.pub"),
                     "--out", at("o")}, "does not begin with MCUboot's image header");
  refused("office", {"device", "provision", at("d"), "--id", "x", "--description", at("text"), "--image", at("text"), "--builder", "index", "--release-key", at("vault/second.pub"), "--root",
                     at("text"), "--pki", at("nopki"), "--jurisdiction", "EU", "--repository-url", "https://x/"}, "cannot read");
  EXPECT_FALSE(fs::exists(at("d")));
}

// Timeline: image built and signed, release created, signed by two, published; device provisioned; boot runs that image;
// then one byte of the running slot changes and boot runs the other slot.
// Answers: RB-01, ID-01
TEST_F(Command, FromAProgramToADeviceThatBootsTheSignedImage) {
  init();
  ok("office", {"keys", "create", "--algorithm", "p256", "builder"});
  ok("vault", {"keys", "create", "--algorithm", "slh-dsa", "release-image"});
  const std::string release_key = at("vault/release-image.pub");
  write("consent.txt", "The pump restarts.");
  write("r.toml",
        "[release]\nid = \"pump-1\"\nversion = \"1.0.0\"\nsequence = 1\nvendor = \"11111111-1111-4111-8111-111111111111\"\n"
        "product = \"22222222-2222-4222-8222-222222222222\"\nclass = \"33333333-3333-4333-8333-333333333333\"\nagent_min = \"0.1.0\"\n"
        "sources = { min = 0, max = 0 }\nhardware = [{ id = \"44444444-4444-4444-8444-444444444444\", min = 1, max = 1 }]\n"
        "[safety]\nclass = \"function\"\nstates = [\"idle\"]\ndowntime_s_max = 60\nrestart = \"device\"\nessential_performance = \"none\"\n"
        "energy_mwh_min = 0\njurisdictions = []\nconsent = { en = \"consent.txt\" }\n"
        "[[component]]\nid = \"55555555-5555-4555-8555-555555555555\"\nname = \"main\"\ntype = \"image\"\nlocation = \"slot\"\nepoch = 1\n");
  const std::string targets = at("ed/targets.signing.json"), root = at("ed/root.signing.json");
  ok("office", {"image", "build", "--description", at("r.toml"), "--builder", "builder", "--release-key", release_key, "--exec", ASEPTIC_TEST_IMAGE, "--out", at("a.img")});
  refused("office", {"release", "create", at("repo"), "--signing", targets, "--description", at("r.toml"), "--image", at("a.img"), "--builder", "builder", "--release-key", release_key},
          "signature does not verify");
  ok("office", {"image", "sign", at("a.img"), "--key", "builder", "--yes"});
  refused("office", {"release", "create", at("repo"), "--signing", targets, "--description", at("r.toml"), "--image", at("a.img"), "--builder", "builder",
                     "--release-key", release_key}, "post-quantum signature");
  // The second custodian, on another machine, with the builder's public key only.
  ok("vault", {"image", "release", at("a.img"), "--key", "release-image", "--builder", at("office/builder.pub"), "--yes"});
  ok("office", {"image", "verify", at("a.img"), "--builder", "builder", "--release-key", release_key});
  ok("office", {"release", "create", at("repo"), "--signing", targets, "--description", at("r.toml"), "--image", at("a.img"), "--builder", "builder", "--release-key", release_key});
  ok("office", {"repo", "delegate", at("repo"), "--signing", targets, "--name", "payload-index", "--path", "payload-index/*", "--path", "payloads/*",
                "--key", "index"});
  ok("office", {"channel", "set", at("repo"), "--signing", targets, "--product", "22222222-2222-4222-8222-222222222222", "--release", "pump-1"});
  for (const std::string person : {"root-a", "root-c"}) ok(person, {"sign", root, "--key", person, "--yes"});
  for (const std::string person : {"release-a", "release-b"}) ok(person, {"release", "sign", targets, "--key", person, "--yes"});
  ok("office", {"release", "publish", at("repo"), "--signing", targets, "--with", root, "--role-key", "index", "--snapshot-key", "snapshot",
                "--timestamp-key", "timestamp"});
  ok("office", {"verify", at("repo"), "--root", at("repo/metadata/1.root.json")});
  ok("office", {"pki", "init", "--pki", at("pki"), "--dns", "localhost"});
  const std::vector<std::string> provision{"device", "provision", at("pump"), "--id", "pump-0001", "--description", at("r.toml"), "--image", at("a.img"),
                                           "--builder", "builder", "--release-key", release_key, "--root", at("repo/metadata/1.root.json"), "--pki", at("pki"), "--jurisdiction", "EU",
                                           "--repository-url", "https://localhost/"};
  refused("office", provision, "say what the device demands");
  std::vector<std::string> plain = provision;
  plain.push_back("--without-policy");
  ok("office", plain);
  refused("office", plain, "a device is provisioned once");
  // A device without a network: media alone.
  std::vector<std::string> air_gapped = plain;
  air_gapped[2] = at("air-gapped");
  air_gapped.erase(std::ranges::find(air_gapped, "--repository-url"), std::ranges::find(air_gapped, "https://localhost/") + 1);
  refused("office", air_gapped, "say where updates come from");
  EXPECT_FALSE(fs::exists(folder / "air-gapped"));
  air_gapped.insert(air_gapped.end(), {"--media", "media/stick", "--media", "/media/usb/aseptic.bundle"});
  ok("office", air_gapped);
  EXPECT_NE(contents(folder / "air-gapped/agent/agent.toml").find("\nurl = \"\"\n"), std::string::npos);
  EXPECT_NE(contents(folder / "air-gapped/agent/agent.toml").find("\nmedia = [\"media/stick\", \"/media/usb/aseptic.bundle\"]\n"), std::string::npos);
  EXPECT_TRUE(fs::is_directory(folder / "air-gapped/media"));
  air_gapped[2] = at("mirrored");
  air_gapped.insert(air_gapped.end(), {"--mirror", "https://localhost/"});
  refused("office", air_gapped, "say where updates come from");
  // A policy that names a factory's key: no device without attributes that this key signed.
  ok("office", {"keys", "create", "--algorithm", "p256", "factory"});
  refused("office", {"policy", "create", "--product", "22222222-2222-4222-8222-222222222222", "--root", at("repo/metadata/1.root.json"), "--signing",
                     at("policy.signing.json")}, "say who may say what a device is");
  ok("office", {"policy", "create", "--product", "22222222-2222-4222-8222-222222222222", "--root", at("repo/metadata/1.root.json"),
                "--provisioning-key", "factory", "--signing", at("policy.signing.json")});
  for (const std::string person : {"root-a", "root-c"}) ok(person, {"sign", at("policy.signing.json"), "--key", person, "--yes"});
  ok("office", {"policy", "export", at("policy.signing.json"), "--out", at("policy.json")});
  std::vector<std::string> attested = provision;
  attested[2] = at("attested");
  attested.insert(attested.end(), {"--policy", at("policy.json")});
  refused("office", attested, "--provisioning-key");
  attested.insert(attested.end(), {"--group", "icu", "--provisioning-key", "builder"});
  refused("office", attested, "provisioning");
  EXPECT_FALSE(fs::exists(folder / "attested"));
  attested.back() = "factory";
  ok("office", attested);
  EXPECT_NE(contents(folder / "attested/agent/provisioning_attributes.json").find("icu"), std::string::npos);
  const ProgramResult first = test::run_program({ASEPTIC_BOOT, "run", at("pump"), "--once"});
  EXPECT_NE((first.out + first.err).find("RUN place=a"), std::string::npos) << first.out << first.err;
  std::string slot = contents(folder / "pump/slots/a.img");
  slot[20000] = static_cast<char>(slot[20000] ^ 1);
  std::ofstream(folder / "pump/slots/a.img", std::ios::binary) << slot;
  const ProgramResult second = test::run_program({ASEPTIC_BOOT, "run", at("pump"), "--once"});
  EXPECT_NE((second.out + second.err).find("RUN place=b"), std::string::npos) << second.out << second.err;
}

TEST_F(Command, HelpOfEveryCommandSaysWhatItIsFor) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {}, {"keys"}, {"keys", "create"}, {"pki"}, {"pki", "server"}, {"repo"}, {"repo", "init"}, {"repo", "publish"}, {"repo", "rotate"}, {"sign"},
           {"merge"}, {"image"}, {"image", "build"}, {"release"}, {"release", "create"}, {"release", "publish"}, {"channel", "set"}, {"policy", "create"},
           {"device", "provision"}, {"device", "check"}, {"boot"}, {"boot", "provision"}, {"boot", "journal"}, {"boot", "import-mcuboot"}, {"inspect"}, {"verify"}, {"log", "verify"}}) {
    std::vector<std::string> all = words;
    all.emplace_back("--help");
    const ProgramResult result = run("office", all);
    EXPECT_EQ(result.exit_status, 0) << result.err;
    EXPECT_GT(result.out.size(), 100u);
    EXPECT_EQ(result.err, "");
  }
}

TEST_F(Command, JsonOutputIsStrictJson) {
  init();
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"keys", "list"}, {"keys", "show", "index"}, {"sign", at("ed/root.signing.json"), "--show"}, {"repo", "show", at("repo")},
                                             {"inspect", at("ed/root.signing.json")}, {"signing-log"}}) {
    std::vector<std::string> all{"--json"};
    all.insert(all.end(), words.begin(), words.end());
    const ProgramResult result = run("office", all);
    EXPECT_EQ(result.exit_status, 0) << words[0] << result.err;
    EXPECT_TRUE(core::parse_json_value(core::as_bytes(result.out))) << words[0] << ": " << result.out;
  }
}

// Answers: RB-07
TEST_F(Command, DeviceCheckEndsWithOneForAProductionDeviceWithAnOpenDebugPort) {
  boot::BootReport report;
  report.life_cycle = boot::LifeCycle::kProduction;
  report.run_kind = boot::RunKind::kConfirmed;
  const auto file_with = [&](const std::string& name, boot::DebugPort debug) {
    report.debug = debug;
    std::string bytes(boot::kBootReportSize, 0);
    boot::encode_boot_report(report, std::span<std::uint8_t, boot::kBootReportSize>(reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()));
    write(name, "flash before it " + bytes);
    return at(name);
  };
  const ProgramResult closed = run("site", {"device", "check", file_with("closed.bin", boot::DebugPort::kClosed), "--at", "16"});
  EXPECT_EQ(closed.exit_status, 0) << closed.err;
  EXPECT_NE(closed.out.find("SIGNATURE NOT CHECKED"), std::string::npos) << closed.out;
  const ProgramResult open = run("site", {"--json", "device", "check", file_with("open.bin", boot::DebugPort::kOpen), "--at", "16"});
  EXPECT_EQ(open.exit_status, 1);
  EXPECT_NE(open.out.find("debug_open_in_production"), std::string::npos) << open.out;
  refused("site", {"device", "check", at("open.bin")}, "boot report");
}

}  // namespace
}  // namespace aseptic::app
