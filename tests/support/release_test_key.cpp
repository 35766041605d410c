// SPDX-License-Identifier: Apache-2.0
#include "tests/support/release_test_key.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "aseptic/publish/slh_dsa.h"

namespace aseptic::test {
namespace {

const publish::SlhDsaKey& private_key() {
  static const publish::SlhDsaKey key = [] {
    std::array<std::uint8_t, 48> seeds{};
    for (std::size_t i = 0; i < seeds.size(); ++i) seeds[i] = static_cast<std::uint8_t>(i);
    return publish::SlhDsaKey::from_seeds(seeds);
  }();
  return key;
}

}  // namespace

boot::PostQuantumKey release_test_key() {
  boot::PostQuantumKey key;
  boot::copy_bytes(key.bytes, private_key().public_bytes());
  return key;
}

void put_release_signature(core::ByteSpan slot) {
  const auto domain = boot::domain(boot::kSlhDsaDomain);
  core::Bytes message(domain.begin(), domain.end());
  message.insert(message.end(), slot.begin(), slot.begin() + boot::kManifestRegionSize);
  static std::mutex mutex;
  static std::map<core::Bytes, core::Bytes> signatures;
  const std::lock_guard lock(mutex);
  auto [at, is_new] = signatures.try_emplace(message);
  if (is_new) at->second = publish::sign_slh_dsa(private_key(), message, {});
  std::ranges::copy(at->second, slot.begin() + boot::kManifestRegionSize + boot::kP256SignatureSize);
}

}  // namespace aseptic::test
