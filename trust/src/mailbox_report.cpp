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

constexpr auto kProofDomain = "aseptic-alias-proof-v1\0"sv;
constexpr std::size_t kBootCountAt = 12, kBootCountSize = 4, kManifestAt = 112, kDigestSize = 32, kNonceSize = 32;
constexpr std::size_t kAliasAt = 448, kAliasSize = 65, kAliasXSize = 32;
constexpr std::uint8_t kEvenPoint = 2;
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

core::Result<core::PublicKey> alias_key_of(core::ByteView report) {
  const core::Error none(TrustCode::kAliasKey, "boot report: it has no alias key");
  if (report.size() != kReportSize || report[kAliasAt] != kEvenPoint) return none;
  const core::ByteView rest = report.subspan(kAliasAt + 1 + kAliasXSize, kAliasSize - 1 - kAliasXSize);
  if (!std::ranges::all_of(rest, [](std::uint8_t byte) { return byte == 0; })) return none;
  auto key = core::PublicKey::from_p256_x(report.subspan(kAliasAt + 1, kAliasXSize));
  if (!key) return none;
  return key;
}

core::Result<void> verify_alias_proof(core::ByteView report, core::ByteView nonce, core::ByteView signature) {
  ASEPTIC_TRY(const core::PublicKey key, alias_key_of(report));
  core::Bytes message(kProofDomain.begin(), kProofDomain.end());
  for (const core::ByteView part : {nonce, report.subspan(kBootCountAt, kBootCountSize), report.subspan(kManifestAt, kDigestSize)})
    message.insert(message.end(), part.begin(), part.end());
  if (nonce.size() != kNonceSize || !key.verify_raw(message, signature))
    return core::Error(TrustCode::kAliasKey, "boot report: who sent it does not hold the alias key of its start");
  return {};
}

}  // namespace aseptic::trust
