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

}  // namespace

core::Result<void> verify_mailbox_report(core::ByteView report, const core::PublicKey& boot_key) {
  if (report.size() != kReportSize || !std::equal(kMagic.begin(), kMagic.end(), report.begin()))
    return core::Error(TrustCode::kStatementFormat, "this is no boot report of 1,024 bytes");
  core::Bytes message(kDomain.begin(), kDomain.end());
  const core::ByteView signed_part = report.first(kSignatureAt);
  message.insert(message.end(), signed_part.begin(), signed_part.end());
  return boot_key.verify_raw(message, report.subspan(kSignatureAt, kSignatureSize)).within("boot report");
}

}  // namespace aseptic::trust
