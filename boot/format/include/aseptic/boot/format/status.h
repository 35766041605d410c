// SPDX-License-Identifier: Apache-2.0
// The result of every freestanding boot function.
// Security (T-55): success is a non-zero constant and every error differs from it in at least six bits, so
// that neither a cleared register nor a few flipped bits turn a refusal into success; a test walks the list
// below. Numbers are stable: append, never renumber; 0x0310 to 0x0312 are used up.
#pragma once
#include <cstdint>

namespace aseptic::boot {

// name, number, sentence for the operator
#define ASEPTIC_BOOT_STATUS_LIST(X)                                                                       \
  X(kIoError, 0x0101, "the medium did not read or write")                                                 \
  X(kOutOfRange, 0x0102, "an offset or length lies outside its area")                                     \
  X(kBufferSize, 0x0103, "a buffer has the wrong size")                                                   \
  X(kBadMagic, 0x0201, "the magic number is wrong: this is not the expected structure")                   \
  X(kBadFormat, 0x0202, "the format version is unknown")                                                  \
  X(kBadLength, 0x0203, "a length field is wrong")                                                        \
  X(kReservedNotZero, 0x0204, "a reserved byte is not zero")                                              \
  X(kBadChecksum, 0x0205, "the checksum does not match: torn or changed")                                 \
  X(kBadEnumerator, 0x0206, "a field holds an unknown value")                                             \
  X(kBadText, 0x0207, "a text field holds a forbidden character")                                         \
  X(kBadRegionTable, 0x0208, "the region table is not in order, overlaps or leaves its bounds")           \
  X(kBadImageSize, 0x0209, "the image size does not match the region table")                              \
  X(kBadTree, 0x020A, "the hash tree parameters are wrong")                                               \
  X(kBadEntry, 0x020B, "the entry point lies outside the executable region")                              \
  X(kBadRange, 0x020C, "a range is empty or turned round")                                                \
  X(kBadAlgorithm, 0x020D, "a signature algorithm is not the required one")                               \
  X(kBadDependency, 0x020E, "a dependency entry is incomplete")                                           \
  X(kPolicyFlagUnknown, 0x020F, "an unknown policy flag is set")                                          \
  X(kTooLargeForSlot, 0x0301, "the image is larger than the slot")                                        \
  X(kWrongProduct, 0x0302, "the image is for another product")                                            \
  X(kWrongHardware, 0x0303, "the image is for another hardware")                                          \
  X(kWrongRevision, 0x0304, "the image is for another hardware revision")                                 \
  X(kWrongLifeCycle, 0x0305, "the life cycle of image and device differ")                                 \
  X(kBootTooOld, 0x0306, "the image needs a newer boot stage")                                            \
  X(kNotBootable, 0x0307, "an image of this type cannot be started")                                      \
  X(kUnknownKey, 0x0308, "no key slot of this device matches the image's key ids")                        \
  X(kRevokedKey, 0x0309, "the image is signed by a revoked key")                                          \
  X(kBadSignature, 0x030A, "the P-256 signature does not verify")                                         \
  X(kBelowFloor, 0x030B, "the image's epoch is below the security floor")                                 \
  X(kRegionDigest, 0x030C, "a region does not match its signed digest")                                   \
  X(kDirtySlot, 0x030D, "a byte outside the signed regions is not erased")                                \
  X(kQuarantined, 0x030E, "this image failed its trial; a higher attempt number is needed")               \
  X(kOlderThanConfirmed, 0x030F, "the image's sequence is lower than the confirmed one")                  \
  X(kSelfRevocation, 0x0313, "the revocation mask covers the image's own key or the last key")            \
  X(kPubliclyKnownKey, 0x0314, "a production device never trusts a key whose private half is published")   \
  X(kBadPostQuantumSignature, 0x0315, "the post-quantum signature does not verify or is missing")         \
  X(kDebugOpen, 0x0320, "the debug port of a production device is open")                                  \
  X(kNotFound, 0x0401, "there is no such record, request or image")                                       \
  X(kJournalFull, 0x0402, "the journal half has no space left")                                           \
  X(kJournalUnreadable, 0x0403, "no half of the journal holds a closed snapshot")                         \
  X(kStoreUnreadable, 0x0404, "the monotonic store cannot be read")                                       \
  X(kStoreExhausted, 0x0405, "a monotonic counter is at its end")                                         \
  X(kWriteNotVerified, 0x0406, "a write did not read back as written")                                    \
  X(kProvisioningInvalid, 0x0407, "the provisioning record is missing or damaged")                        \
  X(kWayBackMissing, 0x0408, "the images that must remain have not just verified; nothing is overwritten") \
  X(kWrongOrder, 0x0409, "a step comes before one that it depends on")                                    \
  X(kNothingBoots, 0x0501, "no image of this device may run")                                             \
  X(kLoaderFailed, 0x0502, "the image could not be copied to executable memory")

enum class [[nodiscard]] Status : std::uint32_t{kOk = 0xA5C3963CU,
#define ASEPTIC_BOOT_STATUS_ENUMERATOR(name, number, sentence) name = number,
                                                ASEPTIC_BOOT_STATUS_LIST(ASEPTIC_BOOT_STATUS_ENUMERATOR)
#undef ASEPTIC_BOOT_STATUS_ENUMERATOR
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
#define ASEPTIC_BOOT_STATUS_TEXT(name, number, sentence) {Status::name, #name, sentence},
                                              ASEPTIC_BOOT_STATUS_LIST(ASEPTIC_BOOT_STATUS_TEXT)
#undef ASEPTIC_BOOT_STATUS_TEXT
};
constexpr const StatusText& describe(Status status) {
  for (const auto& text : kStatusTexts)
    if (text.status == status) return text;
  return kStatusTexts[1];
}

// Leaves the calling function with the error of `expression`.
#define ASEPTIC_BOOT_TRY(expression)                                           \
  do {                                                                         \
    const ::aseptic::boot::Status aseptic_boot_status = (expression);          \
    if (!::aseptic::boot::ok(aseptic_boot_status)) return aseptic_boot_status; \
  } while (false)

}  // namespace aseptic::boot
