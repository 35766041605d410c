// SPDX-License-Identifier: Apache-2.0
// One device with its honest application, from a power-up to its rest. The application keeps nothing in
// memory over a reset: what it does follows from boot's report and from the slots, as on the device; it
// writes through boot/installer. Every operation of boot, application and therapy side goes over the one
// flash, so any of them can be the one in which the power fails.
#pragma once

#include "checker.h"
#include "device.h"

namespace aseptic::sim {

class Life {
 public:
  explicit Life(const Product& product) : product_(&product), device_(product), checker_(product) {}

  enum class End : std::uint8_t { kRest, kCut, kWrong };
  // Plays until the device rests, the power is cut, or something is wrong. `at_boot`, when given, is called
  // before each power-up.
  template <class AtBoot>
  End play(AtBoot&& at_boot) {
    while (true) {
      at_boot(*this);
      const End end = one_boot();
      if (end != End::kRest || at_rest_) return end;
    }
  }
  End play() {
    return play([](const Life&) {});
  }

  // After a cut: the next power-up is a power-on.
  void power_returns();
  void break_sector(boot::Area area, std::uint64_t offset) {
    device_.flash.make_unreadable(area, offset);
    checker_.tolerate_a_broken_sector();
    only_safety_ = true;
  }

  Device& device() { return device_; }
  const Device& device() const { return device_; }
  const Checker& checker() const { return checker_; }
  std::uint64_t boots() const { return boots_; }
  bool is_power_on() const { return cause_ == boot::ResetCause::kPowerOn; }
  void tell(std::string* trace) { trace_ = trace; }

 private:
  End one_boot();
  void act(const boot::Decision& decision);
  void in_trial(const boot::BootReport& report, std::size_t release);
  void in_recovery(const boot::BootReport& report);
  void in_service(const boot::BootReport& report);
  void bring_up_to_date(const boot::BootReport& report, boot::SlotId other);
  void update(const boot::BootReport& report, boot::SlotId other, std::size_t release, std::uint16_t attempt);
  bool install(const boot::BootReport& report, boot::SlotId slot, std::size_t release, std::uint16_t attempt,
               boot::Installer& installer);
  void arm(const boot::BootReport& report);
  template <class Write>
  bool again_until_durable(Write&& write);
  void reset(boot::ResetCause cause) { cause_ = cause; }
  std::size_t release_of(const boot::Digest& manifest) const;
  std::size_t wanted(const boot::BootReport& report, std::uint16_t& attempt) const;
  void say(const std::string& what) {
    if (trace_ != nullptr) *trace_ += "  app: " + what + "\n";
  }

  const Product* product_;
  Device device_;
  Checker checker_;
  boot::ResetCause cause_ = boot::ResetCause::kPowerOn;
  BeforeReset before_;
  std::uint64_t boots_ = 0;
  int boots_since_cut_ = 0;
  int idle_ = 0;
  bool at_rest_ = false;
  bool only_safety_ = false;
  std::string* trace_ = nullptr;
};

}  // namespace aseptic::sim
