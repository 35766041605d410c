// SPDX-License-Identifier: Apache-2.0
// The HTTP API for devices without HTTP's framing: a question in, an answer out. Format: docs/formats/fleet_http.md.
//
//   GET  /<path>          a file of the repository, whole or one range
//   POST /v1/nonce        a nonce for the next report
//   POST /v1/reports      one signed report
// Called by Server for each request of an authenticated device, and by tests directly.
// Thread contract: may be shared.
#pragma once

#include <optional>

#include "aseptic/fleet/report_desk.h"
#include "aseptic/platform/posix/posix_file_tree.h"

namespace aseptic::fleet {

struct Question {
  std::string_view method;
  std::string_view target;   // as sent
  std::string_view range;    // value of the Range header, or empty
  core::ByteView body;
};

// Bytes [offset, offset + size) of a file.
struct FileSlice {
  platform::OpenFile file;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

struct Answer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;                     // when there is no file
  std::optional<FileSlice> file;
  std::string content_range;            // with 206 and 416
  bool ends_session = false;            // nothing more is answered on this connection
  std::string log_line;                 // what an operator may want to know; empty for everyday files
};

class DeviceApi {
 public:
  DeviceApi(const platform::PosixFileTree& repository, ReportDesk& desk) : repository_(repository), desk_(desk) {}
  Answer answer(const DeviceIdentity& device, const Question& question);

 private:
  Answer give_file(const Question& question);
  Answer give_nonce(const DeviceIdentity& device);
  Answer take_report(const DeviceIdentity& device, core::ByteView file);

  const platform::PosixFileTree& repository_;
  ReportDesk& desk_;
};

// For a session whose certificate is not a device's.
Answer refuse_stranger(const core::Error& why);

// One range of a file of `size` bytes: {first, count}. Nothing: not one well-formed byte range, so the whole file is
// served, as RFC 9110 section 14.2 allows; count 0: not satisfiable.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};
std::optional<ByteRange> parse_range(std::string_view header, std::uint64_t size);

// "/a%20b/c?query" as "a b/c"; nothing when it is not a well-formed path.
std::optional<std::string> decode_target(std::string_view target);

}  // namespace aseptic::fleet
