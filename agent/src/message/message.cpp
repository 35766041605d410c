// SPDX-License-Identifier: Apache-2.0
#include "aseptic/agent/message.h"

#include <algorithm>

#include "aseptic/agent/codes.h"

namespace aseptic::agent {
namespace {

using core::Bytes;
using core::ByteView;
using core::Error;
using core::Result;

constexpr std::uint64_t kNoRange = ~std::uint64_t{0};
constexpr std::size_t kGetFixedSize = 28;  // bytes_max, first, last, name length, mirror

Error malformed(const char* sentence) { return {AgentCode::kMessage, sentence}; }

template <typename T>
void put(Bytes& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

template <typename T>
T take(ByteView bytes, std::size_t offset) {
  T value = 0;
  for (std::size_t i = sizeof(T); i-- > 0;) value = static_cast<T>(static_cast<T>(value << 7 << 1) | bytes[offset + i]);
  return value;
}

bool is_known(std::uint8_t type) {
  switch (static_cast<MessageType>(type)) {
    case MessageType::kRefresh:
    case MessageType::kGet:
    case MessageType::kPost:
    case MessageType::kReply:
    case MessageType::kData:
    case MessageType::kEnd:
    case MessageType::kNote: return true;
  }
  return false;
}

bool is_path_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '~' || c == '%' || c == '-';
}

bool is_printable(char c) { return c >= 0x20 && c <= 0x7e; }

}  // namespace

bool is_repository_path(std::string_view path) {
  if (path.size() > kNameMax) return false;
  if (!path.starts_with("metadata/") && !path.starts_with("targets/")) return false;
  while (true) {
    const auto slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment.empty() || segment == "." || segment == ".." || !std::ranges::all_of(segment, is_path_character)) {
      return false;
    }
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

Bytes encode_message(MessageType type, std::uint32_t request, ByteView body) {
  Bytes out;
  out.reserve(kMessageHeaderSize + body.size());
  put(out, kMessageMagic);
  put(out, kMessageVersion);
  put(out, static_cast<std::uint8_t>(type));
  put(out, request);
  put(out, static_cast<std::uint32_t>(body.size()));
  put(out, std::uint32_t{0});
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

Result<Message> parse_message(ByteView packet) {
  if (packet.size() < kMessageHeaderSize) return malformed("a message is shorter than its header");
  if (take<std::uint16_t>(packet, 0) != kMessageMagic) return malformed("a message has the wrong magic");
  if (packet[2] != kMessageVersion) return malformed("a message has an unknown version");
  if (!is_known(packet[3])) return malformed("a message has an unknown type");
  if (take<std::uint32_t>(packet, 12) != 0) return malformed("a reserved byte of a message is set");
  Message message;
  message.header.type = static_cast<MessageType>(packet[3]);
  message.header.request = take<std::uint32_t>(packet, 4);
  message.header.length = take<std::uint32_t>(packet, 8);
  if (message.header.length > kBodyMax) return malformed("a message is longer than allowed");
  const ByteView body = packet.subspan(kMessageHeaderSize);
  if (body.size() != message.header.length) return malformed("a message's length does not match its packet");
  if (message.header.type == MessageType::kRefresh && !body.empty()) return malformed("a refresh carries no body");
  message.body.assign(body.begin(), body.end());
  return message;
}

Bytes encode_get(const GetRequest& get) {
  Bytes out;
  put(out, get.bytes_max);
  put(out, get.range_first.value_or(kNoRange));
  put(out, get.range_last.value_or(kNoRange));
  put(out, static_cast<std::uint16_t>(get.path.size()));
  put(out, get.mirror);
  out.insert(out.end(), get.path.begin(), get.path.end());
  return out;
}

Result<GetRequest> parse_get(ByteView body) {
  if (body.size() < kGetFixedSize) return malformed("a request is too short");
  GetRequest get;
  get.bytes_max = take<std::uint64_t>(body, 0);
  const auto first = take<std::uint64_t>(body, 8);
  const auto last = take<std::uint64_t>(body, 16);
  if (body.size() - kGetFixedSize != take<std::uint16_t>(body, 24)) return malformed("a request's path has another length");
  get.path = core::as_text(body.subspan(kGetFixedSize));
  if (!is_repository_path(get.path)) return malformed("a request's path leaves the repository");
  get.mirror = take<std::uint16_t>(body, 26);
  if (first != kNoRange) get.range_first = first;
  if (last != kNoRange) get.range_last = last;
  if (get.range_last && (!get.range_first || *get.range_last < *get.range_first)) {
    return malformed("a request's range is turned round");
  }
  return get;
}

Bytes encode_reply(std::uint16_t http_status) {
  Bytes out;
  put(out, http_status);
  put(out, std::uint16_t{0});
  return out;
}

Result<std::uint16_t> parse_reply(ByteView body) {
  if (body.size() != 4 || take<std::uint16_t>(body, 2) != 0) return malformed("a reply has the wrong form");
  const auto status = take<std::uint16_t>(body, 0);
  if (status < 100 || status > 599) return malformed("a reply has no HTTP status");
  return status;
}

Bytes encode_end(const EndNotice& end) {
  Bytes out;
  std::string sentence = end.sentence.substr(0, kSentenceMax);
  for (char& c : sentence)
    if (!is_printable(c)) c = '?';
  put(out, end.error);
  put(out, static_cast<std::uint16_t>(sentence.size()));
  out.insert(out.end(), sentence.begin(), sentence.end());
  return out;
}

Result<EndNotice> parse_end(ByteView body) {
  if (body.size() < 4) return malformed("an end notice is too short");
  EndNotice end;
  end.error = take<std::uint16_t>(body, 0);
  const std::size_t length = take<std::uint16_t>(body, 2);
  if (length > kSentenceMax || body.size() - 4 != length) return malformed("an end notice has another length");
  end.sentence = core::as_text(body.subspan(4));
  if (!std::ranges::all_of(end.sentence, is_printable)) return malformed("an end notice holds a control character");
  return end;
}

}  // namespace aseptic::agent
