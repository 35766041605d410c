// SPDX-License-Identifier: Apache-2.0
#include "self_check.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "aseptic/payload/apply/installer.h"
#include "aseptic/payload/apply/read_back.h"
#include "aseptic/payload/apply/zero_blocks.h"

namespace aseptic::payload {
namespace {

// The image as a read-only slot.
class ImageDevice : public platform::BlockDevice {
 public:
  ImageDevice(ImageSource& image, std::uint64_t size) : image_(image), size_(size) {}

  [[nodiscard]] std::uint64_t size() const override { return size_; }
  core::Result<void> read(std::uint64_t offset, core::ByteSpan out) override {
    return image_.read(offset, out);
  }
  core::Result<void> read_back(std::uint64_t offset, core::ByteSpan out) override {
    return image_.read(offset, out);
  }
  core::Result<void> write(std::uint64_t, core::ByteView) override { return read_only(); }
  core::Result<void> discard(std::uint64_t, std::uint64_t) override { return read_only(); }
  core::Result<void> flush() override { return {}; }

 protected:
  ImageSource& image_;

 private:
  static core::Error read_only() { return {PayloadCode::kSelfCheck, "the image is read-only"}; }
  std::uint64_t size_;
};

// Accepts a write only when the image holds the same bytes, and remembers which blocks were covered.
class ComparingDevice final : public ImageDevice {
 public:
  ComparingDevice(ImageSource& image, std::uint64_t size)
      : ImageDevice(image, size), covered_(static_cast<std::size_t>(size / kBlockSize)) {}

  core::Result<void> write(std::uint64_t offset, core::ByteView bytes) override {
    core::Bytes expected(bytes.size());
    ASEPTIC_TRY_VOID(image_.read(offset, expected));
    if (!std::equal(bytes.begin(), bytes.end(), expected.begin())) return differs(offset);
    return cover(offset, bytes.size());
  }
  core::Result<void> discard(std::uint64_t offset, std::uint64_t size) override {
    core::Bytes expected(static_cast<std::size_t>(size));
    ASEPTIC_TRY_VOID(image_.read(offset, expected));
    if (!is_all_zero(expected)) return differs(offset);
    return cover(offset, size);
  }
  [[nodiscard]] bool is_covered() const {
    return std::find(covered_.begin(), covered_.end(), false) == covered_.end();
  }

 private:
  static core::Error differs(std::uint64_t offset) {
    return {PayloadCode::kSelfCheck,
            "the payload gives back other bytes than the image near offset " + std::to_string(offset)};
  }
  core::Result<void> cover(std::uint64_t offset, std::uint64_t size) {
    for (std::uint64_t at = offset; at < offset + size; at += kBlockSize)
      covered_[static_cast<std::size_t>(at / kBlockSize)] = true;
    return {};
  }
  std::vector<bool> covered_;
};

}  // namespace

core::Result<void> PayloadSelfCheck::measure(ImageSource& image, const ImageFacts& facts) {
  ImageDevice device(image, image.size());
  const auto reference =
      HeaderVerifier::own_image(facts.manifest_digest, facts.image_digest, facts.image_size);
  const auto measured = measure_slot(device, reference);
  if (measured) return {};
  if (!measured.error().is(PayloadCode::kReadBack)) return measured.error();
  return core::Error(PayloadCode::kImageInvalid,
                     "the image does not match its own boot manifest: " + measured.error().sentence());
}

core::Result<core::Digest> PayloadSelfCheck::apply(PayloadFile& payload, const PayloadSummary& made,
                                                   ImageSource& image, ImageSource* base,
                                                   const core::SecretKey* content_key) {
  std::optional<ImageDevice> base_device;
  BaseSlot base_slot;
  if (base != nullptr) {
    ASEPTIC_TRY(const ImageFacts facts, read_image_facts(*base));
    base_device.emplace(*base, base->size());
    base_slot = {&*base_device, facts.image_digest, facts.image_size};
  }
  core::Sha256 hash;
  core::Bytes expanded;
  if (made.is_short) {
    core::Bytes file(static_cast<std::size_t>(made.payload_size));
    ASEPTIC_TRY_VOID(payload.read(0, file));
    hash.update(file);
    ASEPTIC_TRY(const ImageFacts facts, read_image_facts(image));
    ASEPTIC_TRY(expanded, expand(file, facts, base_slot).within("check of the payload just made"));
  }
  std::array<std::uint8_t, kHeaderSize> head{};
  if (made.is_short) {
    std::copy_n(expanded.begin(), head.size(), head.begin());
  } else {
    ASEPTIC_TRY_VOID(payload.read(0, head));
  }
  ASEPTIC_TRY(const auto header, HeaderVerifier::verify_own(head));
  if (core::Digest{header->header_digest} != made.header_digest)
    return core::Error(PayloadCode::kSelfCheck, "the payload does not lead to the header that was made");
  ComparingDevice device(image, header->image_size);
  ASEPTIC_TRY(auto installer, PayloadInstaller::begin(header, device, {}, {.content_key = content_key}, base_slot));
  if (made.is_short) ASEPTIC_TRY_VOID(installer.feed(0, expanded).within("check of the payload just made"));
  core::Bytes buffer(1U << 20U);
  for (std::uint64_t at = 0; at < made.payload_size && !made.is_short;) {
    const auto bytes = core::ByteSpan(buffer).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), made.payload_size - at)));
    ASEPTIC_TRY_VOID(payload.read(at, bytes));
    hash.update(bytes);
    ASEPTIC_TRY_VOID(installer.feed(at, bytes).within("check of the payload just made"));
    at += bytes.size();
  }
  ASEPTIC_TRY_VOID(installer.finish().within("check of the payload just made"));
  if (!device.is_covered())
    return core::Error(PayloadCode::kSelfCheck, "the payload leaves blocks of the image out");
  return hash.finish();
}

core::Result<core::Bytes> PayloadSelfCheck::expand(core::ByteView file, const ImageFacts& facts, const BaseSlot& base) {
  return PayloadExpander::expand_own(file, HeaderVerifier::own_image(facts.manifest_digest, facts.image_digest, facts.image_size), base);
}

core::Result<PayloadHeader> PayloadSelfCheck::header_of(PayloadFile& payload) {
  std::array<std::uint8_t, kHeaderSize> head{};
  ASEPTIC_TRY_VOID(payload.read(0, head));
  ASEPTIC_TRY(const auto header, HeaderVerifier::verify_own(head));
  return *header;
}

core::Result<ImageFacts> PayloadSelfCheck::restore(PayloadFile& payload, platform::BlockDevice& image) {
  std::array<std::uint8_t, kHeaderSize> head{};
  ASEPTIC_TRY_VOID(payload.read(0, head));
  ASEPTIC_TRY(const auto header, HeaderVerifier::verify_own(head));
  ASEPTIC_TRY(auto installer, PayloadInstaller::begin(header, image));
  core::Bytes buffer(1U << 20U);
  for (std::uint64_t at = 0; at < header->payload_size;) {
    const auto bytes = core::ByteSpan(buffer).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), header->payload_size - at)));
    ASEPTIC_TRY_VOID(payload.read(at, bytes));
    ASEPTIC_TRY_VOID(installer.feed(at, bytes));
    at += bytes.size();
  }
  ASEPTIC_TRY_VOID(installer.finish());
  const ImageFacts facts{core::Digest{header->manifest_digest}, core::Digest{header->image_digest}, header->image_size};
  ASEPTIC_TRY_VOID(measure_slot(image, HeaderVerifier::own_image(facts.manifest_digest, facts.image_digest, facts.image_size)));
  return facts;
}

}  // namespace aseptic::payload
