// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 client over plain TCP or TLS 1.3 (platform/net.h). Used by the agent (private anchors, client certificate)
// and by aseptic-tuf (plain http, or the system's trust store, each by an explicit choice in code).
//
// Decisions:
// * A request is sent at most once, ever. A kept connection is inspected before it is used again; when the server
//   has closed it, or sent anything unasked, a new one is made *before* a byte is sent. After the first byte of a request
//   a failure is a failure (kNetProtocol) and whoever called decides: no GET can be seen twice by a server because
//   of us. A server that closes a kept connection unannounced in the very moment of the next request is such a failure.
// * Redirects (3xx) come back as their status; nothing is followed and their body is dropped (T-27).
// * A reply with Content-Length above the cap is refused before its body, a chunked or unbounded one at the cap (T-15).
// * A range request answered by 200 is kNetStatus; 206 with another Content-Range than asked for is kNetProtocol.
// * Progress (T-16): connecting with its handshake, and the reply's head as a whole, each have stall_max; then no body
//   byte for stall_max ends the request, and so does less than rate_min_bytes_per_s in a window of rate_window. Durations
//   come from Clock::since_boot(). Name resolution is the system's resolver with its own limits.
// * A connection serves at most an hour or 1,000 requests, then TLS starts anew (ID-02: limited sessions).
// Thread contract: one thread at a time per client.
#pragma once

#include <memory>
#include <optional>

#include "aseptic/platform/clock.h"
#include "aseptic/platform/net.h"
#include "aseptic/platform/posix/tls_identity.h"

namespace aseptic::platform {

// How https addresses are authenticated. There is no "do not check".
enum class HttpsTrust : std::uint8_t {
  kPrivateAnchors,  // TlsIdentity only (agent, relay)
  kSystemStore,     // public web servers; aseptic-tuf alone, where TUF metadata is the only trust
};
enum class PlainHttp : std::uint8_t { kRefuse, kAllow };
// kOnePerRequest costs a connection for each file, and cannot meet a server that closes a kept one without a word.
enum class Connections : std::uint8_t { kKeep, kOnePerRequest };

struct HttpClientOptions {
  HttpsTrust https = HttpsTrust::kPrivateAnchors;
  PlainHttp plain = PlainHttp::kRefuse;
  std::optional<TlsIdentity> identity;            // required for https with kPrivateAnchors
  Connections connections = Connections::kKeep;
  std::chrono::seconds rate_window{30};           // for rate_min_bytes_per_s
};

class BeastHttpClient : public HttpClient {
 public:
  // Anchors, chain and key are parsed here; a bad PEM is an error now, not at the first request.
  static core::Result<std::unique_ptr<BeastHttpClient>> create(HttpClientOptions options, Clock& clock);
  ~BeastHttpClient() override;

  core::Result<HttpReply> get(const HttpGet& request, const BodySink& sink) override;
  core::Result<HttpReply> post(const HttpPost& request, const BodySink& sink) override;

  // A newer verified time; an older one is ignored. Open connections are closed, so that it holds from now on.
  void raise_time_floor(core::UtcTime floor);

 private:
  struct State;
  explicit BeastHttpClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace aseptic::platform
