// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/payload_index.h"

#include <algorithm>

#include "statement_parts.h"

namespace aseptic::trust {
namespace {

constexpr std::string_view kFormat = "aseptic-payload-index-1";
constexpr std::size_t kEncodingsMax = 8;

core::Result<std::vector<std::uint32_t>> read_codecs(ObjectReader& reader) {
  ASEPTIC_TRY(const core::JsonArray* const items, reader.array("codecs", kEncodingsMax));
  std::vector<std::uint32_t> out;
  for (const core::JsonValue& item : *items) {
    const std::int64_t* id = item.as_integer();
    if (!id || *id < 0 || *id > 0xffff'ffffLL) return reader.error("a codec id is not a 32-bit number");
    out.push_back(static_cast<std::uint32_t>(*id));
  }
  return out;
}

core::Result<PayloadEntry> read_payload(const core::JsonValue& value) {
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(value, "payload index: payload", TrustCode::kStatementFormat));
  PayloadEntry entry;
  if (reader.has("base")) {
    ASEPTIC_TRY(entry.base, reader.digest("base"));
  }
  ASEPTIC_TRY(entry.encodings, reader.texts("encodings", kEncodingsMax));
  ASEPTIC_TRY(entry.codecs, read_codecs(reader));
  if (entry.encodings.empty() || entry.encodings.size() != entry.codecs.size())
    return reader.error("needs one codec id for each encoding, and at least one");
  ASEPTIC_TRY(entry.image_size, reader.count("image_size"));
  ASEPTIC_TRY(entry.payload_size, reader.count("payload_size"));
  ASEPTIC_TRY(entry.header_digest, reader.digest("header_digest"));
  ASEPTIC_TRY(entry.payload_digest, reader.digest("payload_digest"));
  if (reader.has("key_id")) {
    ASEPTIC_TRY(entry.key_id, reader.digest("key_id"));
  }
  entry.unrecognized = reader.rest();
  return entry;
}

core::JsonValue encode_payload(const PayloadEntry& entry) {
  core::JsonObject object = entry.unrecognized;
  core::JsonArray codecs;
  for (const std::uint32_t id : entry.codecs) codecs.push_back(number(id));
  if (entry.base) object["base"] = entry.base->hex();
  object["encodings"] = encode_texts(entry.encodings);
  object["codecs"] = std::move(codecs);
  object["image_size"] = number(entry.image_size);
  object["payload_size"] = number(entry.payload_size);
  object["header_digest"] = entry.header_digest.hex();
  object["payload_digest"] = entry.payload_digest.hex();
  if (entry.key_id) object["key_id"] = entry.key_id->hex();
  return object;
}

core::Result<ImagePayloads> read_image(const core::JsonValue& value, std::size_t& payloads_left) {
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(value, "payload index: image", TrustCode::kStatementFormat));
  ImagePayloads image;
  ASEPTIC_TRY(image.image_digest, reader.digest("image_digest"));
  ASEPTIC_TRY(const core::JsonArray* const payloads, reader.array("payloads", payloads_left));
  payloads_left -= payloads->size();
  for (const core::JsonValue& item : *payloads) {
    ASEPTIC_TRY(PayloadEntry entry, read_payload(item));
    image.payloads.push_back(std::move(entry));
  }
  return image;
}

}  // namespace

std::string PayloadEntry::target_path() const { return "payloads/" + payload_digest.hex() + ".payload"; }

core::Result<PayloadIndex> PayloadIndex::parse(core::ByteView bytes) {
  ASEPTIC_TRY(const core::JsonValue value, parse_canonical(bytes, kStatementBytesMax, "payload index"));
  ASEPTIC_TRY(ObjectReader reader, open_format(value, "payload index", kFormat));
  PayloadIndex index;
  ASEPTIC_TRY(index.critical, read_critical(reader));
  ASEPTIC_TRY(index.release, reader.digest("release"));
  ASEPTIC_TRY(const core::JsonArray* const images, reader.array("images", kComponentsMax));
  std::size_t payloads_left = kIndexEntriesMax;
  for (const core::JsonValue& item : *images) {
    ASEPTIC_TRY(ImagePayloads image, read_image(item, payloads_left));
    if (index.find(image.image_digest)) return reader.error("image " + image.image_digest.hex() + " is listed twice");
    index.images.push_back(std::move(image));
  }
  ASEPTIC_TRY_VOID(check_critical(reader, index.critical));
  index.unrecognized = reader.rest();
  ASEPTIC_TRY_VOID(check_faithful(reader, index.encode(), bytes));
  return index;
}

std::string PayloadIndex::encode() const {
  core::JsonArray list;
  for (const ImagePayloads& image : images) {
    core::JsonArray payloads;
    for (const PayloadEntry& entry : image.payloads) payloads.push_back(encode_payload(entry));
    list.push_back(core::JsonObject{{"image_digest", image.image_digest.hex()}, {"payloads", std::move(payloads)}});
  }
  core::JsonObject object = unrecognized;
  object["format"] = kFormat;
  object["critical"] = encode_texts(critical);
  object["release"] = release.hex();
  object["images"] = std::move(list);
  return core::canonical_json(object);
}

std::string PayloadIndex::target_path() const { return payload_index_target_path(release); }

const ImagePayloads* PayloadIndex::find(const core::Digest& image_digest) const {
  const auto at = std::ranges::find(images, image_digest, &ImagePayloads::image_digest);
  return at == images.end() ? nullptr : &*at;
}

std::string payload_index_target_path(const core::Digest& release) { return "payload-index/" + release.hex() + ".json"; }

core::Result<void> check_index(const PayloadIndex& index, const ReleaseManifest& release, const core::Digest& release_digest) {
  if (index.release != release_digest)
    return core::Error(TrustCode::kIndexMismatch, "payload index: is for release " + index.release.hex());
  for (const ImagePayloads& image : index.images) {
    const auto at = std::ranges::find(release.components, image.image_digest, &Component::image_digest);
    // SECURITY(T-33): the index's key is online; whatever it signs, it can name no new image.
    if (at == release.components.end())
      return core::Error(TrustCode::kIndexMismatch, "payload index: names image " + image.image_digest.hex() +
                                                        ", which the release does not fix");
    for (const PayloadEntry& entry : image.payloads) {
      if (entry.image_size != at->size)
        return core::Error(TrustCode::kIndexMismatch, "payload index: image size differs from the release's");
      // SECURITY(T-37): whether a release is confidential was decided by who signed it, not by the online role.
      if (entry.key_id.has_value() != (release.encryption == Requirement::kRequired))
        return core::Error(TrustCode::kIndexMismatch, "payload index: a payload is encrypted although the release does not ask for it, or the reverse");
    }
  }
  return {};
}

}  // namespace aseptic::trust
