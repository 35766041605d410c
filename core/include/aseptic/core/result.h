// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error. Every fallible function of the hosted parts returns one.
#pragma once

#include <expected>
#include <utility>

#include "aseptic/core/error.h"

namespace aseptic::core {

template <typename T = void>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  Result(Error error) : std::expected<T, Error>(std::unexpect, std::move(error)) {}  // NOLINT: implicit by design

  // The same result, with `what` put before the sentence of a failure.
  [[nodiscard]] Result within(std::string_view what) && {
    if (!this->has_value()) this->error() = std::move(this->error()).within(what);
    return std::move(*this);
  }
};

}  // namespace aseptic::core

// __COUNTER__ and not __LINE__: a macro in a lambda inside another macro's argument has the same line.
#define ASEPTIC_CONCAT_INNER(a, b) a##b
#define ASEPTIC_CONCAT(a, b) ASEPTIC_CONCAT_INNER(a, b)

// ASEPTIC_TRY(auto name, expression): takes the value out, or returns the error to the caller.
#define ASEPTIC_TRY(declaration, ...) ASEPTIC_TRY_INNER(ASEPTIC_CONCAT(try_result_, __COUNTER__), declaration, __VA_ARGS__)
#define ASEPTIC_TRY_INNER(result, declaration, ...)       \
  auto result = (__VA_ARGS__);                            \
  if (!result) return std::move(result).error();          \
  declaration = *std::move(result)

// ASEPTIC_TRY_VOID(expression): the same for Result<void>.
#define ASEPTIC_TRY_VOID(...) ASEPTIC_TRY_VOID_INNER(ASEPTIC_CONCAT(try_result_, __COUNTER__), __VA_ARGS__)
#define ASEPTIC_TRY_VOID_INNER(result, ...)                             \
  do {                                                                  \
    if (auto result = (__VA_ARGS__); !result) return std::move(result).error(); \
  } while (false)
