// SPDX-License-Identifier: Apache-2.0
// Takes signed device reports: signature by the key of the device's certificate, the right device, the nonce, the
// sequence, the log. What is new is stored; what contradicts the past raises an alarm and is refused (LG-05).
//
// Security: SECURITY(T-56) a component's boot report whose key no factory certified, SECURITY(T-22) replayed report, SECURITY(T-78) forged report, SECURITY(T-79) cloned identity.
// A report that was already accepted, byte for byte, is acknowledged again and not stored twice (a lost answer).
// Thread contract: may be shared; calls are taken one after another.
#pragma once

#include <mutex>

#include "aseptic/core/public_key.h"
#include "aseptic/fleet/report_store.h"
#include "aseptic/platform/clock.h"
#include "aseptic/platform/entropy.h"
#include "aseptic/trust/authority_policy.h"

namespace aseptic::fleet {

// Who is at the other end of a mutually authenticated session.
struct DeviceIdentity {
  std::string id;
  core::PublicKey key;
};

struct Receipt {
  trust::ReportArrival arrival = trust::ReportArrival::kNew;
  trust::LastReport acknowledged;   // the device's log must never become shorter than this
};

class ReportDesk {
 public:
  static constexpr std::size_t kNonceBytes = 32;
  // A device asks, signs and sends within seconds; a slow link gets minutes.
  static constexpr std::chrono::seconds kNonceLifetime{300};

  // Everything must outlive the desk.
  // `policy`: names the factories whose word on components' boots counts; without one those reports are kept and not judged.
  ReportDesk(std::string tenant, ReportStore& store, platform::Clock& clock, platform::Entropy& entropy,
             std::optional<trust::AuthorityPolicy> policy = std::nullopt);

  // A new nonce for the device's next report; an older one is void.
  core::Result<core::Bytes> issue_nonce(const DeviceIdentity& device);
  core::Result<Receipt> submit(const DeviceIdentity& device, core::ByteView report_file);

 private:
  core::Result<Receipt> judge(const DeviceIdentity& device, const DeviceName& name, core::ByteView file);

  std::string tenant_;
  ReportStore& store_;
  platform::Clock& clock_;
  platform::Entropy& entropy_;
  std::optional<trust::AuthorityPolicy> policy_;
  std::mutex mutex_;
};

}  // namespace aseptic::fleet
