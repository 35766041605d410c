// SPDX-License-Identifier: Apache-2.0
// HTTP client seam: GET with caps. Redirects are never followed (DL-05, T-27). No HEAD, no retry inside.
//
// A request fails, and never hangs: no byte of progress for `stall_max` is kNetStalled, more than `bytes_max` is
// kNetTooLarge, an empty reply or a dropped connection is kNetProtocol. The sink sees bytes as they come; an error
// from the sink ends the request with that error. Connections are kept between requests of one client where the
// server allows it. Thread contract: one thread at a time per client.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "aseptic/core/bytes.h"

namespace aseptic::platform {

struct HttpGet {
  std::string url;                              // http or https
  std::uint64_t bytes_max = 0;                  // cap on the body
  std::chrono::seconds stall_max{60};
  std::uint64_t rate_min_bytes_per_s = 0;       // averaged over 30 s; 0 = only stall_max (DL-02)
  std::optional<std::uint64_t> range_first;     // "Range: bytes=first-[last]"
  std::optional<std::uint64_t> range_last;
};

struct HttpReply {
  int status = 0;                               // 200, 206, 404, ... as the server said
  std::uint64_t body_bytes = 0;
};

// Receives the body of a 200 or 206 reply; bodies of other replies are dropped.
using BodySink = std::function<core::Result<void>(core::ByteView)>;

struct HttpPost {
  std::string url;
  std::string content_type;
  core::Bytes body;
  std::uint64_t reply_bytes_max = 65536;
  std::chrono::seconds stall_max{60};
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  virtual core::Result<HttpReply> get(const HttpGet& request, const BodySink& sink) = 0;
  // The reply body, whatever the status, is handed to the sink.
  virtual core::Result<HttpReply> post(const HttpPost& request, const BodySink& sink) = 0;
};

}  // namespace aseptic::platform
