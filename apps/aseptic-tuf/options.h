// SPDX-License-Identifier: Apache-2.0
// The command line of aseptic-tuf as a value. Pure: no I/O.
#pragma once

#include <chrono>
#include <expected>
#include <span>
#include <string>
#include <vector>

namespace aseptic::tuf {

enum class Command : std::uint8_t { kHelp, kInit, kRefresh, kDownload };

struct Options {
  Command command = Command::kHelp;
  std::string metadata_dir;
  std::string root_file;
  std::string metadata_url;
  std::vector<std::string> target_names;
  std::string target_dir;
  std::string target_base_url;
  std::chrono::seconds stall_max{60};
  std::uint64_t rate_min_bytes_per_s = 16;
};

// The options, or one sentence that says what is wrong and what to do. Options may stand before or after the command.
std::expected<Options, std::string> parse_options(std::span<const char* const> arguments);

extern const char* const kHelpText;

}  // namespace aseptic::tuf
