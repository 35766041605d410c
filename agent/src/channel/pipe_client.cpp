// SPDX-License-Identifier: Apache-2.0
#include "channel/pipe_client.h"

#include <charconv>
#include <utility>

#include "aseptic/agent/codes.h"
#include "aseptic/platform/codes.h"
#include "channel/known_error.h"

namespace aseptic::agent {
namespace {

using core::Error;
using core::Result;
using std::chrono::milliseconds;

// acquire itself gives up after the request's stall limit; the margin lets its reason arrive.
constexpr milliseconds kMargin{5000};
constexpr milliseconds kRefreshMax{10 * 60 * 1000};  // a long root chain over a slow line
constexpr int kWaitingMax = 8;  // packets; whoever sends without end is not listened to
constexpr std::string_view kPipePrefix = "https://acquire/";

// "3/targets/x" -> mirror 3 and the path behind it.
std::optional<std::pair<std::uint16_t, std::string>> split(std::string_view url) {
  if (!url.starts_with(kPipePrefix)) return std::nullopt;
  url.remove_prefix(kPipePrefix.size());
  std::uint16_t mirror = 0;
  const auto parsed = std::from_chars(url.data(), url.data() + url.size(), mirror);
  if (parsed.ec != std::errc{} || parsed.ptr == url.data() + url.size() || *parsed.ptr != '/') return std::nullopt;
  return std::pair(mirror, std::string(parsed.ptr + 1, url.data() + url.size()));
}

}  // namespace

std::string pipe_url(std::size_t mirror) { return std::string(kPipePrefix) + std::to_string(mirror); }

Result<void> PipeHttpClient::refresh() {
  auto reply = exchange(MessageType::kRefresh, {}, 0, kRefreshMax, [](core::ByteView) -> Result<void> { return {}; });
  if (!reply) return reply.error();
  return {};
}

Result<platform::HttpReply> PipeHttpClient::get(const platform::HttpGet& request, const platform::BodySink& sink) {
  const auto place = split(request.url);
  if (!place) return Error(AgentCode::kMessage, "an address outside the repository");
  const GetRequest get{place->second, request.bytes_max, request.range_first, request.range_last, place->first};
  if (!is_repository_path(get.path)) {
    return Error(platform::PlatformCode::kNameRefused, "a path that leaves the repository: " + get.path);
  }
  return exchange(MessageType::kGet, encode_get(get), request.bytes_max, request.stall_max + kMargin, sink);
}

Result<platform::HttpReply> PipeHttpClient::post(const platform::HttpPost& request, const platform::BodySink& sink) {
  if (request.url != kPipeReportUrl || request.body.size() > kBodyMax) {
    return Error(AgentCode::kMessage, "only reports can be posted");
  }
  return exchange(MessageType::kPost, request.body, request.reply_bytes_max, request.stall_max + kMargin, sink);
}

// Before a question: the word of an acquire that was started anew while nothing was asked of it, or the rest of an answer that
// was given up. Neither says anything of the question to come.
Result<void> PipeHttpClient::forget_what_waits() {
  for (int packets = 0; packets < kWaitingMax && channel_.has_packet(); ++packets) {
    ASEPTIC_TRY_VOID(channel_.receive(milliseconds{0}));
    started_ = true;
  }
  return {};
}

Result<platform::HttpReply> PipeHttpClient::exchange(MessageType type, core::ByteView body, std::uint64_t bytes_max,
                                                     milliseconds silence_max, const platform::BodySink& sink) {
  const std::uint32_t id = ++request_ == 0 ? ++request_ : request_;
  ASEPTIC_TRY_VOID(forget_what_waits());
  ASEPTIC_TRY_VOID(channel_.send(encode_message(type, id, body)));
  platform::HttpReply reply;
  milliseconds heard = clock_.since_boot();
  while (true) {
    const milliseconds waited = clock_.since_boot() - heard;
    if (waited >= silence_max) return Error(AgentCode::kUnreachable, "the network process is silent");
    ASEPTIC_TRY(const auto packet, channel_.receive(silence_max - waited));
    if (!packet) continue;
    ASEPTIC_TRY(const Message message, parse_message(*packet));
    // Request 0: acquire has just been started and knows nothing of this question.
    if (message.header.request == 0) {
      // The first start only overtook the first question, which still waits in the socket.
      if (std::exchange(started_, true)) return Error(AgentCode::kUnreachable, "the network process was started anew");
      continue;
    }
    if (message.header.request != id) continue;  // the rest of an answer that was given up
    heard = clock_.since_boot();
    switch (message.header.type) {
      case MessageType::kReply: {
        ASEPTIC_TRY(reply.status, parse_reply(message.body));
        break;
      }
      case MessageType::kData:
        reply.body_bytes += message.body.size();
        // SECURITY(T-15): the cap holds on this side too, whatever acquire lets through.
        if (reply.body_bytes > bytes_max) {
          return Error(platform::PlatformCode::kNetTooLarge, "more bytes than the cap of " + std::to_string(bytes_max));
        }
        ASEPTIC_TRY_VOID(sink(message.body));
        break;
      case MessageType::kNote: {
        ASEPTIC_TRY(EndNotice bad, parse_end(message.body));
        if (note_) note_(error_from_number(bad.error, std::move(bad.sentence)));
        break;
      }
      case MessageType::kEnd: {
        ASEPTIC_TRY(EndNotice end, parse_end(message.body));
        if (end.error != 0) return error_from_number(end.error, std::move(end.sentence));
        return reply;
      }
      case MessageType::kRefresh:
      case MessageType::kGet:
      case MessageType::kPost: return Error(AgentCode::kMessage, "the network process asked instead of answering");
    }
  }
}

}  // namespace aseptic::agent
