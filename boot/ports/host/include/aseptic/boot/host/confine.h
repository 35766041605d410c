// SPDX-License-Identifier: Apache-2.0
// Confinement of the device's processes: Landlock, by raw system calls. The process that calls it, and all
// that it starts, can read and write only the device's own folders except boot/ (nothing) and mailbox/ (read
// only), a few device nodes, and read-only system files; nothing on disk can be executed. Called in the
// child, between fork and fexecve; allocation is fine there because boot has one thread.
#pragma once
#include <string>

namespace aseptic::boot::host {

enum class Confinement { kEnforced, kUnavailable, kFailed };

// kUnavailable: the kernel has no Landlock. The journal is then protected by its HMAC and the secret's file
// mode only; the caller says so in its events.
Confinement confine_to_device(const std::string& device_folder);
// Whether the kernel has Landlock, without restricting anything.
bool confinement_available();

}  // namespace aseptic::boot::host
