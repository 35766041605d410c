// SPDX-License-Identifier: Apache-2.0
// The seam between the engine and one further component: what it says about itself, and goals that it is brought to.
// Implemented by McuComponent (a microcontroller with the same boot rules on a serial line).
//
// INVARIANT (protocol section 5): an implementation keeps nothing that must survive. Each call looks what is true on the
// component and takes the next step towards the goal, so that a power loss of either side at any moment needs no repair.
// Thread contract: one thread. pursue() blocks for one exchange on the line; poll() keeps holds alive.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "aseptic/agent/transaction.h"
#include "aseptic/boot/format/mailbox.h"
#include "aseptic/core/hash.h"
#include "aseptic/core/result.h"
#include "aseptic/core/uuid.h"
#include "aseptic/interlock/types.h"
#include "aseptic/platform/block_device.h"
#include "aseptic/trust/report.h"

namespace aseptic::agent {

// What the component must come to hold, from the verified release.
struct ComponentTarget {
  core::Uuid component;
  core::Digest manifest;
  core::Digest set;
  std::uint64_t image_size = 0;
  std::uint32_t attempt = 1;
  bool operator==(const ComponentTarget&) const = default;
};

enum class Goal : std::uint8_t {
  kStaged,     // the slot that does not run holds the image, read back
  kPrepared,   // the image runs as a trial and has passed its self-test
  kConfirmed,  // the component's boot has recorded it as confirmed
  kSynced,     // and the other slot holds it too
  kSettled,    // no trial is open: an open one is reverted
};

// Boot's own word on that component, its signature verified.
struct ComponentView {
  boot::BootReport report;
  core::Digest held;  // what the slot that does not run holds; zero: nothing that verifies
  [[nodiscard]] core::Digest running() const { return {report.running_manifest}; }
  [[nodiscard]] core::Digest confirmed() const { return {report.confirmed_manifest}; }
  [[nodiscard]] bool runs_trial() const {
    return report.run_kind == boot::RunKind::kTrial || report.run_kind == boot::RunKind::kForcedTrial;
  }
  [[nodiscard]] bool quarantines(const core::Digest& manifest, std::uint32_t attempt) const;
};

class Component {
 public:
  virtual ~Component() = default;
  // Its boot's report as last believed, for the fleet; nothing: none was seen since this agent's start.
  [[nodiscard]] virtual std::optional<trust::ForwardedBootReport> evidence() const { return std::nullopt; }
  [[nodiscard]] virtual const core::Uuid& id() const = 0;
  [[nodiscard]] virtual const std::string& location() const = 0;
  [[nodiscard]] virtual platform::BlockDevice& store() = 0;

  virtual void poll() = 0;  // reads packets, keeps an open hold; at least every 100 ms while is_active()
  [[nodiscard]] virtual bool is_active() const = 0;
  // Asks when the last word is older than a moment. Nothing: it does not answer.
  virtual core::Result<ComponentView> look() = 0;
  // Names what the main component runs, with the next look; therapy on the component needs the same set. Zero: unknown, and
  // no therapy there.
  virtual void set_peer(const core::Digest& set) = 0;
  // The same now: done, or an error (therapy runs, no answer).
  virtual core::Result<void> tell_peer(const core::Digest& set) = 0;

  // One step. kPassed: the goal is reached. kFailed: it cannot be reached with this attempt. kNone: go on.
  virtual core::Result<Verdict> pursue(Goal goal, const ComponentTarget& target, const interlock::TransactionId& transaction) = 0;
};

}  // namespace aseptic::agent
