// SPDX-License-Identifier: Apache-2.0
// A throw-away certificate authority for tests of TLS, made with OpenSSL's own calls so that faults can be made too:
// expired, wrong name, wrong role, self-signed, another authority. P-256 throughout.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "aseptic/core/utc_time.h"

namespace aseptic::test {

struct Credential {
  std::string certificate_pem;
  std::string key_pem;
};

struct LeafPlan {
  std::string common_name = "leaf";
  std::vector<std::string> alternative_names;  // OpenSSL's notation: "IP:127.0.0.1", "DNS:localhost", "URI:urn:..."
  std::string extended_key_usage;              // "serverAuth", "clientAuth", both with a comma, or empty
  core::UtcTime not_before = core::UtcTime(std::chrono::seconds(1767225600));  // 2026-01-01
  core::UtcTime not_after = core::UtcTime(std::chrono::seconds(1893456000));   // 2030-01-01
};

LeafPlan server_plan();                                    // 127.0.0.1 and localhost, server role
LeafPlan device_plan(const std::string& device_id);        // device role

class TestCa {
 public:
  explicit TestCa(const std::string& name, const std::string& name_constraints = {});
  // An authority that exists already: what a test can issue when that authority's own key is abused.
  static TestCa from_pem(const std::string& certificate_pem, const std::string& key_pem);
  [[nodiscard]] const std::string& certificate_pem() const { return certificate_pem_; }
  [[nodiscard]] Credential issue(const LeafPlan& plan) const;
  static Credential self_signed(const LeafPlan& plan);

 private:
  TestCa() = default;
  std::shared_ptr<void> key_;
  std::shared_ptr<void> certificate_;
  std::string certificate_pem_;
};

// Writes the key with mode 0600.
void write_credential(const Credential& credential, const std::string& certificate_file, const std::string& key_file);

}  // namespace aseptic::test
