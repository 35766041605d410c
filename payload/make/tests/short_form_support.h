// SPDX-License-Identifier: Apache-2.0
// Short payloads for tests: pairs whose delta is short, and an install that goes the device's way.
#pragma once

#include "aseptic/payload/apply/expander.h"
#include "aseptic/payload/decode/short_form.h"
#include "delta_support.h"
#include "product_tools.h"
#include "self_check.h"
#include "slow_delta.h"

namespace aseptic::payload::tests {

inline MakeOptions short_options() {
  MakeOptions options = delta_options();
  options.shorten = true;
  return options;
}

// All kinds of chunks: copies in place and moved, raw, zeros, compressed text, differences, a copy of two pieces.
inline DeltaPair short_pair() {
  std::mt19937_64 random(21);
  core::Bytes old_content(600 * 1024);
  for (auto& byte : old_content)
    byte = static_cast<std::uint8_t>(random());
  core::Bytes new_content = old_content;
  const auto chunk = [&](std::size_t i) { return new_content.begin() + static_cast<std::ptrdiff_t>(4096 + 8192 * i); };  // of the image
  new_content[5000] ^= 1U;
  new_content[5001] ^= 7U;
  std::rotate(chunk(10), chunk(15), chunk(20));
  std::rotate(chunk(22), chunk(23) + 100, chunk(25));
  std::fill(chunk(30), chunk(32), std::uint8_t{0});
  std::generate(chunk(35), chunk(36), [&] { return static_cast<std::uint8_t>(random()); });
  for (auto at = chunk(40); at != chunk(41); ++at)
    *at = static_cast<std::uint8_t>("a new sentence in the image; "[(at - chunk(40)) % 29]);
  *chunk(50) ^= 0x10U;
  return make_pair(std::move(old_content), std::move(new_content), short_options());
}

inline ShortReference short_reference(const core::Bytes& file, const core::Digest& header) {
  return {trust::DigestIssuer::issue(core::sha256(file)), trust::DigestIssuer::issue(header), file.size()};
}

inline core::Result<void> install_short(const core::Bytes& file, const ShortReference& signer, const ImageReference& image,
                                        platform::BlockDevice& slot, const BaseSlot& base, ResumeHint hint = {}) {
  ASEPTIC_TRY(const auto expanded, PayloadExpander::expand(core::Untrusted<core::ByteView>(core::ByteView(file)), signer, image, base));
  ASEPTIC_TRY(auto installer, PayloadInstaller::begin(expanded.header, slot, hint, {.flush_every_bytes = 1}, base));
  ASEPTIC_TRY_VOID(installer.feed(0, expanded.file));
  ASEPTIC_TRY_VOID(installer.finish());
  const auto measured = measure_slot(slot, image);
  if (!measured) return measured.error();
  return {};
}

// The image that a short file leads to by the product's code, when somebody signs whatever header comes out; empty: refused.
inline core::Bytes image_of_signed(const core::Bytes& file, const DeltaPair& pair) {
  SparseDevice old_slot(1U << 20U);
  SparseDevice slot(1U << 20U);
  fill_device(old_slot, pair.old_image.bytes);
  const BaseSlot base{&old_slot, pair.old_image.image_digest, pair.old_image.bytes.size()};
  const TestImage& image = pair.payload.image;
  const auto expanded = PayloadSelfCheck::expand(file, {image.manifest_digest, image.image_digest, image.bytes.size()}, base);
  if (!expanded) return {};
  const auto header = HeaderVerifier::verify(core::Untrusted<core::ByteView>(core::ByteView(*expanded).first(kHeaderSize)),
                                             resign(*expanded).reference(), image.reference());
  if (!header) std::abort();  // a header that was just encoded
  auto installer = PayloadInstaller::begin(*header, slot, {}, {}, base);
  // What was derived in memory must come out again when it is written: every digest is right.
  if (!installer || !installer->feed(0, *expanded) || !installer->finish()) return {};
  core::Bytes content = slot.content();
  content.resize(image.bytes.size());
  return content;
}

}  // namespace aseptic::payload::tests
