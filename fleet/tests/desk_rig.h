// SPDX-License-Identifier: Apache-2.0
// The desk that takes reports, over the real SQLite store, and device pump-1 in front of it; for tests of fleet.
#pragma once

#include <gtest/gtest.h>

#include "aseptic/fleet/report_desk.h"
#include "aseptic/fleet/sqlite_report_store.h"
#include "platform/posix/tests/temporary_directory.h"
#include "report_fixture.h"

namespace aseptic::fleet {

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
    desk_ = std::make_unique<ReportDesk>("t1", *store_, clock_, entropy_, policy_);
  }

  platform::TemporaryDirectory root_;
  trust::test::TestKey key_ = trust::test::TestKey::generate(core::KeyAlgorithm::kEcdsaP256);
  DeviceIdentity device_{"pump-1", key_.public_key()};
  FakeClock clock_;
  CountingEntropy entropy_;
  std::optional<trust::AuthorityPolicy> policy_;
  std::unique_ptr<ReportStore> store_ = *open_sqlite_report_store(root_ / "fleet.sqlite");
  std::unique_ptr<ReportDesk> desk_ = std::make_unique<ReportDesk>("t1", *store_, clock_, entropy_);
};

}  // namespace aseptic::fleet
