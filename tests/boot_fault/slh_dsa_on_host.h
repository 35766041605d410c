// SPDX-License-Identifier: Apache-2.0
// What the boot stage's slh_dsa_root and aseptic_p256_sign answer, by the same sources compiled for this machine. Each
// question is answered once and remembered: a campaign asks the same few again and again.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <vector>

#include "aseptic/boot/signatures/slh_dsa.h"

namespace aseptic::test {

struct SlhQuestion {
  std::array<std::uint8_t, boot::kSlhDsaPublicKeySize> key{};
  std::vector<std::uint8_t> domain, body;
  std::array<std::uint8_t, boot::kSlhDsaSignatureSize> signature{};
  auto operator<=>(const SlhQuestion&) const = default;
};
struct SlhAnswer {
  boot::Status status = boot::Status::kOk;
  boot::SlhNode root{};
};
SlhAnswer slh_dsa_on_host(const SlhQuestion& question);

using SignQuestion = std::array<std::array<std::uint8_t, 32>, 3>;  // secret, nonce, digest
struct SignAnswer {
  std::uint32_t good = 0;
  std::array<std::uint8_t, 64> signature{};
};
SignAnswer sign_on_host(const SignQuestion& question);

}  // namespace aseptic::test
