// SPDX-License-Identifier: Apache-2.0
// Messages between apply and acquire: docs/formats/agent_messages.md.
//
// apply asks, acquire answers; one request at a time. A message is one SOCK_SEQPACKET packet: a header of 16 bytes and a
// body of at most kBodyMax. Little-endian, fixed layouts, no optional parts.
// Security: each side treats the other as hostile. parse_* are total, accept one spelling per message, and bound every
// length; fuzz/agent_message.cpp feeds them any bytes. apply verifies all content again; acquire can only be asked for
// paths below the configured repository, and for posting a report to the configured address.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "aseptic/core/bytes.h"
#include "aseptic/core/result.h"

namespace aseptic::agent {

inline constexpr std::uint16_t kMessageMagic = 0xa5e7;
inline constexpr std::uint8_t kMessageVersion = 1;
inline constexpr std::size_t kMessageHeaderSize = 16;
inline constexpr std::size_t kBodyMax = 64u << 10;      // one packet; the kernel's default buffer holds three
inline constexpr std::size_t kNameMax = 1024;           // longest path below the repository
inline constexpr std::size_t kSentenceMax = 512;

enum class MessageType : std::uint8_t {
  kRefresh = 1,  // acquire: run the whole metadata workflow, then answer kEnd
  kGet = 2,      // one file or range below the repository
  kPost = 3,     // one signed report
  kReply = 65,   // HTTP status; kData follow, then kEnd
  kData = 66,
  kEnd = 67,     // error number (0 = done) and sentence
  kNote = 68,    // the same, in front of kEnd: a mirror failed, and another one served
};

struct MessageHeader {
  MessageType type = MessageType::kEnd;
  std::uint32_t request = 0;  // chosen by apply; an answer to another request is dropped
  std::uint32_t length = 0;   // of the body
};

struct GetRequest {
  std::string path;  // "metadata/..." or "targets/..."
  std::uint64_t bytes_max = 0;
  std::optional<std::uint64_t> range_first;
  std::optional<std::uint64_t> range_last;
  std::uint16_t mirror = 0;  // which of the configured addresses, 0 is the first
  bool operator==(const GetRequest&) const = default;
};

struct EndNotice {
  std::uint16_t error = 0;  // error number of any part; 0 = done
  std::string sentence;
  bool operator==(const EndNotice&) const = default;
};

struct Message {
  MessageHeader header;
  core::Bytes body;
};

core::Bytes encode_message(MessageType type, std::uint32_t request, core::ByteView body);
core::Result<Message> parse_message(core::ByteView packet);

core::Bytes encode_get(const GetRequest& get);
core::Result<GetRequest> parse_get(core::ByteView body);
core::Bytes encode_reply(std::uint16_t http_status);
core::Result<std::uint16_t> parse_reply(core::ByteView body);
core::Bytes encode_end(const EndNotice& end);
core::Result<EndNotice> parse_end(core::ByteView body);

// "metadata/" or "targets/" and path segments of [A-Za-z0-9._~%-], none of them "." or "..": nothing that a server or a
// library could read as another place (T-41).
bool is_repository_path(std::string_view path);

}  // namespace aseptic::agent
