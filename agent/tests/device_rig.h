// SPDX-License-Identifier: Apache-2.0
// A whole device in process: the real boot over the simulated disk, the real therapy guard as a pump, the real engine, and
// a repository in memory. Power-ups, resets and power cuts are calls.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aseptic/agent/engine.h"
#include "aseptic/boot/core/boot.h"
#include "aseptic/interlock/therapy_guard.h"
#include "aseptic/sim/world.h"
#include "aseptic/trust/channel.h"
#include "trust/tests/hostile_repository.h"

namespace aseptic::agent::test {

inline constexpr std::uint64_t kSlotSize = 80u << 10;

// A P-256 key from a number: digests of manifests are then the same in every run, so that a seed replays a case.
class EcKey {
 public:
  explicit EcKey(std::uint8_t number);
  [[nodiscard]] const core::PublicKey& public_key() const { return *public_key_; }
  [[nodiscard]] std::array<std::uint8_t, 64> sign_raw(core::ByteView message) const;

 private:
  std::shared_ptr<void> key_;
  std::optional<core::PublicKey> public_key_;
};

// Keys of one product line; made once, shared read-only.
struct Keys {
  EcKey builder{21};
  EcKey therapy{22};
  trust::test::TestKey device = trust::test::TestKey::ed25519(77);  // deterministic: its signatures lie on the disk
  trust::test::TestKey release = trust::test::TestKey::ed25519(4);
  trust::test::TestKey payloads = trust::test::TestKey::ed25519(78);
};

// One built and signed image with its payload.
struct BuiltImage {
  std::string version;
  std::uint64_t sequence = 0;
  core::Bytes slot_bytes;  // [0, image_size)
  core::Digest manifest;
  core::Digest image;
  core::Digest set;
  core::Digest payload_header;
  std::string payload;
  bool is_mcu = false;   // for the second component
  std::uint32_t epoch = 1;
};

struct ImagePlan {
  std::string version;
  std::uint64_t sequence = 0;
  std::uint32_t min_root_version = 1;
  bool is_mcu = false;
  std::uint32_t epoch = 1;
  std::optional<core::Digest> set;  // nothing: of this image alone
};
BuiltImage build_image(const Keys& keys, const ImagePlan& plan);
// One release over both components: main first.
std::array<BuiltImage, 2> build_set(const Keys& keys, const std::string& version, std::uint64_t sequence, std::uint32_t epoch = 1);
BuiltImage build_image(const Keys& keys, const std::string& version, std::uint64_t sequence,
                       std::uint32_t min_root_version = 1);
// The next version of `base`: the same content but for one block.
BuiltImage build_next_image(const Keys& keys, const BuiltImage& base, const std::string& version, std::uint64_t sequence);

struct BuiltDelta {
  core::Digest base;  // image digest
  core::Digest header;
  std::string payload;
};
BuiltDelta build_delta(const BuiltImage& base, const BuiltImage& image, bool is_short = false);

// What a server would answer, as bytes by path; a test may change any of it. Copies share the files.
struct Site {
  using Files = std::map<std::string, std::string, std::less<>>;
  std::shared_ptr<Files> files = std::make_shared<Files>();
  std::shared_ptr<std::map<std::string, std::uint64_t, std::less<>>> reads =
      std::make_shared<std::map<std::string, std::uint64_t, std::less<>>>();  // requests by path
  bool has_ranges = true;  // false: a request for a part is answered with an error, as of a server that cannot
  std::uint64_t posts = 0;
  std::vector<std::string> reports;
};

// A repository that publishes releases of built images on channel "stable".
class Publisher {
 public:
  explicit Publisher(const Keys& keys);
  struct Terms {
    std::uint32_t attempt = 1;
    std::vector<trust::Withdrawal> withdrawn;
    std::uint64_t energy_mwh = 0;
    std::uint64_t sources_min = 0;
    std::vector<BuiltDelta> deltas = {};
  };
  core::Digest release(const std::vector<const BuiltImage*>& images, const Terms& terms);  // digest of release.json
  core::Digest release(const BuiltImage& image, const Terms& terms) { return release(std::vector{&image}, terms); }
  core::Digest release(const BuiltImage& image) { return release(image, Terms{}); }
  void write_to(Site& site) const;
  [[nodiscard]] std::string first_root() const { return repository.roots.at(1); }
  trust::test::HostileRepository repository;

 private:
  std::uint64_t revision_ = 0;
};

struct Behaviour {
  std::map<std::string, interlock::SelfTestVerdict> self_test;  // by version; else passed
  std::uint32_t conditions = 0;                                  // of the blocking table
  ComponentLine* mcu = nullptr;              // the line to a second component, when the device has one
  std::optional<core::PublicKey> mcu_boot_key;
  std::function<void(std::chrono::milliseconds)> on_time;  // time that passes for whatever stands beside this device
  bool medium_changes_signature = false;  // slot b gives back another byte of the manifest's signature than was written
};

core::UtcTime rig_time();

// Provisions a world with `image` as the factory image in both slots and recovery.
sim::World make_device(const Keys& keys, const BuiltImage& image, std::uint64_t seed);

// Its microcontroller: a device of its own, with the slots of one.
sim::World make_mcu(const Keys& keys, const BuiltImage& image, std::uint64_t seed);

Config device_config();

// One power-up and the run after it.
class DeviceRun {
 public:
  DeviceRun(sim::World& world, const Keys& keys, Site& site, std::string factory_root, const Behaviour& behaviour,
      boot::ResetCause cause, const std::vector<const BuiltImage*>& images, Config config = device_config());
  ~DeviceRun();
  DeviceRun(const DeviceRun&) = delete;
  DeviceRun& operator=(const DeviceRun&) = delete;

  [[nodiscard]] bool boots() const;
  [[nodiscard]] std::string why_not() const;
  [[nodiscard]] const boot::Decision& decision() const;
  [[nodiscard]] Engine& engine();
  [[nodiscard]] interlock::TherapyGuard& guard();
  [[nodiscard]] const boot::BootReport& report() const;
  void set_conditions(std::uint32_t conditions);

  // One round of pump and agent; the world's clock goes on.
  void round();
  [[nodiscard]] bool reset_commanded() const;
  [[nodiscard]] std::uint32_t rounds() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aseptic::agent::test
