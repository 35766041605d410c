// SPDX-License-Identifier: Apache-2.0
// Repositories on removable media, asked like servers: medium_url(n) + "/metadata/..." and + "/targets/...".
//
// A medium is one more untrusted place of the same files (DL-06): its answers take the same way through the same checks as a
// server's, with the same status codes (200, 206, 404, 416) and the same caps, so that nothing behind it knows the difference. It is a
// folder with metadata/ and targets/, or one bundle file of both (bundle.h). Every other address goes to the network, if there is one.
// Thread contract: one thread at a time.
#pragma once

#include <map>
#include <vector>

#include "aseptic/fetch/bundle.h"
#include "aseptic/platform/medium.h"
#include "aseptic/platform/net.h"

namespace aseptic::fetch {

std::string medium_url(std::size_t medium);
bool is_medium_url(std::string_view url);

class MediumClient final : public platform::HttpClient {
 public:
  // What it is given outlives it. Without `network` every other address is unreachable.
  MediumClient(std::vector<platform::Medium*> media, platform::HttpClient* network)
      : media_(std::move(media)), network_(network) {}

  core::Result<platform::HttpReply> get(const platform::HttpGet& request, const platform::BodySink& sink) override;
  core::Result<platform::HttpReply> post(const platform::HttpPost& request, const platform::BodySink& sink) override;

 private:
  // A file of a folder or the whole of a bundle; the part of it that is wanted.
  struct Part {
    std::unique_ptr<platform::MediumFile> file;
    std::uint64_t offset = 0, size = 0;
  };
  struct KnownBundle {
    std::string stamp;
    core::Result<BundleIndex> index;
  };
  core::Result<std::optional<Part>> find(std::size_t medium, const std::string& path);

  const std::vector<platform::Medium*> media_;
  platform::HttpClient* const network_;
  std::map<std::size_t, KnownBundle> bundles_;  // an index is read once for each bundle, and one that was refused stays refused
};

}  // namespace aseptic::fetch
