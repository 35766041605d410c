// SPDX-License-Identifier: Apache-2.0
// Keeps and tells: state files, log, reports, and how long to wait.
#include <algorithm>

#include "apply/apply_engine.h"

namespace aseptic::agent {
namespace {

constexpr milliseconds kHoldPoll{50};  // renewals and answers while a hold is open
constexpr milliseconds kIdlePoll{1000};
constexpr milliseconds kRetryMax{60'000};
constexpr milliseconds kRepeatAfter{3600 * 1000};

}  // namespace

Result<void> ApplyEngine::save_record() {
  if (record_ == saved_) return {};
  ASEPTIC_TRY_VOID(record_ == TransactionRecord{} ? store_.clear_transaction() : store_.save(record_));
  saved_ = record_;
  return {};
}

void ApplyEngine::keep_record() {
  if (record_.state == State::kIdle) record_ = TransactionRecord{};
  if (auto done = save_record(); !done) fail(done.error(), "save the transaction");
}

void ApplyEngine::keep_memory() {
  if (auto done = store_.save(memory_); !done) fail(done.error(), "save the agent's memory");
}

void ApplyEngine::note_waiting(const Step& step) {
  if (why_ == step.why) return;
  why_ = step.why;
  if (record_.state == State::kIdle) return;
  log_->note({.outcome = Outcome::kNote, .reason = "agent." + std::string(step.why),
              .text = "waits in " + std::string(to_string(record_.state)),
              .to = device_log::ImageName{record_.version, record_.manifest}});
  log_->checkpoint();
}

// One record an hour for each kind of failure, not one for each try: a dead or hostile server must not fill the log.
bool ApplyEngine::note_error(const Error& error, std::string_view what) {
  last_error_ = error.name();
  last_sentence_ = std::string(what) + ": " + error.sentence();
  const std::string kind = last_error_ + " " + std::string(what);
  const auto noted = noted_.find(kind);
  const bool again = noted != noted_.end() && p_.clock.since_boot() < noted->second + kRepeatAfter;
  if (!again) noted_[kind] = p_.clock.since_boot();
  if (error.action() == core::ActionClass::kReject) {
    auto& [count, index] = attacks_[std::string(error.name())];
    ++count;
    if (index == 0) index = log_->head().count + 1;
  }
  if (!again) log_->refuse(error, what);
  return !again;
}

void ApplyEngine::fail(const Error& error, std::string_view what) {
  if (!note_error(error, what)) return;
  log_->checkpoint();
  if (error.action() == core::ActionClass::kReject || error.action() == core::ActionClass::kHalt) queue_report();
}

void ApplyEngine::back_off() {
  not_before_ = p_.clock.since_boot() + retry_;
  retry_ = std::min(retry_ * 2, kRetryMax);
}

void ApplyEngine::note_download(std::uint64_t at, std::uint64_t size) {
  const milliseconds now = p_.clock.since_boot();
  if (!download_ || at < download_->at) {
    download_since_ = now;
    download_from_ = at;
  }
  const auto passed = static_cast<std::uint64_t>(std::max<std::int64_t>(1, (now - download_since_).count()));
  const std::uint64_t rate = (at - download_from_) * 1000 / passed;
  download_ = DownloadProgress{at, size, rate, std::chrono::seconds(rate == 0 ? 0 : (size - at) / rate)};
}

void ApplyEngine::queue_report() {
  ReportContent content;
  content.state = record_.state;
  content.last_error = last_error_;
  content.attacks = attacks_;
  content.time = p_.source.judged_now();
  content.time_trusted = p_.clock.wall() >= p_.source.time_floor() && p_.source.time_floor() != core::UtcTime{};
  content.running_version = running_version_;
  for (const ComponentSet::Member& member : others_.members())
    if (auto evidence = member.component->evidence()) content.boot_reports.push_back(*std::move(evidence));
  if (auto done = reports_.add(content, *log_, memory_, store_); !done) {
    log_->refuse(done.error(), "report");
  }
  count_reports();
  next_send_ = milliseconds{0};
}

void ApplyEngine::count_reports() {
  if (auto waiting = reports_.waiting()) reports_waiting_ = *waiting;
}

void ApplyEngine::send_reports_if_due() {
  if (reports_waiting_ == 0 || p_.config.server.report_url.empty()) return;
  if (p_.clock.since_boot() < next_send_) return;
  next_send_ = p_.clock.since_boot() + p_.config.policy.poll;
  auto sent = reports_.send(p_.source, memory_, store_);
  if (sent && *sent != 0) attacks_.clear();
  if (!sent) static_cast<void>(note_error(sent.error(), "report"));
  count_reports();
}

milliseconds ApplyEngine::pause_after(const Step& step) {
  if (hold_.is_active() || others_.is_active() || record_.state == State::kSelfTest || record_.state == State::kReverting ||
      record_.state == State::kConfirmRequested) {
    return kHoldPoll;
  }
  if (step.action != Action::kWait && p_.clock.since_boot() >= not_before_ && step.action != Action::kAskHold) {
    return milliseconds{0};
  }
  return step.action == Action::kAskHold ? kHoldPoll : kIdlePoll;
}

}  // namespace aseptic::agent
