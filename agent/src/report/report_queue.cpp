// SPDX-License-Identifier: Apache-2.0
#include "report/report_queue.h"

#include <cstdio>

#include "aseptic/agent/codes.h"
#include "aseptic/agent/version.h"
#include "aseptic/trust/limits.h"
#include "aseptic/trust/report.h"

namespace aseptic::agent {
namespace {

using core::Result;

constexpr std::string_view kDirectory = "reports";

std::string file_name(std::uint64_t sequence) {
  char text[40];
  std::snprintf(text, sizeof text, "reports/%012llu.json", static_cast<unsigned long long>(sequence));
  return text;
}

bool is_report(std::string_view name) { return name.size() == 17 && name.ends_with(".json"); }

Result<std::vector<std::string>> queued(platform::Storage& storage) {
  ASEPTIC_TRY_VOID(storage.make_directory(kDirectory));
  ASEPTIC_TRY(auto names, storage.list(kDirectory));
  std::erase_if(names, [](const std::string& name) { return !is_report(name); });
  return names;
}

trust::Report make_report(const ReportContent& content, const Config& config, const boot::BootReport& boot) {
  trust::Report report;
  report.device = config.device.id;
  report.product = config.device.product;
  report.boot_count = boot.boot_count;
  report.time = content.time;
  report.time_trusted = content.time_trusted;
  report.agent_version = kAgentVersion;
  report.state = to_string(content.state);
  report.last_error = content.last_error;
  trust::ComponentStatus component;
  component.id = config.device.component;
  component.confirmed_manifest = core::Digest{boot.confirmed_manifest};
  component.sequence = boot.confirmed_sequence;
  component.version = content.running_version;
  component.epoch = boot.floor;
  report.confirmed.push_back(std::move(component));
  report.boot_reports = content.boot_reports;
  for (const auto& [code, seen] : content.attacks) report.attacks.push_back({code, seen.first, seen.second});
  return report;
}

}  // namespace

Result<void> ReportQueue::add(const ReportContent& content, const LogBook& log, Memory& memory, StateStore& store) {
  ++memory.report_sequence;
  ASEPTIC_TRY_VOID(store.save(memory).within("report sequence"));
  trust::Report report = make_report(content, config_, boot_.report);
  report.sequence = memory.report_sequence;
  report.log_count = log.head().count;
  report.log_head = log.head().head;
  trust::Envelope envelope;
  envelope.signed_part = report.encode();
  ASEPTIC_TRY(core::Bytes signature, key_.sign(core::as_bytes(envelope.signed_bytes())).within("sign report"));
  envelope.set_signature({trust::single_key_id(key_.public_key()), std::move(signature)});
  ASEPTIC_TRY(const auto names, queued(storage_));
  if (names.size() >= kReportsQueuedMax) {
    ASEPTIC_TRY_VOID(storage_.remove(std::string(kDirectory) + "/" + names.front()));
  }
  return storage_.replace(file_name(report.sequence), core::as_bytes(envelope.encode())).within("queue report");
}

Result<std::size_t> ReportQueue::send(ReleaseSource& source, Memory& memory, StateStore& store) {
  ASEPTIC_TRY(const auto names, queued(storage_));
  std::size_t taken = 0;
  for (const std::string& name : names) {
    const std::string path = std::string(kDirectory) + "/" + name;
    ASEPTIC_TRY(const core::Bytes file, storage_.read(path, trust::kReportBytesMax));
    if (auto sent = source.post_report(file).within("send report"); !sent) {
      // The same bytes would be refused again: they leave the queue, the log keeps what they said.
      if (sent.error().is(AgentCode::kReportRefused)) ASEPTIC_TRY_VOID(storage_.remove(path));
      return sent.error();
    }
    // What the server took names the head that this log may never fall behind.
    if (auto report = trust::verify_report(file, key_.public_key())) {
      memory.acknowledged = device_log::LogHead{report->log_count, report->log_head};
      ASEPTIC_TRY_VOID(store.save(memory));
    }
    ASEPTIC_TRY_VOID(storage_.remove(path));
    ++taken;
  }
  return taken;
}

Result<std::size_t> ReportQueue::waiting() {
  ASEPTIC_TRY(const auto names, queued(storage_));
  return names.size();
}

}  // namespace aseptic::agent
