// SPDX-License-Identifier: Apache-2.0
#include "aseptic/fleet/report_desk.h"

#include "aseptic/fleet/codes.h"
#include "aseptic/trust/codes.h"

namespace aseptic::fleet {

using core::Error;
using core::Result;

ReportDesk::ReportDesk(std::string tenant, ReportStore& store, platform::Clock& clock, platform::Entropy& entropy,
                       std::optional<trust::AuthorityPolicy> policy)
    : tenant_(std::move(tenant)), store_(store), clock_(clock), entropy_(entropy), policy_(std::move(policy)) {}

Result<core::Bytes> ReportDesk::issue_nonce(const DeviceIdentity& device) {
  const std::lock_guard lock(mutex_);
  core::Bytes nonce(kNonceBytes);
  entropy_.fill(nonce);
  ASEPTIC_TRY_VOID(store_.set_nonce({tenant_, device.id}, nonce, clock_.wall()));
  return nonce;
}

Result<Receipt> ReportDesk::submit(const DeviceIdentity& device, core::ByteView report_file) {
  const std::lock_guard lock(mutex_);
  const DeviceName name{tenant_, device.id};
  auto receipt = judge(device, name, report_file);
  // What the device sent is its fault or an attack on it; a failing database is ours and no alarm.
  if (!receipt && receipt.error().action() == core::ActionClass::kReject) {
    const Error& why = receipt.error();
    ASEPTIC_TRY_VOID(store_.raise(name, {.raised_at = clock_.wall(), .reason = std::string(why.name()),
                                         .file_digest = core::sha256(report_file), .sentence = why.sentence()}));
  }
  return receipt;
}

Result<Receipt> ReportDesk::judge(const DeviceIdentity& device, const DeviceName& name, core::ByteView file) {
  // SECURITY(T-78): first the signature, by the key that this very session proved to hold.
  ASEPTIC_TRY(const trust::Report report, trust::verify_report(file, device.key));
  if (report.device != device.id)
    return Error(FleetCode::kDeviceMismatch, "device " + device.id + " sent a report that names " + report.device);
  if (policy_) ASEPTIC_TRY_VOID(trust::check_boot_reports(report, *policy_));
  ASEPTIC_TRY(const trust::LastReport last, store_.last_report(name));
  const core::Digest digest = core::sha256(file);
  core::Bytes expected;
  if (!report.nonce.empty()) {
    ASEPTIC_TRY(expected, store_.nonce(name, clock_.wall() - kNonceLifetime));
  }
  ASEPTIC_TRY(const trust::ReportArrival arrival, trust::check_arrival(report, digest, last, expected));
  if (arrival == trust::ReportArrival::kRepeated) return Receipt{arrival, last};
  // SECURITY(T-22): with no nonce outstanding, check_arrival() had none to compare with; then no nonce is the right one.
  if (!report.nonce.empty() && expected.empty())
    return Error(trust::TrustCode::kNonce, "report " + std::to_string(report.sequence) + " of " + device.id +
                                               " answers a nonce that is not outstanding; ask for a new one");
  const trust::LastReport next{.sequence = report.sequence, .digest = digest, .log_count = report.log_count, .log_head = report.log_head};
  ASEPTIC_TRY_VOID(store_.accept(name,
                                 {.sequence = report.sequence, .digest = digest, .received_at = clock_.wall(),
                                  .is_fresh = !report.nonce.empty(), .state = report.state, .last_error = report.last_error,
                                  .file = core::Bytes(file.begin(), file.end())},
                                 next));
  return Receipt{arrival, next};
}

}  // namespace aseptic::fleet
