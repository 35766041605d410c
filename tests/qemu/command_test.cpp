// SPDX-License-Identifier: Apache-2.0
// The real command and the linked boot stage together (EMULATED): what `aseptic boot` makes, boot runs, and what boot keeps,
// `aseptic boot` reads.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "aseptic/core/json.h"
#include "machine.h"
#include "serial_machine.h"
#include "tests/support/mcuboot_image.h"
#include "tests/support/run_program.h"
#include "aseptic/trust/authority_policy.h"
#include "trust/tests/hostile_repository.h"

namespace aseptic::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kLoadAddress = 0x28000000;
// root-ec-p256.pem of MCUboot, whose private half everybody has.
constexpr std::string_view kMcubootSampleKey =
    "2acb403ce8feed5ba44995a1a91daee8dbbe1937cd14fb2f245737e5953988d994b9d65aebd7cdd5308ad6fe48b24a6a810ee5f07d8b6834cc3a6afc538efac1";

class BootCommand : public ::testing::Test {
 protected:
  BootCommand() : machine(an505()), folder(work_folder(std::string("BootCommand.") + testing::UnitTest::GetInstance()->current_test_info()->name())) {
    write("consent.txt", "The pump restarts.");
    write("r.toml",
          "[release]\nid = \"pump-1\"\nversion = \"1.0.0\"\nsequence = 4\nvendor = \"11111111-1111-4111-8111-111111111111\"\n"
          "product = \"22222222-2222-4222-8222-222222222222\"\nclass = \"33333333-3333-4333-8333-333333333333\"\nagent_min = \"0.1.0\"\n"
          "sources = { min = 0, max = 0 }\nhardware = [{ id = \"44444444-4444-4444-8444-444444444444\", min = 1, max = 1 }]\n"
          "[safety]\nclass = \"function\"\nstates = [\"idle\"]\ndowntime_s_max = 60\nrestart = \"device\"\nessential_performance = \"none\"\n"
          "energy_mwh_min = 0\njurisdictions = []\nconsent = { en = \"consent.txt\" }\n"
          "[[component]]\nid = \"55555555-5555-4555-8555-555555555555\"\nname = \"mcu\"\ntype = \"image\"\nlocation = \"mcu\"\nepoch = 3\n");
    write("mcuboot.pem", vendor.public_key().pem());
  }
  std::string at(const std::string& name) const { return (folder / name).string(); }
  void write(const std::string& name, std::string_view text) const { std::ofstream(folder / name, std::ios::binary) << text; }
  std::string contents(const std::string& name) const {
    std::ifstream in(folder / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // The flash image file, with what the test application shall do.
  fs::path with_script(const std::string& steps) const {
    std::fstream flash(folder / "flash.img", std::ios::binary | std::ios::in | std::ios::out);
    flash.seekp(boot::cortex_m::kApplicationData.offset);
    for (const char step : steps) flash.write(std::string(1, step).append(7, '\xFF').c_str(), 8);
    return folder / "flash.img";
  }
  ProgramResult run(const std::vector<std::string>& words) const { return run_as("development", words); }
  ProgramResult run_as(const std::string& profile, std::vector<std::string> words) const {
    words.insert(words.begin(), {ASEPTIC, "--profile", profile, "--json", "--keys", at("keys")});
    return run_program(words);
  }
  core::JsonValue ok(const std::vector<std::string>& words) const {
    const ProgramResult result = run(words);
    EXPECT_EQ(result.exit_status, 0) << words[1] << ": " << result.err;
    return core::parse_json_value(core::as_bytes(result.out)).value_or(core::JsonValue());
  }
  // The test application as imgtool would sign it for a device that loads images to RAM.
  void sign_for_mcuboot(const std::string& name, std::uint8_t counter) const {
    McubootSpec spec{.body = machine.application(), .load_address = kLoadAddress - 0x200, .flags = 0x20};
    spec.protected_tlvs = {{0x50, {counter, 0, 0, 0}}};
    const core::Bytes file = mcuboot_image(spec, {0x22, vendor.public_key().spki(), [&](core::ByteView part, core::ByteView) { return vendor.sign(part); }});
    write(name, core::as_text(file));
  }
  std::vector<std::string> import(const std::string& name) const {
    return {"boot", "import-mcuboot", at(name), "--key", at("mcuboot.pem"), "--description", at("r.toml"), "--builder", "builder", "--release-key", "release-image",
            "--out", at("mcu.img")};
  }

  const Machine machine;
  const fs::path folder;
  const trust::test::TestKey vendor = trust::test::TestKey::generate(core::KeyAlgorithm::kEcdsaP256);
};

std::string text_at(const core::JsonValue& value, std::initializer_list<std::string_view> path) {
  const core::JsonValue* at = &value;
  for (const std::string_view name : path) {
    at = at->find(name);
    if (at == nullptr) return "absent";
  }
  return at->as_string() ? *at->as_string() : core::canonical_json(*at);
}

// Timeline: a factory certifies the key of the boot that it provisions; that boot's report is believed by it, and no other statement
// makes it, or another boot's report, believed.
// Answers: RB-07, T-56
TEST_F(BootCommand, TheFactoryCertifiesTheKeyThatTheBootStageThenSignsWith) {
  ok({"keys", "create", "--algorithm", "p256", "builder", "factory"});
  ok({"keys", "create", "--algorithm", "slh-dsa", "release-image"});
  trust::test::HostileRepository repository;
  repository.publish();
  trust::AuthorityPolicy policy;
  policy.product = core::Uuid::parse("22222222-2222-4222-8222-222222222222").value();
  policy.provisioning_keys = {trust::TufKey::from_public_key(core::PublicKey::from_pem(contents("keys/factory.pub")).value())};
  write("root.json", repository.roots.at(1));
  write("policy.json", trust::test::signed_file(policy.encode(), repository.signers["root"]));
  sign_for_mcuboot("vendor.bin", 3);
  ok(import("vendor.bin"));
  ok({"image", "sign", at("mcu.img"), "--key", "builder", "--yes"});
  ok({"image", "release", at("mcu.img"), "--key", "release-image", "--builder", "builder", "--yes"});
  const std::vector<std::string> provision{"boot", "provision", at("flash.img"), "--id", "mcu-1", "--description", at("r.toml"), "--component", "mcu", "--image",
                                           at("mcu.img"), "--builder", "builder", "--release-key", "release-image", "--boot-elf", (machine.folder / "boot.elf").string(),
                                           "--boot-key-out", at("boot.pem"), "--lease-key-out", at("lease.pem"), "--policy", at("policy.json"), "--root", at("root.json")};
  const auto certified_by = [&](const std::string& key) {
    std::vector<std::string> words = provision;
    words.insert(words.end(), {"--device", "pump-0001", "--provisioning-key", key, "--boot-statement-out", at("statement.json")});
    return words;
  };
  EXPECT_NE(run(provision).err.find("demands a certified boot key"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder / "flash.img"));
  EXPECT_NE(run(certified_by("builder")).exit_status, 0) << "a key that the policy does not name";
  EXPECT_FALSE(fs::exists(folder / "statement.json"));
  ok(certified_by("factory"));
  fs::copy(folder / "statement.json", folder / "first.json");
  run_program(machine.command(with_script("o")), {}, std::chrono::seconds(20));
  const auto check = [&](const std::string& statement, const std::string& device) {
    return run({"device", "check", at("flash.img"), "--boot-statement", at(statement), "--policy", at("policy.json"), "--root", at("root.json"), "--device-id", device});
  };
  const ProgramResult good = check("statement.json", "pump-0001");
  EXPECT_EQ(good.exit_status, 0) << good.out << good.err;
  EXPECT_NE(good.out.find("certified by the factory"), std::string::npos) << good.out;
  EXPECT_NE(check("statement.json", "pump-0002").err.find("trust.wrong_device"), std::string::npos);
  // Provisioned again: another secret, so another key, and the first statement vouches for nothing.
  ok(certified_by("factory"));
  run_program(machine.command(with_script("o")), {}, std::chrono::seconds(20));
  EXPECT_EQ(check("statement.json", "pump-0001").exit_status, 0);
  EXPECT_NE(check("first.json", "pump-0001").err.find("trust.boot_key"), std::string::npos);
}

// Timeline: an image signed for MCUboot is imported, signed by both custodians and provisioned; boot runs it; journal and report
// are read from the flash image file; a report of another start or key does not pass.
// Answers: RB-01, RB-07, MB-01
TEST_F(BootCommand, AnImageThatWasSignedForMcubootBootsHere) {
  ok({"keys", "create", "--algorithm", "p256", "builder"});
  ok({"keys", "create", "--algorithm", "slh-dsa", "release-image"});
  sign_for_mcuboot("old.bin", 2);
  const ProgramResult older = run(import("old.bin"));
  EXPECT_EQ(older.exit_status, 1);
  EXPECT_NE(older.err.find("security counter is 2"), std::string::npos) << older.err;
  sign_for_mcuboot("vendor.bin", 3);
  const core::JsonValue made = ok(import("vendor.bin"));
  EXPECT_EQ(text_at(made, {"version"}), "1.2.3");
  EXPECT_EQ(text_at(made, {"epoch"}), "3");
  EXPECT_EQ(text_at(made, {"load_address"}), std::to_string(kLoadAddress));
  EXPECT_EQ(text_at(made, {"entry"}), std::to_string(machine.application_entry()));
  ok({"image", "sign", at("mcu.img"), "--key", "builder", "--yes"});
  ok({"image", "release", at("mcu.img"), "--key", "release-image", "--builder", "builder", "--yes"});
  ok({"boot", "provision", at("flash.img"), "--id", "mcu-1", "--description", at("r.toml"), "--component", "mcu", "--image", at("mcu.img"), "--builder", "builder",
      "--release-key", "release-image", "--boot-elf", (machine.folder / "boot.elf").string(), "--boot-key-out", at("boot.pem"), "--lease-key-out", at("lease.pem")});
  EXPECT_EQ(text_at(ok({"boot", "journal", at("flash.img")}), {"fields", "state", "boot_count"}), "0");
  const ProgramResult power = run_program(machine.command(with_script("Hro")), {}, std::chrono::seconds(20));  // challenge, reset, off
  EXPECT_NE(power.out.find("APP kind=1 place=0 count=2 cause=3 sequence=4 manifest=" + text_at(made, {"manifest_digest"})), std::string::npos) << power.out;

  const core::JsonValue journal = ok({"boot", "journal", at("flash.img")});
  EXPECT_EQ(text_at(journal, {"fields", "state", "boot_count"}), "2");
  EXPECT_EQ(text_at(journal, {"fields", "state", "confirmed", "manifest"}), text_at(made, {"manifest_digest"}));
  EXPECT_EQ(text_at(journal, {"fields", "state", "boothash", "image"}), text_at(made, {"image_digest"}));
  EXPECT_EQ(text_at(journal, {"fields", "store", "floor"}), "3");
  EXPECT_EQ(text_at(journal, {"fields", "journal"}), "in force");

  const std::string challenge(64, 'c');  // not the application's, which is 5c5c...
  const std::vector<std::string> check{"device", "check", at("flash.img"), "--boot-key", at("boot.pem"), "--challenge"};
  const auto with = [&](const std::string& text) { std::vector<std::string> words = check; words.push_back(text); return run(words); };
  std::string asked;
  for (int i = 0; i < 32; ++i) asked += "5c";
  const ProgramResult answered = with(asked);
  EXPECT_EQ(answered.exit_status, 0) << answered.out << answered.err;
  EXPECT_NE(answered.out.find("\"challenge_answered\": true"), std::string::npos) << answered.out;
  EXPECT_EQ(with(challenge).exit_status, 1);
  EXPECT_EQ(run({"device", "check", at("flash.img"), "--boot-key", at("lease.pem")}).exit_status, 1) << "another key";
}

// Timeline: a production image for two pairs of keys; every weakening is refused and leaves no flash image; the part is provisioned
// with its second pair revoked, its boot key's request is signed outside by the factory's token and becomes a statement; the part
// boots and its report passes under that statement; a development image under the same keys starts nothing there.
// Answers: RB-07, RB-08, KM-06, T-21, T-48, T-49, T-56
TEST_F(BootCommand, AProductionPartIsMadeFromTheCommandLineAndRefusesADevelopmentImage) {
  const auto factory = trust::test::TestKey::generate(core::KeyAlgorithm::kEcdsaP256), stranger = trust::test::TestKey::generate(core::KeyAlgorithm::kEcdsaP256);
  // Key files stand for the tokens that sign images: a device sees no difference.
  ok({"keys", "create", "--algorithm", "p256", "builder", "builder-2", "factory-file"});
  ok({"keys", "create", "--algorithm", "slh-dsa", "release-image", "release-image-2"});
  write("factory.pem", factory.public_key().pem());
  write("stranger.pem", stranger.public_key().pem());
  write("known.pem", core::PublicKey::from_p256_point(core::from_hex(kMcubootSampleKey).value()).value().pem());
  trust::test::HostileRepository repository;
  repository.publish();
  trust::AuthorityPolicy policy;
  policy.product = core::Uuid::parse("22222222-2222-4222-8222-222222222222").value();
  write("root.json", repository.roots.at(1));
  write("no-factory.json", trust::test::signed_file(policy.encode(), repository.signers["root"]));
  policy.provisioning_keys = {factory.tuf_key()};
  write("policy.json", trust::test::signed_file(policy.encode(), repository.signers["root"]));
  fs::copy(machine.folder / "app.bin", folder / "app.bin");
  const auto make = [&](const std::string& profile, const std::string& name) {
    const ProgramResult built = run_as(profile, {"image", "build", "--description", at("r.toml"), "--component", "mcu", "--exec", at("app.bin"), "--load-address",
                                                 std::to_string(kLoadAddress), "--entry", std::to_string(machine.application_entry()), "--builder", at("keys/builder.pub"),
                                                 "--release-key", at("keys/release-image.pub"), "--out", at(name)});
    EXPECT_EQ(built.exit_status, 0) << built.err;
    ok({"image", "sign", at(name), "--key", "builder", "--yes"});
    ok({"image", "release", at(name), "--key", "release-image", "--builder", "builder", "--yes"});
  };
  make("production", "mcu.img");
  make("development", "dev.img");

  using Words = std::vector<std::string>;
  const auto provision = [&](const std::string& image, const Words& builders, const Words& more) {
    Words words{"boot", "provision", at("flash.img"), "--id", "mcu-1", "--device", "pump-0001", "--description", at("r.toml"), "--component", "mcu", "--image", at(image),
                "--boot-elf", (machine.folder / "boot.elf").string(), "--boot-key-out", at("boot.pem"), "--lease-key-out", at("lease.pem"), "--root", at("root.json")};
    for (const std::string& builder : builders) words.insert(words.end(), {"--builder", at(builder)});
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  const Words both{"keys/builder.pub", "keys/builder-2.pub"};
  const Words release{"--release-key", at("keys/release-image.pub"), "--release-key", at("keys/release-image-2.pub")};
  const Words asks{"--policy", at("policy.json"), "--boot-request-out", at("request.json")};
  const auto with = [](std::initializer_list<Words> parts) {
    Words all;
    for (const Words& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
  };
  const auto refuses = [&](const Words& words, const std::string& why) {
    const ProgramResult result = run_as("production", words);
    EXPECT_NE(result.exit_status, 0) << why;
    EXPECT_NE((result.out + result.err).find(why), std::string::npos) << why << ": " << result.err;
    EXPECT_FALSE(fs::exists(folder / "flash.img")) << why;
  };
  refuses(provision("dev.img", both, with({release, asks})), "another life cycle");
  refuses(provision("mcu.img", {"known.pem", "keys/builder-2.pub"}, with({release, asks})), "its private half is published");
  refuses(provision("mcu.img", {"keys/builder.pub", "keys/builder.pub"}, with({release, asks})), "share a key");
  refuses(provision("mcu.img", both, with({{"--release-key", at("keys/release-image.pub")}, asks})), "image keys come in pairs");
  refuses(provision("mcu.img", both, asks), "--release-key is required");
  refuses(provision("mcu.img", both, release), "certified by a factory");
  refuses(provision("mcu.img", both, with({release, {"--policy", at("no-factory.json"), "--boot-request-out", at("request.json")}})), "names no factory");
  refuses(provision("mcu.img", both, with({release, {"--policy", at("policy.json"), "--provisioning-key", "factory-file", "--boot-statement-out", at("s.json")}})),
          "needs a key in a token");
  refuses(provision("mcu.img", both, with({release, asks, {"--debug-port", "open"}})), "debug port of a production part");
  refuses(provision("mcu.img", both, with({release, asks, {"--revoked-slot", "0", "--revoked-slot", "1"}})), "every pair of keys would be revoked");
  refuses(provision("mcu.img", both, with({release, asks, {"--revoked-slot", "2"}})), "no pair of keys in slot 2");
  refuses(provision("mcu.img", both, with({release, asks, {"--revoked-slot", "0"}})), "a pair of keys that is not among the given ones");  // revoked

  const ProgramResult made = run_as("production", provision("mcu.img", both, with({release, asks, {"--revoked-slot", "1"}})));
  ASSERT_EQ(made.exit_status, 0) << made.err;
  EXPECT_NE(made.out.find("\"life_cycle\": \"production\""), std::string::npos) << made.out;
  EXPECT_NE(made.err.find("One pair of image keys is in force"), std::string::npos) << made.err;
  const auto certify = [&](const std::string& request, const std::string& signature, const std::string& key, const std::string& device) {
    return run_as("production", {"boot", "certify", at(request), "--signature", at(signature), "--factory", at(key), "--device", device, "--root", at("root.json"),
                                 "--policy", at("policy.json"), "--out", at("statement.json")});
  };
  const std::string request = contents("request.json");
  write("factory.sig", core::as_text(factory.sign(request)));
  write("stranger.sig", core::as_text(stranger.sign(request)));
  std::string changed = request;
  changed.replace(changed.find("pump-0001"), 9, "pump-0002");
  write("changed.json", changed);
  EXPECT_NE(certify("request.json", "stranger.sig", "stranger.pem", "pump-0001").exit_status, 0) << "a factory that the policy does not name";
  EXPECT_NE(certify("request.json", "stranger.sig", "factory.pem", "pump-0001").exit_status, 0) << "another key's signature";
  EXPECT_NE(certify("changed.json", "factory.sig", "factory.pem", "pump-0002").exit_status, 0) << "another request";
  EXPECT_NE(certify("request.json", "factory.sig", "factory.pem", "pump-0002").exit_status, 0) << "another device";
  EXPECT_FALSE(fs::exists(folder / "statement.json"));
  const ProgramResult certified = certify("request.json", "factory.sig", "factory.pem", "pump-0001");
  ASSERT_EQ(certified.exit_status, 0) << certified.err;

  const std::string flash = contents("flash.img");
  const ProgramResult power = run_program(machine.command(with_script("o")), {}, std::chrono::seconds(20));
  EXPECT_NE(power.out.find("APP kind=1 place=0 count=1"), std::string::npos) << power.out;
  const core::JsonValue kept = ok({"boot", "journal", at("flash.img")});
  EXPECT_EQ(text_at(kept, {"fields", "store", "floor"}), "3");
  EXPECT_EQ(text_at(kept, {"fields", "store", "revoked"}), "2");
  const ProgramResult check = run_as("production", {"device", "check", at("flash.img"), "--boot-statement", at("statement.json"), "--policy", at("policy.json"), "--root",
                                                    at("root.json"), "--device-id", "pump-0001"});
  EXPECT_EQ(check.exit_status, 0) << check.out << check.err;
  EXPECT_NE(check.out.find("production"), std::string::npos) << check.out;

  // Both slots and recovery hold the development image: signed by both keys of the device, and refused for what it is.
  std::string holds_dev = flash;
  const std::string image = contents("dev.img");
  for (const boot::Area area : {boot::Area::kSlotA, boot::Area::kSlotB, boot::Area::kRecovery})
    holds_dev.replace(boot::cortex_m::flash_area(area).offset, image.size(), image);
  write("flash.img", holds_dev);
  {
    SerialMachine refusing(machine.command(with_script("o")));
    ASSERT_TRUE(refusing.wait_for("E 00000017")) << refusing.output;  // NOTHING_BOOTS
    EXPECT_EQ(refusing.output.find("APP"), std::string::npos) << refusing.output;
  }
  ok(provision("dev.img", both, release));
  EXPECT_NE(run_program(machine.command(with_script("o")), {}, std::chrono::seconds(20)).out.find("APP kind=1"), std::string::npos)
      << "the same image boots in a development part";
}

// Timeline: keys of both custodians, the second LMS with its witness on another medium; image built, signed, released; flash image
// provisioned for that pair and the stage of profile cnsa2, which runs it and signs its report; the stage of the default profile
// starts nothing there.
// Answers: RB-01, KM-07
TEST_F(BootCommand, AnImageReleasedWithLmsBootsInTheStageOfProfileCnsa2) {
  fs::create_directory(folder / "medium");
  ok({"keys", "create", "--algorithm", "p256", "builder"});
  ok({"keys", "create", "--algorithm", "lms-h10", "--witness", at("medium"), "release-image"});
  fs::copy(machine.folder / "app.bin", folder / "app.bin");
  const core::JsonValue made =
      ok({"image", "build", "--description", at("r.toml"), "--component", "mcu", "--exec", at("app.bin"), "--load-address", std::to_string(kLoadAddress), "--entry",
          std::to_string(machine.application_entry()), "--builder", "builder", "--release-key", at("keys/release-image.pub"), "--out", at("mcu.img")});
  ok({"image", "sign", at("mcu.img"), "--key", "builder", "--yes"});
  const core::JsonValue released =
      ok({"image", "release", at("mcu.img"), "--key", "release-image", "--builder", "builder", "--witness", at("medium"), "--yes"});
  EXPECT_EQ(text_at(released, {"signatures_left"}), "1023");
  ok({"boot", "provision", at("flash.img"), "--id", "mcu-1", "--description", at("r.toml"), "--component", "mcu", "--image", at("mcu.img"), "--builder", "builder",
      "--release-key", at("keys/release-image.pub"), "--boot-elf", (machine.folder / "boot-cnsa2.elf").string(), "--boot-key-out", at("boot.pem"),
      "--lease-key-out", at("lease.pem")});
  const ProgramResult power = run_program(machine.command(with_script("o"), {}, "boot-cnsa2"), {}, std::chrono::seconds(20));
  EXPECT_NE(power.out.find("APP kind=1 place=0 count=1 cause=1 sequence=4 manifest=" + text_at(made, {"manifest_digest"})), std::string::npos) << power.out;
  EXPECT_EQ(run({"device", "check", at("flash.img"), "--boot-key", at("boot.pem")}).exit_status, 0);
  SerialMachine other(machine.command(folder / "flash.img"));
  ASSERT_TRUE(other.wait_for("E 00000017")) << other.output;  // NOTHING_BOOTS
  EXPECT_EQ(other.output.find("APP"), std::string::npos) << other.output;
}

}  // namespace
}  // namespace aseptic::test
