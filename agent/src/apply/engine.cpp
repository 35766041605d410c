// SPDX-License-Identifier: Apache-2.0
#include "apply/apply_engine.h"
#include "component/mcu_component.h"

namespace aseptic::agent {

Result<void> ApplyEngine::open() {
  auto memory = store_.load_memory();
  if (memory) memory_ = *std::move(memory);
  ASEPTIC_TRY(log_, LogBook::open(p_.state, p_.clock, p_.device_key, {p_.config.device.id, boot_.report.boot_count},
                                  memory_.acknowledged));
  if (!memory) log_->refuse(memory.error(), "memory");
  auto record = store_.load_transaction();
  if (record) {
    record_ = saved_ = *std::move(record);
  } else {
    log_->refuse(record.error(), "transaction");
  }
  log_->set_time_floor(p_.source.time_floor());
  for (const ComponentPart& part : p_.components)
    others_.add(std::make_unique<McuComponent>(part, p_.clock, p_.entropy, p_.breathe));
  others_.set_peer(peer());
  note_start();
  take_over_from_boot();
  read_running_version();
  cancel_old_arm();
  queue_report();
  log_->checkpoint();
  return {};
}

milliseconds ApplyEngine::step() {
  hold_.poll();
  look_at_components();
  look_if_due();
  check_contact();
  const Step step = next(record_.state, facts());
  if (step.action == Action::kWait) {
    note_waiting(step);
  } else {
    take(step);
  }
  send_reports_if_due();
  return pause_after(step);
}

void ApplyEngine::look_now(std::string_view who) {
  log_->note({.outcome = Outcome::kNote, .reason = "agent.check", .text = "asked to look for a release",
              .actor = std::string(who)});
  next_look_ = milliseconds{0};
  memory_.refused_until = {};
}

void ApplyEngine::approve(std::string_view who) {
  approval_ = who;
  look_now(who);
}

void ApplyEngine::decide_return_to_service(Verdict verdict, std::string_view who) {
  decision_ = verdict;
  log_->note({.reason = "agent.return_to_service",
              .text = verdict == Verdict::kPassed ? "returned to service" : "return to service refused",
              .actor = std::string(who)});
}

EngineStatus ApplyEngine::status() const {
  EngineStatus s;
  s.state = record_.state;
  s.why = why_;
  s.last_error = last_error_;
  s.last_sentence = last_sentence_;
  s.running_version = running_version_;
  s.running = boot_.running();
  s.confirmed = boot_.confirmed();
  s.confirmed_sequence = boot_.report.confirmed_sequence;
  s.in_trial = boot_.is_trial();
  s.boot_count = boot_.report.boot_count;
  s.floor = boot_.report.floor;
  s.target_version = record_.version;
  s.chunks_durable = record_.chunks_durable;
  s.download = download_;
  s.last_contact = memory_.last_contact;
  s.out_of_contact = is_out_of_contact();
  s.reports_waiting = reports_waiting_;
  s.log = log_->head();
  s.log_lost = log_->lost();
  return s;
}

Result<std::unique_ptr<Engine>> Engine::start(EngineParts parts) {
  ASEPTIC_TRY(const BootView boot, read_boot_view(parts.boot_report));
  auto engine = std::make_unique<ApplyEngine>(std::move(parts), boot);
  ASEPTIC_TRY_VOID(engine->open());
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace aseptic::agent
