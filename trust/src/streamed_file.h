// SPDX-License-Identifier: Apache-2.0
// Snapshot and targets files, read member by member: a 5 MB file never becomes a tree. Private to trust.
// Call only on bytes whose signatures were verified.
#pragma once

#include <functional>

#include "aseptic/trust/metadata.h"

namespace aseptic::trust {

using MemberCallback = std::function<core::Result<void>(const std::string& name, const core::JsonValue& value)>;

// Gives each member of the object `signed.<streamed>` to the callback and returns the rest of `signed` as a tree.
core::Result<core::JsonValue> stream_signed(core::ByteView file, std::size_t bytes_max, std::string_view streamed,
                                            const MemberCallback& on_member);

core::Result<Snapshot> stream_snapshot(core::ByteView file, std::size_t bytes_max);

struct TargetsHead : MetadataHeader {
  std::shared_ptr<const Delegations> delegations;  // null when there are none
  std::optional<TargetEntry> wanted;               // the entry of the path that was asked for
};

// Checks the shape of every target and keeps one.
core::Result<TargetsHead> stream_targets(core::ByteView file, std::string_view wanted_path);

}  // namespace aseptic::trust
