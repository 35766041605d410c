// SPDX-License-Identifier: Apache-2.0
// Chooses which compressed blocks of two images the delta sees decoded, proves that each of the new ones comes out bit by bit,
// and makes the two texts. Called by the delta maker. The result depends on the images, the chunk size and the versions of
// the libraries, not on the number of workers. Memory: both texts, and once more the largest of them while they are made.
#pragma once

#include <optional>
#include <vector>

#include "aseptic/payload/make/compressed_parts.h"
#include "aseptic/payload/make/maker.h"
#include "delta_plan.h"

namespace aseptic::payload {

struct RecodingPlan {
  std::vector<CodecSetting> settings;
  std::vector<RecodedBlock> old_blocks;
  std::vector<RecodedBlock> new_blocks;
  core::Bytes old_text;
  core::Bytes new_text;
  TextFacts facts;
};

struct RecodingPlanInput {
  core::ByteView old_image;
  core::ByteView new_image;
  const CompressedParts* old_parts = nullptr;
  const CompressedParts* new_parts = nullptr;
  std::uint32_t chunk_size = 0;
  unsigned workers = 1;
  RecodedFiles files = RecodedFiles::kWhole;
};

// Nothing when no block of the new image would gain.
std::optional<RecodingPlan> plan_recoding(const RecodingPlanInput& input);

// What the plain engine should know of images with compressed file systems: there are no programs inside these.
TextFacts plain_facts(const RecodingPlanInput& input);

// The section's part in front of the copy map.
core::Bytes encode_recoding(const RecodingPlan& plan);

}  // namespace aseptic::payload
