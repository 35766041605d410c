// SPDX-License-Identifier: Apache-2.0
// A connected byte stream, plain or TLS, that waits only through a ProgressGuard. Private to platform/posix.
#pragma once

#include <memory>

#include "openssl_handles.h"
#include "posix_files.h"
#include "progress_guard.h"
#include "url.h"

namespace aseptic::platform {

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // 0 = the peer closed its side in an orderly way.
  virtual core::Result<std::size_t> read_some(core::ByteSpan out, ProgressGuard& guard) = 0;
  virtual core::Result<void> write(core::ByteView bytes, ProgressGuard& guard) = 0;
  // Nothing has arrived and the peer has not closed: the stream may carry another request.
  [[nodiscard]] virtual bool is_idle() const = 0;
};

// A connected, non-blocking socket; tries every address of the name.
core::Result<UniqueFd> connect_tcp(const Url& url, ProgressGuard& guard);
std::unique_ptr<ByteStream> make_plain_stream(UniqueFd socket);

// How a TLS session judges its peer.
struct TlsPolicy {
  SSL_CTX* context = nullptr;
  core::UtcTime judged_at{};
  std::string role_uri;   // empty: any server of that name (system store)
};
core::Result<std::unique_ptr<ByteStream>> connect_tls(UniqueFd socket, const std::string& host, const TlsPolicy& policy,
                                                      ProgressGuard& guard);

}  // namespace aseptic::platform
