// SPDX-License-Identifier: Apache-2.0
#include "tests/support/lms_test_key.h"

#include <algorithm>

#include "aseptic/boot/signatures/lms.h"
#include "aseptic/platform/posix/posix_entropy.h"

namespace aseptic::test {
namespace {

template <std::size_t kSize>
std::array<std::uint8_t, kSize> random_bytes() {
  std::array<std::uint8_t, kSize> bytes{};
  platform::PosixEntropy().fill(bytes);
  return bytes;
}

}  // namespace

LmsTestKey::LmsTestKey(publish::LmsShape shape) : key_(publish::LmsKey::make(shape, random_bytes<16>(), random_bytes<32>()).value()) {}

boot::PostQuantumKey LmsTestKey::public_key() const {
  boot::PostQuantumKey key;
  key.algorithm = boot::PostQuantumAlgorithm::kLmsSha256;
  boot::copy_bytes(key.bytes, key_.public_bytes());
  return key;
}

std::size_t LmsTestKey::signature_size() const {
  boot::LmsParameters parameters;
  const boot::PostQuantumKey key = public_key();
  static_cast<void>(boot::lms_parameters(key.view().first<boot::kLmsPublicKeySize>(), parameters));
  return parameters.signature_size();
}

void LmsTestKey::put_signature(core::ByteSpan slot) {
  const auto domain = boot::post_quantum_domain(boot::PostQuantumAlgorithm::kLmsSha256);
  core::Bytes message(domain.begin(), domain.end());
  message.insert(message.end(), slot.begin(), slot.begin() + boot::kManifestRegionSize);
  auto [at, is_new] = signatures_.try_emplace(message);
  if (is_new) at->second = key_.sign(next_++, message, random_bytes<32>()).value();
  const auto field = slot.subspan(boot::kManifestRegionSize + boot::kP256SignatureSize, boot::kSlhDsaSignatureSize);
  std::ranges::fill(field, std::uint8_t{0});
  std::ranges::copy(at->second, field.begin());
}

}  // namespace aseptic::test
