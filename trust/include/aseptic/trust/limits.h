// SPDX-License-Identifier: Apache-2.0
// Every limit of trust, with its reason. Metadata sizes are those of stock TUF clients, so that a repository which
// respects them can be read by every client. Each limit has a test on both sides.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace aseptic::trust {

// Defaults of the reference client; a repository larger than this is unreadable elsewhere.
inline constexpr std::size_t kRootBytesMax = 512'000;
inline constexpr std::size_t kTimestampBytesMax = 16'384;
inline constexpr std::size_t kSnapshotBytesMax = 2'000'000;
inline constexpr std::size_t kTargetsBytesMax = 5'000'000;

// One run may follow this many new roots; the next run goes on from the last persisted one. 32 and 256 stranded
// devices in the field that had been in a drawer for years.
inline constexpr std::uint32_t kRootRotationsPerRunMax = 1024;

// Delegated roles one search may visit: the reference client's number. A graph that needs more is an attack on time.
inline constexpr std::size_t kDelegatedRolesVisitedMax = 32;

// Nesting of signed JSON: custom data needs about eight levels.
inline constexpr std::size_t kMetadataDepthMax = 32;

// Keys one role may list, and signatures one file may carry: each costs a verification (0.15 ms).
inline constexpr std::size_t kKeysPerRoleMax = 1024;
inline constexpr std::size_t kSignaturesMax = 1024;
inline constexpr std::size_t kKeyIdBytesMax = 512;

// TAP 15: bin numbers are taken from the first 32 bits of a SHA-256.
inline constexpr std::uint32_t kBinBitLengthMax = 32;

// Statements are small by design: the largest, a release manifest with 64 components and 32 consent languages,
// stays below 200 kB.
inline constexpr std::size_t kStatementBytesMax = 512'000;
inline constexpr std::size_t kStatementDepthMax = 12;
inline constexpr std::size_t kReportBytesMax = 65'536;
inline constexpr std::size_t kComponentsMax = 64;
inline constexpr std::size_t kListMax = 1024;          // any other list inside a statement
inline constexpr std::size_t kIndexEntriesMax = 4096;  // payloads of one release: every delta counts
inline constexpr std::size_t kTextBytesMax = 4096;     // one text field

// A director statement lives a day: a device that was cut off keeps running what it has, and takes no new order.
inline constexpr std::chrono::seconds kDirectorLifetimeMax = std::chrono::hours(24);
inline constexpr std::chrono::seconds kDowngradeTokenLifetimeMax = std::chrono::hours(24 * 7);

// Hashes in a log inclusion or consistency proof: a tree of 2^64 leaves needs 64.
inline constexpr std::size_t kProofHashesMax = 64;

}  // namespace aseptic::trust
