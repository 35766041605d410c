// SPDX-License-Identifier: Apache-2.0
#include "streamed_file.h"

#include "aseptic/trust/limits.h"
#include "metadata_parts.h"

namespace aseptic::trust {
namespace {

class SignedStream final : public core::JsonEvents {
 public:
  SignedStream(std::string_view streamed, const MemberCallback& on_member) : streamed_(streamed), on_member_(on_member) {}

  core::JsonValue rest;
  bool saw_streamed = false;

  core::Result<void> begin_object() override {
    ++depth_;
    if (!in_signed_ && depth_ == 2 && section_ == "signed") {
      in_signed_ = true;
      open(core::JsonObject{});
    } else if (in_signed_ && at_streamed_member()) {
      streaming_ = saw_streamed = true;
    } else if (in_signed_) {
      open(core::JsonObject{});
    }
    return {};
  }
  core::Result<void> end_object() override {
    const std::size_t level = depth_--;
    if (!in_signed_) return {};
    if (streaming_ && level == 3) {
      streaming_ = false;
      return {};
    }
    return close();
  }
  core::Result<void> begin_array() override {
    ++depth_;
    if (in_signed_ && at_streamed_member()) return not_an_object();
    if (in_signed_) open(core::JsonArray{});
    return {};
  }
  core::Result<void> end_array() override {
    --depth_;
    return in_signed_ ? close() : core::Result<void>{};
  }
  core::Result<void> key(std::string_view name) override {
    if (depth_ == 1)
      section_ = name;
    else if (in_signed_ && streaming_ && depth_ == 3)
      member_ = name;
    else if (in_signed_)
      open_.back().key = name;
    return {};
  }
  core::Result<void> string(std::string_view value) override { return scalar(core::JsonValue(value)); }
  core::Result<void> integer(std::int64_t value) override { return scalar(core::JsonValue(value)); }
  core::Result<void> boolean(bool value) override { return scalar(core::JsonValue(value)); }
  core::Result<void> null() override { return scalar(core::JsonValue(nullptr)); }

 private:
  struct Open {
    core::JsonValue value;
    std::string key;
  };
  // A value that begins now, one level below `signed`, under the streamed name. Called after ++depth_.
  [[nodiscard]] bool at_streamed_member() const { return depth_ == 3 && open_.size() == 1 && open_.back().key == streamed_; }
  [[nodiscard]] core::Error not_an_object() const {
    return core::Error(TrustCode::kFormat, "field \"" + std::string(streamed_) + "\" is not an object");
  }
  core::Result<void> scalar(core::JsonValue value) {
    if (!in_signed_) return {};
    if (!streaming_ && open_.size() == 1 && open_.back().key == streamed_) return not_an_object();
    return add(std::move(value));
  }
  void open(core::JsonValue container) { open_.push_back({std::move(container), {}}); }
  core::Result<void> close() {
    core::JsonValue done = std::move(open_.back().value);
    open_.pop_back();
    return add(std::move(done));
  }
  core::Result<void> add(core::JsonValue value) {
    if (open_.empty()) {
      rest = std::move(value);
      in_signed_ = false;
    } else if (streaming_ && open_.size() == 1) {
      return on_member_(member_, value);
    } else if (core::JsonObject* object = open_.back().value.as_object()) {
      object->emplace(std::move(open_.back().key), std::move(value));
    } else {
      open_.back().value.as_array()->push_back(std::move(value));
    }
    return {};
  }

  std::string_view streamed_;
  const MemberCallback& on_member_;
  std::size_t depth_ = 0;
  bool in_signed_ = false, streaming_ = false;
  std::string section_, member_;
  std::vector<Open> open_;
};

}  // namespace

core::Result<core::JsonValue> stream_signed(core::ByteView file, std::size_t bytes_max, std::string_view streamed,
                                            const MemberCallback& on_member) {
  SignedStream stream(streamed, on_member);
  ASEPTIC_TRY_VOID(core::parse_json(file, {.bytes_max = bytes_max, .depth_max = kMetadataDepthMax}, stream));
  if (!stream.saw_streamed)
    return core::Error(TrustCode::kFormat, "field \"" + std::string(streamed) + "\" is missing");
  return std::move(stream.rest);
}

core::Result<Snapshot> stream_snapshot(core::ByteView file, std::size_t bytes_max) {
  Snapshot snapshot;
  const auto on_member = [&snapshot](const std::string& name, const core::JsonValue& value) -> core::Result<void> {
    ASEPTIC_TRY(std::string role, role_of_file_name(name));
    ASEPTIC_TRY(const MetaFile listed, parse_meta_file(value, name));
    snapshot.meta.emplace(std::move(role), listed);
    return {};
  };
  ASEPTIC_TRY(const core::JsonValue rest, stream_signed(file, bytes_max, "meta", on_member));
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(rest, "snapshot", TrustCode::kFormat));
  ASEPTIC_TRY(static_cast<MetadataHeader&>(snapshot), parse_header(reader, kSnapshotRole));
  snapshot.unrecognized = reader.rest();
  return snapshot;
}

core::Result<TargetsHead> stream_targets(core::ByteView file, std::string_view wanted_path) {
  TargetsHead head;
  const auto on_member = [&](const std::string& path, const core::JsonValue& value) -> core::Result<void> {
    ASEPTIC_TRY(TargetEntry entry, TargetEntry::parse(path, value));
    if (path == wanted_path) head.wanted = std::move(entry);
    return {};
  };
  ASEPTIC_TRY(const core::JsonValue rest, stream_signed(file, kTargetsBytesMax, "targets", on_member));
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(rest, "targets", TrustCode::kFormat));
  ASEPTIC_TRY(static_cast<MetadataHeader&>(head), parse_header(reader, kTargetsRole));
  if (reader.has("delegations")) {
    ASEPTIC_TRY(const core::JsonValue* const written, reader.value("delegations"));
    ASEPTIC_TRY(Delegations delegations, Delegations::parse(*written));
    head.delegations = std::make_shared<const Delegations>(std::move(delegations));
  }
  return head;
}

}  // namespace aseptic::trust
