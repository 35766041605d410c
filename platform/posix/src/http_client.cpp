// SPDX-License-Identifier: Apache-2.0
// The only file that includes Boost.Beast here; its parser reads reply heads and chunked bodies, nothing else of it
// is used: sockets, TLS, limits and waiting are ours.
#include "aseptic/platform/posix/http_client.h"

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "aseptic/platform/codes.h"
#include "byte_stream.h"
#include "tls_context.h"

namespace aseptic::platform {
namespace {

namespace http = boost::beast::http;
using core::Error;
using core::Result;

constexpr std::size_t kReceiveBytes = 32 * 1024;         // also bounds a chunk header: it must fit
constexpr std::uint32_t kReplyHeadBytesMax = 16 * 1024;
constexpr std::uint64_t kDroppedBodyBytesMax = 64 * 1024;  // of a 404 or redirect, to keep the connection usable
constexpr std::chrono::milliseconds kConnectionAgeMax{std::chrono::hours(1)};
constexpr unsigned kConnectionRequestsMax = 1000;

using Parser = http::response_parser<http::buffer_body>;

struct Connection {
  std::unique_ptr<ByteStream> stream;
  std::string origin;
  std::chrono::milliseconds opened_at{0};
  unsigned requests = 0;
};

// What one exchange needs beyond the address.
struct Exchange {
  std::string head;               // the request up to and including the empty line
  core::ByteView body;
  std::uint64_t reply_bytes_max = 0;
  bool any_status_to_sink = false;
  std::optional<std::uint64_t> range_first;
  ProgressGuard::Limits limits;
};

Error protocol_error(std::string sentence) { return {PlatformCode::kNetProtocol, std::move(sentence)}; }

std::string head_of(std::string_view method, const Url& url, Connections connections) {
  std::string head(method);
  head.append(" ").append(url.target).append(" HTTP/1.1\r\nHost: ").append(url.authority());
  head.append("\r\nUser-Agent: aseptic/1\r\nAccept: */*\r\nAccept-Encoding: identity\r\n");
  if (connections == Connections::kOnePerRequest) head.append("Connection: close\r\n");
  return head;
}

// "bytes 100-199/1000": the first byte that the server says it sends.
std::optional<std::uint64_t> content_range_first(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  std::uint64_t first = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), first);
  if (error != std::errc() || end == text.data() + text.size() || *end != '-') return std::nullopt;
  return first;
}

// Reads one reply from a stream: head, then the body into a sink, under every limit.
class ReplyReader {
 public:
  ReplyReader(ByteStream& stream, ProgressGuard& guard, const Exchange& exchange)
      : stream_(stream), guard_(guard), exchange_(exchange), received_(kReceiveBytes), decoded_(kReceiveBytes) {
    parser_.header_limit(kReplyHeadBytesMax);
    parser_.body_limit(boost::none);  // counted here, so that the cap fits the status
  }

  Result<HttpReply> read(const BodySink& sink) {
    ASEPTIC_TRY_VOID(read_head());
    reply_.status = static_cast<int>(parser_.get().result_int());
    ASEPTIC_TRY_VOID(judge_head());
    while (!parser_.is_done() && !is_abandoned_) ASEPTIC_TRY_VOID(read_body_part(sink));
    return reply_;
  }

  // The connection may carry another request; bytes that nobody asked for make it unusable.
  [[nodiscard]] bool connection_is_reusable() { return !is_abandoned_ && parser_.is_done() && parser_.keep_alive() && filled_ == 0; }

 private:
  Result<void> receive() {
    if (filled_ == received_.size()) return protocol_error("the server sent a line that is too long");
    ASEPTIC_TRY(const std::size_t count, stream_.read_some(core::ByteSpan(received_).subspan(filled_), guard_));
    filled_ += count;
    at_end_ = count == 0;
    return {};
  }

  // Feeds what was received; need_more and need_buffer are no errors.
  Result<void> parse() {
    boost::system::error_code error;
    const std::size_t used = parser_.put(boost::asio::buffer(received_.data(), filled_), error);
    std::memmove(received_.data(), received_.data() + used, filled_ - used);
    filled_ -= used;
    if (!error || error == http::error::need_more || error == http::error::need_buffer) return {};
    return protocol_error("the server broke the HTTP protocol: " + error.message());
  }

  Result<void> read_head() {
    while (!parser_.is_header_done()) {
      ASEPTIC_TRY_VOID(receive());
      if (at_end_) return protocol_error(filled_ == 0 ? "the server closed the connection without a reply"
                                                      : "the server closed the connection within the reply's head");
      ASEPTIC_TRY_VOID(parse());
    }
    ASEPTIC_TRY_VOID(guard_.moved(1));  // a complete head is progress, a drip of it is not
    guard_.begin_rate();
    return {};
  }

  Result<void> judge_head() {
    const auto& head = parser_.get();
    if (reply_.status < 200) return protocol_error("the server sent status " + std::to_string(reply_.status) + ", which nobody asked for");
    const auto encoding = head.find(http::field::content_encoding);
    if (encoding != head.end() && encoding->value() != "identity")
      return protocol_error("the server sent an encoded body although none was accepted");
    const bool is_content = reply_.status == 200 || reply_.status == 206;
    wanted_ = exchange_.any_status_to_sink || is_content;
    if (exchange_.range_first && reply_.status == 200)
      return Error(PlatformCode::kNetStatus, "the server does not serve parts of files (status 200 for a range request)");
    if (reply_.status == 206) {
      if (!exchange_.range_first) return protocol_error("the server sent a part of the file although all of it was asked for");
      const auto range = head.find(http::field::content_range);
      if (range == head.end() || content_range_first(range->value()) != exchange_.range_first)
        return protocol_error("the server sent another part of the file than asked for");
    }
    // SECURITY(T-15): a length that is announced and too large is refused before a byte of it is read.
    if (parser_.content_length() && *parser_.content_length() > body_max()) return beyond_the_cap();
    return {};
  }

  [[nodiscard]] std::uint64_t body_max() const { return wanted_ ? exchange_.reply_bytes_max : kDroppedBodyBytesMax; }

  // Nobody reads the page that comes with a 404: the status stands, and the connection is given up.
  Result<void> beyond_the_cap() {
    if (wanted_)
      return Error(PlatformCode::kNetTooLarge, "the server sends more than the " + std::to_string(body_max()) + " bytes that are allowed");
    is_abandoned_ = true;
    return {};
  }

  Result<void> read_body_part(const BodySink& sink) {
    auto& body = parser_.get().body();
    body.data = decoded_.data();
    body.size = decoded_.size();
    body.more = true;
    if (filled_ > 0) ASEPTIC_TRY_VOID(parse());
    const std::size_t size = decoded_.size() - body.size;
    if (size > 0) return deliver(core::ByteView(decoded_).first(size), sink);
    if (parser_.is_done()) return {};
    ASEPTIC_TRY_VOID(receive());
    if (!at_end_) return {};
    boost::system::error_code error;
    parser_.put_eof(error);
    if (error) return protocol_error("the server dropped the connection within the reply");
    return {};
  }

  Result<void> deliver(core::ByteView bytes, const BodySink& sink) {
    // SECURITY(T-15): a body without an announced length ends at the cap.
    if (bytes.size() > body_max() - reply_.body_bytes) return beyond_the_cap();
    reply_.body_bytes += bytes.size();
    ASEPTIC_TRY_VOID(guard_.moved(bytes.size()));
    if (!wanted_) return {};
    guard_.pause();
    auto taken = sink(bytes);
    guard_.resume();
    return taken;
  }

  ByteStream& stream_;
  ProgressGuard& guard_;
  const Exchange& exchange_;
  Parser parser_;
  HttpReply reply_;
  core::Bytes received_;
  std::size_t filled_ = 0;
  core::Bytes decoded_;
  bool at_end_ = false;
  bool wanted_ = false;
  bool is_abandoned_ = false;
};

}  // namespace

struct BeastHttpClient::State {
  HttpClientOptions options;
  Clock* clock = nullptr;
  SslContextHandle tls;
  std::optional<Connection> kept;

  Result<Connection> open(const Url& url, ProgressGuard& guard);
  Result<Connection> take_kept_or_open(const Url& url, ProgressGuard& guard);
  Result<HttpReply> exchange(const std::string& address, const Url& url, const Exchange& exchange, const BodySink& sink);
};

Result<Connection> BeastHttpClient::State::open(const Url& url, ProgressGuard& guard) {
  if (url.scheme == Url::Scheme::kHttp && options.plain == PlainHttp::kRefuse)
    return Error(PlatformCode::kNetTls, "plain http is not allowed here; use an https address");
  if (url.scheme == Url::Scheme::kHttps && !tls)
    return Error(PlatformCode::kNetTls, "https needs trust anchors, and none are configured");
  Connection connection{.stream = nullptr, .origin = url.origin(), .opened_at = clock->since_boot(), .requests = 0};
  ASEPTIC_TRY(UniqueFd socket, connect_tcp(url, guard));
  if (url.scheme == Url::Scheme::kHttp) {
    connection.stream = make_plain_stream(std::move(socket));
    return connection;
  }
  TlsPolicy policy{.context = tls.get(), .judged_at = clock->wall(), .role_uri = {}};
  if (options.https == HttpsTrust::kPrivateAnchors) {
    // SECURITY(T-69): a clock that was set back cannot make an expired certificate good.
    policy.judged_at = std::max(policy.judged_at, options.identity->time_floor);
    policy.role_uri = options.identity->server_role_uri;
  }
  ASEPTIC_TRY(connection.stream, connect_tls(std::move(socket), url.host, policy, guard));
  return connection;
}

Result<Connection> BeastHttpClient::State::take_kept_or_open(const Url& url, ProgressGuard& guard) {
  std::optional<Connection> last = std::exchange(kept, std::nullopt);
  const bool usable = last && last->origin == url.origin() && last->requests < kConnectionRequestsMax &&
                      clock->since_boot() - last->opened_at < kConnectionAgeMax && last->stream->is_idle();
  if (usable) return *std::move(last);
  return open(url, guard);
}

Result<HttpReply> BeastHttpClient::State::exchange(const std::string& address, const Url& url, const Exchange& exchange,
                                                   const BodySink& sink) {
  ProgressGuard guard(*clock, exchange.limits);
  const auto run = [&]() -> Result<HttpReply> {
    ASEPTIC_TRY(Connection connection, take_kept_or_open(url, guard));
    ++connection.requests;
    ASEPTIC_TRY_VOID(connection.stream->write(core::as_bytes(exchange.head), guard));
    ASEPTIC_TRY_VOID(connection.stream->write(exchange.body, guard));
    ReplyReader reader(*connection.stream, guard, exchange);
    ASEPTIC_TRY(const HttpReply reply, reader.read(sink));
    if (options.connections == Connections::kKeep && reader.connection_is_reusable()) kept = std::move(connection);
    return reply;
  };
  return run().within(address);
}

Result<std::unique_ptr<BeastHttpClient>> BeastHttpClient::create(HttpClientOptions options, Clock& clock) {
  auto state = std::make_unique<State>();
  state->clock = &clock;
  if (options.https == HttpsTrust::kSystemStore) {
    ASEPTIC_TRY(state->tls, make_public_client_context());
  } else if (options.identity) {
    ASEPTIC_TRY(state->tls, make_private_client_context(*options.identity));
  }
  state->options = std::move(options);
  return std::unique_ptr<BeastHttpClient>(new BeastHttpClient(std::move(state)));
}

BeastHttpClient::BeastHttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
BeastHttpClient::~BeastHttpClient() = default;

Result<HttpReply> BeastHttpClient::get(const HttpGet& request, const BodySink& sink) {
  ASEPTIC_TRY(const Url url, parse_url(request.url));
  Exchange exchange{.head = head_of("GET", url, state_->options.connections), .reply_bytes_max = request.bytes_max, .range_first = request.range_first};
  if (request.range_first) {
    exchange.head += "Range: bytes=" + std::to_string(*request.range_first) + "-";
    if (request.range_last) exchange.head += std::to_string(*request.range_last);
    exchange.head += "\r\n";
  }
  exchange.head += "\r\n";
  exchange.limits = {.stall_max = request.stall_max,
                     .rate_min_bytes_per_s = request.rate_min_bytes_per_s,
                     .rate_window = state_->options.rate_window};
  return state_->exchange(request.url, url, exchange, sink);
}

Result<HttpReply> BeastHttpClient::post(const HttpPost& request, const BodySink& sink) {
  ASEPTIC_TRY(const Url url, parse_url(request.url));
  if (request.content_type.find_first_of("\r\n") != std::string::npos) return protocol_error("the content type is not one line");
  Exchange exchange{.head = head_of("POST", url, state_->options.connections), .body = request.body, .reply_bytes_max = request.reply_bytes_max, .any_status_to_sink = true};
  exchange.head += "Content-Type: " + request.content_type + "\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n\r\n";
  exchange.limits = {.stall_max = request.stall_max};
  return state_->exchange(request.url, url, exchange, sink);
}

void BeastHttpClient::raise_time_floor(core::UtcTime floor) {
  if (!state_->options.identity || floor <= state_->options.identity->time_floor) return;
  state_->options.identity->time_floor = floor;
  state_->kept.reset();
}

}  // namespace aseptic::platform
