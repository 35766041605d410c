// SPDX-License-Identifier: Apache-2.0
// The product's own hash and codecs for the second decoder, where a test or fuzz target is about something else than codecs.
#pragma once

#include "aseptic/core/hash.h"
#include "aseptic/payload/apply/recoder.h"
#include "slow_delta.h"

namespace aseptic::payload::tests {

inline SlowTools product_tools() {
  SlowTools tools;
  tools.digest = [](const core::Bytes& bytes) {
    const auto digest = core::sha256(bytes);
    return core::Bytes(digest.bytes.begin(), digest.bytes.end());
  };
  tools.decode = [](unsigned codec, const core::Bytes& stored, std::uint64_t size) {
    core::Bytes text(static_cast<std::size_t>(size));
    const auto decoded = Recoder().decode(static_cast<Codec>(codec), stored, text);
    return decoded && decoded->produced == size && decoded->consumed == stored.size() ? text : core::Bytes();
  };
  tools.encode = [](const SlowEncoder& encoder, const core::Bytes& text, const core::Bytes& following, std::uint64_t block_size) {
    Recoder recoder;
    const auto codec = static_cast<Codec>(encoder.codec);
    const CodecSetting setting{codec, static_cast<std::uint8_t>(encoder.level), static_cast<std::uint8_t>(encoder.filter),
                               Recoder::version_of(codec), static_cast<std::uint32_t>(encoder.dictionary)};
    const auto coded = recoder.encode(setting, text, following, static_cast<std::uint32_t>(block_size));
    return core::Bytes(coded.begin(), coded.end());
  };
  return tools;
}

}  // namespace aseptic::payload::tests
