// SPDX-License-Identifier: Apache-2.0
// What the options of a command say about an image that is to be made: shared by `aseptic image build` and
// `aseptic boot import-mcuboot`, which differ in where the program comes from and in nothing else.
#pragma once

#include "workbench.h"

namespace aseptic::app {

struct ImageOptions {
  std::string description, component, hardware, builder, release_key, out;
  std::vector<std::string> others;
  std::uint32_t revoke_mask = 0, min_boot = 0, min_root = 0;
  bool revoke_now = false;
};

void add_image_options(CLI::App& command, ImageOptions& options);
// Everything but the regions, the build id and, of a program for one address, where it is loaded and starts.
core::Result<publish::ImagePlan> image_plan(Workbench& bench, const ImageOptions& options);
core::Result<publish::ImageInfo> build_planned_image(Workbench& bench, const ImageOptions& options, const publish::ImagePlan& plan);

core::JsonObject image_json(const publish::ImageInfo& info);
std::string image_line(const std::string& file, const publish::ImageInfo& info);

}  // namespace aseptic::app
