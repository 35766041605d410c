// SPDX-License-Identifier: Apache-2.0
// What a device's boot keeps, read from outside: the folder of a virtual device, or the flash image file of an emulated
// microcontroller (EMULATED).
//
// Called by `aseptic boot journal` and `aseptic device check`. Reads only; a hostile file gives an error or a listing.
// Security: a journal is believed only as far as boot believes it: sealed with the device's secret, and as new as the
// monotonic store. On real hardware neither secret nor store can be read from outside; here both are files.
#pragma once

#include "aseptic/publish/inspect.h"

namespace aseptic::publish {

struct BootAreas {
  core::Bytes provisioning, secret, journal, store;
};

// A folder, or a file that begins with a provisioning record and is as long as a microcontroller's flash. An error says
// what is missing.
core::Result<BootAreas> read_boot_areas(const Path& device);
// The boot report alone, 1,024 bytes: of a device that has started once.
core::Result<core::Bytes> read_boot_report(const Path& device);
// Whether `device` is one of the two at all, or just a file.
bool holds_boot_areas(const Path& device);

// Every position of the journal, the state as boot folds it, the store, and whether boot would go on from that journal.
core::Result<Inspection> inspect_boot_state(const BootAreas& areas);

}  // namespace aseptic::publish
