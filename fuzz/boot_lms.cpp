// SPDX-License-Identifier: Apache-2.0
// A hostile signature under a hostile key: key, one byte message length, message, the rest is the signature. Properties: the
// verifier reads no more than it is given and no more than its largest signature, and gives the same answer twice.
#include <cstdlib>
#include <cstring>

#include "aseptic/boot/host/crypto.h"
#include "aseptic/boot/signatures/lms.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace aseptic::boot;
  if (size < kLmsPublicKeySize + 1) return 0;
  const ByteView input(data, size);
  const auto key = input.first<kLmsPublicKeySize>();
  const ByteView rest = input.subspan(kLmsPublicKeySize + 1);
  const std::size_t message = data[kLmsPublicKeySize] < rest.size() ? data[kLmsPublicKeySize] : rest.size();
  host::Sha256 hasher;
  Status answers[2] = {};
  for (Status& answer : answers) {
    SignatureBytes source(rest.subspan(message));
    answer = verify_lms(hasher, key, {rest.first(message), {}}, source);
    const std::size_t read = rest.size() - message - source.left();
    if (read > kLmsSignatureSizeMax) std::abort();
  }
  if (answers[0] != answers[1]) std::abort();
  return 0;
}
