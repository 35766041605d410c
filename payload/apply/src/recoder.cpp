// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/apply/recoder.h"

#include <lz4.h>
#include <lz4hc.h>
#include <lzma.h>
#define ZLIB_CONST  // the input is const
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace aseptic::payload {
namespace {

// Where every codec's worst case fits; publisher and device give the encoder the same room, for some look at it.
std::size_t room_for(std::size_t text_size) {
  return text_size + text_size / 128 + 1024;
}

constexpr std::uint64_t kXzDecoderMemory = 8U << 20U;  // dictionary of 1 MiB and tables
constexpr int kWindowBits = 15;
constexpr int kMemoryLevel = 8;
constexpr int kBare = -kWindowBits;

int window_of(Codec codec) {
  return codec == Codec::kDeflate ? kBare : kWindowBits;
}

std::optional<Recoder::Decoded> inflate_block(Codec codec, core::ByteView stored, core::ByteSpan text) {
  z_stream stream{};
  if (inflateInit2(&stream, window_of(codec)) != Z_OK) return {};
  stream.next_in = stored.data();
  stream.avail_in = static_cast<uInt>(stored.size());
  stream.next_out = text.data();
  stream.avail_out = static_cast<uInt>(text.size());
  const int result = inflate(&stream, Z_FINISH);
  const Recoder::Decoded decoded{text.size() - stream.avail_out, stored.size() - stream.avail_in};
  inflateEnd(&stream);
  if (result != Z_STREAM_END) return {};
  return decoded;
}

std::optional<Recoder::Decoded> unxz_block(core::ByteView stored, core::ByteSpan text) {
  std::uint64_t memory = kXzDecoderMemory;
  std::size_t in = 0;
  std::size_t out = 0;
  const lzma_ret result = lzma_stream_buffer_decode(&memory, 0, nullptr, stored.data(), &in, stored.size(), text.data(), &out, text.size());
  if (result != LZMA_OK) return {};
  return Recoder::Decoded{out, in};
}

std::optional<Recoder::Decoded> unlz4_block(core::ByteView stored, core::ByteSpan text) {
  const int size = LZ4_decompress_safe(reinterpret_cast<const char*>(stored.data()), reinterpret_cast<char*>(text.data()),
                                       static_cast<int>(stored.size()), static_cast<int>(text.size()));
  if (size < 0) return {};
  return Recoder::Decoded{static_cast<std::size_t>(size), stored.size()};
}

// Zeros, then a block to the end of the cluster; no block begins with a zero.
std::optional<Recoder::Decoded> unlz4_cluster(core::ByteView stored, core::ByteSpan text) {
  std::size_t zeros = 0;
  while (zeros < stored.size() && stored[zeros] == 0)
    ++zeros;
  auto decoded = unlz4_block(stored.subspan(zeros), text);
  if (decoded) decoded->consumed = stored.size();
  return decoded;
}

std::size_t xz_block(const CodecSetting& setting, core::ByteView text, core::ByteSpan out) {
  lzma_options_lzma options;
  if (lzma_lzma_preset(&options, setting.level)) return 0;
  options.dict_size = setting.dictionary;
  lzma_filter filters[3]{};
  std::size_t count = 0;
  if (setting.filter != 0) filters[count++] = {setting.filter, nullptr};
  filters[count++] = {LZMA_FILTER_LZMA2, &options};
  filters[count] = {LZMA_VLI_UNKNOWN, nullptr};
  std::size_t size = 0;
  const lzma_ret result =
      lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, nullptr, text.data(), text.size(), out.data(), &size, out.size());
  return result == LZMA_OK ? size : 0;
}

std::uint32_t version_of_zlib() {
  std::uint32_t version = 0;
  const char* text = zlibVersion();
  for (int i = 0; i < 3; ++i) {
    char* end = nullptr;
    version = version << 8U | (static_cast<std::uint32_t>(std::strtoul(text, &end, 10)) & 0xFFU);
    text = *end == '.' ? end + 1 : end;
  }
  return version;
}

}  // namespace

struct Recoder::State {
  struct FreeZstd {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  struct FreeDeflate {
    void operator()(z_stream* stream) const {
      deflateEnd(stream);
      delete stream;
    }
  };
  std::unique_ptr<ZSTD_CCtx, FreeZstd> zstd_encoder;
  std::unique_ptr<ZSTD_DCtx, FreeZstd> zstd_decoder;
  std::unique_ptr<z_stream, FreeDeflate> deflate_encoder;
  CodecSetting deflate_setting;
  core::Bytes lz4_state;
  core::Bytes cluster_input;
  core::Bytes out;

  std::size_t zstd(const CodecSetting& setting, core::ByteView text) {
    if (!zstd_encoder) zstd_encoder.reset(ZSTD_createCCtx());
    if (!zstd_encoder) return 0;
    const std::size_t size =
        ZSTD_compressCCtx(zstd_encoder.get(), out.data(), out.size(), text.data(), text.size(), setting.level);
    return ZSTD_isError(size) != 0 ? 0 : size;
  }
  std::size_t deflated(const CodecSetting& setting, core::ByteView text) {
    if (!deflate_encoder || deflate_setting != setting) {
      deflate_encoder.reset();
      auto stream = std::make_unique<z_stream>();
      if (deflateInit2(stream.get(), setting.level, Z_DEFLATED, window_of(setting.codec), kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
      deflate_encoder.reset(stream.release());
      deflate_setting = setting;
    }
    z_stream& stream = *deflate_encoder;
    if (deflateReset(&stream) != Z_OK) return 0;
    stream.next_in = text.data();
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    return deflate(&stream, Z_FINISH) == Z_STREAM_END ? out.size() - stream.avail_out : 0;
  }
  std::size_t lz4(const CodecSetting& setting, core::ByteView text) {
    const bool is_slow = setting.codec == Codec::kLz4Hc;
    lz4_state.resize(static_cast<std::size_t>(is_slow ? LZ4_sizeofStateHC() : LZ4_sizeofState()) + 8);
    void* state = aligned_lz4_state();
    const char* in = reinterpret_cast<const char*>(text.data());
    char* to = reinterpret_cast<char*>(out.data());
    const int size = static_cast<int>(text.size());
    const int room = static_cast<int>(out.size());
    const int made = is_slow ? LZ4_compress_HC_extStateHC(state, in, to, size, room, setting.level)
                             : LZ4_compress_fast_extState(state, in, to, size, room, 1);
    return made <= 0 ? 0 : static_cast<std::size_t>(made);
  }
  // INVARIANT: exactly `text` is coded, though the encoder is shown more: it decides by what follows, and stops where the
  // cluster is full.
  std::size_t lz4_cluster(const CodecSetting& setting, core::ByteView text, core::ByteView following, std::uint32_t size) {
    const std::size_t capacity = std::size_t{setting.filter} * kClusterUnit;
    if (size > capacity) return 0;
    cluster_input.assign(text.begin(), text.end());
    const auto shown = following.first(std::min<std::size_t>(following.size(), setting.dictionary));
    cluster_input.insert(cluster_input.end(), shown.begin(), shown.end());
    cluster_input.resize(text.size() + setting.dictionary);
    out.resize(capacity);
    const char* in = reinterpret_cast<const char*>(cluster_input.data());
    char* to = reinterpret_cast<char*>(out.data());
    int used = static_cast<int>(cluster_input.size());
    int made = 0;
    if (setting.codec == Codec::kLz4HcCluster) {
      lz4_state.resize(static_cast<std::size_t>(LZ4_sizeofStateHC()) + 8);
      made = LZ4_compress_HC_destSize(aligned_lz4_state(), in, to, &used, static_cast<int>(capacity), setting.level);
    } else {
      made = LZ4_compress_destSize(in, to, &used, static_cast<int>(capacity));
    }
    if (made <= 0 || static_cast<std::uint32_t>(made) > size || static_cast<std::size_t>(used) != text.size()) return 0;
    const auto count = static_cast<std::size_t>(made);
    std::memmove(out.data() + (size - count), out.data(), count);
    std::fill_n(out.begin(), size - count, std::uint8_t{0});
    return size;
  }
  void* aligned_lz4_state() {
    return lz4_state.data() + (8 - reinterpret_cast<std::uintptr_t>(lz4_state.data()) % 8) % 8;
  }
};

Recoder::Recoder() : state_(std::make_unique<State>()) {}
Recoder::~Recoder() = default;
Recoder::Recoder(Recoder&&) noexcept = default;
Recoder& Recoder::operator=(Recoder&&) noexcept = default;

std::uint32_t Recoder::version_of(Codec codec) {
  switch (codec) {
    case Codec::kZlib:
    case Codec::kDeflate:
      return version_of_zlib();
    case Codec::kXz:
      return lzma_version_number();
    case Codec::kZstd:
      return ZSTD_versionNumber();
    case Codec::kLz4:
    case Codec::kLz4Hc:
    case Codec::kLz4Cluster:
    case Codec::kLz4HcCluster:
      return static_cast<std::uint32_t>(LZ4_versionNumber());
  }
  return 0;
}

std::optional<Recoder::Decoded> Recoder::decode(Codec codec, core::ByteView stored, core::ByteSpan text) {
  if (stored.size() > room_for(kBlockTextMax) || text.size() > room_for(kBlockTextMax)) return {};
  switch (codec) {
    case Codec::kZlib:
    case Codec::kDeflate:
      return inflate_block(codec, stored, text);
    case Codec::kXz:
      return unxz_block(stored, text);
    case Codec::kZstd: {
      if (!state_->zstd_decoder) state_->zstd_decoder.reset(ZSTD_createDCtx());
      if (!state_->zstd_decoder) return {};
      const std::size_t size =
          ZSTD_decompressDCtx(state_->zstd_decoder.get(), text.data(), text.size(), stored.data(), stored.size());
      if (ZSTD_isError(size) != 0) return {};
      return Decoded{size, stored.size()};
    }
    case Codec::kLz4:
    case Codec::kLz4Hc:
      return unlz4_block(stored, text);
    case Codec::kLz4Cluster:
    case Codec::kLz4HcCluster:
      return unlz4_cluster(stored, text);
  }
  return {};
}

core::ByteView Recoder::encode(const CodecSetting& setting, core::ByteView text) {
  if (text.size() > kBlockTextMax || !ok(check_setting(setting))) return {};
  core::Bytes& out = state_->out;
  out.resize(room_for(text.size()));
  std::size_t size = 0;
  switch (setting.codec) {
    case Codec::kZlib:
    case Codec::kDeflate:
      size = state_->deflated(setting, text);
      break;
    case Codec::kXz:
      size = xz_block(setting, text, out);
      break;
    case Codec::kZstd:
      size = state_->zstd(setting, text);
      break;
    case Codec::kLz4:
    case Codec::kLz4Hc:
      size = state_->lz4(setting, text);
      break;
    case Codec::kLz4Cluster:
    case Codec::kLz4HcCluster:
      return {};
  }
  return core::ByteView(out).first(size);
}

core::ByteView Recoder::encode(const CodecSetting& setting, core::ByteView text, core::ByteView following, std::uint32_t size) {
  if (!codes_clusters(setting.codec)) return encode(setting, text);
  if (text.size() > kBlockTextMax || !ok(check_setting(setting))) return {};
  const std::size_t made = state_->lz4_cluster(setting, text, following, size);
  return core::ByteView(state_->out).first(made);
}

}  // namespace aseptic::payload
