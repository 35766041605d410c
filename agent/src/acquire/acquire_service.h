// SPDX-License-Identifier: Apache-2.0
// The network half: answers apply's requests from the configured repository, and from nowhere else.
//
// Security: top-level metadata is verified here before apply sees it (its bytes come from this side's verified store),
// statements are verified targets of this side's TUF client, payload bytes and delegated role files pass through with
// caps. apply verifies all of it again; this half holds no slot, no signing key and no state that anybody trusts.
#pragma once

#include "aseptic/agent/config.h"
#include "aseptic/agent/message.h"
#include "aseptic/fetch/updater.h"
#include "aseptic/platform/clock.h"
#include "aseptic/platform/net.h"
#include "channel/packet_channel.h"

namespace aseptic::agent {

struct AcquireParts {
  platform::Storage& cache;       // DEVICE/agent/acquire
  platform::HttpClient& http;
  platform::Clock& clock;
  core::Bytes factory_root;
  core::UtcTime build_time;
  std::vector<std::string> repository_urls;  // in order of preference
  std::size_t media = 0;                     // so many of the last of them
  std::uint64_t rate_max_bytes_per_s = 0;    // of what passes through; 0: no ceiling
  std::string report_url;
  std::function<void(core::UtcTime)> raise_time_floor;  // of TLS
};

class AcquireService {
 public:
  AcquireService(AcquireParts parts, PacketChannel& channel);

  // Answers one packet. An error means that the channel is gone.
  core::Result<void> answer(core::ByteView packet);
  core::Result<void> say_started();

 private:
  core::Result<void> serve(const Message& message);
  core::Result<void> refresh();
  core::Result<void> get(const GetRequest& get, std::uint32_t request);
  core::Result<bool> get_from_store(const GetRequest& get, std::uint32_t request);
  core::Result<bool> get_statement(const GetRequest& get, std::uint32_t request);
  core::Result<void> pass_through(const GetRequest& get, std::uint32_t request);
  core::Result<void> post(core::ByteView report, std::uint32_t request);
  core::Result<void> send_body(core::ByteView bytes, std::uint32_t request);
  core::Result<void> reply(std::uint16_t status, std::uint32_t request);
  void tell_of_mirror(const core::Error& error);
  void keep_rate(std::size_t bytes);
  core::Result<fetch::Updater*> updater();

  AcquireParts parts_;
  PacketChannel& channel_;
  fetch::MetadataStore store_;
  std::unique_ptr<fetch::Updater> updater_;
  std::uint32_t request_ = 0;  // the one that is being answered
  std::chrono::milliseconds next_piece_{0};
  bool channel_broken_ = false;
};

}  // namespace aseptic::agent
