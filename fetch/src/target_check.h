// SPDX-License-Identifier: Apache-2.0
// Length and every listed hash of a target, piece by piece. Private to fetch.
#pragma once

#include <optional>

#include "aseptic/trust/target_search.h"

namespace aseptic::fetch {

class TargetCheck {
 public:
  explicit TargetCheck(const trust::TargetInfo& target);
  // kLength as soon as there are too many bytes.
  core::Result<void> update(core::ByteView bytes);
  core::Result<void> finish();

 private:
  const trust::TargetInfo& target_;
  std::uint64_t length_ = 0;
  std::optional<core::Sha256> sha256_;
  std::optional<core::Sha512> sha512_;
};

}  // namespace aseptic::fetch
