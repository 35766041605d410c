// SPDX-License-Identifier: Apache-2.0
// Error codes of payload (3xx).
#pragma once

#include <span>

#include "aseptic/core/error.h"
#include "aseptic/payload/format/status.h"

namespace aseptic::payload {

enum class PayloadCode : std::uint16_t {
  kHeaderDigest = 301,  // the header is not the one the signed payload index names
  kHeaderInvalid = 302,
  kIdentity = 303,  // sizes or digests differ from the signed release
  kPageDigest = 304,
  kPageInvalid = 305,
  kChunkDigest = 306,  // stored bytes differ from the table
  kChunkDecode = 307,  // malformed frame or wrong length
  kUnsupported = 308,  // unknown encoding, encryption
  kTrailingBytes = 309,
  kTruncated = 310,  // the stream ended early
  kSlotTooSmall = 311,
  kReadBack = 312,      // what lies on the medium is not the signed image
  kStreamGap = 313,     // bytes were skipped that are needed
  kImageInvalid = 314,  // publisher: the input is not a slot image
  kSourceIo = 315,      // publisher: a file cannot be read or written
  kSelfCheck = 316,     // publisher: the payload does not give back the image
  kOptions = 317,       // publisher: an option is out of range
  kBase = 318,          // no base image, another one, or its bytes have changed: use another payload
  kDeltaInvalid = 319,
  kAuxiliaryDigest = 320,
  kCodec = 321,  // the device's compressors are others than the publisher's: use another payload
  kContentKey = 322,  // no key for an encrypted payload, or another one
  kNotOpened = 323,   // authentic sealed bytes do not open: the publisher sealed something else
};

const core::ErrorInfo& describe(PayloadCode code);
std::span<const core::ErrorInfo> payload_error_table();

// The hosted form of a freestanding status: code by kind, sentence with the place in front.
core::Error to_error(Status status, std::string_view where);

}  // namespace aseptic::payload
