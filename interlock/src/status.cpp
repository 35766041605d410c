// SPDX-License-Identifier: Apache-2.0
#include "aseptic/interlock/status.h"

namespace aseptic::interlock {
namespace {

constexpr StatusName kNames[] = {
    {Status::kSuccess, "success", "The step succeeded."},
    {Status::kPending, "pending", "The therapy side is not ready yet; ask again."},
    {Status::kBadLength, "bad_length", "A message has a wrong length and was ignored."},
    {Status::kBadMagic, "bad_magic", "Bytes that are no interlock message were ignored."},
    {Status::kBadVersion, "bad_version",
     "The two sides speak different versions of the interlock; update both."},
    {Status::kUnknownType, "unknown_type", "A message of an unknown type was ignored."},
    {Status::kReservedSet, "reserved_set", "A message uses reserved fields and was refused."},
    {Status::kBadValue, "bad_value", "A message has a field outside its allowed values and was refused."},
    {Status::kBadConfig, "bad_config",
     "The interlock's settings are outside their limits; therapy stays inhibited."},
    {Status::kBadState, "bad_state", "The request does not fit the present state and was refused."},
    {Status::kTherapyBlocked, "therapy_blocked", "The device is in use; the update waits."},
    {Status::kTherapyInhibited, "therapy_inhibited",
     "An update is in progress; therapy cannot be started now."},
    {Status::kNotThisHold, "not_this_hold", "The request is about a hold that does not exist (any more)."},
    {Status::kNotThisDevice, "not_this_device", "A lease was made for another device and was refused."},
    {Status::kNotThisTransaction, "not_this_transaction",
     "A message belongs to another update and was refused."},
    {Status::kNotThisManifest, "not_this_manifest",
     "A message names another software image and was refused."},
    {Status::kNotThisBoot, "not_this_boot",
     "A lease was made before the device's last start and was refused."},
    {Status::kBadSignature, "bad_signature",
     "A statement is not signed by the therapy application and was refused."},
    {Status::kStaleLease, "stale_lease", "A lease is too old, or answers another question, and was refused."},
    {Status::kReplayedLease, "replayed_lease", "A lease was already used and was refused."},
    {Status::kNotInhibited, "not_inhibited", "Therapy is not inhibited for this hold; no reset."},
    {Status::kNoPermit, "no_permit", "The permission of the therapy side is not on its medium; no reset."},
    {Status::kStorage, "storage",
     "The PERMIT cell cannot be written or read; therapy stays inhibited until it can."},
    {Status::kTransport, "transport", "The connection between agent and therapy application failed."},
    {Status::kTooOften, "too_often",
     "The device was asked too often; there is a pause before the next hold."},
    {Status::kSilence, "silence", "The other side fell silent; the hold was cancelled."},
    {Status::kBudgetSpent, "budget_spent",
     "The declared out-of-service time is used up; the update is given up."},
    {Status::kHeldByOther, "held_by_other", "Another hold is in force."},
    {Status::kNotInTrial, "not_in_trial", "The running software is not on trial."},
    {Status::kResetFailed, "reset_failed", "The reset was commanded and did not happen."},
    {Status::kNoEntropy, "no_entropy", "No random numbers available; no hold can be asked for."},
    {Status::kSigner, "signer", "The therapy key cannot sign; the update waits."},
    {Status::kNoAnswer, "no_answer", "The therapy application did not answer; the device counts as in use."},
};
constexpr std::uint32_t kCount = sizeof kNames / sizeof kNames[0];

}  // namespace

const StatusName* status_table(std::uint32_t& count) {
  count = kCount;
  return kNames;
}

StatusName describe(Status status) {
  for (const StatusName& row : kNames) {
    if (row.status == status) return row;
  }
  return {status, "unknown", "A status number that this version does not know."};
}

bool is_known_status(std::uint32_t code) {
  for (const StatusName& row : kNames) {
    if (static_cast<std::uint32_t>(row.status) == code) return true;
  }
  return false;
}

}  // namespace aseptic::interlock
