// SPDX-License-Identifier: Apache-2.0
// Encrypted releases on the whole device: members install them, nobody else does, and what is secret stays where it must be.
#include <dirent.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <filesystem>

#include "aseptic/platform/posix/agreement_key.h"
#include "tests/e2e/device_attack.h"

namespace aseptic::test {
namespace {

using core::JsonObject;

const Names kMayChange = {"agent/metadata/timestamp.json", "agent/metadata/snapshot.json", "agent/metadata/targets.json", "agent/metadata/payload-index.json",
                          "agent/time_floor.json", "agent/transaction.json", "agent/memory.json", "requests/requests.bin"};

std::vector<pid_t> processes_below(pid_t root) {
  std::vector<pid_t> found;
  std::vector<pid_t> open{root};
  while (!open.empty()) {
    const std::string pid = std::to_string(open.back());
    open.pop_back();
    std::ifstream children("/proc/" + pid + "/task/" + pid + "/children");
    for (pid_t child = 0; children >> child;) found.push_back(child), open.push_back(child);
  }
  return found;
}

std::string memory_of(pid_t pid) {
  std::string all;
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  std::ifstream memory("/proc/" + std::to_string(pid) + "/mem", std::ios::binary);
  for (std::string line; std::getline(maps, line);) {
    std::uint64_t begin = 0, end = 0;
    const auto dash = line.find('-');
    std::from_chars(line.data(), line.data() + dash, begin, 16);
    std::from_chars(line.data() + dash + 1, line.data() + line.size(), end, 16);
    if (line.find(" rw") == std::string::npos || end - begin > (64u << 20)) continue;
    std::string part(end - begin, '\0');
    memory.clear();
    memory.seekg(static_cast<std::streamoff>(begin));
    memory.read(part.data(), static_cast<std::streamsize>(part.size()));
    all.append(part, 0, static_cast<std::size_t>(memory.gcount()));
  }
  return all;
}

std::uint64_t locked_kilobytes(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; status >> word;)
    if (word == "VmLck:") {
      std::uint64_t size = 0;
      status >> size;
      return size;
    }
  return 0;
}

class DeviceEncryptionTest : public DeviceAttackTest {
 protected:
  void expect_not_decrypted(const std::string& reason) {
    expect_refused(reason, kMayChange);
    EXPECT_EQ(device->new_log().find("agent.staged\""), std::string::npos);
  }
  static std::string group_scalar() {
    const auto key = platform::AgreementKey::read_pem(world("keys/groups/ward.1.pem"));
    return std::string(core::as_text(key->scalar()->view()));
  }
};

// Answers: CF-01, T-37
TEST_F(DeviceEncryptionTest, AMemberInstallsAnEncryptedRelease) {
  begin("device_1_member", "repository_2_sealed");
  device->patience = std::chrono::seconds(60);
  device->power_on();
  EXPECT_TRUE(device->logs("agent.other_slot_current")) << device->new_log();
  device->power_cut();
  EXPECT_NE(device->new_log().find("delta payload: "), std::string::npos);
  EXPECT_EQ(device->read("slots/a.img"), device->read("slots/b.img"));
  EXPECT_NE(device->console().find("boot: CONFIRMED"), std::string::npos);
}

// Answers: CF-01, T-37
TEST_F(DeviceEncryptionTest, ADeviceWithoutAKeyRefusesTheRelease) {
  begin("device_1", "repository_2_sealed");
  expect_not_decrypted("trust.attestation");
}

// Answers: CF-03, T-37
TEST_F(DeviceEncryptionTest, TheMembershipOfOneDeviceServesNoOther) {
  begin("device_1", "repository_2_sealed");
  std::filesystem::create_directories(device->path("agent/groups"));
  device->write("agent/groups/ward.json", platform::read_file(world("device_1_member/agent/groups/ward.json")));
  ASSERT_TRUE(platform::AgreementKey::generate()->write_pem(device->path("agent/keys/encryption.pem")));
  expect_not_decrypted("payload.content_key");
}

// The group got a new key, and this device was not admitted again: what it holds opens no later release.
// Answers: CF-03, T-37
TEST_F(DeviceEncryptionTest, AFormerMemberDecryptsNoLaterRelease) {
  begin("device_1_member", "repository_2_sealed_later");
  expect_not_decrypted("payload.content_key");
}

// Answers: CF-01, CF-02
TEST_F(DeviceEncryptionTest, AnEnvelopeThatWasChangedOpensNothing) {
  begin("device_1_member", "repository_2_sealed");
  std::string path;
  for (const auto& [name, entry] : *site->role("payload-index").at("targets").as_object())
    if (name.starts_with("envelopes/")) path = name;
  ASSERT_FALSE(path.empty());
  std::string envelope = site->target(path);
  for (auto at = envelope.find("\"wrapped\":\""); at != std::string::npos; at = envelope.find("\"wrapped\":\"", at + 1)) {
    char& digit = envelope[at + 20];
    digit = digit == '0' ? '1' : '0';
  }
  site->put_target("payload-index", path, envelope);
  site->publish({"payload-index"});
  expect_not_decrypted("payload.content_key");
}

// While the release is staged and therapy keeps it from running: bytes that only the new image has are in its slot and in no other
// file; of the processes only the one that decrypts ever had them, its memory goes to no swap space, and the group's key is gone.
// Answers: CF-07
TEST_F(DeviceEncryptionTest, PlainBytesAreInTheSlotAlone) {
  begin("device_1_member", "repository_2_sealed");
  std::atomic<bool> is_hidden{true};
  server->instead = [&](const std::string&, Peer& peer) {
    if (is_hidden) peer.reply(503, "");
    return is_hidden.load();
  };
  device->power_on();
  ASSERT_TRUE(device->shows("boot: RUN"));
  for (int i = 0; i < 200 && device->panel("start").find("infusing") == std::string::npos; ++i) usleep(50'000);
  is_hidden = false;
  device->patience = std::chrono::seconds(60);
  ASSERT_TRUE(device->logs("agent.staged")) << device->new_log();

  const std::string slot = device->read("slots/b.img"), running = device->read("slots/a.img");
  std::vector<std::string> canaries;
  for (std::size_t at = 12'288; at + 24 < slot.size() && canaries.size() < 4; at += 8) {
    const std::string part = slot.substr(at, 24);
    const bool is_text = std::ranges::count(part, '\0') > 2;
    if (!is_text && slot.compare(at, 24, running, at, 24) != 0 && running.find(part) == std::string::npos) canaries.push_back(part);
  }
  ASSERT_FALSE(canaries.empty());
  const std::string secret = group_scalar(), reversed(secret.rbegin(), secret.rend());  // big numbers are kept both ways
  for (const auto& entry : std::filesystem::recursive_directory_iterator(device->path(""))) {
    const std::string name = std::filesystem::relative(entry.path(), device->path(""));
    if (!entry.is_regular_file() || name == "slots/b.img") continue;
    const std::string bytes = platform::read_file(entry.path());
    for (const std::string& canary : canaries) EXPECT_EQ(bytes.find(canary), std::string::npos) << name;
    EXPECT_EQ(bytes.find(secret), std::string::npos) << name;
  }
  std::size_t locked = 0;
  for (const pid_t pid : processes_below(device->pid())) {
    const std::string memory = memory_of(pid);
    if (memory.empty()) continue;
    EXPECT_EQ(memory.find(secret), std::string::npos) << "the group's key in process " << pid;
    EXPECT_EQ(memory.find(reversed), std::string::npos) << "the group's key in process " << pid;
    if (locked_kilobytes(pid) > 0) {
      ++locked;
      continue;
    }
    for (const std::string& canary : canaries) EXPECT_EQ(memory.find(canary), std::string::npos) << "in process " << pid;
  }
  EXPECT_EQ(locked, 1u) << "exactly the half that decrypts has its memory locked";
}

}  // namespace
}  // namespace aseptic::test
