// SPDX-License-Identifier: Apache-2.0
// A whole install under power cuts: resume from the last durable chunk count, as an agent would, on every
// disk that a cut can leave.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "../../payload/make/tests/support.h"
#include "aseptic/sim/checkers/slot_checker.h"
#include "aseptic/sim/crash_explorer.h"

namespace aseptic::sim {
namespace {

using payload::tests::TestPayload;

// The agent's part: installs from where the note says, notes durable progress.
std::optional<std::string> install(World& world, const TestPayload& payload) {
  auto slot = world.block_device("slots/b.img");
  auto state = world.storage("agent");
  payload::ResumeHint hint;
  if (auto note = state->read("progress", 8))
    std::copy(note->begin(), note->end(), reinterpret_cast<std::uint8_t*>(&hint.chunks_written));
  const auto header = payload.verify();
  auto installer = payload::PayloadInstaller::begin(*header, *slot, hint, {.flush_every_bytes = 60'000});
  std::uint64_t noted = 0;
  while (!installer->is_complete()) {
    const std::uint64_t at = installer->next_offset();
    const auto bytes = core::ByteView(payload.file).subspan(at, installer->wanted_bytes());
    if (auto fed = installer->feed(at, bytes); !fed) return fed.error().sentence();
    const std::uint64_t durable = installer->progress().chunks_durable;
    if (durable != noted) {
      if (!state->replace("progress", {reinterpret_cast<const std::uint8_t*>(&durable), 8}))
        return "cannot note";
      noted = durable;
    }
  }
  if (auto finished = installer->finish(); !finished) return finished.error().sentence();
  if (auto measured = payload::measure_slot(*slot, payload.image.reference()); !measured)
    return measured.error().sentence();
  return std::nullopt;
}

// Answers: DL-03, AP-10, T-51
TEST(InstallUnderPowerCuts, AlwaysEndsWithTheSignedImage) {
  const TestPayload payload = payload::tests::make_test_payload(payload::tests::make_image(150'001, 24 * 4096),
                                                                payload::tests::small_options());
  const TestPayload older = payload::tests::make_test_payload(payload::tests::make_image(60'001, 6 * 4096, 9),
                                                              payload::tests::small_options());
  World start(1);
  core::Bytes former(payload.image.bytes.size() + 3 * 4096, 0);
  std::copy_n(older.image.bytes.begin(), std::min(older.image.bytes.size(), former.size()), former.begin());
  start.place("slots/b.img", former);
  start.place_directory("agent");
  const CheckerDigest expected = checker_sha256(core::ByteView(payload.image.bytes).first(1024));
  const auto report = explore_crashes(
      start, [&](World& world) { ASSERT_EQ(install(world, payload), std::nullopt); },
      [&](World& world, const CrashCase&) -> std::optional<std::string> {
        if (auto failure = install(world, payload)) return failure;
        const SlotVerdict verdict = check_slot(*world.content("slots/b.img"));
        if (!verdict.is_whole) return verdict.why_not;
        if (verdict.manifest_digest != expected) return "another image";
        return std::nullopt;
      },
      {.seed = 1, .cases_max = 3000});
  std::cout << report.summary() << "\n";
  EXPECT_TRUE(report.failures.empty()) << report.summary();
  EXPECT_GT(report.cases, 1000U);
  EXPECT_GT(report.second_cuts, 0U);
}

}  // namespace
}  // namespace aseptic::sim
