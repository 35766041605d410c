// SPDX-License-Identifier: Apache-2.0
// agent.toml against the signed provisioning attributes.
#include <gtest/gtest.h>

#include <functional>

#include "aseptic/agent/codes.h"
#include "aseptic/trust/codes.h"
#include "memory_storage.h"
#include "offer/device_attributes.h"
#include "trust/tests/samples.h"

namespace aseptic::agent::test {
namespace {

using trust::test::TestKey;

class DeviceAttributes : public ::testing::Test {
 protected:
  DeviceAttributes() {
    repository.publish();
    trust::AuthorityPolicy policy = trust::test::sample_policy();
    policy.provisioning_keys = {factory.tuf_key()};
    const std::string file = trust::test::signed_file(policy.encode(), repository.signers["root"]);
    provisioned.policy.assign(file.begin(), file.end());
    const std::string& root = repository.roots.begin()->second;
    provisioned.root.assign(root.begin(), root.end());
    const trust::ProvisioningAttributes truth = trust::test::sample_attributes();
    device.id = truth.device;
    device.vendor = truth.vendor;
    device.product = truth.product;
    device.device_class = truth.device_class;
    device.hardware = truth.hardware;
    device.hardware_revision = truth.hardware_revision;
    device.jurisdiction = truth.jurisdiction;
    put(truth);
  }
  void put(const trust::ProvisioningAttributes& attributes) {
    ASSERT_TRUE(state.replace(kAttributesFile, core::as_bytes(trust::test::signed_file(attributes.encode(), {factory}))));
  }
  core::Result<void> check() { return check_device_attributes(state, device, provisioned); }

  trust::test::HostileRepository repository;
  TestKey factory = TestKey::ed25519(50);
  MemoryStorage state;
  DeviceConfig device;
  ProvisionedTrust provisioned;
};

TEST_F(DeviceAttributes, AgreeWithATrueConfiguration) {
  const auto checked = check();
  EXPECT_TRUE(checked) << checked.error().sentence();
}

// Answers: T-24, MF-03
TEST_F(DeviceAttributes, AreNotOverruledByAnyLineOfAgentToml) {
  const DeviceConfig truth = device;
  const core::Uuid other = trust::test::sample_uuid(77);
  for (const auto& lie : std::vector<std::function<void()>>{[&] { device.vendor = other; }, [&] { device.product = other; },
                                                            [&] { device.device_class = other; }, [&] { device.hardware = other; },
                                                            [&] { ++device.hardware_revision; }, [&] { device.jurisdiction = "US"; }}) {
    device = truth;
    lie();
    const auto checked = check();
    ASSERT_FALSE(checked);
    EXPECT_TRUE(checked.error().is(AgentCode::kConfig)) << checked.error().sentence();
  }
}

// Answers: T-24
TEST_F(DeviceAttributes, AreDemandedWhenThePolicyNamesAFactory) {
  ASSERT_TRUE(state.remove(kAttributesFile));
  const auto checked = check();
  ASSERT_FALSE(checked);
  EXPECT_TRUE(checked.error().is(trust::TrustCode::kStatementMissing));
  provisioned.policy.clear();
  EXPECT_TRUE(check()) << "a development device without a policy";
}

}  // namespace
}  // namespace aseptic::agent::test
