// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/mailbox_report.h"

#include <algorithm>
#include <string_view>

#include "aseptic/trust/codes.h"

namespace aseptic::trust {
namespace {

using namespace std::string_view_literals;
constexpr std::size_t kReportSize = 1024;
constexpr std::size_t kSignatureAt = 952;  // 64 bytes, then the checksum
constexpr std::size_t kSignatureSize = 64;
constexpr auto kDomain = "aseptic-boot-report-v1\0"sv;
constexpr auto kMagic = "ASPTMAIL"sv;

constexpr std::size_t kLifeCycleAt = 21, kDebugAt = 22, kDeviceAt = 64, kBootDigestAt = 80;
constexpr std::uint8_t kDevelopment = 1, kProduction = 2, kDebugClosed = 1;

core::Error uncertified(std::string_view what) {
  return {TrustCode::kBootKey, "boot report: " + std::string(what) + " is not the one that its key was certified for"};
}

// The key is derived from all of this, so an honest boot cannot contradict it; a stolen or wrongly derived key can.
core::Result<void> check_certified(core::ByteView report, const BootKeyStatement& statement) {
  if (!std::ranges::equal(report.subspan(kDeviceAt, statement.boot_id.bytes.size()), statement.boot_id.bytes)) return uncertified("its device");
  if (!std::ranges::equal(report.subspan(kBootDigestAt, statement.boot_digest.bytes.size()), statement.boot_digest.bytes)) return uncertified("its boot stage");
  if (report[kLifeCycleAt] != (statement.life_cycle == "prod" ? kProduction : kDevelopment)) return uncertified("its life cycle");
  if (report[kDebugAt] != kDebugClosed) return uncertified("its debug port's state");
  return {};
}

}  // namespace

core::Result<void> verify_mailbox_report(core::ByteView report, const BootKey& boot_key) {
  if (report.size() != kReportSize || !std::equal(kMagic.begin(), kMagic.end(), report.begin()))
    return core::Error(TrustCode::kStatementFormat, "this is no boot report of 1,024 bytes");
  core::Bytes message(kDomain.begin(), kDomain.end());
  const core::ByteView signed_part = report.first(kSignatureAt);
  message.insert(message.end(), signed_part.begin(), signed_part.end());
  // SECURITY(T-56): whatever else signed it, even rightly, it is not the boot that the factory saw.
  if (const auto signature = boot_key.key().verify_raw(message, report.subspan(kSignatureAt, kSignatureSize)); !signature)
    return core::Error(TrustCode::kBootKey, "boot report: its signature is not by the key that is " +
                                                std::string(boot_key.statement() ? "certified" : "listed") + " for it");
  if (!boot_key.statement()) return {};
  return check_certified(report, *boot_key.statement());
}

}  // namespace aseptic::trust
