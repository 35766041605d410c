// SPDX-License-Identifier: Apache-2.0
#include "aseptic/pump_mcu/permit_cell.h"

#include "aseptic/boot/journal/requests.h"

namespace aseptic::pump_mcu {

using interlock::PermitState;
using interlock::Status;

Status PermitCell::store(const interlock::PermitCell& cell) {
  // An erase is the clearing: nothing to do where nothing stands.
  boot::PermitCell stored{};
  if (!boot::ok(storage_.read(boot::Area::kPermit, 0, stored))) return Status::kStorage;
  const bool is_blank = boot::all_bytes_are(stored, storage_.erased_value());
  if (!is_blank && !boot::ok(storage_.erase(boot::Area::kPermit, 0, storage_.size(boot::Area::kPermit)))) return Status::kStorage;
  if (cell.state != PermitState::kGranted) return Status::kSuccess;
  const boot::PermitCell bytes = boot::encode_permit({cell.boot_count, cell.hold.bytes});
  return boot::ok(storage_.program(boot::Area::kPermit, 0, bytes)) ? Status::kSuccess : Status::kStorage;
}

Status PermitCell::sync() { return boot::ok(storage_.sync(boot::Area::kPermit)) ? Status::kSuccess : Status::kStorage; }

Status PermitCell::read(interlock::PermitCell& out) {
  boot::PermitCell stored{};
  if (!boot::ok(storage_.read(boot::Area::kPermit, 0, stored))) return Status::kStorage;
  out = {};
  boot::Permit permit;
  if (boot::ok(boot::decode_permit(stored, permit))) out = {PermitState::kGranted, permit.boot_count, {permit.hold_nonce}};
  return Status::kSuccess;
}

}  // namespace aseptic::pump_mcu
