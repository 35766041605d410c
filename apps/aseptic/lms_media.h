// SPDX-License-Identifier: Apache-2.0
// The two media that the one-time state of an LMS key lies on, as the command opens them: the folder of keys, and the folder of
// its witness, which no backup of the first may hold.
#pragma once

#include <memory>
#include <string>

#include "aseptic/platform/storage.h"
#include "workbench.h"

namespace aseptic::app {

struct LmsMedia {
  std::unique_ptr<platform::Storage> state;
  std::unique_ptr<platform::Storage> witness;  // null: none was named
};

enum class MediaUse : std::uint8_t { kLook, kSign };  // kSign keeps every other process out of both

// Refuses a witness folder that is not there (a medium that is not mounted), or that lies in the folder of keys or around it.
core::Result<LmsMedia> open_lms_media(const Workbench& bench, const std::string& witness_folder, MediaUse use);

// The option of each command that needs a witness.
void add_witness_option(CLI::App* command, std::string& folder);

}  // namespace aseptic::app
