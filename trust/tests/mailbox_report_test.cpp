// SPDX-License-Identifier: Apache-2.0
// The boot report as boot signed it: any other byte, key, length or domain is refused.
#include "aseptic/trust/mailbox_report.h"

#include <gtest/gtest.h>

#include "hostile_repository.h"

namespace aseptic::trust::test {
namespace {

constexpr std::size_t kSize = 1024;
constexpr std::size_t kSignatureAt = 952;

class MailboxReport : public ::testing::Test {
 protected:
  [[nodiscard]] core::Bytes signed_report(std::string_view domain = {"aseptic-boot-report-v1\0", 23}) const {
    core::Bytes report(kSize, 7);
    std::ranges::copy(std::string_view("ASPTMAIL"), report.begin());
    core::Bytes message(domain.begin(), domain.end());
    message.insert(message.end(), report.begin(), report.begin() + kSignatureAt);
    std::ranges::copy(key.sign_raw(message), report.begin() + kSignatureAt);
    return report;
  }
  [[nodiscard]] bool believed(const core::Bytes& report) const { return verify_mailbox_report(report, key.public_key()).has_value(); }

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
  EXPECT_FALSE(verify_mailbox_report(report, TestKey::generate(core::KeyAlgorithm::kEcdsaP256).public_key()));
  EXPECT_FALSE(believed(signed_report({"aseptic-boot-p256-v1\0", 21})));
  report.push_back(0);
  EXPECT_FALSE(believed(report));
  report.resize(kSize - 1);
  EXPECT_FALSE(believed(report));
  EXPECT_FALSE(believed({}));
}

}  // namespace
}  // namespace aseptic::trust::test
