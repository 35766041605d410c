// SPDX-License-Identifier: Apache-2.0
// A microcontroller with the boot rules of protocol section 1 on a serial line: the same trial, hold and confirm as the main
// component's, one exchange at a time. Format: docs/formats/component_link.md.
// SECURITY: believed are boot's signed report and signed leases; an answer of the firmware alone moves nothing on this side
// but the next question. A firmware that lies about its slot finds boot refusing the stage.
#pragma once

#include "aseptic/agent/component_line.h"
#include "component/component.h"
#include "component/mcu_link.h"
#include "hold/hold_driver.h"

namespace aseptic::agent {

class McuComponent final : public Component {
 public:
  McuComponent(const ComponentPart& part, platform::Clock& clock, platform::Entropy& entropy, std::function<void()> breathe);

  [[nodiscard]] const core::Uuid& id() const override { return part_.id; }
  [[nodiscard]] const std::string& location() const override { return part_.location; }
  [[nodiscard]] platform::BlockDevice& store() override { return part_.store; }
  [[nodiscard]] std::optional<trust::ForwardedBootReport> evidence() const override { return evidence_; }
  void poll() override;
  [[nodiscard]] bool is_active() const override { return hold_ && hold_->is_active(); }
  core::Result<ComponentView> look() override;
  void set_peer(const core::Digest& set) override { peer_ = set; }
  core::Result<void> tell_peer(const core::Digest& set) override;
  core::Result<Verdict> pursue(Goal goal, const ComponentTarget& target, const interlock::TransactionId& transaction) override;

 private:
  using FrameType = component::FrameType;
  struct Step {
    const ComponentTarget& target;
    const interlock::TransactionId& transaction;
  };

  core::Result<core::Bytes> tell(FrameType type, std::uint32_t value = 0, core::ByteView data = {});
  core::Result<void> look_now();
  void meet_new_start();
  core::Result<Verdict> transfer(const ComponentTarget& target);
  core::Result<Verdict> switch_over(const Step& step);
  core::Result<Verdict> drive_trial(Goal goal, const Step& step);
  core::Result<Verdict> go_back(const Step& step);
  core::Result<Verdict> sync();
  core::Result<Verdict> hold_and_reset(interlock::HoldKind kind, interlock::ResetPurpose purpose, const Step& step,
                                       const std::function<core::Result<void>()>& request);

  ComponentPart part_;
  platform::Clock& clock_;
  platform::Entropy& entropy_;
  std::function<void()> breathe_;
  McuLink link_;
  std::optional<HoldDriver> hold_;  // made anew for each start of the component
  std::optional<ComponentView> view_;
  std::optional<trust::ForwardedBootReport> evidence_;
  interlock::BootId boot_id_;
  std::chrono::milliseconds seen_{0};
  std::chrono::milliseconds unreachable_until_{0};
  std::optional<std::uint32_t> start_;  // boot_count of the start that hold_ belongs to
  std::uint32_t switches_ = 0;  // resets into a trial that were asked for
  std::array<std::uint8_t, 16> transaction_{};
  core::Digest peer_;
  core::Digest peer_told_;
  bool is_peer_told_ = false;
  interlock::ResetPurpose requested_ = interlock::ResetPurpose::kNone;  // what stands in the request area for this hold
};

}  // namespace aseptic::agent
