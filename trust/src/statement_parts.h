// SPDX-License-Identifier: Apache-2.0
// Reading and writing that all statements share. Private to trust.
#pragma once

#include "aseptic/trust/channel.h"
#include "object_reader.h"

namespace aseptic::trust {

// The tree of a statement file that is canonical JSON byte for byte.
core::Result<core::JsonValue> parse_canonical(core::ByteView bytes, std::size_t bytes_max, std::string_view what);

// Opens the statement's object and checks `format`.
core::Result<ObjectReader> open_format(const core::JsonValue& value, std::string_view what, std::string_view format);

// Opens the signed part of a statement that is enveloped, and checks `_type`.
core::Result<ObjectReader> open_signed(const core::JsonValue& part, std::string_view what, std::string_view type);

// The list `critical`; check_critical() comes after everything else was read.
core::Result<std::vector<std::string>> read_critical(ObjectReader& reader);
core::Result<void> check_critical(const ObjectReader& reader, const std::vector<std::string>& critical);

// What was read is all there is: encoding it again gives the same bytes. Unknown members are kept only where a struct
// has `unrecognized`; anywhere else they are refused, since their meaning would be lost.
core::Result<void> check_faithful(const ObjectReader& reader, std::string_view encoded, core::ByteView bytes);

core::Result<std::vector<Withdrawal>> read_withdrawals(ObjectReader& reader);
core::JsonValue encode_withdrawals(const std::vector<Withdrawal>& withdrawn);

core::Result<std::vector<core::Digest>> read_digests(ObjectReader& reader, std::string_view name, std::size_t items_max);
core::JsonValue encode_digests(const std::vector<core::Digest>& digests);
core::JsonValue encode_texts(const std::vector<std::string>& texts);
inline core::JsonValue number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

// One word of a closed list; the position in the list is the enumerator.
template <typename Enum, std::size_t N>
core::Result<Enum> read_word(ObjectReader& reader, std::string_view name, const std::array<std::string_view, N>& words) {
  ASEPTIC_TRY(const std::string written, reader.text(name));
  for (std::size_t i = 0; i < N; ++i)
    if (words[i] == written) return static_cast<Enum>(i);
  return reader.error("field " + quoted(name) + " has the unknown value " + quoted(written));
}

}  // namespace aseptic::trust
