// SPDX-License-Identifier: Apache-2.0
// The operator's description of a release, a TOML file: everything a release manifest says except digests and sizes,
// which are measured. Grammar and an example: docs/formats/release_description.md.
//
// Called by `aseptic image build` and `aseptic release create`. Unknown keys are refused: a misspelt safety datum must
// not be left out silently. Thread contract: value type.
#pragma once

#include "aseptic/publish/files.h"
#include "aseptic/trust/release_manifest.h"

namespace aseptic::publish {

struct ReleaseDescription {
  trust::ReleaseManifest draft;            // components without digests and sizes
  std::optional<Path> sbom;                // relative paths are taken from the description's folder
  std::string sbom_format;
  std::map<std::string, Path> consent;     // language -> text file

  static core::Result<ReleaseDescription> read(const Path& file);
  [[nodiscard]] const trust::Component* find(std::string_view component_name) const;
};

}  // namespace aseptic::publish
