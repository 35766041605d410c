// SPDX-License-Identifier: Apache-2.0
// What the tests of whole updates share: a product with three versions, a repository, one device.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "device_rig.h"

namespace aseptic::agent::test {

class UpdateFixture : public ::testing::Test {
 protected:
  Keys keys;
  BuiltImage v1 = build_image(keys, "1.0.0", 1);
  BuiltImage v2 = build_image(keys, "2.0.0", 2);
  BuiltImage next = build_next_image(keys, v1, "1.1.0", 2);  // most of it is v1
  BuiltImage v3 = build_image(keys, "3.0.0", 3);
  Publisher publisher{keys};
  Site site;
  Behaviour behaviour;
  Config config = device_config();
  sim::World world = make_device(keys, v1, 1);
  std::vector<std::string> states;
  boot::ResetCause cause = boot::ResetCause::kPowerOn;
  std::string failure;
  std::uint32_t resets = 0;

  core::Digest publish(const BuiltImage& image, const Publisher::Terms& terms = {}) {
    const core::Digest digest = publisher.release(image, terms);
    publisher.write_to(site);
    return digest;
  }

  // Runs power-up after power-up until `done` or `rounds_max` rounds; a device that waits for its next start gets one.
  bool run_until(const std::function<bool(DeviceRun&)>& done, std::uint32_t rounds_max = 600) {
    for (std::uint32_t rounds = 0; rounds < rounds_max;) {
      DeviceRun run(world, keys, site, publisher.first_root(), behaviour, cause, {&v1, &v2, &v3, &next}, config);
      if (!run.boots()) {
        failure = run.why_not();
        return false;
      }
      while (!run.reset_commanded() && rounds++ < rounds_max) {
        run.round();
        const auto status = run.engine().status();
        const std::string state(to_string(status.state));
        if (states.empty() || states.back() != state) states.push_back(state);
        if (!run.reset_commanded() && done(run)) return true;
        if (status.why == "waits_for_start") break;
      }
      if (run.reset_commanded()) ++resets;
      cause = run.reset_commanded() ? boot::ResetCause::kCommanded : boot::ResetCause::kPowerOn;
    }
    failure = "not done in time";
    return false;
  }

  // One start of the device, a number of rounds; the device may not reset in them.
  void run_rounds(std::uint32_t rounds, const std::function<void(DeviceRun&)>& inspect = {}) {
    DeviceRun run(world, keys, site, publisher.first_root(), behaviour, cause, {&v1, &v2, &v3, &next}, config);
    ASSERT_TRUE(run.boots()) << run.why_not();
    for (std::uint32_t i = 0; i < rounds && !run.reset_commanded(); ++i) run.round();
    if (run.reset_commanded()) ++resets;
    if (inspect) inspect(run);
  }

  static bool is_idle_on(DeviceRun& run, const BuiltImage& image) {
    const auto status = run.engine().status();
    return status.state == State::kIdle && status.running == image.manifest && status.confirmed == image.manifest &&
           status.why == "idle";
  }
  static std::function<bool(DeviceRun&)> idle_on(const BuiltImage& image) {
    return [&image](DeviceRun& run) { return is_idle_on(run, image); };
  }

  // A device whose agent was reinstalled: everything below agent/ is gone.
  void wipe_agent() {
    std::vector<std::string> files;
    for (const auto& [name, content] : world.disk().live())
      if (name.starts_with("agent/")) files.push_back(name.substr(6));
    const auto storage = world.storage("agent");
    for (const std::string& name : files) ASSERT_TRUE(storage->remove(name).has_value());
  }

  // The reasons of all events in the device log, in order.
  std::vector<std::string> reasons() {
    std::vector<std::string> all;
    visit_log([&](const device_log::Record& record) { all.push_back(record.reason); });
    return all;
  }
  bool has_reason(std::string_view reason) {
    const auto all = reasons();
    return std::find(all.begin(), all.end(), reason) != all.end();
  }
  std::string log_text() {
    std::string text;
    visit_log([&](const device_log::Record& r) {
      text += std::to_string(r.boot_count) + " " + std::to_string(r.since_boot.count()) + " " + r.reason + ": " + r.text + "\n";
    });
    return text;
  }

  // What an attack must leave byte for byte as it was: slots, everything of boot, and the agent's transaction.
  std::map<std::string, core::Bytes> protected_state() {
    std::map<std::string, core::Bytes> all;
    for (const char* file : {"slots/a.img", "slots/b.img", "boot/recovery.img", "boot/monotonic.bin", "permit/permit.bin",
                             "agent/transaction.json"})
      if (world.exists(file)) all[file] = *world.content(file);
    return all;
  }

 private:
  void visit_log(const device_log::RecordVisitor& visit) {
    const auto storage = world.storage("agent");
    const auto segments = read_log_segments(*storage);
    if (!segments) return;
    static_cast<void>(device_log::verify_log(*segments, {}, [&](const device_log::Record& record) {
      if (record.type == device_log::RecordType::kEvent) visit(record);
    }));
  }
};

}  // namespace aseptic::agent::test
