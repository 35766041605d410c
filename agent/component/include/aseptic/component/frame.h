// SPDX-License-Identifier: Apache-2.0
// Frames between the agent and a component with a processor of its own (pump microcontroller) on a serial line.
// Format: docs/formats/component_link.md. Called by: the agent's component driver, component firmware, the fuzz target.
//
// A frame is a question of the agent, the component's answer to it (same type and number), or, of type kInterlock, one
// packet of the interlock in either direction. Text between frames (boot's console) is skipped.
// SECURITY: a frame carries bytes and no authority. Images are judged by the component's boot, switches by its guard, its
// report by boot's signature. Invariants: total over all byte sequences; lengths are checked before anything is stored.
// Freestanding; no allocation; not thread safe.
#pragma once

#include "aseptic/boot/format/bytes.h"
#include "aseptic/boot/format/mailbox.h"

namespace aseptic::component {

using boot::ByteView;
using boot::Le16;
using boot::Le32;
using boot::Le64;
using boot::Le8;
using boot::MutableBytes;

enum class FrameType : std::uint8_t {
  kStatus = 1,     // answer: StatusWire
  kBegin = 2,      // value: attempt; data: signed region. Answer: the offset from which the image is wanted
  kData = 3,       // value: offset; data. Answer: the next offset
  kFinish = 4,     // all of it came: read back against the signed digests
  kArm = 5,        // value: attempt; data: manifest digest, set digest: read back, REQ_STAGE, REQ_ARM
  kConfirm = 6,    // REQ_CONFIRM with boot's token
  kRevert = 7,     // REQ_REVERT
  kSync = 8,       // copies a piece of the confirmed image to the other slot. Answer: the next offset; complete: image size
  kPeer = 9,       // data: set digest of what the main component runs
  kChallenge = 10, // data: challenge for the next boot report
  kInterlock = 16, // data: one packet of the interlock; no answer of its own
};

inline constexpr std::uint8_t kStart[2] = {0xC3, 0x3C};
inline constexpr std::size_t kDataMax = 1152;
inline constexpr std::uint32_t kDone = 0;  // value of an answer: done; else a boot::Status or an interlock::Status

struct FrameHeader {
  std::uint8_t start[2];  // kStart
  Le8 type;
  Le8 is_answer;          // 0 or 1
  Le32 number;            // a question's; its answer repeats it
  Le32 value;
  Le16 length;            // of the data, at most kDataMax
  std::uint8_t reserved[2];  // zero
};
static_assert(sizeof(FrameHeader) == 16 && alignof(FrameHeader) == 1);
static_assert(offsetof(FrameHeader, number) == 4 && offsetof(FrameHeader, length) == 12);
inline constexpr std::size_t kFrameMax = sizeof(FrameHeader) + kDataMax + sizeof(Le64);

struct Frame {
  FrameType type = FrameType::kStatus;
  bool is_answer = false;
  std::uint32_t number = 0;
  std::uint32_t value = 0;
  ByteView data;
};

using FrameBytes = std::array<std::uint8_t, kFrameMax>;
// The size of the encoded frame. Data beyond kDataMax is a caller's bug and is cut off.
std::size_t encode_frame(const Frame& frame, FrameBytes& out);

class FrameReader {
 public:
  // One byte from the line. True when it completed a valid frame, which stays valid until the next call. A byte that
  // cannot belong to a frame is dropped; so is a whole frame whose checksum (CRC-64 behind the data) is wrong.
  bool push(std::uint8_t byte, Frame& out);

 private:
  bool is_header_possible() const;

  FrameBytes buffer_{};
  std::size_t used_ = 0;
};

// The answer to kStatus.
struct StatusWire {
  std::uint8_t report[boot::kBootReportSize];  // boot's report, as boot signed it
  Le64 next_offset;                            // of an open transfer, else 0
  Le32 guard;                                  // interlock::GuardState
  Le32 infusion;                               // the application's own state, for people
  boot::Digest held;                           // manifest digest of what the slot that does not run holds, read back now;
                                               // zero when it does not verify
  boot::Digest receiving;                      // manifest digest of the open transfer, else zero
  boot::Digest peer;                           // set digest that kPeer named in this start, else zero
  std::uint8_t reserved[16];
};
static_assert(sizeof(StatusWire) == kDataMax && alignof(StatusWire) == 1);
static_assert(offsetof(StatusWire, next_offset) == 1024 && offsetof(StatusWire, held) == 1040);

struct ArmWire {
  boot::Digest manifest;
  boot::Digest set;
};
static_assert(sizeof(ArmWire) == 64);

}  // namespace aseptic::component
