// SPDX-License-Identifier: Apache-2.0
// A boot journal and a monotonic store in words: every position of the medium, and the state as boot folds it.
//
// Called by inspect (one file) and boot_state (a whole device). Nothing is written; no sequence of bytes is refused.
#pragma once

#include <optional>

#include "aseptic/boot/format/monotonic.h"
#include "aseptic/boot/journal/record.h"
#include "aseptic/boot/journal/state.h"
#include "aseptic/core/json.h"
#include "aseptic/core/result.h"

namespace aseptic::publish {

core::JsonValue number(std::uint64_t value);  // as text above 2^53 - 1
core::JsonArray quarantine_fields(std::span<const boot::Quarantined> list);

// Nothing: no journal record has this tag.
std::optional<std::string_view> record_tag_name(std::uint8_t tag);

// The sealer of a device with a secret of 32 bytes. The hasher must outlive it.
core::Result<boot::RecordSealer> keyed_sealer(boot::Hasher& hasher, core::ByteView secret);

struct JournalListing {
  core::JsonObject fields;                  // halves, records (written, torn, burnt), state
  std::size_t whole_records = 0;
  std::optional<boot::JournalState> state;  // nothing: no half holds a closed snapshot
};
JournalListing list_journal(core::ByteView area, const boot::RecordSealer& sealer);

struct StoreReading {
  std::optional<boot::MonotonicCell> newest;  // the one in force
  std::size_t whole_cells = 0;
};
StoreReading read_store(core::ByteView area);
core::JsonObject store_fields(const StoreReading& store);  // of one with a newest cell

}  // namespace aseptic::publish
