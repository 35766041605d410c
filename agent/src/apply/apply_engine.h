// SPDX-License-Identifier: Apache-2.0
// The engine behind engine.h: one class, its methods by subject in engine.cpp (a step), engine_start.cpp, engine_facts.cpp,
// engine_actions.cpp, engine_notes.cpp. Private to apply. INVARIANT: only perform() acts, only next() decides.
#pragma once

#include <map>

#include "aseptic/agent/engine.h"
#include "aseptic/payload/apply/read_back.h"
#include "apply/staging.h"
#include "component/component_set.h"
#include "hold/hold_driver.h"
#include "offer/lookout.h"
#include "report/report_queue.h"
#include "slots/boot_view.h"
#include "slots/request_door.h"
#include "state/state_store.h"

namespace aseptic::agent {

using core::Error;
using core::Result;
using device_log::Outcome;
using std::chrono::milliseconds;

inline constexpr milliseconds kRetryFirst{1000};  // after a failed action; doubles up to kRetryMax

class ApplyEngine final : public Engine {
 public:
  ApplyEngine(EngineParts parts, BootView boot)
      : p_(std::move(parts)), boot_(boot), store_(p_.state), door_(p_.requests, boot_),
        hold_(p_.therapy, p_.therapy_key, p_.clock, p_.entropy, {boot.report.device_id}),
        reports_(p_.state, p_.device_key, p_.config, boot_) {}

  Result<void> open();
  milliseconds step() override;
  void look_now(std::string_view who) override;
  void approve(std::string_view who) override;
  void note_mirror(const Error& error) override { static_cast<void>(note_error(error, "mirror")); }
  void decide_return_to_service(Verdict verdict, std::string_view who) override;
  [[nodiscard]] EngineStatus status() const override;
  [[nodiscard]] LogBook& log() override { return *log_; }

 private:
  // ---- start

  void note_start();
  void take_over_from_boot();
  void read_running_version();
  void cancel_old_arm();

  // ---- facts

  [[nodiscard]] platform::BlockDevice* running_slot();
  // Running from recovery, slot A is rebuilt first.
  [[nodiscard]] std::string target_slot() const { return boot_.report.place == boot::ImagePlace::kSlotA ? "b" : "a"; }
  [[nodiscard]] platform::BlockDevice& slot(const std::string& name) { return name == "a" ? p_.slot_a : p_.slot_b; }

  [[nodiscard]] bool is_failed(const core::Digest& manifest, std::uint32_t attempt) const;

  // SECURITY(T-54): while the recovery image does not verify, no slot is erased; the other slot is brought up to date,
  // and boot repairs recovery at its next start.
  [[nodiscard]] bool way_back_is_whole() const { return boot_.report.recovery != boot::RecoveryState::kDoesNotVerify; }

  [[nodiscard]] bool offer_counts();
  [[nodiscard]] bool is_withdrawn() const;
  [[nodiscard]] bool is_window_open();
  [[nodiscard]] std::uint64_t energy() const;
  Result<void> precheck();
  Facts facts();
  bool passes_prechecks();
  Verdict self_test();
  void look_at_components();
  void lift_failures();
  bool has_way_back(const SetFacts& set);
  // For the pair check of the components: what main runs, unless that is a trial (protocol section 4), or may go in a moment: from
  // the arm on, and from CONFIRMED until every component has confirmed too, no therapy begins on any of them.
  [[nodiscard]] core::Digest peer() const {
    const bool is_settled = is_before_switch(record_.state) || record_.state == State::kInService || record_.state == State::kSynced ||
                            record_.state == State::kFailed;
    return boot_.report.run_kind == boot::RunKind::kConfirmed && is_settled ? core::Digest{boot_.report.running_set} : core::Digest{};
  }

  // ---- looking

  void look_if_due();
  void note_contact();
  void check_contact();
  [[nodiscard]] bool is_out_of_contact() const;

  // ---- acting

  void take(const Step& step);
  void announce(const Step& step, State before);
  Result<void> perform(Action action);
  Result<void> begin();
  Result<void> adopt_trial();
  Result<void> stage();
  void note_staged(const Staged& staged);
  Result<void> stage_others();
  Result<void> others_hold_their_images();
  Result<void> keep_image(const Offer& offer, platform::BlockDevice& store);
  Result<void> bring_others_to(Goal goal);
  void remember_refusal();
  Result<void> note_approval();
  Result<void> ask_hold(interlock::HoldKind kind, const core::Digest& manifest);
  Result<void> arm();
  Result<void> ask_reset(interlock::ResetPurpose purpose);
  Result<void> disarm();
  Result<void> note_trial();
  Result<void> request(boot::RequestKind kind);
  Result<void> note_confirmed();
  payload::ImageReference running_image() const;
  Result<void> sync_other();
  Result<void> begin_set_revert();
  Result<void> set_revert();
  Result<void> note_failed();
  Result<void> finish();

  // ---- keeping

  Result<void> save_record();
  void keep_record();
  void keep_memory();

  // ---- telling

  void note_waiting(const Step& step);
  bool note_error(const Error& error, std::string_view what);
  void fail(const Error& error, std::string_view what);
  void back_off();
  void queue_report();
  void count_reports();
  void send_reports_if_due();
  void note_download(std::uint64_t at, std::uint64_t size);
  milliseconds pause_after(const Step& step);

  EngineParts p_;
  BootView boot_;
  StateStore store_;
  RequestDoor door_;
  HoldDriver hold_;
  ReportQueue reports_;
  ComponentSet others_;
  std::optional<bool> way_back_;  // asked once in a start: it measures a slot
  std::unique_ptr<LogBook> log_;
  Memory memory_;
  TransactionRecord record_;
  TransactionRecord saved_;
  TransactionRecord ended_;  // as it was when the last action began: what a record about it names
  std::optional<Offer> offer_;
  std::optional<core::Digest> selected_;  // by the channel, as last verified in this start
  std::vector<trust::Withdrawal> withdrawn_;
  std::string running_version_;
  std::uint64_t running_size_ = 0;
  std::string approval_;
  Verdict decision_ = Verdict::kNone;
  std::string_view why_ = "started";
  std::string last_error_;
  std::string last_sentence_;
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>, std::less<>> attacks_;
  std::map<std::string, milliseconds, std::less<>> noted_;  // kinds of failure: as many as there are codes and places
  milliseconds next_look_{0};
  milliseconds next_send_{0};
  milliseconds not_before_{0};
  milliseconds retry_ = kRetryFirst;
  milliseconds trial_seen_{0};
  std::uint64_t reports_waiting_ = 0;
  std::optional<DownloadProgress> download_;
  std::uint64_t download_from_ = 0;
  milliseconds download_since_{0};
  milliseconds next_contact_note_{0};
};

}  // namespace aseptic::agent
