// SPDX-License-Identifier: Apache-2.0
// The result of the freestanding payload functions: closed list, numbers stable, each with a sentence for the
// operator. Hosted code turns one into a core::Error (payload/apply/codes.h).
#pragma once
#include <cstdint>

namespace aseptic::payload {

// name, number, sentence
#define ASEPTIC_PAYLOAD_STATUS_LIST(X)                                                             \
  X(kBadMagic, 0x01, "the magic number is wrong: this is not a payload")                           \
  X(kBadFormat, 0x02, "the payload format version is unknown")                                     \
  X(kBadLength, 0x03, "a length field does not have its only permitted value")                     \
  X(kReservedNotZero, 0x04, "a reserved byte is not zero")                                         \
  X(kUnknownFlag, 0x05, "an unknown flag is set")                                                  \
  X(kBadImageSize, 0x06, "the image size is zero, too large or not a multiple of 4096")            \
  X(kBadChunkSize, 0x07, "the chunk size is zero, above 256 KiB or not a multiple of 4096")        \
  X(kBadChunkCount, 0x08, "the chunk count does not follow from image size and chunk size")        \
  X(kBadPageShape, 0x09, "the page size or page count does not follow from the chunk count")       \
  X(kBadPayloadSize, 0x0A, "the payload size cannot hold what the header announces")               \
  X(kBadEncodingSet, 0x0B, "the set of encodings is empty")                                        \
  X(kBadWindow, 0x0C, "the decode window does not follow from chunk size and encodings")           \
  X(kDigestMissing, 0x0D, "a digest that must be present is zero")                                 \
  X(kEncryptionUnsupported, 0x0E, "the payload is encrypted in a way that is not supported")       \
  X(kEncodingUnsupported, 0x0F, "an encoding is not supported by this version")                    \
  X(kBadBase, 0x10, "the base image does not fit the encodings")                                   \
  X(kBadAuxiliary, 0x11, "the auxiliary section does not fit the encodings or its limit")          \
  X(kBadPageIndex, 0x20, "a table page is not the one that belongs here")                          \
  X(kBadPageLink, 0x21, "a table page links to a next page where there is none, or the reverse")   \
  X(kBadEncoding, 0x22, "a chunk uses an encoding that the header does not list")                  \
  X(kBadStoredSize, 0x23, "a chunk's stored size does not fit its encoding")                       \
  X(kBadEntryDigest, 0x24, "a chunk's digests do not fit its encoding")                            \
  X(kBadSource, 0x25, "a chunk starts from bytes that it cannot start from")                       \
  X(kStoredDigest, 0x30, "the stored bytes of a chunk do not match their digest")                  \
  X(kBadFrame, 0x31, "a compressed chunk is not exactly one plain zstd frame")                     \
  X(kFrameSize, 0x32, "a compressed chunk declares another length than its place in the image")    \
  X(kDecodeFailed, 0x33, "a compressed chunk does not decode to its length")                       \
  X(kNoDecoder, 0x34, "no decoder for this encoding was given")                                    \
  X(kBufferSize, 0x35, "a buffer has the wrong size")                                              \
  X(kNotOpened, 0x36, "sealed bytes do not open: another key, place or payload, or they were changed") \
  X(kBadDelta, 0x40, "a delta chunk does not decode to its length")                                \
  X(kBadCopyMap, 0x41, "the copy map leaves an image, overlaps itself or is out of order")         \
  X(kBadDirectory, 0x42, "the delta's directory of elements breaks a rule of the format")          \
  X(kBadDeltaHeader, 0x43, "the header of the delta breaks a rule of the format")                  \
  X(kDeltaLimit, 0x44, "the delta needs more memory than this device grants")                      \
  X(kOldDigest, 0x45, "the old bytes are not those that the delta was made from")                  \
  X(kOldUnreadable, 0x46, "the old bytes cannot be read")                                          \
  X(kNewDigest, 0x47, "a chunk did not decode to the bytes that the table names")                  \
  X(kBadRecoding, 0x48, "the list of recoded blocks breaks a rule of the format")                  \
  X(kCodecMissing, 0x49, "the delta needs a compressor that this device does not have in that version") \
  X(kRecodeFailed, 0x4A, "a recoded block does not come out at its size")                          \
  X(kBadShortForm, 0x4B, "the short form of a payload breaks a rule of the format")

enum class [[nodiscard]] Status : std::uint32_t{
    kOk = 0xA5C3963CU,  // not zero: a cleared register is no success
#define ASEPTIC_PAYLOAD_STATUS_ENUMERATOR(name, number, sentence) name = number,
    ASEPTIC_PAYLOAD_STATUS_LIST(ASEPTIC_PAYLOAD_STATUS_ENUMERATOR)
#undef ASEPTIC_PAYLOAD_STATUS_ENUMERATOR
};

constexpr bool ok(Status status) {
  return status == Status::kOk;
}

struct StatusText {
  Status status;
  const char* name;
  const char* sentence;
};
inline constexpr StatusText kStatusTexts[] = {{Status::kOk, "kOk", "done"},
#define ASEPTIC_PAYLOAD_STATUS_TEXT(name, number, sentence) {Status::name, #name, sentence},
                                              ASEPTIC_PAYLOAD_STATUS_LIST(ASEPTIC_PAYLOAD_STATUS_TEXT)
#undef ASEPTIC_PAYLOAD_STATUS_TEXT
};
constexpr const StatusText& describe_status(Status status) {
  for (const auto& text : kStatusTexts)
    if (text.status == status) return text;
  return kStatusTexts[1];
}

#define ASEPTIC_PAYLOAD_TRY(expression)                                                 \
  do {                                                                                  \
    const ::aseptic::payload::Status aseptic_payload_status = (expression);             \
    if (!::aseptic::payload::ok(aseptic_payload_status)) return aseptic_payload_status; \
  } while (false)

}  // namespace aseptic::payload
