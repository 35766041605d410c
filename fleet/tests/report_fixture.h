// SPDX-License-Identifier: Apache-2.0
// Signed reports as a device makes them, and the desk that takes them over the real SQLite store; for tests of fleet.
#pragma once

#include <gtest/gtest.h>

#include "aseptic/fleet/report_desk.h"
#include "aseptic/fleet/sqlite_report_store.h"
#include "aseptic/trust/report.h"
#include "platform/posix/tests/temporary_directory.h"
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

class FakeClock : public platform::Clock {
 public:
  core::UtcTime now = trust::test::test_time();
  core::UtcTime wall() override { return now; }
  std::chrono::milliseconds since_boot() override { return std::chrono::milliseconds(0); }
  void sleep_for(std::chrono::milliseconds) override {}
};

class CountingEntropy : public platform::Entropy {
 public:
  void fill(core::ByteSpan out) override {
    for (auto& byte : out) byte = ++next_;
  }

 private:
  std::uint8_t next_ = 0;
};

// Device pump-1 of tenant t1.
class DeskRig : public ::testing::Test {
 protected:
  std::string report(std::uint64_t sequence, const core::Bytes& nonce = {}) {
    trust::Report made = plain_report("pump-1", sequence);
    made.nonce = nonce;
    return sign(made);
  }
  std::string sign(const trust::Report& made) {
    return signed_report(made, key_.public_key(), [&](const std::string& bytes) { return key_.sign(bytes); });
  }
  void reopen() {
    desk_.reset();
    store_.reset();
    store_ = *open_sqlite_report_store(root_ / "fleet.sqlite");
    desk_ = std::make_unique<ReportDesk>("t1", *store_, clock_, entropy_);
  }

  platform::TemporaryDirectory root_;
  trust::test::TestKey key_ = trust::test::TestKey::generate(core::KeyAlgorithm::kEcdsaP256);
  DeviceIdentity device_{"pump-1", key_.public_key()};
  FakeClock clock_;
  CountingEntropy entropy_;
  std::unique_ptr<ReportStore> store_ = *open_sqlite_report_store(root_ / "fleet.sqlite");
  std::unique_ptr<ReportDesk> desk_ = std::make_unique<ReportDesk>("t1", *store_, clock_, entropy_);
};

}  // namespace aseptic::fleet
