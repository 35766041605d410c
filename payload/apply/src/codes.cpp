// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/apply/codes.h"

#include <array>
#include <string>

#include "aseptic/core/assert.h"

namespace aseptic::payload {
namespace {

using enum core::ActionClass;

constexpr std::array<core::ErrorInfo, 23> kTable{{
    {301, "payload.header_digest", kReject,
     "The payload's header is not the one that the signed index names."},
    {302, "payload.header_invalid", kReject, "The payload's header breaks a rule of the format."},
    {303, "payload.identity", kReject, "The payload's sizes or digests differ from the signed release."},
    {304, "payload.page_digest", kReject, "A page of the chunk table was changed."},
    {305, "payload.page_invalid", kReject, "A page of the chunk table breaks a rule of the format."},
    {306, "payload.chunk_digest", kReject, "The stored bytes of a chunk were changed."},
    {307, "payload.chunk_decode", kReject, "A chunk does not decode to its place in the image."},
    {308, "payload.unsupported", kReject,
     "The payload needs an encoding that this version does not support."},
    {309, "payload.trailing_bytes", kReject, "There are bytes behind the end of the payload."},
    {310, "payload.truncated", kRetry, "The payload ended early."},
    {311, "payload.slot_too_small", kReject, "The image is larger than the slot."},
    {312, "payload.read_back", kReject, "What lies on the medium is not the signed image."},
    {313, "payload.stream_gap", kBug, "Bytes of the payload that are needed were skipped."},
    {314, "payload.image_invalid", kReject, "The input is not a slot image."},
    {315, "payload.source_io", kHalt, "A file of the publisher cannot be read or written."},
    {316, "payload.self_check", kBug, "A payload just made does not give back its image."},
    {317, "payload.options", kReject, "An option is out of its range."},
    {318, "payload.base", kReject, "The installed image is not the one that the payload starts from."},
    {319, "payload.delta_invalid", kReject, "The delta's copy map breaks a rule of the format."},
    {320, "payload.auxiliary_digest", kReject, "The payload's auxiliary section was changed."},
    {321, "payload.codec", kReject, "The delta needs a compressor in a version that this device does not have."},
    {322, "payload.content_key", kReject, "This device has no key for the encrypted payload."},
    {323, "payload.not_opened", kReject, "An authentic chunk does not open with the payload's key."},
}};

PayloadCode code_for(Status status) {
  switch (status) {
    case Status::kEncryptionUnsupported:
    case Status::kEncodingUnsupported:
      return PayloadCode::kUnsupported;
    case Status::kNotOpened:
      return PayloadCode::kNotOpened;
    case Status::kStoredDigest:
      return PayloadCode::kChunkDigest;
    case Status::kBadFrame:
    case Status::kFrameSize:
    case Status::kDecodeFailed:
    case Status::kNoDecoder:
    case Status::kBufferSize:
      return PayloadCode::kChunkDecode;
    case Status::kBadPageIndex:
    case Status::kBadPageLink:
    case Status::kBadEncoding:
    case Status::kBadStoredSize:
    case Status::kBadEntryDigest:
    case Status::kBadSource:
      return PayloadCode::kPageInvalid;
    case Status::kBadDelta:
    case Status::kNewDigest:
    case Status::kRecodeFailed:
      return PayloadCode::kChunkDecode;
    case Status::kBadCopyMap:
    case Status::kBadDirectory:
    case Status::kBadDeltaHeader:
    case Status::kDeltaLimit:
    case Status::kBadRecoding:
    case Status::kBadShortForm:
      return PayloadCode::kDeltaInvalid;
    case Status::kCodecMissing:
      return PayloadCode::kCodec;
    case Status::kOldDigest:
    case Status::kOldUnreadable:
      return PayloadCode::kBase;
    default:
      return PayloadCode::kHeaderInvalid;
  }
}

}  // namespace

const core::ErrorInfo& describe(PayloadCode code) {
  const auto index = static_cast<std::size_t>(code) - kTable.front().number;
  ASEPTIC_ASSERT(index < kTable.size());
  return kTable[index];
}

std::span<const core::ErrorInfo> payload_error_table() {
  return kTable;
}

core::Error to_error(Status status, std::string_view where) {
  return core::Error(code_for(status), std::string(describe_status(status).sentence)).within(where);
}

}  // namespace aseptic::payload
