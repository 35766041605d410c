// SPDX-License-Identifier: Apache-2.0
// Trust is a type. Untrusted<T> marks bytes from outside; Verified<T> can be made only by the verifier of T.
#pragma once

#include <utility>

namespace aseptic::core {

// Bytes or values from outside. Taking them out is visible: `input.for_verification()`.
template <typename T>
class Untrusted {
 public:
  explicit Untrusted(T value) : value_(std::move(value)) {}
  [[nodiscard]] const T& for_verification() const { return value_; }

 private:
  T value_;
};

// Specialised by the header that declares the verifier: `using type = TheVerifierClass;`
template <typename T>
struct VerifierOf;

// A value whose origin was proven. Only VerifierOf<T>::type can construct it.
template <typename T>
class Verified {
 public:
  [[nodiscard]] const T& operator*() const { return value_; }
  [[nodiscard]] const T* operator->() const { return &value_; }

 private:
  friend typename VerifierOf<T>::type;
  explicit Verified(T value) : value_(std::move(value)) {}
  T value_;
};

}  // namespace aseptic::core
