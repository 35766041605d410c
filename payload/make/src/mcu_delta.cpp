// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/make/mcu_delta.h"

#include <algorithm>
#include <memory>
#include <string>

#include "aseptic/core/hash.h"
#include "aseptic/payload/apply/codes.h"
#include "aseptic/payload/apply/core_hasher.h"
#include "aseptic/payload/decode/delta_mcu.h"
#include "delta_encoder.h"
#include "delta_plan.h"
#include "range_encoder.h"
#include "span_image.h"

namespace aseptic::payload {
namespace {

class CollectingImage final : public NewImage {
 public:
  bool write(std::uint32_t at, ByteView bytes) override {
    if (at != content.size()) return false;
    content.insert(content.end(), bytes.begin(), bytes.end());
    return true;
  }
  core::Bytes content;
};

// Every delta is applied by the device's code and compared before anybody sees it.
core::Result<void> check_mcu_delta(core::ByteView patch, core::ByteView old_image, core::ByteView new_image) {
  CoreHasher hasher;
  SpanImage old_source(old_image);
  CollectingImage target;
  auto workspace = std::make_unique<McuWorkspace>();
  const Digest digest = mcu_delta_digest(hasher, patch.first<kMcuDeltaHeaderSize>());
  const Status status = apply_mcu_delta(patch, digest, old_source, target, hasher, *workspace);
  if (!ok(status)) return core::Error(PayloadCode::kSelfCheck, std::string("the delta just made: ") + describe_status(status).sentence);
  if (!std::equal(target.content.begin(), target.content.end(), new_image.begin(), new_image.end()))
    return core::Error(PayloadCode::kSelfCheck, "the delta just made gives back another image");
  return {};
}

// Segments that save least are dropped until the rest fits.
void prune(Segments& segments, std::size_t most) {
  if (segments.size() <= most) return;
  std::vector<std::uint32_t> sizes;
  for (const Segment& segment : segments)
    sizes.push_back(segment.size);
  std::nth_element(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() - most), sizes.end());
  const std::uint32_t least = sizes[sizes.size() - most];
  std::erase_if(segments, [&](const Segment& segment) { return segment.size < least; });
  if (segments.size() > most) segments.resize(most);
}

}  // namespace

core::Result<core::Bytes> make_mcu_delta(core::ByteView old_image, core::ByteView new_image) {
  if (old_image.empty() || new_image.empty() || old_image.size() > kMcuImageSizeMax || new_image.size() > kMcuImageSizeMax)
    return core::Error(PayloadCode::kOptions, "a microcontroller's image has 1 byte to 1 GiB");
  OwnedMap<LinuxProfile> plan = plan_delta(old_image, new_image, {.rounds = 4});
  OwnedMap<McuProfile> owned;
  prune(plan.segments, McuProfile::kSegmentsMax);
  for (const Segment& segment : plan.segments)
    owned.segments.push_back({static_cast<std::uint32_t>(segment.new_at), static_cast<std::uint32_t>(segment.old_at),
                              segment.size});
  if (plan.elements.size() <= McuProfile::kElementsMax && plan.ranges.size() <= McuProfile::kRangesMax &&
      plan.areas.size() <= McuProfile::kAreasMax) {
    owned.elements = plan.elements;
    owned.ranges = plan.ranges;
    owned.areas = plan.areas;
  }
  DeltaMap<McuProfile> map = owned.view(old_image.size(), new_image.size());
  map.by_old = {};
  if (const Status status = check_map(map); !ok(status)) return to_error(status, "make delta");
  RangeEncoder coder;
  auto models = std::make_unique<MapModels<McuProfile>>();
  code_map(coder, *models, map);
  const core::Bytes coded_map = coder.finish();
  DeltaChunkEncoder<McuProfile> encoder(map, old_image, new_image);
  const core::Bytes coded = encoder.encode(0, new_image.size());
  McuDeltaHeader header;
  header.old_size = static_cast<std::uint32_t>(old_image.size());
  header.new_size = static_cast<std::uint32_t>(new_image.size());
  header.counts = owned.counts();
  header.map_size = static_cast<std::uint32_t>(coded_map.size());
  header.coded_size = static_cast<std::uint32_t>(coded.size());
  header.old_digest = core::sha256(old_image).bytes;
  header.new_digest = core::sha256(new_image).bytes;
  core::Bytes patch(kMcuDeltaHeaderSize);
  patch.insert(patch.end(), coded_map.begin(), coded_map.end());
  patch.insert(patch.end(), coded.begin(), coded.end());
  header.body_digest = core::sha256(core::ByteView(patch).subspan(kMcuDeltaHeaderSize)).bytes;
  encode_mcu_delta_header(header, core::ByteSpan(patch).first<kMcuDeltaHeaderSize>());
  ASEPTIC_TRY_VOID(check_mcu_delta(patch, old_image, new_image));
  return patch;
}

}  // namespace aseptic::payload
