// SPDX-License-Identifier: Apache-2.0
// The boot report as boot signed it: any other byte, key, length or domain is refused.
#include "aseptic/trust/mailbox_report.h"

#include <gtest/gtest.h>

#include <functional>

#include "expect.h"
#include "samples.h"

namespace aseptic::trust::test {
namespace {

constexpr std::size_t kSize = 1024;
constexpr std::size_t kSignatureAt = 952;

class MailboxReport : public ::testing::Test {
 protected:
  [[nodiscard]] core::Bytes signed_report(std::string_view domain = {"aseptic-boot-report-v1\0", 23},
                                          const std::function<void(core::Bytes&)>& change = [](core::Bytes&) {}) const {
    core::Bytes report(kSize, 7);
    std::ranges::copy(std::string_view("ASPTMAIL"), report.begin());
    change(report);
    core::Bytes message(domain.begin(), domain.end());
    message.insert(message.end(), report.begin(), report.begin() + kSignatureAt);
    std::ranges::copy(key.sign_raw(message), report.begin() + kSignatureAt);
    return report;
  }
  [[nodiscard]] bool believed(const core::Bytes& report) const { return verify_mailbox_report(report, BootKey::listed(key.public_key())).has_value(); }

  const TestKey key = TestKey::generate(core::KeyAlgorithm::kEcdsaP256);
};

// Answers: RB-07, T-22
TEST_F(MailboxReport, IsBelievedAsBootSignedItAndNotWithAnyByteChanged) {
  const core::Bytes report = signed_report();
  EXPECT_TRUE(believed(report));
  for (std::size_t at = 0; at < kSignatureAt + 64; ++at) {
    core::Bytes changed = report;
    changed[at] ^= 1;
    EXPECT_FALSE(believed(changed)) << at;
  }
}

TEST_F(MailboxReport, OfAnotherKeyLengthOrDomainIsRefused) {
  core::Bytes report = signed_report();
  EXPECT_FALSE(verify_mailbox_report(report, BootKey::listed(TestKey::generate(core::KeyAlgorithm::kEcdsaP256).public_key())));
  EXPECT_FALSE(believed(signed_report({"aseptic-boot-p256-v1\0", 21})));
  report.push_back(0);
  EXPECT_FALSE(believed(report));
  report.resize(kSize - 1);
  EXPECT_FALSE(believed(report));
  EXPECT_FALSE(believed({}));
}

// What the factory certified, and a report that this boot would sign.
class CertifiedBootKey : public MailboxReport {
 protected:
  CertifiedBootKey() {
    statement.key = key.public_key().spki();
    policy.provisioning_keys = {factory.tuf_key()};
  }
  [[nodiscard]] core::Result<BootKey> certified(const TestKey& signer, std::string_view device = "pump-0001") const {
    return verify_boot_key(core::as_bytes(signed_file(statement.encode(), {signer})), policy, device);
  }
  // As the boot stage of the statement writes it, then changed, then signed with its key.
  [[nodiscard]] core::Bytes report_of_it(const std::function<void(core::Bytes&)>& change = [](core::Bytes&) {}) const {
    return signed_report({"aseptic-boot-report-v1\0", 23}, [&](core::Bytes& report) {
      report[21] = 1;
      report[22] = 1;
      std::ranges::copy(statement.boot_id.bytes, report.begin() + 64);
      std::ranges::copy(statement.boot_digest.bytes, report.begin() + 80);
      change(report);
    });
  }
  [[nodiscard]] core::Result<void> judge(const core::Bytes& report) const { return verify_mailbox_report(report, certified(factory).value()); }

  const TestKey factory = TestKey::ed25519(40);
  BootKeyStatement statement = sample_boot_key();
  AuthorityPolicy policy = sample_policy();
};

// Answers: RB-07, T-56
TEST_F(CertifiedBootKey, VerifiesTheReportsOfItsBootStage) {
  ASSERT_TRUE(accepted(certified(factory)));
  EXPECT_EQ(*certified(factory)->statement(), statement);
  EXPECT_TRUE(accepted(judge(report_of_it())));
}

// Answers: T-56
TEST_F(CertifiedBootKey, AReportSignedByAnUncertifiedKeyIsRefusedWithItsReason) {
  const BootKey good = certified(factory).value();
  statement.key = TestKey::generate(core::KeyAlgorithm::kEcdsaP256).public_key().spki();  // the factory saw another key
  EXPECT_TRUE(refused(judge(report_of_it()), TrustCode::kBootKey));
  EXPECT_TRUE(accepted(verify_mailbox_report(report_of_it(), good)));
}

// Answers: T-47, T-49, T-56
TEST_F(CertifiedBootKey, AReportOfAnotherDeviceBootStageLifeCycleOrAnOpenDebugPortIsRefused) {
  for (const std::size_t at : {std::size_t{64}, std::size_t{79}, std::size_t{80}, std::size_t{111}})
    EXPECT_TRUE(refused(judge(report_of_it([&](core::Bytes& report) { report[at] ^= 1; })), TrustCode::kBootKey)) << at;
  EXPECT_TRUE(refused(judge(report_of_it([](core::Bytes& report) { report[21] = 2; })), TrustCode::kBootKey));
  for (const std::uint8_t debug : std::initializer_list<std::uint8_t>{0, 2, 3})
    EXPECT_TRUE(refused(judge(report_of_it([&](core::Bytes& report) { report[22] = debug; })), TrustCode::kBootKey)) << int{debug};
  statement.life_cycle = "prod";
  EXPECT_TRUE(refused(judge(report_of_it()), TrustCode::kBootKey));
  EXPECT_TRUE(accepted(judge(report_of_it([](core::Bytes& report) { report[21] = 2; }))));
}

// Answers: T-24, T-56, MF-03
TEST_F(CertifiedBootKey, IsTakenFromAKeyOfThePolicyForThisDeviceAndProductOnly) {
  EXPECT_TRUE(refused(certified(TestKey::ed25519(41)), TrustCode::kThreshold));
  EXPECT_TRUE(refused(certified(key), TrustCode::kThreshold)) << "no boot certifies itself";
  EXPECT_TRUE(refused(certified(factory, "pump-0002"), TrustCode::kWrongDevice));
  statement.product = sample_uuid(9);
  EXPECT_TRUE(refused(certified(factory), TrustCode::kWrongProduct));
  statement = sample_boot_key();
  policy.provisioning_keys.clear();
  EXPECT_TRUE(refused(certified(factory), TrustCode::kBadThreshold));
  policy.provisioning_keys = {factory.tuf_key()};
  const std::string other = signed_file(sample_attributes().encode(), {factory});
  EXPECT_TRUE(refused(verify_boot_key(core::as_bytes(other), policy, "pump-0001"), TrustCode::kWrongType));
}

// Answers: MF-11, T-39
TEST_F(CertifiedBootKey, IsRefusedInAnyOtherFormThanItsOne) {
  const auto parsed = [](const std::function<void(core::JsonObject&)>& change) {
    core::JsonValue part = sample_boot_key().encode();
    change(*part.as_object());
    return BootKeyStatement::parse(part);
  };
  EXPECT_TRUE(accepted(parsed([](core::JsonObject&) {})));
  EXPECT_TRUE(refused(parsed([](core::JsonObject& o) { o["life_cycle"] = "test"; }), TrustCode::kStatementFormat));
  EXPECT_TRUE(refused(parsed([](core::JsonObject& o) { o["key"] = core::to_hex(TestKey::ed25519(1).public_key().spki()); }), TrustCode::kStatementFormat));
  EXPECT_TRUE(refused(parsed([](core::JsonObject& o) { o["key"] = ""; }), TrustCode::kStatementFormat));
  EXPECT_TRUE(refused(parsed([](core::JsonObject& o) { o["critical"] = core::JsonArray{"fuses"}; o["fuses"] = 1; }), TrustCode::kCriticalUnknown));
  for (const char* name : {"device", "product", "component", "boot_id", "boot_digest", "life_cycle", "key", "critical"})
    EXPECT_FALSE(parsed([&](core::JsonObject& o) { o.erase(name); })) << name;
}

}  // namespace
}  // namespace aseptic::trust::test
