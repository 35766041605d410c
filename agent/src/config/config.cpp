// SPDX-License-Identifier: Apache-2.0
#include "aseptic/agent/config.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <sstream>

#define TOML_EXCEPTIONS 0
// toml++ asserts that a table header begins like a key, and says so in a sentence a line later: bad input must reach the sentence.
#define TOML_ASSERT(expr) static_cast<void>(0)
#include <toml++/toml.h>

#include "aseptic/agent/codes.h"
#include "aseptic/fetch/medium_client.h"

namespace aseptic::agent {
namespace {

using core::Result;

constexpr std::size_t kMirrorsMax = 8;
constexpr std::size_t kMediaMax = 4;
constexpr std::uint64_t kRateMaxLeast = 8192;  // slower, and the other half would take a piece's silence for a dead server

core::Error bad(const std::string& sentence) { return {AgentCode::kConfig, "agent.toml: " + sentence}; }

Result<std::uint16_t> parse_minute(std::string_view text) {
  unsigned hour = 0, minute = 0;
  const bool shaped = text.size() == 5 && text[2] == ':' &&
                      std::from_chars(text.data(), text.data() + 2, hour).ptr == text.data() + 2 &&
                      std::from_chars(text.data() + 3, text.data() + 5, minute).ptr == text.data() + 5;
  if (!shaped || hour > 23 || minute > 59) return bad("a window is written \"22:00-04:30\"");
  return static_cast<std::uint16_t>(hour * 60 + minute);
}

// Reads one key after the other and remembers which were read, so that the rest can be refused by name.
class Reader {
 public:
  Reader(const toml::table& table, std::string directory) : table_(table), directory_(std::move(directory)) {}

  void text(const char* path, std::string& out, const char* fallback = nullptr) {
    const auto node = take(path);
    if (const auto value = node.value_exact<std::string>()) {
      out = *value;
    } else if (!node && fallback != nullptr) {
      out = fallback;
    } else {
      fail(path, "is missing or is not text");
    }
  }

  void file(const char* path, std::string& out, const char* fallback = nullptr) {
    text(path, out, fallback);
    if (!out.empty() && out.front() != '/') out = directory_ + "/" + out;
  }

  void uuid(const char* path, core::Uuid& out) {
    std::string value;
    text(path, value);
    if (failed_) return;
    if (auto parsed = core::Uuid::parse(value)) {
      out = *parsed;
    } else {
      fail(path, "is not a uuid");
    }
  }

  template <typename T>
  void number(const char* path, T& out, std::int64_t low, std::int64_t high, std::optional<std::int64_t> fallback) {
    const auto node = take(path);
    auto value = node.value_exact<std::int64_t>();
    if (!node && fallback) value = fallback;
    if (!value || *value < low || *value > high) {
      return fail(path, "is missing or not a number from " + std::to_string(low) + " to " + std::to_string(high));
    }
    out = static_cast<T>(*value);
  }

  void decision(const char* path, Decision& out) {
    std::string value;
    text(path, value, "local");
    if (value == "automatic") {
      out = Decision::kAutomatic;
    } else if (value == "local") {
      out = Decision::kLocal;
    } else {
      fail(path, "is \"automatic\" or \"local\"");
    }
  }

  // "https://..." each, without a slash at its end.
  void addresses(const char* path, std::vector<std::string>& out) {
    const auto node = take(path);
    if (!node) return;
    const toml::array* list = node.as_array();
    if (list == nullptr || list->size() > kMirrorsMax) return fail(path, "is not a list of at most 8 addresses");
    for (const toml::node& entry : *list) {
      const auto value = entry.value_exact<std::string>();
      if (!value) return fail(path, "is not a list of addresses");
      out.push_back(*value);
    }
  }

  void files(const char* path, std::vector<std::string>& out) {
    const auto node = take(path);
    if (!node) return;
    const toml::array* list = node.as_array();
    if (list == nullptr || list->size() > kMediaMax) return fail(path, "is not a list of at most 4 paths");
    for (const toml::node& entry : *list) {
      const auto value = entry.value_exact<std::string>();
      if (!value || value->empty()) return fail(path, "is not a list of paths");
      out.push_back(value->front() == '/' ? *value : directory_ + "/" + *value);
    }
  }

  void windows(const char* path, std::vector<Window>& out) {
    const auto node = take(path);
    if (!node) return;
    const toml::array* list = node.as_array();
    if (list == nullptr) return fail(path, "is not a list");
    for (const toml::node& entry : *list) {
      const auto value = entry.value_exact<std::string>();
      if (!value || value->size() != 11 || (*value)[5] != '-') return fail(path, "is a list of \"22:00-04:30\"");
      const auto begin = parse_minute(std::string_view(*value).substr(0, 5));
      const auto end = parse_minute(std::string_view(*value).substr(6));
      if (!begin || !end) return fail(path, "is a list of \"22:00-04:30\"");
      out.push_back({*begin, *end});
    }
  }

  Result<void> finish() {
    for (const auto& [section, node] : table_) {
      const toml::table* keys = node.as_table();
      if (keys == nullptr) fail(std::string(section.str()), "is not a section this agent knows");
      if (keys == nullptr) break;
      for (const auto& [key, value] : *keys) {
        static_cast<void>(value);
        const std::string path = std::string(section.str()) + "." + std::string(key.str());
        if (!seen_.contains(path)) fail(path, "is not a key this agent knows");
      }
    }
    if (failed_) return bad(*failed_);
    return {};
  }

 private:
  toml::node_view<const toml::node> take(const char* path) {
    seen_[path] = true;
    return table_.at_path(path);
  }
  void fail(const std::string& path, const std::string& why) {
    if (!failed_) failed_ = path + " " + why;
  }

  const toml::table& table_;
  const std::string directory_;
  std::map<std::string, bool, std::less<>> seen_;
  std::optional<std::string> failed_;
};

// An air-gapped device has media alone, and then no mirror either: a mirror is a mirror of something.
Result<void> complete_addresses(RepositoryConfig& repository) {
  std::vector<std::string>& urls = repository.urls;
  for (std::string& url : urls)
    while (url.ends_with('/')) url.pop_back();
  if (urls.front().empty() && (repository.media.empty() || urls.size() > 1)) return bad("repository.url is empty");
  if (urls.front().empty()) urls.clear();
  if (std::ranges::any_of(urls, fetch::is_medium_url)) return bad("a medium is named in repository.media, by its path");
  for (std::size_t i = 0; i < repository.media.size(); ++i) urls.push_back(fetch::medium_url(i));
  return {};
}

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& directory) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) return bad(std::string(parsed.error().description()));
  Reader read(parsed.table(), directory);
  Config config;
  config.directory = directory;
  read.text("device.id", config.device.id);
  read.uuid("device.vendor", config.device.vendor);
  read.uuid("device.product", config.device.product);
  read.uuid("device.class", config.device.device_class);
  read.uuid("device.hardware", config.device.hardware);
  read.number("device.hardware_revision", config.device.hardware_revision, 0, UINT32_MAX, 0);
  read.text("device.jurisdiction", config.device.jurisdiction, "");
  read.uuid("device.component", config.device.component);
  read.text("device.location", config.device.location, "slot");
  read.files("repository.media", config.repository.media);
  config.repository.urls.emplace_back();
  read.text("repository.url", config.repository.urls[0], config.repository.media.empty() ? nullptr : "");
  read.addresses("repository.mirrors", config.repository.urls);
  read.text("repository.channel", config.repository.channel);
  read.file("repository.root", config.repository.root, "agent/root.json");
  read.file("repository.authority_policy", config.repository.authority_policy, "");
  read.text("server.report_url", config.server.report_url, "");
  read.file("server.anchors", config.server.anchors, "agent/tls/anchors.pem");
  read.file("server.certificate", config.server.certificate, "agent/tls/device.pem");
  read.file("server.key", config.server.key, "agent/tls/device.key");
  read.file("identity.key", config.identity_key, "agent/keys/device.pem");
  read.file("therapy.socket", config.therapy.socket, "run/therapy.sock");
  read.number("therapy.uid", config.therapy.uid, 0, UINT32_MAX, std::nullopt);
  read.file("therapy.key", config.therapy.key, "agent/therapy.pub.pem");
  read.file("slots.a", config.slots.a, "slots/a.img");
  read.file("slots.b", config.slots.b, "slots/b.img");
  read.file("slots.requests", config.slots.requests, "requests/requests.bin");
  read.file("slots.mailbox", config.slots.mailbox, "mailbox/report.bin");
  if (parsed.table().contains("component")) {
    read.uuid("component.id", config.component.id);
    read.text("component.location", config.component.location, "mcu");
    read.file("component.socket", config.component.socket, "run/mcu.sock");
    read.file("component.store", config.component.store, "slots/mcu.img");
    read.file("component.boot_key", config.component.boot_key, "agent/component_boot.pub.pem");
    read.file("component.lease_key", config.component.lease_key, "agent/component_lease.pub.pem");
  }
  std::int64_t poll = 0;
  read.number("policy.poll_s", poll, 1, 7 * 24 * 3600, 3600);
  config.policy.poll = std::chrono::seconds(poll);
  std::int64_t contact_max = 0;
  read.number("policy.contact_max_s", contact_max, 1, 366 * 24 * 3600, config.policy.contact_max.count());
  config.policy.contact_max = std::chrono::seconds(contact_max);
  read.number("policy.rate_max_bytes_per_s", config.policy.rate_max_bytes_per_s, 0, INT64_MAX, 0);
  if (config.policy.rate_max_bytes_per_s != 0 && config.policy.rate_max_bytes_per_s < kRateMaxLeast)
    return bad("policy.rate_max_bytes_per_s is 0 (no ceiling) or at least " + std::to_string(kRateMaxLeast));
  read.decision("policy.approval", config.policy.approval);
  read.decision("policy.return_to_service", config.policy.return_to_service);
  read.windows("policy.window", config.policy.windows);
  read.number("policy.disk_reserve_bytes", config.policy.disk_reserve_bytes, 0, INT64_MAX, 16 << 20);
  read.number("policy.energy_mwh", config.policy.energy_mwh, 0, INT64_MAX, 0);
  read.file("policy.energy_file", config.policy.energy_file, "");
  read.number("policy.switch_tries_max", config.policy.switch_tries_max, 1, 1000, 16);
  ASEPTIC_TRY_VOID(read.finish());
  ASEPTIC_TRY_VOID(complete_addresses(config.repository));
  return config;
}

Result<Config> load_config(const std::string& directory) {
  const std::string path = directory + "/agent/agent.toml";
  std::ifstream file(path, std::ios::binary);
  if (!file) return core::Error(AgentCode::kConfig, path + " cannot be read; provision the device first");
  std::ostringstream text;
  text << file.rdbuf();
  return parse_config(text.str(), directory);
}

bool is_inside(const std::vector<Window>& windows, std::chrono::minutes of_day) {
  if (windows.empty()) return true;
  const auto now = of_day.count();
  for (const Window& window : windows) {
    const bool inside = window.begin <= window.end ? now >= window.begin && now < window.end
                                                   : now >= window.begin || now < window.end;
    if (inside) return true;
  }
  return false;
}

}  // namespace aseptic::agent
