// SPDX-License-Identifier: Apache-2.0
// Decodes and re-encodes single compressed blocks with the libraries that made them: zlib, liblzma, libzstd, liblz4. Called
// by the delta engine on the device and by the publisher, who proves with it that a block comes out bit by bit. Memory: what
// the codec needs for a text of at most kBlockTextMax, kept for the next block of the same codec. Security: stored bytes of
// old blocks come from a measured slot and are still decoded with bounds; what is encoded is compared with a signed digest
// by the caller before it is used. Thread contract: one thread at a time.
#pragma once

#include <memory>
#include <optional>

#include "aseptic/core/bytes.h"
#include "aseptic/payload/decode/recoding.h"

namespace aseptic::payload {

class Recoder {
 public:
  Recoder();
  ~Recoder();
  Recoder(Recoder&&) noexcept;
  Recoder& operator=(Recoder&&) noexcept;

  // The library's own number of this device's version: ZSTD_versionNumber, lzma_version_number, LZ4_versionNumber; zlib:
  // its three numbers as bytes, major first.
  static std::uint32_t version_of(Codec codec);

  struct Decoded {
    std::size_t produced = 0;
    std::size_t consumed = 0;
  };
  // Decodes one block that begins at the first byte of `stored`; nothing when it is damaged or does not fit into `text`.
  std::optional<Decoded> decode(Codec codec, core::ByteView stored, core::ByteSpan text);
  // The coded form of `text`, valid until the next call; empty when the codec refuses.
  core::ByteView encode(const CodecSetting& setting, core::ByteView text);
  // The same for codecs of clusters too: `size` bytes, whose encoder sees the first setting.dictionary bytes of `following`, and
  // zeros for those that are missing.
  core::ByteView encode(const CodecSetting& setting, core::ByteView text, core::ByteView following, std::uint32_t size);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aseptic::payload
