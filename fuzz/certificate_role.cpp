// SPDX-License-Identifier: Apache-2.0
// Roles read from any certificate. Property: nothing is a device and a server at once.
#include "aseptic/core/assert.h"
#include "aseptic/platform/posix/certificate.h"
#include "aseptic/platform/posix/tls_identity.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using aseptic::platform::Certificate;
  const auto certificate = Certificate::from_der({data, size});
  if (!certificate) return 0;
  ASEPTIC_ASSERT(certificate->der().size() == size);
  const bool is_server = certificate->require_server(aseptic::platform::kServerRoleUri).has_value();
  const auto device = certificate->device_id();
  ASEPTIC_ASSERT(!is_server || !device);
  ASEPTIC_ASSERT(!device || !device->empty());
  static_cast<void>(certificate->public_key());
  return 0;
}
