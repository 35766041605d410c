// SPDX-License-Identifier: Apache-2.0
// Hostile packets between the agent's two processes. Checked: parsing is total, accepts one spelling per message, never
// hands out a path that leaves the repository, a range that is turned round, or a sentence with control characters.
#include <cstdint>
#include <cstdlib>

#include "aseptic/agent/message.h"

namespace {

using namespace aseptic::agent;
using aseptic::core::Bytes;
using aseptic::core::ByteView;

void require(bool claim) {
  if (!claim) std::abort();
}

void check_get(const Bytes& body) {
  const auto get = parse_get(body);
  if (!get) return;
  require(encode_get(*get) == body);
  require(is_repository_path(get->path));
  require(get->path.find("..") == std::string::npos || get->path.find("/../") == std::string::npos);
  require(!get->range_last || (get->range_first && *get->range_first <= *get->range_last));
}

void check_answers(const Bytes& body) {
  if (const auto status = parse_reply(body)) require(encode_reply(*status) == body);
  const auto end = parse_end(body);
  if (!end) return;
  require(encode_end(*end) == body);
  for (const char c : end->sentence) require(c >= 0x20 && c <= 0x7e);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = parse_message(ByteView(data, size));
  if (!message) return 0;
  const Bytes again = encode_message(message->header.type, message->header.request, message->body);
  require(again == Bytes(data, data + size));
  require(message->body.size() <= kBodyMax);
  check_get(message->body);
  check_answers(message->body);
  return 0;
}
