// SPDX-License-Identifier: Apache-2.0
#include "two_components.h"

#include <algorithm>

namespace aseptic::agent::test {
namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t kRoundsMax = 4000;
constexpr milliseconds kPowerPause{4000};  // between the returns of the two

class World2 {
 public:
  World2(Ending ending, const Cut& cut)
      : p_(two_components()), ending_(ending), cut_(cut), site_(p_.site), main_(p_.main),
        mcu_(p_.mcu, p_.keys, ending == Ending::kMcuFails ? p_.v2[1].manifest : core::Digest{}) {
    mcu_.pass_time = [this](milliseconds time) { pass(time); };
    mcu_.on_start = [this] { meet_mcu_start(); };
    behaviour_.mcu = &mcu_;
    behaviour_.mcu_boot_key = mcu_.boot_key();
    behaviour_.on_time = [this](milliseconds time) { mcu_pass(time); };
    if (ending == Ending::kMainFails) behaviour_.self_test["2.0.0"] = interlock::SelfTestVerdict::kFailed;
    if (cut.who != Loses::kNobody) (cut.counts_mcu ? mcu_.world : main_).plan({cut.at_io, sim::FaultKind::kPowerOff, ""});
  }

  Outcome run() {
    mcu_.power_on();
    for (std::uint32_t starts = 0; starts < 80 && out_.wrong.empty(); ++starts) {
      if (start_of_main()) break;
    }
    if (out_.wrong.empty() && !is_done_) out_.wrong = "no end in " + last_;
    for (std::size_t i = 0; i < mcu_.report().event_count; ++i)
      say("the microcontroller's boot: event " + std::to_string(mcu_.report().events[i].code) + " detail " + std::to_string(mcu_.report().events[i].detail));
    for (const std::string& report : site_.reports) out_.told_set_revert |= report.find("agent.set_revert") != std::string::npos;
    out_.main_io = main_.io_count();
    out_.mcu_io = mcu_.world.io_count();
    return out_;
  }

 private:
  // One power-up of main; true at the end of the update.
  bool start_of_main() {
    {
      DeviceRun run(main_, p_.keys, site_, p_.root, behaviour_, cause_, {&p_.v1[0], &p_.v2[0]});
      if (!main_.is_off() && !run.boots()) return out_.wrong = "main: " + run.why_not(), true;
      if (!main_.is_off()) {
        run_ = &run;
        main_is_new_ = run.report().confirmed_manifest == p_.v2[0].manifest.bytes;
        say("main starts, kind " + std::to_string(static_cast<int>(run.report().run_kind)) + (main_is_new_ ? " new" : ""));
        for (std::size_t i = 0; i < run.report().event_count; ++i)
          if (run.report().events[i].code == static_cast<std::uint32_t>(boot::EventCode::kAutoRevert)) say("boot: AUTO_REVERT");
        meet_main_start();
        judge();
        rounds_of(run);
        run_ = nullptr;
      }
      cause_ = run.reset_commanded() ? boot::ResetCause::kCommanded : boot::ResetCause::kPowerOn;
    }
    if (main_.is_off() || main_must_fall_) lose_main();
    return is_done_ || !out_.wrong.empty();
  }

  // What goes wrong with the microcontroller only when main has confirmed.
  void meet_main_start() {
    const bool commits = main_is_new_ && !has_committed_;
    has_committed_ |= commits;
    if (commits) out_.main_io_at_commit = main_.io_count(), out_.mcu_io_at_commit = mcu_.world.io_count();
    if (has_committed_ && !main_is_new_) {
      mcu_.line_is_dead = mcu_is_gone_ = false;
      went_back_ = true;
    }
    if (!commits || (ending_ != Ending::kMcuFailsLate && ending_ != Ending::kMcuSilent)) return;
    if (ending_ == Ending::kMcuFailsLate) mcu_.image_fails(p_.v2[1].manifest);
    mcu_is_gone_ = ending_ == Ending::kMcuSilent;
    say("the microcontroller breaks");
    mcu_.power_off();
    mcu_is_down_ = true;
    waited_ = milliseconds{0};
  }
  void meet_mcu_start() {
    const bool confirms = mcu_.report().confirmed_manifest == p_.v2[1].manifest.bytes;
    if (ending_ == Ending::kMcuConfirmsUnheard && confirms && !went_back_) mcu_.line_is_dead = true;
  }

  void rounds_of(DeviceRun& run) {
    while (!run.reset_commanded() && out_.wrong.empty()) {
      if (++rounds_ > kRoundsMax) return out_.wrong = "no end after " + std::to_string(rounds_) + " rounds in " + last_, void();
      run.round();
      if (main_.is_off() || main_must_fall_) return;
      judge();
      if (run.reset_commanded()) return;
      const EngineStatus status = run.engine().status();
      const std::string now = std::string(to_string(status.state)) + " (" + status.why + ", " + status.last_error + ")";
      if (now != last_) say(now);
      last_ = now;
      if (is_at_rest(status)) return is_done_ = true, void();
      if (status.why == "waits_for_start") return;  // switched off and on in daily use
    }
  }

  bool is_at_rest(const EngineStatus& status) {
    const bool installs = ending_ == Ending::kInstalled || ending_ == Ending::kMcuConfirmsUnheard;
    const auto& expected = installs ? p_.v2 : p_.v1;
    const bool main_rests = status.state == State::kIdle && !status.in_trial && status.running == expected[0].manifest &&
                            status.confirmed == expected[0].manifest && (status.why == "idle") &&
                            (installs || status.last_error == "trust.attempt");
    if (!main_rests || !mcu_.is_on()) return false;
    const boot::BootReport& report = mcu_.report();
    return report.run_kind == boot::RunKind::kConfirmed && report.running_manifest == expected[1].manifest.bytes && mcu_.can_infuse();
  }

  void judge() {
    if (!mcu_.failure.empty()) out_.wrong = mcu_.failure;
    if (!mcu_.is_on()) return;
    const bool mcu_is_new = mcu_.report().confirmed_manifest == p_.v2[1].manifest.bytes;
    // Unheard, it may be ahead of a main that went back; never before main has committed.
    if (mcu_is_new && !(ending_ == Ending::kMcuConfirmsUnheard ? has_committed_ : main_is_new_)) out_.wrong = "I8a: the microcontroller is confirmed and main is not";
    if (run_ == nullptr) return;
    const boot::BootReport& report = run_->report();
    const bool pair = report.run_kind == boot::RunKind::kConfirmed && report.running_set == mcu_.report().running_set;
    const State state = run_->engine().status().state;
    const bool switches = run_->reset_commanded() || state == State::kConfirmed || state == State::kSetReverting;
    if (mcu_.can_infuse() && (!pair || switches)) out_.wrong = "I8b: therapy is possible beside another set, or in a switch";
    if (report.floor >= 2 && !mcu_is_new) out_.wrong = "I8c: main's floor rose before the microcontroller confirmed";
  }

  // Time for both; called while the agent waits for the line.
  void pass(milliseconds time) {
    main_.advance(time);
    mcu_pass(time);
  }
  void mcu_pass(milliseconds time) {
    const bool was_on = mcu_.is_on();
    mcu_.pass(time);
    waited_ += time;
    if (!mcu_.is_on() && (was_on || !mcu_is_down_)) lose_mcu();
    if (mcu_is_down_ && !mcu_is_gone_ && waited_ >= kPowerPause) {
      mcu_is_down_ = false;
      mcu_.power_on();
      say("mcu starts, kind " + std::to_string(static_cast<int>(mcu_.report().run_kind)));
    }
    judge();
  }

  bool takes_both() const { return cut_.who == Loses::kBothMainBackFirst || cut_.who == Loses::kBothMcuBackFirst; }

  void lose_mcu() {
    say("MCU LOSES POWER");
    out_.was_cut = true;
    mcu_is_down_ = true;
    waited_ = milliseconds{0};
    if (takes_both()) main_must_fall_ = true;
  }

  void lose_main() {
    if (main_.is_off()) out_.was_cut = true;
    say("MAIN LOSES POWER");
    const bool both = takes_both() && !main_must_fall_;
    main_ = main_.reboot(main_.io_count());
    cause_ = boot::ResetCause::kPowerOn;
    if (both && mcu_.is_on()) {
      mcu_.power_off();
      lose_mcu();
    }
    main_must_fall_ = false;
    if (cut_.who == Loses::kBothMcuBackFirst) {
      for (int i = 0; i < 80 && (mcu_is_down_ || i < 50); ++i) mcu_pass(milliseconds(100));
    } else if (cut_.who == Loses::kMain) {
      for (int i = 0; i < 60; ++i) mcu_pass(milliseconds(100));
    }
  }

  void say(const std::string& what) { out_.trace += "  " + std::to_string(main_.since_boot().count()) + " " + what + "\n"; }

  const TwoComponents& p_;
  const Ending ending_;
  const Cut cut_;
  Site site_;
  sim::World main_;
  SimMcu mcu_;
  Behaviour behaviour_;
  boot::ResetCause cause_ = boot::ResetCause::kPowerOn;
  DeviceRun* run_ = nullptr;
  bool main_is_new_ = false;
  bool main_must_fall_ = false;
  bool mcu_is_down_ = false;
  bool mcu_is_gone_ = false;
  bool has_committed_ = false;
  bool went_back_ = false;
  bool is_done_ = false;
  milliseconds waited_{0};
  std::uint32_t rounds_ = 0;
  std::string last_ = "never ran";
  Outcome out_;
};

}  // namespace

TwoComponents::TwoComponents(Keys k)
    : keys(std::move(k)), v1(build_set(keys, "1.0.0", 1)), v2(build_set(keys, "2.0.0", 2, 2)), main(make_device(keys, v1[0], 1)),
      mcu(make_mcu(keys, v1[1], 2)) {
  Publisher publisher(keys);
  publisher.release({&v2[0], &v2[1]}, {});
  publisher.write_to(site);
  root = publisher.first_root();
}

const TwoComponents& two_components() {
  static const TwoComponents instance;
  return instance;
}

Outcome run_both(Ending ending, const Cut& cut) { return World2(ending, cut).run(); }

}  // namespace aseptic::agent::test
