// SPDX-License-Identifier: Apache-2.0
// Questions and answers over a component's line, and the interlock's packets that come in between. Used by McuComponent.
// A question that gets no answer is sent again with the same number: the component acts on a number once.
// Thread contract: one thread; ask() blocks until the answer or the end of patience.
#pragma once

#include <deque>

#include "aseptic/agent/component_line.h"
#include "aseptic/agent/therapy_link.h"
#include "aseptic/component/frame.h"
#include "aseptic/platform/clock.h"
#include "aseptic/platform/entropy.h"

namespace aseptic::agent {

class McuLink final : public TherapyLink {
 public:
  McuLink(ComponentLine& line, platform::Clock& clock, platform::Entropy& entropy);

  struct Answer {
    std::uint32_t value = 0;  // component::kDone, a boot::Status or an interlock::Status
    core::Bytes data;
  };
  // kUnreachable when nothing comes. Status is asked once and not waited for long: the caller has a hold to keep.
  core::Result<Answer> ask(component::FrameType type, std::uint32_t value = 0, core::ByteView data = {});

  // The interlock's packets.
  bool connect() override { return true; }
  [[nodiscard]] bool is_connected() const override { return true; }
  bool send(core::ByteView packet) override;
  std::optional<core::Bytes> receive() override;

 private:
  std::optional<Answer> await(component::FrameType type, std::uint32_t number, std::chrono::milliseconds patience);
  bool read_some(std::chrono::milliseconds patience);

  ComponentLine& line_;
  platform::Clock& clock_;
  component::FrameReader reader_;
  std::uint32_t number_ = 0;
  core::Bytes unread_;
  std::deque<core::Bytes> packets_;
};

}  // namespace aseptic::agent
