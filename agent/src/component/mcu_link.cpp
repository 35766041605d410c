// SPDX-License-Identifier: Apache-2.0
#include "component/mcu_link.h"

#include <algorithm>
#include <array>

#include "aseptic/agent/codes.h"

namespace aseptic::agent {
namespace {

using component::Frame;
using component::FrameType;
using core::Result;
using std::chrono::milliseconds;

constexpr int kTriesMax = 3;
constexpr milliseconds kPatience{2000};        // flash of the size of a slot is erased and hashed in this time
constexpr milliseconds kLookPatience{900};
constexpr std::size_t kPacketsMax = 16;        // more are not waited for by anybody; the oldest are dropped

}  // namespace

McuLink::McuLink(ComponentLine& line, platform::Clock& clock, platform::Entropy& entropy) : line_(line), clock_(clock) {
  // A restarted agent must not repeat the numbers of the one before.
  std::array<std::uint8_t, 4> start{};
  entropy.fill(start);
  for (const std::uint8_t byte : start) number_ = number_ << 8U | byte;
}

bool McuLink::send(core::ByteView packet) {
  component::FrameBytes bytes;
  const std::size_t size = component::encode_frame({FrameType::kInterlock, false, 0, 0, packet}, bytes);
  return line_.send(core::ByteView(bytes).first(size));
}

std::optional<core::Bytes> McuLink::receive() {
  if (packets_.empty()) static_cast<void>(await(FrameType::kInterlock, 0, milliseconds{0}));
  if (packets_.empty()) return std::nullopt;
  core::Bytes packet = std::move(packets_.front());
  packets_.pop_front();
  return packet;
}

bool McuLink::read_some(milliseconds patience) {
  std::array<std::uint8_t, 2048> bytes{};
  const std::size_t count = line_.receive(bytes, patience);
  unread_.insert(unread_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
  return count != 0;
}

std::optional<McuLink::Answer> McuLink::await(FrameType type, std::uint32_t number, milliseconds patience) {
  const milliseconds until = clock_.since_boot() + patience;
  do {
    const milliseconds now = clock_.since_boot();
    if (unread_.empty() && !read_some(until > now ? until - now : milliseconds{0})) continue;
    std::size_t used = 0;
    Frame frame;
    bool complete = false;
    while (used < unread_.size() && !complete) complete = reader_.push(unread_[used++], frame);
    unread_.erase(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(used));
    if (!complete || !frame.is_answer) continue;
    if (frame.type == FrameType::kInterlock) {
      packets_.emplace_back(frame.data.begin(), frame.data.end());
      if (packets_.size() > kPacketsMax) packets_.pop_front();
    } else if (frame.type == type && frame.number == number) {
      return Answer{frame.value, core::Bytes(frame.data.begin(), frame.data.end())};
    }
  } while (!unread_.empty() || clock_.since_boot() < until);
  return std::nullopt;
}

Result<McuLink::Answer> McuLink::ask(FrameType type, std::uint32_t value, core::ByteView data) {
  number_ = std::max<std::uint32_t>(number_ + 1, 1);
  component::FrameBytes bytes;
  const std::size_t size = component::encode_frame({type, false, number_, value, data}, bytes);
  const bool is_look = type == FrameType::kStatus;
  for (int tries = 0; tries < (is_look ? 1 : kTriesMax); ++tries) {
    if (!line_.send(core::ByteView(bytes).first(size))) break;
    if (auto answer = await(type, number_, is_look ? kLookPatience : kPatience)) return *std::move(answer);
  }
  return core::Error(AgentCode::kUnreachable, "the component does not answer on its line");
}

}  // namespace aseptic::agent
