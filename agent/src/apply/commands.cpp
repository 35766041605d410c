// SPDX-License-Identifier: Apache-2.0
#include "apply/commands.h"

#include <charconv>

#include "aseptic/agent/codes.h"
#include "aseptic/core/json.h"

namespace aseptic::agent {
namespace {

using core::JsonArray;
using core::JsonObject;
using core::JsonValue;

constexpr std::size_t kLogLinesMax = 100;  // of one answer: it must fit the socket's buffer

JsonValue number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

std::string refused(AgentCode code, const char* sentence) {
  return core::canonical_json(JsonObject{{"error", std::string(describe(code).name)}, {"text", sentence}});
}

std::string status_json(const EngineStatus& s) {
  JsonObject status{{"state", to_string(s.state)},
                    {"why", s.why},
                    {"last_error", s.last_error},
                    {"last_error_text", s.last_sentence},
                    {"running_version", s.running_version},
                    {"running_manifest", s.running.hex()},
                    {"confirmed_manifest", s.confirmed.hex()},
                    {"confirmed_sequence", number(s.confirmed_sequence)},
                    {"in_trial", s.in_trial},
                    {"boot_count", number(s.boot_count)},
                    {"floor", number(s.floor)},
                    {"target_version", s.target_version},
                    {"chunks_durable", number(s.chunks_durable)},
                    {"reports_waiting", number(s.reports_waiting)},
                    {"log_count", number(s.log.count)},
                    {"log_head", s.log.head.hex()},
                    {"log_lost", number(s.log_lost)},
                    {"last_contact", core::format_utc(s.last_contact)},
                    {"out_of_contact", s.out_of_contact}};
  if (s.download)
    status.emplace("download", JsonObject{{"at", number(s.download->at)},
                                          {"size", number(s.download->size)},
                                          {"bytes_per_s", number(s.download->bytes_per_s)},
                                          {"seconds_left", number(static_cast<std::uint64_t>(s.download->left.count()))}});
  return core::canonical_json(status);
}

std::string log_json(platform::Storage& storage, std::string_view argument) {
  std::size_t wanted = 20;
  std::from_chars(argument.data(), argument.data() + argument.size(), wanted);
  const auto segments = read_log_segments(storage);
  if (!segments) return refused(AgentCode::kState, "the log cannot be read");
  JsonArray lines;
  for (const device_log::Segment& segment : *segments) {
    std::string_view rest = core::as_text(segment.bytes);
    for (std::size_t end = 0; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1))
      lines.push_back(JsonValue(rest.substr(0, end)));
  }
  wanted = std::min({wanted, kLogLinesMax, lines.size()});
  lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(wanted));
  return core::canonical_json(JsonObject{{"records", std::move(lines)}});
}

}  // namespace

std::string answer_command(Engine& engine, platform::Storage& storage, const std::string& command,
                           const LocalCaller& caller, Readiness readiness) {
  if (command == "status") return status_json(engine.status());
  if (!caller.may_command) return refused(AgentCode::kPeer, "only root and the agent's own user may ask for this");
  if (command.starts_with("log")) return log_json(storage, std::string_view(command).substr(std::min<std::size_t>(4, command.size())));
  if (readiness == Readiness::kBusy) return refused(AgentCode::kState, "an update is being written; ask again");
  const std::string who = "local:" + std::to_string(caller.uid);
  if (command == "check") {
    engine.look_now(who);
  } else if (command == "install") {
    engine.approve(who);
  } else if (command == "return-to-service yes" || command == "return-to-service no") {
    engine.decide_return_to_service(command.ends_with("yes") ? Verdict::kPassed : Verdict::kFailed, who);
  } else {
    return refused(AgentCode::kMessage, "unknown command");
  }
  return status_json(engine.status());
}

}  // namespace aseptic::agent
