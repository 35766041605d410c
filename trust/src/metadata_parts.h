// SPDX-License-Identifier: Apache-2.0
// Pieces of metadata parsing shared by the tree form (metadata.cpp) and the streamed form (streamed_file.cpp).
#pragma once

#include "object_reader.h"

namespace aseptic::trust {

core::Result<MetadataHeader> parse_header(ObjectReader& reader, std::string_view type);
core::Result<MetaFile> parse_meta_file(const core::JsonValue& value, std::string_view name);
core::Result<std::string> role_of_file_name(std::string_view name);  // "targets.json" -> "targets"

}  // namespace aseptic::trust
