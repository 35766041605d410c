// SPDX-License-Identifier: Apache-2.0
#include "aseptic/core/error.h"

namespace aseptic::core {

std::string_view to_string(ActionClass action) {
  switch (action) {
    case ActionClass::kRetry: return "retry";
    case ActionClass::kWait: return "wait";
    case ActionClass::kReject: return "reject";
    case ActionClass::kHalt: return "halt";
    case ActionClass::kBug: return "bug";
  }
  return "bug";
}

Error Error::within(std::string_view what) const& { return Error(*this).within(what); }

Error Error::within(std::string_view what) && {
  sentence_.insert(0, ": ").insert(0, what);
  return std::move(*this);
}

}  // namespace aseptic::core
