// SPDX-License-Identifier: Apache-2.0
// Firmware pairs and a flash for tests of the microcontroller's delta.
#pragma once

#include "aseptic/payload/decode/delta_mcu.h"
#include "aseptic/payload/make/mcu_delta.h"
#include "delta_support.h"

namespace aseptic::payload::tests {

// Thumb-2 firmware: functions of random halfwords with BL between them and a pool of pointers; `insert` shifts all behind.
inline core::Bytes make_firmware(std::size_t functions, std::size_t insert) {
  constexpr std::uint32_t kBase = 0x08000000;
  core::Bytes code;
  std::vector<std::uint32_t> starts;
  struct Use {
    std::size_t at, to;
    bool is_call;
  };
  std::vector<Use> uses;
  for (std::size_t f = 0; f < functions; ++f) {
    if (f == functions / 3)
      for (std::size_t i = 0; i < insert; ++i)
        put<std::uint16_t>(code, code.size(), static_cast<std::uint16_t>(0x2100 + i * 37));
    while (code.size() % 4 != 0)
      put<std::uint16_t>(code, code.size(), 0xBF00);
    starts.push_back(static_cast<std::uint32_t>(code.size()));
    std::mt19937_64 random(f * 31 + 5);
    put<std::uint16_t>(code, code.size(), 0xB510);
    const std::size_t length = 10 + random() % 30;
    for (std::size_t i = 0; i < length; ++i) {
      if (random() % 6 == 0) {
        uses.push_back({code.size(), static_cast<std::size_t>(random() % functions), true});
        put<std::uint32_t>(code, code.size(), 0);
      } else {
        put<std::uint16_t>(code, code.size(), static_cast<std::uint16_t>(0x2000 + random() % 0x2000));
      }
    }
    put<std::uint16_t>(code, code.size(), 0xBD10);
    while (code.size() % 4 != 0)
      put<std::uint16_t>(code, code.size(), 0xBF00);
    uses.push_back({code.size(), static_cast<std::size_t>(random() % functions), false});
    put<std::uint32_t>(code, code.size(), 0);
  }
  for (const Use& use : uses)
    put<std::uint32_t>(code, use.at,
                       use.is_call ? sites::with_thumb_branch24(0xD000F000U, starts[use.to] - use.at - 4)
                                   : kBase + starts[use.to] + 1);
  return code;
}

class Flash final : public OldImage, public NewImage {
 public:
  bool read(std::uint64_t at, MutableBytes out) override {
    if (at + out.size() > old_image.size()) return false;
    std::copy_n(old_image.begin() + static_cast<std::ptrdiff_t>(at), out.size(), out.begin());
    return true;
  }
  bool write(std::uint32_t at, ByteView bytes) override {
    if (at != new_image.size() || at + bytes.size() > room) return false;
    new_image.insert(new_image.end(), bytes.begin(), bytes.end());
    return true;
  }
  // `patch` as its own header names it.
  Status apply(const core::Bytes& patch) {
    if (patch.size() < kMcuDeltaHeaderSize) return Status::kBadLength;
    CoreHasher hasher;
    const Digest digest = mcu_delta_digest(hasher, core::ByteView(patch).first<kMcuDeltaHeaderSize>());
    auto workspace = std::make_unique<McuWorkspace>();
    return apply_mcu_delta(patch, digest, *this, *this, hasher, *workspace);
  }
  core::Bytes old_image;
  core::Bytes new_image;
  std::size_t room = 1U << 20U;
};

inline Digest digest_of(const core::Bytes& patch) {
  CoreHasher hasher;
  return mcu_delta_digest(hasher, core::ByteView(patch).first<kMcuDeltaHeaderSize>());
}

}  // namespace aseptic::payload::tests
