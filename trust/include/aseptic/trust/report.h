// SPDX-License-Identifier: Apache-2.0
// The device's report to the fleet, and the boot report inside it. Format: docs/formats/report.md.
//
// agent encodes and signs; fleet verifies. A report is bound to the device by its key, to its moment by a sequence that
// was made durable before sending and, online, by the server's nonce (LG-05). The same sequence with other content is a
// clone alarm. The boot report is the device's own measurement, signed by a key only boot holds.
// Thread contract: value types and pure functions.
#pragma once

#include "aseptic/core/utc_time.h"
#include "aseptic/core/version.h"
#include "aseptic/trust/authority_policy.h"
#include "aseptic/trust/statement.h"

namespace aseptic::trust {

inline constexpr std::string_view kReportType = "aseptic-report";
inline constexpr std::string_view kBootReportType = "aseptic-boot-report";

enum class BootVerdict : std::uint8_t { kNone, kMatches, kDiffers };

struct BootReport {
  std::uint32_t boot_count = 0;
  core::Bytes challenge;             // 32 bytes, or empty when nobody asked
  core::Digest manifest_digest;      // of the image that runs
  BootVerdict boothash = BootVerdict::kNone;
  std::uint32_t floor = 0;
  std::uint32_t revocations = 0;
  bool debug_open = false;
  std::string life_cycle;            // "dev" or "prod"
  std::uint64_t log_count = 0;
  core::Digest log_head;
  core::Bytes alias_key;             // SPKI of the key that signs until the next reset; empty when there is none
  Unrecognized unrecognized;

  static core::Result<BootReport> parse(const core::JsonValue& signed_part);
  [[nodiscard]] core::JsonValue encode() const;
};

struct ComponentStatus {
  core::Uuid id;
  core::Digest confirmed_manifest;
  std::uint64_t sequence = 0;
  std::string version;
  std::uint32_t epoch = 0;
};

// A component's boot report as its boot signed it (1,024 bytes), and the factory's statement about the key that signed it.
struct ForwardedBootReport {
  core::Uuid component;
  core::Bytes report;
  std::string key;  // the file of docs/formats/boot_key.md; empty: the device has none
};

struct AttackNote {
  std::string code;        // reason code, for example "trust.rollback"
  std::uint64_t count = 0;
  std::uint64_t log_index = 0;
};

struct Report {
  std::string device;
  core::Uuid product;
  std::uint32_t boot_count = 0;
  std::uint64_t sequence = 0;
  core::Bytes nonce;                    // the server's, when online; else empty
  core::UtcTime time;
  bool time_trusted = false;
  core::Version agent_version;
  std::vector<ComponentStatus> confirmed;
  std::string state;                    // of the update state machine
  std::string last_error;               // reason code, empty when none
  std::uint64_t log_count = 0;
  core::Digest log_head;
  std::vector<AttackNote> attacks;
  std::optional<std::string> boot_report;  // the signed boot report file, as text
  std::vector<ForwardedBootReport> boot_reports;  // of components with a boot of their own, as last seen
  Unrecognized unrecognized;

  static core::Result<Report> parse(const core::JsonValue& signed_part);
  [[nodiscard]] core::JsonValue encode() const;
};

core::Result<Report> verify_report(core::ByteView file, const core::PublicKey& device_key);
// What the device forwards of its components' boots, judged by the factories that the policy names; a policy that names none judges
// nothing. Refused with `trust.boot_key`: no certified key, or one that does not vouch for these bytes.
core::Result<void> check_boot_reports(const Report& report, const AuthorityPolicy& policy);
core::Result<BootReport> verify_boot_report(core::ByteView file, const core::PublicKey& boot_key);

// What the server remembers of a device's last report.
struct LastReport {
  std::uint64_t sequence = 0;
  core::Digest digest;        // of the report file
  std::uint64_t log_count = 0;
  core::Digest log_head;
};

enum class ReportArrival { kNew, kRepeated };  // repeated: the very same bytes again (a lost answer), not stored twice

// kReplay: older sequence; kClone: same sequence, other bytes; kNonce: not the nonce that was asked for;
// kLogFork: the log is shorter than acknowledged, or as long with another head.
core::Result<ReportArrival> check_arrival(const Report& report, const core::Digest& file_digest, const LastReport& last,
                                          core::ByteView nonce_expected);

}  // namespace aseptic::trust
