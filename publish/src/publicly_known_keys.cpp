// SPDX-License-Identifier: Apache-2.0
#include "publicly_known_keys.h"

#include <array>

namespace aseptic::publish {
namespace {

constexpr std::array<PubliclyKnownKey, 5> kKnown{{
    {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "RFC 8032 section 7.1, test 1"},
    {"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "RFC 8032 section 7.1, test 2"},
    {"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "RFC 8032 section 7.1, test 3"},
    {"60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
     "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
     "RFC 6979 appendix A.2.5"},
    {"2acb403ce8feed5ba44995a1a91daee8dbbe1937cd14fb2f245737e5953988d9"
     "94b9d65aebd7cdd5308ad6fe48b24a6a810ee5f07d8b6834cc3a6afc538efac1",
     "MCUboot root-ec-p256.pem"},
}};

std::optional<core::Bytes> raw_bytes(const core::PublicKey& key) {
  const auto raw = key.algorithm() == core::KeyAlgorithm::kEd25519 ? key.ed25519_raw() : key.p256_point();
  if (!raw) return std::nullopt;  // no RSA key is on the list
  return *raw;
}

}  // namespace

std::span<const PubliclyKnownKey> publicly_known_keys() { return kKnown; }

std::optional<std::string_view> publicly_known_key(const core::PublicKey& key) {
  const auto raw = raw_bytes(key);
  if (!raw) return std::nullopt;
  const std::string hex = core::to_hex(*raw);
  for (const PubliclyKnownKey& known : kKnown)
    if (known.raw_hex == hex) return known.source;
  return std::nullopt;
}

}  // namespace aseptic::publish
