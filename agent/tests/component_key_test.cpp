// SPDX-License-Identifier: Apache-2.0
// Which key a component's boot reports are judged by.
#include <gtest/gtest.h>

#include "aseptic/trust/codes.h"
#include "memory_storage.h"
#include "offer/component_key.h"
#include "trust/tests/samples.h"

namespace aseptic::agent::test {
namespace {

using trust::TrustCode;
using trust::test::TestKey;

class ComponentKey : public ::testing::Test {
 protected:
  ComponentKey() {
    repository.publish();
    config.device.id = statement.device;
    config.component.id = statement.component;
    demand({factory.tuf_key()});
    put(factory);
  }
  void demand(std::vector<trust::TufKey> factories) {
    trust::AuthorityPolicy policy = trust::test::sample_policy();
    policy.provisioning_keys = std::move(factories);
    const std::string file = trust::test::signed_file(policy.encode(), repository.signers["root"]);
    provisioned.policy.assign(file.begin(), file.end());
    const std::string& root = repository.roots.begin()->second;
    provisioned.root.assign(root.begin(), root.end());
  }
  void put(const TestKey& signer) { ASSERT_TRUE(state.replace(kBootKeyFile, core::as_bytes(trust::test::signed_file(statement.encode(), {signer})))); }
  core::Result<trust::BootKey> key() { return component_boot_key(state, config, provisioned, core::Result<std::string>(bare.public_key().pem())); }
  void refused(TrustCode code) {
    const auto got = key();
    ASSERT_FALSE(got);
    EXPECT_TRUE(got.error().is(code)) << got.error().sentence();
  }

  trust::test::HostileRepository repository;
  const TestKey factory = TestKey::ed25519(50);
  const TestKey bare = TestKey::generate(core::KeyAlgorithm::kEcdsaP256);
  trust::BootKeyStatement statement = trust::test::sample_boot_key();
  MemoryStorage state;
  Config config;
  ProvisionedTrust provisioned;
};

// Answers: RB-07, T-56
TEST_F(ComponentKey, IsTheCertifiedOneWhereThePolicyNamesAFactory) {
  const auto certified = key();
  ASSERT_TRUE(certified) << certified.error().sentence();
  EXPECT_EQ(certified->statement(), statement);
  EXPECT_EQ(certified->key().spki(), statement.key) << "not the key file's";
}

// Answers: T-56
TEST_F(ComponentKey, AKeyFileAloneCountsOnlyWithoutAFactoryInThePolicy) {
  ASSERT_TRUE(state.remove(kBootKeyFile));
  refused(TrustCode::kStatementMissing);
  demand({});
  ASSERT_TRUE(key());
  EXPECT_EQ(key()->key().spki(), bare.public_key().spki());
  EXPECT_FALSE(key()->statement());
  provisioned.policy.clear();
  EXPECT_TRUE(key());
  EXPECT_FALSE(component_boot_key(state, config, provisioned, core::Error(TrustCode::kStatementMissing, "no key file")));
}

// Answers: T-24, T-56, MF-03
TEST_F(ComponentKey, OfAStrangerAnotherDeviceOrAnotherComponentIsRefused) {
  put(TestKey::ed25519(51));
  refused(TrustCode::kThreshold);
  put(bare);
  refused(TrustCode::kThreshold);
  statement.device = "pump-0002";
  put(factory);
  refused(TrustCode::kWrongDevice);
  statement = trust::test::sample_boot_key();
  statement.component = trust::test::sample_uuid(99);
  put(factory);
  refused(TrustCode::kWrongDevice);
  statement = trust::test::sample_boot_key();
  statement.product = trust::test::sample_uuid(98);
  put(factory);
  refused(TrustCode::kWrongProduct);
}

// A policy that its root did not sign demands nothing, and nothing is believed under it.
TEST_F(ComponentKey, AForgedPolicyLetsNoKeyCount) {
  provisioned.policy[provisioned.policy.size() / 2] ^= 1;
  EXPECT_FALSE(key());
}

}  // namespace
}  // namespace aseptic::agent::test
