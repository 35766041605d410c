// SPDX-License-Identifier: Apache-2.0
// Client contexts of OpenSSL, one per kind of trust. Private to platform/posix.
#pragma once

#include "aseptic/platform/posix/tls_identity.h"
#include "openssl_handles.h"

namespace aseptic::platform {

// Private anchors only, TLS 1.3 only, client certificate where the identity has one.
core::Result<SslContextHandle> make_private_client_context(const TlsIdentity& identity);
// The system's store, TLS 1.2 or later, no client certificate. For aseptic-tuf.
core::Result<SslContextHandle> make_public_client_context();

}  // namespace aseptic::platform
