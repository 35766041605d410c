// SPDX-License-Identifier: Apache-2.0
// platform::HttpClient of the apply process: every request goes to acquire, every byte of the answer is untrusted.
//
// Addresses are pipe_url(mirror) + "/metadata/...", + "/targets/..." and, for reports, kPipeReportUrl; there is no other place
// that could be asked for.
#pragma once

#include "aseptic/agent/message.h"
#include "aseptic/platform/clock.h"
#include "aseptic/platform/net.h"
#include "channel/packet_channel.h"

namespace aseptic::agent {

inline constexpr std::string_view kPipeReportUrl = "https://acquire/report";
std::string pipe_url(std::size_t mirror);

class PipeHttpClient final : public platform::HttpClient {
 public:
  // `note` is told of mirrors that failed while another one served.
  PipeHttpClient(PacketChannel& channel, platform::Clock& clock, std::function<void(const core::Error&)> note)
      : channel_(channel), clock_(clock), note_(std::move(note)) {}

  // acquire runs its own verification of the repository's metadata.
  core::Result<void> refresh();
  core::Result<platform::HttpReply> get(const platform::HttpGet& request, const platform::BodySink& sink) override;
  core::Result<platform::HttpReply> post(const platform::HttpPost& request, const platform::BodySink& sink) override;

 private:
  core::Result<void> forget_what_waits();
  core::Result<platform::HttpReply> exchange(MessageType type, core::ByteView body, std::uint64_t bytes_max,
                                             std::chrono::milliseconds silence_max, const platform::BodySink& sink);

  PacketChannel& channel_;
  platform::Clock& clock_;
  std::function<void(const core::Error&)> note_;
  std::uint32_t request_ = 0;
  bool started_ = false;  // acquire has said so once
};

}  // namespace aseptic::agent
