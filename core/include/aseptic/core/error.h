// SPDX-License-Identifier: Apache-2.0
// What went wrong, for two readers: a program branches on the action class, a person reads the sentence.
//
// Each part owns one closed enum of codes (append only, numbers stable: core 1xx, trust 2xx, payload 3xx,
// platform 4xx, fetch 5xx, publish 6xx, agent 7xx, fleet 8xx) and one function `describe(Code)` found by
// argument-dependent lookup. The name, for example "trust.rollback", is the reason code in logs and reports.
// Thread contract: value type.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace aseptic::core {

// What the caller has to do about an error; callers branch on this, never on the sentence.
enum class ActionClass : std::uint8_t {
  kRetry,   // the same call may succeed soon: network, busy
  kWait,    // a condition outside must change first: therapy, window, energy, expiry
  kReject,  // the input is bad or hostile; trying it again is pointless
  kHalt,    // the device must not proceed
  kBug,     // the program contradicts itself
};

std::string_view to_string(ActionClass action);

struct ErrorInfo {
  std::uint16_t number;
  std::string_view name;     // "<part>.<snake_case>"
  ActionClass action;
  std::string_view meaning;  // one line for docs/errors.md
};

class Error {
 public:
  // `sentence` says what is wrong and, where somebody can act, what to do.
  template <typename Code>
    requires requires(Code code) {
      { describe(code) } -> std::convertible_to<const ErrorInfo&>;
    }
  Error(Code code, std::string sentence) : info_(&describe(code)), sentence_(std::move(sentence)) {}

  // The same error seen one layer up: "fetch timestamp: connection closed".
  [[nodiscard]] Error within(std::string_view what) const&;
  [[nodiscard]] Error within(std::string_view what) &&;

  [[nodiscard]] std::uint16_t number() const { return info_->number; }
  [[nodiscard]] std::string_view name() const { return info_->name; }
  [[nodiscard]] ActionClass action() const { return info_->action; }
  [[nodiscard]] const std::string& sentence() const { return sentence_; }

  template <typename Code>
  [[nodiscard]] bool is(Code code) const {
    return info_->number == describe(code).number;
  }

 private:
  const ErrorInfo* info_;
  std::string sentence_;
};

}  // namespace aseptic::core
