// SPDX-License-Identifier: Apache-2.0
// Error codes of trust (2xx). The name of a code is the reason that logs, reports and alerts carry.
#pragma once

#include <span>

#include "aseptic/core/error.h"

namespace aseptic::trust {

enum class TrustCode : std::uint16_t {
  // TUF metadata
  kFormat = 201,              // metadata does not have the required shape
  kThreshold = 202,           // fewer valid signatures by distinct keys than the role requires
  kRollback = 203,            // older than what is already trusted
  kFreeze = 204,              // expired at the start of this update
  kMixAndMatch = 205,         // version differs from the one that the parent role lists
  kRootChain = 206,           // the next root is not exactly version N+1
  kLength = 207,              // length differs from the one listed
  kHash = 208,                // hash differs from the one listed
  kDuplicateSignature = 209,  // one key id signs twice
  kBadThreshold = 210,        // threshold below 1 or above the number of distinct keys
  kNotFound = 211,            // no role that may speak for this target lists it
  kEndless = 212,             // more bytes, roles or rotations than the named limit
  kWrongType = 213,           // `_type` is not the role's type
  kSpecVersion = 214,         // not TUF 1.x
  kOrder = 215,               // the caller broke the order of the workflow
  kNotListed = 216,           // the snapshot does not list this role
  kDelegation = 217,          // a delegation is malformed or ambiguous
  // Statements
  kStatementFormat = 220,
  kCriticalUnknown = 221,     // `critical` names a field that this version does not know
  kStatementMismatch = 222,   // the bytes are not the ones that the signed target names, or name another release
  kStatementMissing = 223,    // the authority policy requires a statement that is absent
  kStatementExpired = 224,
  kWrongDevice = 225,         // the statement is bound to another device or component
  kNonce = 226,               // the statement answers another nonce
  kTokenScope = 227,          // a downgrade token does not cover this change
  kLogProof = 228,            // no proof of log inclusion, or the proof does not hold
  kLogFork = 229,             // the log is shorter than, or forks from, what was acknowledged
  kReplay = 230,              // a report with a sequence that was already used
  kClone = 231,               // the same report sequence with other content
  kIndexMismatch = 232,       // a payload index names an image that the release does not
  kBootKey = 233,             // a boot report by a key that is not certified for its device, boot stage and life cycle
  kAliasKey = 234,            // who speaks does not hold the alias key of the boot report, or the report has none
  // Applicability of a release to this device
  kWrongVendor = 240,
  kWrongProduct = 241,
  kWrongClass = 242,
  kWrongHardware = 243,
  kWrongRevision = 244,
  kSourceRange = 245,         // the confirmed release is outside the range that may update to this one
  kSequence = 246,            // lower than the confirmed sequence, or equal with another image
  kEpochFloor = 247,          // below the device's security floor
  kAgentVersion = 248,
  kJurisdiction = 249,
  kDependency = 250,
  kWithdrawn = 251,
  kReleaseExpired = 252,
  kComponentUnknown = 253,    // names a component that the device does not have, or of another type
  kLocation = 254,            // a component would be written to another place than provisioned
  kAttempt = 255,             // quarantined, and no higher attempt number allows another try
  kAttestation = 256,         // the release demands an attestation that this device cannot give
};

const core::ErrorInfo& describe(TrustCode code);
std::span<const core::ErrorInfo> trust_error_table();

}  // namespace aseptic::trust
