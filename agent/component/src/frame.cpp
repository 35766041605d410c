// SPDX-License-Identifier: Apache-2.0
#include "aseptic/component/frame.h"

#include "aseptic/boot/format/checksum.h"

namespace aseptic::component {
namespace {

bool is_known(std::uint8_t type) {
  return (type >= static_cast<std::uint8_t>(FrameType::kStatus) && type <= static_cast<std::uint8_t>(FrameType::kChallenge)) ||
         type == static_cast<std::uint8_t>(FrameType::kInterlock);
}

}  // namespace

std::size_t encode_frame(const Frame& frame, FrameBytes& out) {
  const ByteView data = frame.data.first(frame.data.size() < kDataMax ? frame.data.size() : kDataMax);
  FrameHeader header{};
  boot::copy_bytes(header.start, kStart);
  header.type.set(static_cast<std::uint8_t>(frame.type));
  header.is_answer.set(frame.is_answer ? 1 : 0);
  header.number.set(frame.number);
  header.value.set(frame.value);
  header.length.set(static_cast<std::uint16_t>(data.size()));
  const std::size_t size = sizeof header + data.size() + sizeof(Le64);
  boot::copy_bytes(out, boot::bytes_of(header));
  boot::copy_bytes(MutableBytes(out).subspan(sizeof header), data);
  boot::seal_checksum(MutableBytes(out).first(size));
  return size;
}

// What has come of a header can still become a valid one.
bool FrameReader::is_header_possible() const {
  FrameHeader header{};
  boot::copy_bytes(boot::mutable_bytes_of(header), ByteView(buffer_).first(used_ < sizeof header ? used_ : sizeof header));
  if (used_ >= 1 && header.start[0] != kStart[0]) return false;
  if (used_ >= 2 && header.start[1] != kStart[1]) return false;
  if (used_ >= 3 && !is_known(header.type.get())) return false;
  if (used_ >= 4 && header.is_answer.get() > 1) return false;
  if (used_ < sizeof header) return true;
  return header.length.get() <= kDataMax && header.reserved[0] == 0 && header.reserved[1] == 0;
}

bool FrameReader::push(std::uint8_t byte, Frame& out) {
  buffer_[used_++] = byte;
  while (used_ <= sizeof(FrameHeader) && used_ != 0 && !is_header_possible()) {
    // The byte after a broken beginning may be the first of a frame.
    std::size_t next = 1;
    while (next < used_ && buffer_[next] != kStart[0])
      ++next;
    boot::copy_bytes(buffer_, ByteView(buffer_).subspan(next, used_ - next));
    used_ -= next;
  }
  if (used_ < sizeof(FrameHeader)) return false;
  FrameHeader header{};
  boot::copy_bytes(boot::mutable_bytes_of(header), ByteView(buffer_).first(sizeof header));
  const std::size_t size = sizeof header + header.length.get() + sizeof(Le64);
  if (used_ < size) return false;
  used_ = 0;
  if (!boot::checksum_matches(ByteView(buffer_).first(size))) return false;
  out.type = static_cast<FrameType>(header.type.get());
  out.is_answer = header.is_answer.get() == 1;
  out.number = header.number.get();
  out.value = header.value.get();
  out.data = ByteView(buffer_).subspan(sizeof header, header.length.get());
  return true;
}

}  // namespace aseptic::component
