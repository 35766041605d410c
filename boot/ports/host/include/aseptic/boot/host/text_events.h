// SPDX-License-Identifier: Apache-2.0
// Boot's events as one line each: "boot: CONFIRMED manifest=1f2e… sequence=2", or as JSON lines.
#pragma once
#include <cstdio>
#include <string>

#include "aseptic/boot/core/events.h"

namespace aseptic::boot::host {

enum class EventFormat { kText, kJson };

class TextEvents final : public EventSink {
 public:
  TextEvents(std::FILE* out, EventFormat format) : out_(out), format_(format) {}
  void event(const Event& event) override;
  // A line that is not an event of boot/core: what the emulated hardware did.
  void hardware(const std::string& name, const std::string& detail);

 private:
  std::FILE* out_;
  EventFormat format_;
};

const char* place_name(ImagePlace place);
const char* run_kind_name(RunKind kind);
const char* reset_cause_name(ResetCause cause);

}  // namespace aseptic::boot::host
