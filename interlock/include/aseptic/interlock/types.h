// SPDX-License-Identifier: Apache-2.0
// The identities that leases and holds are bound to. Plain values without padding, compared as a whole.
#pragma once

#include <array>
#include <cstdint>

namespace aseptic::interlock {

/// 16 fresh random bytes of the agent. The nonce of a HOLD_ASK names the hold.
struct Nonce {
  std::array<std::uint8_t, 16> bytes{};
  friend bool operator==(const Nonce&, const Nonce&) = default;
};

struct DeviceId {
  std::array<std::uint8_t, 16> bytes{};
  friend bool operator==(const DeviceId&, const DeviceId&) = default;
};

struct TransactionId {
  std::array<std::uint8_t, 16> bytes{};
  friend bool operator==(const TransactionId&, const TransactionId&) = default;
};

/// Names one start of the device (boot's mailbox report); another start, another id.
struct BootId {
  std::array<std::uint8_t, 16> bytes{};
  friend bool operator==(const BootId&, const BootId&) = default;
};

/// SHA-256 of the 1,024-byte signed region of a boot manifest: names an image.
struct ManifestDigest {
  std::array<std::uint8_t, 32> bytes{};
  friend bool operator==(const ManifestDigest&, const ManifestDigest&) = default;
};

/// ECDSA P-256, raw r || s, over SHA-256 of the signed region of a message.
struct Signature {
  std::array<std::uint8_t, 64> bytes{};
  friend bool operator==(const Signature&, const Signature&) = default;
};

template <class T>
constexpr bool is_zero(const T& value) {
  std::uint8_t seen = 0;
  for (std::uint8_t byte : value.bytes)
    seen = static_cast<std::uint8_t>(seen | byte);
  return seen == 0;
}

/// What boot says about this start; the therapy side reads it once, before start().
enum class RunKind : std::uint32_t {
  kConfirmed = 0x3c69a55a,  // the confirmed image: therapy may be enabled
  kTrial = 0x96c35aa5,      // an open (or forced) trial: therapy stays inhibited
  kRecovery = 0x695a3cc3,   // recovery image, verified by boot: therapy may be enabled, with a warning
};

struct BootFacts {
  DeviceId device_id{};
  BootId boot_id{};
  ManifestDigest running{};
  std::uint32_t boot_count = 0;
  RunKind run_kind = RunKind::kTrial;  // the safe answer until boot's report was read
  friend bool operator==(const BootFacts&, const BootFacts&) = default;
};

}  // namespace aseptic::interlock
