// SPDX-License-Identifier: Apache-2.0
// Result codes of the interlock, for both sides and on the wire (a refusal carries its reason).
// Called by: everything in interlock/. Invariant: kSuccess is not zero and every other code differs from it,
// and from each other code, in at least six bits (status_test walks the table), so that no single glitched
// bit, cleared register or uninitialised word reads as consent.
#pragma once

#include <cstdint>

namespace aseptic::interlock {

enum class [[nodiscard]] Status : std::uint32_t{
    kSuccess = 0x5a3c96e1,
    kPending = 0xc13da58a,    // not yet: ask again
    kBadLength = 0x9362da5c,  // frame is shorter or longer than its type
    kBadMagic = 0xe5c15b62,         kBadVersion = 0xa7ace732,    kUnknownType = 0x7e6ddce7,
    kReservedSet = 0x2c63888f,  // a byte that must be zero is not
    kBadValue = 0xd015b0dc,     // a field is outside its closed set or range
    kBadConfig = 0x8f7b7676,
    kBadState = 0x8a119b9e,          // the call or message does not belong to this state
    kTherapyBlocked = 0xda679f81,    // a state of the blocking table is present (SI-02)
    kTherapyInhibited = 0x609e467a,  // therapy may not start: held, cancelling, or in a trial
    kNotThisHold = 0x637d6efa,      kNotThisDevice = 0xbc67ba94, kNotThisTransaction = 0x2f960063,
    kNotThisManifest = 0x0787c0de,  kNotThisBoot = 0xfab36728,   kBadSignature = 0x12e74f7b,
    kStaleLease = 0x19d52695,       kReplayedLease = 0x6cace4d5, kNotInhibited = 0xa712755f,
    kNoPermit = 0x458bfed0,  // read-back does not show the PERMIT of this hold
    kStorage = 0x1c5989f1,          kTransport = 0xcdc83011,
    kTooOften = 0x482c590e,     // trigger storm: asked again before the pause was over
    kSilence = 0x5796a670,      // the other side said nothing for too long
    kBudgetSpent = 0x7777682c,  // the declared out-of-service time is used up (SI-08)
    kHeldByOther = 0xa93258ef,      kNotInTrial = 0x53a12945,    kResetFailed = 0x0b80a255,
    kNoEntropy = 0xf2e91ac7,        kSigner = 0x0f8a7abf,
    kNoAnswer = 0xc20dbc21,  // the therapy application did not answer the challenge
};

struct StatusName {
  Status status;
  const char* name;      // stable: appears in logs as interlock.<name>
  const char* sentence;  // for the operator
};

/// Name and sentence of a code; an unknown number gives {that number, "unknown", ...}.
StatusName describe(Status status);

/// The whole table, success first, for tests and documents.
const StatusName* status_table(std::uint32_t& count);

/// True when `code` is one of the enumerators (a number from outside is checked before it is shown).
bool is_known_status(std::uint32_t code);

}  // namespace aseptic::interlock
