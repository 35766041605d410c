// SPDX-License-Identifier: Apache-2.0
// Where a long signature comes from, piece by piece: flash, a file, a test's array. A verifier reads it once, in
// order, and never holds it whole (an SLH-DSA signature has 7,856 bytes; a boot stage has 8 KiB of memory).
// Implementations are bounded: a read past the end of the signature's place is an error and writes nothing.
#pragma once
#include "aseptic/boot/format/bytes.h"
#include "aseptic/boot/format/status.h"

namespace aseptic::boot {

class SignatureSource {
 public:
  // Fills `out` with the next bytes.
  virtual Status next(MutableBytes out) = 0;

 protected:
  ~SignatureSource() = default;
};

// A signature that lies in memory.
class SignatureBytes final : public SignatureSource {
 public:
  explicit SignatureBytes(ByteView bytes) : left_(bytes) {}
  Status next(MutableBytes out) override {
    if (out.size() > left_.size()) return Status::kOutOfRange;
    copy_bytes(out, left_);
    left_ = left_.subspan(out.size());
    return Status::kOk;
  }
  std::size_t left() const { return left_.size(); }

 private:
  ByteView left_;
};

// The message under a signature: a domain string with its terminating zero, then the signed region.
struct SignedMessage {
  ByteView domain;
  ByteView body;
};

}  // namespace aseptic::boot
