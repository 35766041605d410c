// SPDX-License-Identifier: Apache-2.0
// A P-256 key that agrees on secrets, and what is wrapped with it: content keys for groups, group keys for devices.
//
// Who: the publisher wraps, apply unwraps. Wrapped = AES key wrap (RFC 3394) of 32 bytes under
// HKDF-SHA-256(ECDH(ephemeral, receiver), info); every wrapping uses a fresh ephemeral key, so nothing is wrapped twice under
// one key. DEVELOPMENT custody: a PEM file of mode 0600 or 32 bytes in memory. Thread contract: one thread at a time.
#pragma once

#include <memory>
#include <string>

#include "aseptic/core/result.h"
#include "aseptic/core/sealing.h"

namespace aseptic::platform {

struct WrappedKey {
  core::Bytes ephemeral;  // 64 bytes: P-256 point, x ‖ y
  core::Bytes wrapped;    // 40 bytes
};

// For the holder of `point` (64 bytes). Refuses a point that is not on the curve.
core::Result<WrappedKey> wrap_for(core::ByteView point, core::ByteView info, const core::SecretKey& key);

class AgreementKey {
 public:
  static core::Result<AgreementKey> generate();
  static core::Result<AgreementKey> from_scalar(const core::SecretKey& scalar);
  static core::Result<AgreementKey> read_pem(const std::string& file);
  ~AgreementKey();
  AgreementKey(AgreementKey&&) noexcept;
  AgreementKey& operator=(AgreementKey&&) noexcept;

  [[nodiscard]] core::Result<core::Bytes> point() const;  // 64 bytes
  [[nodiscard]] core::Result<core::SecretKey> scalar() const;
  [[nodiscard]] core::Result<void> write_pem(const std::string& file) const;  // mode 0600; refuses to replace a file
  // Refused alike: another receiver, another info, a changed byte.
  [[nodiscard]] core::Result<core::SecretKey> unwrap(const WrappedKey& key, core::ByteView info) const;

 private:
  struct State;
  explicit AgreementKey(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace aseptic::platform
