// SPDX-License-Identifier: Apache-2.0
// The only file that includes Boost.Asio and Beast: sessions as coroutines on a small pool of threads. What a request
// means is DeviceApi's; this file knows TLS, framing and time limits.
#include "aseptic/fleet/server.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <openssl/pem.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "aseptic/fleet/codes.h"
#include "aseptic/fleet/limits.h"
#include "aseptic/platform/posix/certificate.h"

namespace aseptic::fleet {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using core::Error;
using core::Result;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;
using Request = http::request<http::vector_body<std::uint8_t>>;

Error configuration_error(std::string_view what) {
  ERR_clear_error();
  return {FleetCode::kConfiguration, std::string(what)};
}

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using CertificateHandle = std::unique_ptr<X509, FreeCertificate>;

std::vector<CertificateHandle> read_certificates(const std::string& pem) {
  const std::unique_ptr<BIO, FreeBio> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<CertificateHandle> all;
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) all.emplace_back(next);
  ERR_clear_error();
  return all;
}

// SECURITY(T-28): TLS 1.3, a client certificate under our anchors, no resumption: every session proves both sides.
Result<void> set_up_tls(SSL_CTX* context, const ServerOptions& options) {
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  const auto chain = read_certificates(options.certificate_chain_pem);
  if (chain.empty()) return configuration_error("the server's certificate is not PEM");
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1) return configuration_error("the server's certificate cannot be used");
  for (std::size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(context, chain[i].get());
  if (!options.key || SSL_CTX_use_PrivateKey(context, options.key->handle()) != 1)
    return configuration_error("the key does not belong to the server's certificate");
  const auto anchors = read_certificates(options.client_anchors_pem);
  if (anchors.empty()) return configuration_error("the authority for device certificates is not PEM");
  for (const auto& anchor : anchors) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), anchor.get());
    SSL_CTX_add_client_CA(context, anchor.get());
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_verify_depth(context, 4);
  return {};
}

// Refuses to start with a certificate that every device would refuse.
Result<void> check_own_role(const ServerOptions& options) {
  ASEPTIC_TRY(const platform::Certificate own, platform::Certificate::from_pem(options.certificate_chain_pem));
  return own.require_server(platform::kServerRoleUri).within("the server's own certificate");
}

Result<DeviceIdentity> identify(SSL* ssl) {
  const CertificateHandle peer(SSL_get1_peer_certificate(ssl));
  if (!peer || SSL_get_verify_result(ssl) != X509_V_OK) return Error(FleetCode::kRequest, "the session has no verified certificate");
  std::uint8_t* der = nullptr;
  const int size = i2d_X509(peer.get(), &der);
  if (size <= 0) return Error(FleetCode::kRequest, "the certificate of the session cannot be read");
  const core::Bytes bytes(der, der + size);
  OPENSSL_free(der);
  ASEPTIC_TRY(const auto certificate, platform::Certificate::from_der(bytes));
  ASEPTIC_TRY(std::string id, certificate.device_id());
  ASEPTIC_TRY(core::PublicKey key, certificate.public_key());
  return DeviceIdentity{.id = std::move(id), .key = std::move(key)};
}

http::response<http::empty_body> head_of(const Answer& answer, const Request& request, std::uint64_t size) {
  http::response<http::empty_body> head(static_cast<http::status>(answer.status), request.version());
  head.set(http::field::content_type, answer.content_type);
  head.set(http::field::content_length, std::to_string(size));
  head.set(http::field::cache_control, "no-store");
  if (answer.file) head.set(http::field::accept_ranges, "bytes");
  if (!answer.content_range.empty()) head.set(http::field::content_range, answer.content_range);
  head.keep_alive(request.keep_alive() && !answer.ends_session);
  return head;
}

}  // namespace

struct Server::State {
  State(const ServerOptions& settings, DeviceApi& device_api, platform::Clock& clocks)
      : options(settings), api(device_api), clock(clocks), tls(asio::ssl::context::tls_server), acceptor(context), signals(context) {}

  ServerOptions options;
  DeviceApi& api;
  platform::Clock& clock;
  asio::io_context context;
  asio::ssl::context tls;
  tcp::acceptor acceptor;
  asio::signal_set signals;
  std::atomic<std::size_t> sessions{0};
  std::mutex log_mutex;

  void log(const std::string& line) {
    if (line.empty() || !options.log) return;
    const std::lock_guard lock(log_mutex);
    options.log(line);
  }
  asio::awaitable<void> accept_sessions();
  asio::awaitable<void> run_session(tcp::socket socket);
  asio::awaitable<void> answer_requests(TlsStream& stream);
  asio::awaitable<bool> send(TlsStream& stream, const Request& request, Answer& answer);
  asio::awaitable<void> discard_rest(TlsStream& stream);
};

asio::awaitable<void> Server::State::accept_sessions() {
  while (acceptor.is_open()) {
    error_code error;
    tcp::socket socket = co_await acceptor.async_accept(asio::make_strand(context), asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      // Out of descriptors, or the client is gone already: neither gets better by trying at once.
      asio::steady_timer pause(context, kAcceptPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    if (sessions.load() >= kSessionsMax) continue;  // the socket closes; devices come again
    const auto executor = socket.get_executor();
    asio::co_spawn(executor, run_session(std::move(socket)), asio::detached);
  }
}

asio::awaitable<void> Server::State::run_session(tcp::socket socket) {
  struct Count {
    std::atomic<std::size_t>& sessions;
    explicit Count(std::atomic<std::size_t>& counter) : sessions(counter) { ++sessions; }
    ~Count() { --sessions; }
  } const count(sessions);
  // An exception of the standard library ends this session, not the server.
  try {
    TlsStream stream(std::move(socket), tls);
    error_code error;
    stream.next_layer().expires_after(kHandshakeMax);
    co_await stream.async_handshake(asio::ssl::stream_base::server, asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      log("session refused: TLS: " + error.message());
      co_return;
    }
    co_await answer_requests(stream);
    stream.next_layer().expires_after(std::chrono::seconds(2));
    co_await stream.async_shutdown(asio::redirect_error(asio::use_awaitable, error));
  } catch (const std::exception& failure) {
    log(std::string("session ended: ") + failure.what());
  }
}

asio::awaitable<void> Server::State::answer_requests(TlsStream& stream) {
  const auto device = identify(stream.native_handle());
  beast::flat_buffer buffer(kRequestHeadBytesMax + kRequestBodyBytesMax);
  const auto session_end = clock.since_boot() + kSessionMax;
  while (clock.since_boot() < session_end) {
    http::request_parser<http::vector_body<std::uint8_t>> parser;
    parser.header_limit(kRequestHeadBytesMax);
    parser.body_limit(kRequestBodyBytesMax);
    error_code error;
    stream.next_layer().expires_after(kIdleMax);
    co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
    if (error == http::error::body_limit) {
      Answer answer = refuse_stranger(Error(FleetCode::kRequest, "the request is too large"));
      answer.status = 413;
      co_await send(stream, parser.get(), answer);
      co_await discard_rest(stream);
    }
    if (error) co_return;
    const Request& request = parser.get();
    const std::string_view range = request[http::field::range];
    Answer answer = device ? api.answer(*device, {.method = std::string_view(request.method_string()), .target = std::string_view(request.target()),
                                                  .range = range, .body = request.body()})
                           : refuse_stranger(device.error());
    const bool sent = co_await send(stream, request, answer);
    if (!sent || !request.keep_alive() || answer.ends_session) co_return;
  }
}

// Takes what is still under way for a moment: closing over unread bytes resets the connection, and the client would lose
// the answer that says why.
asio::awaitable<void> Server::State::discard_rest(TlsStream& stream) {
  core::Bytes sink(kSendBytes);
  error_code error;
  stream.next_layer().expires_after(kLingerMax);
  for (std::uint64_t discarded = 0; !error && discarded < kLingerBytesMax;)
    discarded += co_await stream.async_read_some(asio::buffer(sink), asio::redirect_error(asio::use_awaitable, error));
}

// False when the session is not usable any more.
asio::awaitable<bool> Server::State::send(TlsStream& stream, const Request& request, Answer& answer) {
  log(answer.log_line);
  const std::uint64_t size = answer.file ? answer.file->size : answer.body.size();
  auto head = head_of(answer, request, size);
  http::response_serializer<http::empty_body> serializer(head);
  error_code error;
  stream.next_layer().expires_after(kIdleMax);
  co_await http::async_write_header(stream, serializer, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return false;
  if (!answer.file) {
    co_await asio::async_write(stream, asio::buffer(answer.body), asio::redirect_error(asio::use_awaitable, error));
    co_return !error;
  }
  core::Bytes chunk(std::min<std::uint64_t>(kSendBytes, size));
  for (std::uint64_t done = 0; done < size;) {
    const auto part = core::ByteSpan(chunk).first(static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), size - done)));
    if (!answer.file->file.read(answer.file->offset + done, part)) co_return false;  // cut short: the client sees a failure
    stream.next_layer().expires_after(kIdleMax);
    co_await asio::async_write(stream, asio::buffer(part.data(), part.size()), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return false;
    done += part.size();
  }
  co_return true;
}

Result<std::unique_ptr<Server>> Server::open(const ServerOptions& options, DeviceApi& api, platform::Clock& clock) {
  ASEPTIC_TRY_VOID(check_own_role(options));
  auto state = std::make_unique<State>(options, api, clock);
  ASEPTIC_TRY_VOID(set_up_tls(state->tls.native_handle(), options));
  error_code error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error) return Error(FleetCode::kListen, "\"" + options.address + "\" is not an address to listen on");
  const tcp::endpoint endpoint(address, options.port);
  state->acceptor.open(endpoint.protocol(), error);
  if (!error) state->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) state->acceptor.bind(endpoint, error);
  if (!error) state->acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return Error(FleetCode::kListen, "listen on " + options.address + ":" + std::to_string(options.port) + ": " + error.message());
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() = default;

std::uint16_t Server::port() const {
  error_code error;
  return state_->acceptor.local_endpoint(error).port();
}

void Server::run() {
  asio::co_spawn(state_->context, state_->accept_sessions(), asio::detached);
  std::vector<std::jthread> others;
  for (unsigned i = 1; i < state_->options.threads; ++i) others.emplace_back([this] { state_->context.run(); });
  state_->context.run();
}

void Server::stop() { state_->context.stop(); }

void Server::stop_at_signals() {
  state_->signals.add(SIGTERM);
  state_->signals.add(SIGINT);
  state_->signals.async_wait([this](const error_code& error, int) {
    if (!error) stop();
  });
}

}  // namespace aseptic::fleet
