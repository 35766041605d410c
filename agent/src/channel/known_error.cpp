// SPDX-License-Identifier: Apache-2.0
#include "channel/known_error.h"

#include <array>
#include <span>

#include "aseptic/agent/codes.h"
#include "aseptic/core/codes.h"
#include "aseptic/fetch/codes.h"
#include "aseptic/payload/apply/codes.h"
#include "aseptic/platform/codes.h"
#include "aseptic/trust/codes.h"

namespace aseptic::agent {
namespace {

struct KnownCode {
  const core::ErrorInfo* info;
};
const core::ErrorInfo& describe(KnownCode code) { return *code.info; }

}  // namespace

core::Error error_from_number(std::uint16_t number, std::string sentence) {
  const std::array tables{core::core_error_table(),         trust::trust_error_table(), payload::payload_error_table(),
                          platform::platform_error_table(), fetch::fetch_error_table(), agent_error_table()};
  for (const auto& table : tables)
    for (const core::ErrorInfo& info : table)
      if (info.number == number) return {KnownCode{&info}, std::move(sentence)};
  return {AgentCode::kMessage, "the network process reported an unknown error: " + sentence};
}

}  // namespace aseptic::agent
