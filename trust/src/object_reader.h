// SPDX-License-Identifier: Apache-2.0
// Reads one JSON object member by member and keeps the members nobody asked for. Private to trust.
// The first failure says which member of which object is wrong; its code tells metadata from statements.
#pragma once

#include <set>

#include "aseptic/core/json.h"
#include "aseptic/core/utc_time.h"
#include "aseptic/core/uuid.h"
#include "aseptic/core/version.h"
#include "aseptic/trust/codes.h"
#include "aseptic/trust/limits.h"
#include "aseptic/trust/metadata.h"

namespace aseptic::trust {

class ObjectReader {
 public:
  // `what` names the object in sentences: "root", "delegation \"a\"".
  static core::Result<ObjectReader> of(const core::JsonValue& value, std::string what, TrustCode code);

  [[nodiscard]] bool has(std::string_view name) const { return object_->contains(name); }
  core::Result<const core::JsonValue*> value(std::string_view name);
  core::Result<std::string> text(std::string_view name, std::size_t bytes_max = kTextBytesMax);
  core::Result<std::uint64_t> count(std::string_view name);
  core::Result<std::uint32_t> count32(std::string_view name);
  core::Result<bool> boolean(std::string_view name);
  core::Result<const core::JsonObject*> object(std::string_view name);
  core::Result<const core::JsonArray*> array(std::string_view name, std::size_t items_max);
  core::Result<std::vector<std::string>> texts(std::string_view name, std::size_t items_max);
  core::Result<core::UtcTime> time(std::string_view name);
  core::Result<core::Digest> digest(std::string_view name);
  core::Result<core::Bytes> hex(std::string_view name);
  core::Result<core::Uuid> uuid(std::string_view name);
  core::Result<core::Version> version(std::string_view name);

  // The members that were not read, kept for the canonical form.
  [[nodiscard]] core::JsonObject rest() const;
  [[nodiscard]] bool was_read(std::string_view name) const { return read_.contains(name); }
  [[nodiscard]] core::Error error(std::string_view sentence) const;
  [[nodiscard]] TrustCode code() const { return code_; }

 private:
  ObjectReader(const core::JsonObject& object, std::string what, TrustCode code)
      : object_(&object), what_(std::move(what)), code_(code) {}
  [[nodiscard]] core::Error wrong(std::string_view name, std::string_view expected) const;

  const core::JsonObject* object_;
  std::string what_;
  TrustCode code_;
  std::set<std::string, std::less<>> read_;
};

// A name from outside as it may stand in a sentence: printable, quoted, at most 80 characters.
std::string quoted(std::string_view name);

}  // namespace aseptic::trust
