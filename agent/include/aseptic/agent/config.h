// SPDX-License-Identifier: Apache-2.0
// agent.toml: keys and defaults are in agent/README.md. Called by asepticd, examples/pump, tests.
// INVARIANT: an unknown key, a missing required one or a value out of range is a refusal with the key's name.
// Value type.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "aseptic/core/result.h"
#include "aseptic/core/uuid.h"

namespace aseptic::agent {

enum class Decision : std::uint8_t { kAutomatic, kLocal };

// Minutes of the day, UTC; end before begin spans midnight.
struct Window {
  std::uint16_t begin = 0;
  std::uint16_t end = 0;
};

struct DeviceConfig {
  std::string id;
  core::Uuid vendor, product, device_class, hardware;
  std::uint32_t hardware_revision = 0;
  std::string jurisdiction;
  core::Uuid component;
  std::string location = "slot";
};

struct RepositoryConfig {
  std::vector<std::string> urls;  // the address, its mirrors, then the media, in order of preference; at least one
  std::vector<std::string> media;  // paths; medium i is what urls[urls.size() - media.size() + i] stands for
  std::string channel;
  std::string root;
  std::string authority_policy;  // empty: image repository alone
};

struct ServerConfig {
  std::string report_url;
  std::string anchors;
  std::string certificate;
  std::string key;
};

struct TherapyConfig {
  std::string socket;
  std::uint32_t uid = 0;
  std::string key;
};

// A further component; `id` all zero: there is none.
struct ComponentConfig {
  core::Uuid id;
  std::string location;
  std::string socket;     // Unix stream socket that carries its serial line
  std::string store;      // keeps its verified image
  std::string boot_key, lease_key;
  [[nodiscard]] bool exists() const { return id != core::Uuid{}; }
};

struct SlotsConfig {
  std::string a, b, requests, mailbox;
};

struct PolicyConfig {
  std::chrono::seconds poll{3600};
  std::chrono::seconds contact_max{14 * 24 * 3600};  // without a successful look for longer: said loudly (DL-07)
  std::uint64_t rate_max_bytes_per_s = 0;            // of payload downloads; 0: no ceiling (DL-04)
  Decision approval = Decision::kLocal;
  Decision return_to_service = Decision::kLocal;
  std::vector<Window> windows;  // empty: any time
  std::uint64_t disk_reserve_bytes = 16u << 20;
  std::uint64_t energy_mwh = 0;
  std::string energy_file;      // empty: energy_mwh
  std::uint32_t switch_tries_max = 16;
};

struct Config {
  std::string directory;  // DEVICE
  DeviceConfig device;
  RepositoryConfig repository;
  ServerConfig server;
  std::string identity_key;
  TherapyConfig therapy;
  SlotsConfig slots;
  ComponentConfig component;
  PolicyConfig policy;
};

// `directory` is DEVICE: every relative path of the text is put below it.
core::Result<Config> parse_config(std::string_view toml, const std::string& directory);
core::Result<Config> load_config(const std::string& directory);  // DEVICE/agent/agent.toml

bool is_inside(const std::vector<Window>& windows, std::chrono::minutes of_day);

}  // namespace aseptic::agent
