// SPDX-License-Identifier: Apache-2.0
#include "acquire/acquire_service.h"

#include <algorithm>
#include <charconv>

#include "aseptic/agent/codes.h"
#include "aseptic/platform/codes.h"
#include "aseptic/trust/limits.h"
#include "aseptic/trust/time_floor.h"

namespace aseptic::agent {
namespace {

using core::Error;
using core::Result;

// SECURITY(T-16): averaged over the client's window, so that a server that drips is given up and said so. Far below the
// slowest link that could carry an update at all.
constexpr std::uint64_t kRateMinBytesPerS = 128;

std::optional<std::uint64_t> leading_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr == text.data() || *parsed.ptr != '.') return std::nullopt;
  return number;
}

// "targets/releases/x/<hash>.release.json" -> "releases/x/release.json": the target's name in a consistent snapshot.
std::string logical_target(std::string_view path) {
  path.remove_prefix(std::string_view("targets/").size());
  const auto slash = path.rfind('/');
  const auto name = slash == std::string_view::npos ? 0 : slash + 1;
  const auto dot = path.find('.', name);
  const bool hashed = dot != std::string_view::npos && (dot - name == 64 || dot - name == 128);
  return std::string(path.substr(0, name)) + std::string(path.substr(hashed ? dot + 1 : name));
}

}  // namespace

AcquireService::AcquireService(AcquireParts parts, PacketChannel& channel)
    : parts_(std::move(parts)), channel_(channel), store_(parts_.cache) {}

Result<void> AcquireService::say_started() {
  return channel_.send(encode_message(MessageType::kEnd, 0, encode_end({})));
}

Result<void> AcquireService::answer(core::ByteView packet) {
  auto message = parse_message(packet);
  const std::uint32_t request = request_ = message ? message->header.request : 0;
  auto done = message ? serve(*message) : Result<void>(message.error());
  if (channel_broken_) return Error(AgentCode::kUnreachable, "the apply process is gone");
  EndNotice end;
  if (!done) end = {done.error().number(), done.error().sentence()};
  return channel_.send(encode_message(MessageType::kEnd, request, encode_end(end)));
}

Result<void> AcquireService::serve(const Message& message) {
  const std::uint32_t request = message.header.request;
  switch (message.header.type) {
    case MessageType::kRefresh: return refresh();
    case MessageType::kGet: {
      ASEPTIC_TRY(const GetRequest wanted, parse_get(message.body));
      return get(wanted, request);
    }
    case MessageType::kPost: return post(message.body, request);
    case MessageType::kReply:
    case MessageType::kData:
    case MessageType::kEnd:
    case MessageType::kNote: break;
  }
  return Error(AgentCode::kMessage, "the apply process answered instead of asking");
}

Result<fetch::Updater*> AcquireService::updater() {
  if (!updater_) {
    fetch::UpdaterOptions options;
    for (const std::string& url : parts_.repository_urls) {
      options.metadata_urls.push_back(url + "/metadata");
      options.target_urls.push_back(url + "/targets");
    }
    options.mirror_failed = [this](const Error& error) { tell_of_mirror(error); };
    options.factory_root = parts_.factory_root;
    options.media = parts_.media;
    options.rate_min_bytes_per_s = kRateMinBytesPerS;
    ASEPTIC_TRY(updater_, fetch::Updater::open(store_, parts_.http, std::move(options)));
  }
  return updater_.get();
}

Result<void> AcquireService::refresh() {
  ASEPTIC_TRY(fetch::Updater * const client, updater());
  ASEPTIC_TRY_VOID(client->refresh(trust::judged_time(parts_.clock.wall(), parts_.build_time, std::nullopt)));
  if (const auto floor = trust::raised_floor(std::nullopt, client->trusted()); floor && parts_.raise_time_floor) {
    parts_.raise_time_floor(floor->time);
  }
  return {};
}

Result<void> AcquireService::get(const GetRequest& wanted, std::uint32_t request) {
  if (wanted.path.starts_with("metadata/")) {
    ASEPTIC_TRY(const bool stored, get_from_store(wanted, request));
    if (stored) return {};
  } else if (!wanted.range_first && wanted.bytes_max <= trust::kStatementBytesMax) {
    ASEPTIC_TRY(const bool verified, get_statement(wanted, request));
    if (verified) return {};
  }
  return pass_through(wanted, request);
}

// After refresh() the verified files of the top-level roles are what apply gets; roots on the way to the newest one, and
// delegated roles, are fetched when apply asks for them.
Result<bool> AcquireService::get_from_store(const GetRequest& wanted, std::uint32_t request) {
  if (!updater_) return false;
  std::string_view name = std::string_view(wanted.path).substr(std::string_view("metadata/").size());
  const auto version = leading_number(name);
  if (version) name.remove_prefix(name.find('.') + 1);
  if (!name.ends_with(".json")) return false;
  const std::string role(name.substr(0, name.size() - 5));
  if (role == "root") {
    if (!version || *version <= updater_->trusted().root().version) return false;
    ASEPTIC_TRY_VOID(reply(404, request));
    return true;
  }
  if (role != "timestamp" && role != "snapshot" && role != "targets") return false;
  ASEPTIC_TRY(const auto file, store_.load(role, trust::kTargetsBytesMax));
  if (!file || file->size() > wanted.bytes_max) return false;
  ASEPTIC_TRY_VOID(reply(200, request));
  ASEPTIC_TRY_VOID(send_body(*file, request));
  return true;
}

Result<bool> AcquireService::get_statement(const GetRequest& wanted, std::uint32_t request) {
  if (!updater_) return false;
  auto target = updater_->find_target(logical_target(wanted.path));
  if (!target) return target.error();
  if ((*target)->length > wanted.bytes_max) return false;
  ASEPTIC_TRY(const core::Bytes bytes, updater_->read_target(*target, wanted.bytes_max));
  ASEPTIC_TRY_VOID(reply(200, request));
  ASEPTIC_TRY_VOID(send_body(bytes, request));
  return true;
}

Result<void> AcquireService::pass_through(const GetRequest& wanted, std::uint32_t request) {
  if (wanted.mirror >= parts_.repository_urls.size()) return Error(AgentCode::kMessage, "there is no such mirror");
  platform::HttpGet http;
  http.url = parts_.repository_urls[wanted.mirror] + "/" + wanted.path;
  http.bytes_max = wanted.bytes_max;
  http.range_first = wanted.range_first;
  http.range_last = wanted.range_last;
  http.rate_min_bytes_per_s = kRateMinBytesPerS;
  bool replied = false;
  auto done = parts_.http.get(http, [&](core::ByteView bytes) -> Result<void> {
    if (!replied) {
      replied = true;
      ASEPTIC_TRY_VOID(reply(wanted.range_first ? 206 : 200, request));
    }
    // A new question while this answer runs means that the rest is not wanted.
    if (channel_.has_packet()) return Error(AgentCode::kUnreachable, "given up by the apply process");
    ASEPTIC_TRY_VOID(send_body(bytes, request));
    keep_rate(bytes.size());
    return {};
  });
  if (!done) return done.error();
  if (replied) return {};
  return reply(static_cast<std::uint16_t>(done->status), request);
}

Result<void> AcquireService::post(core::ByteView report, std::uint32_t request) {
  if (parts_.report_url.empty()) return Error(AgentCode::kReport, "no report address is configured");
  platform::HttpPost http;
  http.url = parts_.report_url;
  http.content_type = "application/json";
  http.body.assign(report.begin(), report.end());
  ASEPTIC_TRY(const auto answer, parts_.http.post(http, [](core::ByteView) -> Result<void> { return {}; }));
  return reply(static_cast<std::uint16_t>(answer.status), request);
}

Result<void> AcquireService::reply(std::uint16_t status, std::uint32_t request) {
  auto sent = channel_.send(encode_message(MessageType::kReply, request, encode_reply(status)));
  channel_broken_ |= !sent;
  return sent;
}

void AcquireService::tell_of_mirror(const Error& error) {
  channel_broken_ |= !channel_.send(encode_message(MessageType::kNote, request_, encode_end({error.number(), error.sentence()})));
}

// The line belongs to the therapy and to others, too (DL-04): after each piece as long a pause as the ceiling demands.
void AcquireService::keep_rate(std::size_t bytes) {
  if (parts_.rate_max_bytes_per_s == 0) return;
  const auto now = parts_.clock.since_boot();
  next_piece_ = std::max(next_piece_, now) + std::chrono::milliseconds(bytes * 1000 / parts_.rate_max_bytes_per_s);
  if (next_piece_ > now) parts_.clock.sleep_for(next_piece_ - now);
}

Result<void> AcquireService::send_body(core::ByteView bytes, std::uint32_t request) {
  while (!bytes.empty()) {
    const auto size = std::min(bytes.size(), kBodyMax);
    auto sent = channel_.send(encode_message(MessageType::kData, request, bytes.first(size)));
    channel_broken_ |= !sent;
    ASEPTIC_TRY_VOID(std::move(sent));
    bytes = bytes.subspan(size);
  }
  return {};
}

}  // namespace aseptic::agent
