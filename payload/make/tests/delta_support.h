// SPDX-License-Identifier: Apache-2.0
// Image pairs for delta tests: a program in the making. Functions with calls between them are laid out one behind another
// as an x86-64 ELF; a new version has functions inserted, changed and moved, so that nearly every reference differs.
#pragma once

#include <cstdio>
#include <cstring>

#include "support.h"

namespace aseptic::payload::tests {

struct ProgramOptions {
  std::size_t functions = 600;
  std::uint64_t seed = 1;
  std::size_t insert_at = ~std::size_t{0};  // a new function in front of this one
  std::size_t insert_size = 40;
  std::size_t change = ~std::size_t{0};     // a function with one other constant
};

// A little-endian writer over bytes.
template <class T>
void put(core::Bytes& out, std::size_t at, T value) {
  if (out.size() < at + sizeof value) out.resize(at + sizeof value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

// One executable segment at 0x1000 with a section table, and a table of pointers to the functions.
inline core::Bytes make_program(const ProgramOptions& options) {
  constexpr std::uint64_t kCode = 0x1000;
  core::Bytes code;
  std::vector<std::size_t> starts;
  struct Call {
    std::size_t at, to;
  };
  std::vector<Call> calls;
  for (std::size_t f = 0; f < options.functions; ++f) {
    if (f == options.insert_at)
      for (std::size_t i = 0; i < options.insert_size; ++i)
        code.push_back(static_cast<std::uint8_t>(0x41 + i * 7 % 13));
    starts.push_back(code.size());
    std::mt19937_64 random(options.seed * 7919 + f);
    const std::size_t length = 20 + random() % 60;
    for (std::size_t i = 0; i < length; ++i) {
      if (random() % 9 == 0) {
        code.push_back(0xE8);
        calls.push_back({code.size(), static_cast<std::size_t>(random() % options.functions)});
        code.insert(code.end(), 4, 0);
      } else {
        code.push_back(static_cast<std::uint8_t>(0x20 + random() % 64));
      }
    }
    if (f == options.change) code[starts.back() + 3] ^= 0x55U;
    code.push_back(0xC3);
  }
  for (const Call& call : calls)
    put(code, call.at, static_cast<std::uint32_t>(starts[call.to] - call.at - 4));
  while (code.size() % 16 != 0)
    code.push_back(0x90);
  core::Bytes file(kCode);
  file.insert(file.end(), code.begin(), code.end());
  const std::uint64_t data = file.size();
  for (const std::size_t start : starts)
    put(file, file.size(), static_cast<std::uint64_t>(kCode + start));
  const std::uint64_t data_size = file.size() - data;
  const std::uint64_t names = file.size();
  constexpr char kNames[] = "\0.text\0.data\0.shstrtab";
  file.insert(file.end(), kNames, kNames + sizeof kNames);
  while (file.size() % 8 != 0)
    file.push_back(0);
  const std::uint64_t table = file.size();
  file.resize(file.size() + 4 * 64);
  const std::uint8_t ident[] = {0x7F, 'E', 'L', 'F', 2, 1, 1};
  std::copy(std::begin(ident), std::end(ident), file.begin());
  put<std::uint16_t>(file, 16, 3);
  put<std::uint16_t>(file, 18, 62);
  put<std::uint64_t>(file, 32, 64);
  put<std::uint64_t>(file, 40, table);
  put<std::uint16_t>(file, 54, 56);
  put<std::uint16_t>(file, 56, 1);
  put<std::uint16_t>(file, 58, 64);
  put<std::uint16_t>(file, 60, 4);
  put<std::uint16_t>(file, 62, 3);
  put<std::uint32_t>(file, 64, 1);
  put<std::uint32_t>(file, 68, 5);
  put<std::uint64_t>(file, 64 + 32, data + data_size);
  put<std::uint64_t>(file, 64 + 40, data + data_size);
  const auto section = [&](std::size_t i, std::uint32_t name, std::uint32_t type, std::uint64_t flags, std::uint64_t at,
                           std::uint64_t size) {
    const std::size_t s = static_cast<std::size_t>(table) + i * 64;
    put(file, s, name);
    put(file, s + 4, type);
    put(file, s + 8, flags);
    put(file, s + 16, flags == 0 ? 0 : at);
    put(file, s + 24, at);
    put(file, s + 32, size);
  };
  section(1, 1, 1, 6, kCode, code.size());
  section(2, 7, 1, 3, data, data_size);
  section(3, 13, 3, 0, names, sizeof kNames);
  return file;
}

// A slot image that carries `content` in a tree-verified region.
inline TestImage make_image_of(core::Bytes content, std::uint64_t sequence) {
  content.resize((content.size() + kBlockSize - 1) / kBlockSize * kBlockSize);
  CoreHasher hasher;
  boot::Manifest manifest = basic_manifest();
  manifest.sequence = sequence;
  const core::Bytes exec = mixed_bytes(5000, 77);
  manifest.regions[0] = {boot::RegionKind::kExecCopied, boot::kFirstRegionOffset, exec.size(), boot::hash_of(hasher, exec)};
  manifest.tree_hash = boot::TreeHash::kSha256;
  manifest.tree_salt.fill(0x55);
  boot::TreeHasher tree(hasher, manifest.tree_salt);
  for (std::size_t at = 0; at < content.size(); at += kBlockSize)
    tree.add_block(core::ByteView(content).subspan(at).first<boot::kImageBlockSize>());
  const std::uint64_t at = boot::kFirstRegionOffset + 2 * kBlockSize;
  manifest.regions[1] = {boot::RegionKind::kTreeVerified, at, content.size(), {}};
  static_cast<void>(boot::ok(tree.root(manifest.regions[1].digest)));
  manifest.region_count = 2;
  manifest.image_size = at + content.size();
  TestImage image;
  image.bytes.resize(static_cast<std::size_t>(manifest.image_size));
  const auto region = core::ByteSpan(image.bytes).first<boot::kManifestRegionSize>();
  if (!boot::ok(boot::encode_manifest(manifest, region))) std::abort();
  std::fill_n(image.bytes.begin() + boot::kManifestRegionSize, boot::kP256SignatureSize + boot::kSlhDsaSignatureSize, std::uint8_t{0x66});
  std::copy(exec.begin(), exec.end(), image.bytes.begin() + boot::kFirstRegionOffset);
  std::copy(content.begin(), content.end(), image.bytes.begin() + static_cast<std::ptrdiff_t>(at));
  image.manifest_digest = {boot::manifest_digest(hasher, region)};
  image.image_digest = {boot::image_digest(hasher, manifest)};
  return image;
}

struct DeltaPair {
  TestImage old_image;
  TestPayload payload;  // with the new image
};

// In the long form with a plain table: tests change entries where they lie.
inline MakeOptions delta_options() {
  return {.chunk_size = 8192, .page_entries = 8, .zstd_level = 3, .workers = 2, .delta_rounds = 2, .delta_group = 3, .pack_table = false, .shorten = false};
}

inline DeltaPair make_pair(core::Bytes old_content, core::Bytes new_content, MakeOptions options = delta_options()) {
  DeltaPair pair{make_image_of(std::move(old_content), 7), {make_image_of(std::move(new_content), 8), {}, {}}};
  MemoryImage base(pair.old_image.bytes);
  MemoryImage image(pair.payload.image.bytes);
  MemoryPayload out;
  const auto summary = make_delta_payload(base, image, out, options);
  if (!summary) {
    std::fprintf(stderr, "%s\n", summary.error().sentence().c_str());
    std::abort();
  }
  pair.payload.file = std::move(out.content);
  pair.payload.summary = *summary;
  return pair;
}

inline DeltaPair program_pair() {
  core::Bytes new_program = make_program({.insert_at = 200, .change = 333});
  core::Bytes old_program = make_program({});
  const core::Bytes data = mixed_bytes(30000, 5);
  core::Bytes extended = data;
  extended.insert(extended.begin() + 9000, 100, 0x77);
  old_program.resize(80 * 1024);
  new_program.resize(80 * 1024);
  old_program.insert(old_program.end(), data.begin(), data.end());
  new_program.insert(new_program.end(), extended.begin(), extended.end());
  return make_pair(std::move(old_program), std::move(new_program));
}

// A slot that already holds `image`.
inline void fill_device(SparseDevice& device, const core::Bytes& image) {
  if (!device.write(0, image)) std::abort();
}

struct DeltaInstall {
  ResumeHint hint{};
  InstallOptions options{};
  std::size_t piece = 1000;
};

inline core::Result<void> install_delta(const core::Bytes& file, const PayloadReference& signer, const ImageReference& image,
                                        platform::BlockDevice& slot, const BaseSlot& base, const DeltaInstall& how = {}) {
  const auto head = core::ByteView(file).first(std::min(file.size(), kHeaderSize));
  ASEPTIC_TRY(const auto header, HeaderVerifier::verify(core::Untrusted<core::ByteView>(head), signer, image));
  ASEPTIC_TRY(auto installer, PayloadInstaller::begin(header, slot, how.hint, how.options, base));
  for (std::size_t at = 0; at < file.size(); at += how.piece)
    ASEPTIC_TRY_VOID(
        installer.feed(at, core::ByteView(file).subspan(at, std::min(how.piece, file.size() - at))));
  ASEPTIC_TRY_VOID(installer.finish());
  const auto measured = measure_slot(slot, image);
  if (!measured) return measured.error();
  return {};
}

// Installs over bases with one changed byte, every `step` bytes; a byte that nothing is made from changes nothing.
struct ChangedBaseTrials {
  std::size_t refused = 0;
  std::size_t refused_for_another_reason = 0;
};
inline ChangedBaseTrials try_changed_bases(const DeltaPair& pair, std::size_t step) {
  ChangedBaseTrials trials;
  for (std::size_t at = boot::kFirstRegionOffset; at < pair.old_image.bytes.size(); at += step) {
    SparseDevice changed(1U << 20U);
    core::Bytes bytes = pair.old_image.bytes;
    bytes[at] ^= 0x10U;
    fill_device(changed, bytes);
    SparseDevice slot(1U << 20U);
    const auto done = install_delta(pair.payload.file, pair.payload.reference(), pair.payload.image.reference(), slot,
                                    {&changed, pair.old_image.image_digest, bytes.size()});
    if (done) continue;
    (done.error().is(PayloadCode::kBase) ? trials.refused : trials.refused_for_another_reason)++;
  }
  return trials;
}

}  // namespace aseptic::payload::tests
