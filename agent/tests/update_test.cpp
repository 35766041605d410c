// SPDX-License-Identifier: Apache-2.0
// Whole updates in process: the real boot, guard and engine over the simulated disk.
#include <gtest/gtest.h>

#include <functional>

#include "device_rig.h"

namespace aseptic::agent::test {
namespace {

class UpdateTest : public ::testing::Test {
 protected:
  Keys keys;
  BuiltImage v1 = build_image(keys, "1.0.0", 1);
  BuiltImage v2 = build_image(keys, "2.0.0", 2);
  BuiltImage v3 = build_image(keys, "3.0.0", 3);
  Publisher publisher{keys};
  Site site;
  Behaviour behaviour;
  sim::World world = make_device(keys, v1, 1);
  std::vector<std::string> states;
  boot::ResetCause cause = boot::ResetCause::kPowerOn;
  std::string failure;

  void publish(const BuiltImage& image, const Publisher::Terms& terms = {}) {
    publisher.release(image, terms);
    publisher.write_to(site);
  }

  // Runs power-up after power-up until `done` or `rounds_max` rounds; a device that waits for its next start gets one.
  bool run_until(const std::function<bool(DeviceRun&)>& done, std::uint32_t rounds_max = 600) {
    for (std::uint32_t rounds = 0; rounds < rounds_max;) {
      DeviceRun run(world, keys, site, publisher.first_root(), behaviour, cause, {&v1, &v2, &v3});
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
      cause = run.reset_commanded() ? boot::ResetCause::kCommanded : boot::ResetCause::kPowerOn;
    }
    failure = "not done in time";
    return false;
  }

  // The device log as text: what a failing test shows.
  std::string log_text(std::size_t lines_max = 40) {
    std::vector<std::string> lines;
    const auto storage = world.storage("agent");
    const auto segments = read_log_segments(*storage);
    if (!segments) return segments.error().sentence();
    for (const auto& segment : *segments) {
      std::string_view rest = core::as_text(segment.bytes);
      for (std::size_t end = 0; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
        const auto record = device_log::parse_record(core::as_bytes(rest.substr(0, end)));
        if (record && record->type == device_log::RecordType::kEvent) {
          lines.push_back(std::to_string(record->boot_count) + " " + std::to_string(record->since_boot.count()) + " " +
                          record->reason + ": " + record->text);
        }
      }
    }
    std::string text;
    for (std::size_t i = 0; i < std::min(lines.size(), lines_max); ++i) text += lines[i] + "\n";
    return text;
  }

  static bool is_idle_on(DeviceRun& run, const BuiltImage& image) {
    const auto status = run.engine().status();
    return status.state == State::kIdle && status.running == image.manifest && status.confirmed == image.manifest &&
           status.why == "idle";
  }
};

// Answers: AP-01, RC-02, LG-01
TEST_F(UpdateTest, GoesFromAvailableToSyncedAndBothSlotsHoldTheNewImage) {
  publish(v2);
  ASSERT_TRUE(run_until([&](DeviceRun& run) { return is_idle_on(run, v2); })) << failure << "\n" << log_text();
  EXPECT_EQ(states, (std::vector<std::string>{"AVAILABLE", "STAGED", "OFFERED", "APPROVED", "HELD", "SWITCHED",
                                              "SELF_TEST", "RETURN_TO_SERVICE", "CONFIRM_REQUESTED", "CONFIRMED",
                                              "IN_SERVICE", "SYNCED", "IDLE"}));
  core::Bytes slot = v2.slot_bytes;
  slot.resize(kSlotSize, 0);
  EXPECT_EQ(world.content("slots/a.img"), slot);
  EXPECT_EQ(world.content("slots/b.img"), slot);
  EXPECT_GE(site.posts, 2u);
}

}  // namespace
}  // namespace aseptic::agent::test
