// SPDX-License-Identifier: Apache-2.0
// Signed reports as a device makes them, for tests of fleet.
#pragma once

#include "aseptic/trust/report.h"
#include "trust/tests/hostile_repository.h"

namespace aseptic::fleet {

inline trust::Report plain_report(const std::string& device, std::uint64_t sequence) {
  trust::Report report;
  report.device = device;
  report.product = *core::Uuid::parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  report.boot_count = 3;
  report.sequence = sequence;
  report.time = trust::test::test_time();
  report.agent_version = *core::Version::parse("1.0.0");
  report.state = "idle";
  report.log_count = sequence * 10;
  report.log_head = core::sha256("log " + std::to_string(sequence));
  return report;
}

// `sign` gives the signature over the canonical bytes by the device's key.
template <typename Sign>
std::string signed_report(const trust::Report& report, const core::PublicKey& key, const Sign& sign) {
  trust::Envelope envelope{.signatures = {}, .signed_part = report.encode(), .unrecognized = {}};
  envelope.signatures.push_back({.keyid = trust::single_key_id(key), .value = sign(envelope.signed_bytes())});
  return envelope.encode();
}

}  // namespace aseptic::fleet
