// SPDX-License-Identifier: Apache-2.0
// Assertions on results: the reason code is part of what a test claims.
#pragma once

#include <gtest/gtest.h>

#include "aseptic/core/result.h"
#include "aseptic/trust/codes.h"

namespace aseptic::trust::test {

template <typename T>
testing::AssertionResult accepted(const core::Result<T>& result) {
  if (result) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.error().name() << ": " << result.error().sentence();
}

template <typename T>
testing::AssertionResult refused(const core::Result<T>& result, TrustCode code) {
  if (result) return testing::AssertionFailure() << "was accepted";
  if (result.error().is(code)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "refused with " << result.error().name() << ": " << result.error().sentence();
}

}  // namespace aseptic::trust::test
