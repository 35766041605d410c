// SPDX-License-Identifier: Apache-2.0
#include "aseptic/agent/config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace aseptic::agent {
namespace {

const std::string kMinimal = R"([device]
id = "pump-1"
vendor = "11111111-1111-4111-8111-111111111111"
product = "22222222-2222-4222-8222-222222222222"
class = "33333333-3333-4333-8333-333333333333"
hardware = "44444444-4444-4444-8444-444444444444"
component = "55555555-5555-4555-8555-555555555555"
[repository]
url = "https://localhost:8443/"
channel = "stable"
[therapy]
uid = 1001
)";

TEST(Config, FillsPathsBelowTheDeviceAndTheSafeDefaults) {
  const auto config = parse_config(kMinimal, "/dev/pump");
  ASSERT_TRUE(config.has_value()) << config.error().sentence();
  EXPECT_EQ(config->slots.a, "/dev/pump/slots/a.img");
  EXPECT_EQ(config->repository.urls.front(), "https://localhost:8443");
  EXPECT_EQ(config->policy.approval, Decision::kLocal);
  EXPECT_EQ(config->policy.return_to_service, Decision::kLocal);
}

// Answers: DL-04, DL-06
TEST(Config, NamesMirrorsAndCeilings) {
  std::string text = kMinimal + "[policy]\nrate_max_bytes_per_s = 8192\ncontact_max_s = 86400\n";
  text.replace(text.find("channel"), 0, "mirrors = [\"https://cache.hospital/\", \"https://usb\"]\n");
  const auto config = parse_config(text, "/d");
  ASSERT_TRUE(config.has_value()) << config.error().sentence();
  EXPECT_EQ(config->repository.urls, (std::vector<std::string>{"https://localhost:8443", "https://cache.hospital", "https://usb"}));
  EXPECT_EQ(config->policy.rate_max_bytes_per_s, 8192u);
  EXPECT_EQ(config->policy.contact_max, std::chrono::hours(24));
  text.replace(text.find("\"https://usb\""), 13, "5");
  EXPECT_FALSE(parse_config(text, "/d").has_value());
}

TEST(Config, NamesWhoDecidesAndWhen) {
  const auto config = parse_config(
      kMinimal + "[policy]\napproval = \"automatic\"\nwindow = [\"22:00-04:30\", \"12:00-12:30\"]\nenergy_file = \"/sys/energy\"\n", "/d");
  ASSERT_TRUE(config.has_value()) << config.error().sentence();
  EXPECT_EQ(config->policy.approval, Decision::kAutomatic);
  EXPECT_EQ(config->policy.return_to_service, Decision::kLocal);
  ASSERT_EQ(config->policy.windows.size(), 2u);
  EXPECT_EQ(config->policy.windows[0].end, 4 * 60 + 30);
  EXPECT_EQ(config->policy.energy_file, "/sys/energy");
}

// Answers: AP-09
TEST(Config, NamesAFurtherComponentByItsOwnSection) {
  const std::string section = "[component]\nid = \"66666666-6666-4666-8666-666666666666\"\n";
  const auto config = parse_config(kMinimal + section, "/d");
  ASSERT_TRUE(config.has_value()) << config.error().sentence();
  EXPECT_EQ(config->component.location, "mcu");
  EXPECT_EQ(config->component.socket, "/d/run/mcu.sock");
  EXPECT_EQ(config->component.lease_key, "/d/agent/component_lease.pub.pem");
  EXPECT_FALSE(parse_config(kMinimal + "[component]\nid = \"the microcontroller\"\n", "/d").has_value());
  EXPECT_FALSE(parse_config(kMinimal + "[component]\nlocation = \"mcu\"\n", "/d").has_value());
}

TEST(Config, IsReadFromTheFolderOfTheDevice) {
  const std::filesystem::path device = std::filesystem::path(testing::TempDir()) / "config_device";
  std::filesystem::remove_all(device);
  const auto missing = load_config(device.string());
  ASSERT_FALSE(missing.has_value());
  EXPECT_NE(missing.error().sentence().find("provision the device first"), std::string::npos) << missing.error().sentence();
  std::filesystem::create_directories(device / "agent");
  std::ofstream(device / "agent/agent.toml") << kMinimal;
  const auto config = load_config(device.string());
  ASSERT_TRUE(config.has_value()) << config.error().sentence();
  EXPECT_EQ(config->slots.a, (device / "slots/a.img").string());
}

// Answers: US-03
TEST(Config, RefusesAMisspeltKeyByName) {
  const auto config = parse_config(kMinimal + "[policy]\nwindows = [\"22:00-04:00\"]\n", "/d");
  ASSERT_FALSE(config.has_value());
  EXPECT_NE(config.error().sentence().find("policy.windows"), std::string::npos) << config.error().sentence();
}

TEST(Config, RefusesMissingAndMalformedValues) {
  for (const char* more : {"[policy]\nwindow = [\"22:00\"]\n", "[policy]\nwindow = [\"25:00-01:00\"]\n",
                           "[policy]\npoll_s = 0\n", "[policy]\nrate_max_bytes_per_s = 8191\n", "[policy]\ncontact_max_s = 0\n", "[policy]\npoll_s = 604801\n", "[policy]\napproval = \"yes\"\n",
                           "[policy]\nswitch_tries_max = -1\n", "[slots]\na = 5\n", "x = 1\n", "[policy\n", "[\n", "[[#\n", "[\x01"}) {
    EXPECT_FALSE(parse_config(kMinimal + more, "/d").has_value()) << more;
  }
  std::string text = kMinimal;
  text.replace(text.find("uid = 1001"), 10, "");
  EXPECT_FALSE(parse_config(text, "/d").has_value());
}

TEST(Config, AWindowMaySpanMidnight) {
  const std::vector<Window> night{{22 * 60, 4 * 60}};
  using std::chrono::minutes;
  EXPECT_TRUE(is_inside(night, minutes(22 * 60)));
  EXPECT_TRUE(is_inside(night, minutes(3 * 60 + 59)));
  EXPECT_FALSE(is_inside(night, minutes(4 * 60)));
  EXPECT_FALSE(is_inside(night, minutes(21 * 60 + 59)));
  EXPECT_TRUE(is_inside({}, minutes(0)));
}

// Answers: DL-06
TEST(Config, MediaStandBehindTheAddressesAndMayStandAlone) {
  const auto with = [](const std::string& lines) {
    std::string text(kMinimal);
    const auto url = text.find("url = ");
    return parse_config(text.replace(url, text.find('\n', url) - url, lines), "/dev1");
  };
  const auto both = with("url = \"https://a/\"\nmirrors = [\"https://b\"]\nmedia = [\"media/stick\", \"/media/usb/aseptic.bundle\"]");
  ASSERT_TRUE(both) << both.error().sentence();
  EXPECT_EQ(both->repository.urls, (std::vector<std::string>{"https://a", "https://b", "medium:0", "medium:1"}));
  EXPECT_EQ(both->repository.media, (std::vector<std::string>{"/dev1/media/stick", "/media/usb/aseptic.bundle"}));
  for (const char* alone : {"media = [\"/media/usb\"]", "url = \"\"\nmedia = [\"/media/usb\"]"}) {
    const auto config = with(alone);
    ASSERT_TRUE(config) << config.error().sentence();
    EXPECT_EQ(config->repository.urls, std::vector<std::string>{"medium:0"});
  }
  for (const char* wrong : {"url = \"\"", "", "media = []", "url = \"\"\nmedia = []", "media = [\"\"]", "media = [\"/a\"]\nmirrors = [\"https://b\"]", "url = \"medium:0\"",
                            "url = \"https://a\"\nmirrors = [\"medium:0\"]\nmedia = [\"/a\"]", "media = [\"/1\", \"/2\", \"/3\", \"/4\", \"/5\"]", "media = \"/a\""})
    EXPECT_FALSE(with(wrong)) << wrong;
}

}  // namespace
}  // namespace aseptic::agent
