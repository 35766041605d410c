// SPDX-License-Identifier: Apache-2.0
// The payloads of a release: full ones, deltas from earlier releases, and the index that names them. Called by release.cpp.
#pragma once

#include "aseptic/publish/release.h"

namespace aseptic::publish {

struct ReleasedImages {
  const trust::ReleaseManifest& manifest;
  const core::Digest& digest;                       // of release.json
  const std::map<std::string, Path>& by_component;  // component name -> image
};

struct MadePayloads {
  PreparedPayloads payloads;  // the index last
  std::vector<PayloadSize> sizes;
};

// A published release with its digest.
struct FoundRelease {
  trust::ReleaseManifest manifest;
  core::Digest digest;
};

// Full payloads and deltas from the last published releases of the product. `earlier`: newest first.
core::Result<MadePayloads> make_payloads(const Repository& repository, const ReleasedImages& images,
                                         const std::vector<FoundRelease>& earlier, const PayloadChoices& choices);

// The releases that `targets` lists for the product and that came before `sequence`, newest first.
core::Result<std::vector<FoundRelease>> earlier_releases(const Repository& repository, const Document& targets,
                                                         const trust::ReleaseManifest& release);

// The index that is published for a release.
core::Result<trust::PayloadIndex> published_index(const Repository& repository, const core::Digest& release);

}  // namespace aseptic::publish
