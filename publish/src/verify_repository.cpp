// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/verify_repository.h"

#include "aseptic/publish/codes.h"
#include "aseptic/payload/apply/header_verifier.h"
#include "aseptic/payload/decode/short_form.h"
#include "aseptic/trust/target_search.h"
#include "aseptic/trust/trusted_metadata.h"
#include "aseptic/trust/verified_statements.h"

namespace aseptic::publish {
namespace {

constexpr std::uint64_t kStatementMax = 16u << 20;

// The folder in the place of a server: what is asked for is read from metadata/ and targets/.
class LocalMirror {
 public:
  explicit LocalMirror(const Path& folder) : folder_(folder) {}

  [[nodiscard]] Path metadata_path(const trust::FileRequest& request) const {
    return folder_ / "metadata" / ((request.version ? std::to_string(*request.version) + "." : std::string()) + request.role + ".json");
  }
  [[nodiscard]] core::Result<core::Bytes> metadata(const trust::FileRequest& request) const {
    return read_file(metadata_path(request), request.bytes_max);
  }
  [[nodiscard]] bool has(const trust::FileRequest& request) const {
    std::error_code ignored;
    return std::filesystem::exists(metadata_path(request), ignored);
  }
  [[nodiscard]] Path target_path(const trust::TargetInfo& target) const {
    const std::size_t slash = target.path.rfind('/');
    const std::size_t base = slash == std::string::npos ? 0 : slash + 1;
    const std::string prefix = target.hashes.sha256 ? target.hashes.sha256->hex() + "." : std::string();
    return folder_ / "targets" / (target.path.substr(0, base) + prefix + target.path.substr(base));
  }

 private:
  const Path& folder_;
};

class Verification {
 public:
  Verification(const Path& folder, trust::TrustedMetadata trusted) : mirror_(folder), trusted_(std::move(trusted)) {}

  core::Result<void> refresh(core::UtcTime now);
  core::Result<void> check_channel(const std::string& path, RepositoryVerdict& verdict);
  core::Result<std::vector<std::string>> channel_paths() const;
  [[nodiscard]] const trust::TrustedMetadata& trusted() const { return trusted_; }

 private:
  core::Result<core::Verified<trust::TargetInfo>> find(std::string_view path) const;
  core::Result<std::size_t> check_payloads(const core::Verified<trust::ReleaseManifest>& release, const core::Digest& digest);
  core::Result<void> check_payload(const core::Verified<trust::PayloadIndex>& index, const core::Verified<trust::ReleaseManifest>& release,
                                   const trust::Component& component, std::size_t number);

  LocalMirror mirror_;
  trust::TrustedMetadata trusted_;
};

core::Result<void> Verification::refresh(core::UtcTime now) {
  while (mirror_.has(trusted_.next_root_request())) {
    ASEPTIC_TRY(const core::Bytes root, mirror_.metadata(trusted_.next_root_request()));
    ASEPTIC_TRY_VOID(trusted_.update_root(root));
  }
  ASEPTIC_TRY_VOID(trusted_.finish_root(now));
  ASEPTIC_TRY(const core::Bytes timestamp, mirror_.metadata(trusted_.timestamp_request()));
  ASEPTIC_TRY_VOID(trusted_.update_timestamp(timestamp));
  ASEPTIC_TRY(const trust::FileRequest snapshot_request, trusted_.snapshot_request());
  ASEPTIC_TRY(const core::Bytes snapshot, mirror_.metadata(snapshot_request));
  ASEPTIC_TRY_VOID(trusted_.update_snapshot(snapshot));
  ASEPTIC_TRY(const trust::FileRequest targets_request, trusted_.targets_request());
  ASEPTIC_TRY(const core::Bytes targets, mirror_.metadata(targets_request));
  return trusted_.update_targets(targets);
}

core::Result<core::Verified<trust::TargetInfo>> Verification::find(std::string_view path) const {
  ASEPTIC_TRY(trust::TargetSearch search, trust::TargetSearch::begin(trusted_, path));
  while (const auto request = search.needed()) {
    ASEPTIC_TRY(const core::Bytes file, mirror_.metadata(*request));
    ASEPTIC_TRY_VOID(search.supply(file));
  }
  return search.result();
}

// Channels are found in the verified targets file itself; TUF answers by name only.
core::Result<std::vector<std::string>> Verification::channel_paths() const {
  ASEPTIC_TRY(const trust::FileRequest request, trusted_.targets_request());
  ASEPTIC_TRY(const core::Bytes file, mirror_.metadata(request));
  ASEPTIC_TRY(const core::JsonValue value, core::parse_json_value(file));
  const core::JsonValue* part = value.find("signed");
  const core::JsonValue* targets = part ? part->find("targets") : nullptr;
  std::vector<std::string> paths;
  if (targets && targets->as_object())
    for (const auto& [path, entry] : *targets->as_object())
      if (path.starts_with("channels/")) paths.push_back(path);
  return paths;
}

core::Result<void> Verification::check_channel(const std::string& path, RepositoryVerdict& verdict) {
  ASEPTIC_TRY(const auto channel_target, find(path));
  ASEPTIC_TRY(const core::Bytes channel_bytes, read_file(mirror_.target_path(*channel_target), kStatementMax));
  ASEPTIC_TRY(const auto channel, trust::StatementVerifier::channel(channel_target, channel_bytes));
  ASEPTIC_TRY(const auto release_target, find(channel->release_path()));
  ASEPTIC_TRY(const core::Bytes release_bytes, read_file(mirror_.target_path(*release_target), kStatementMax));
  ASEPTIC_TRY(const auto release, trust::StatementVerifier::release(release_target, release_bytes));
  ASEPTIC_TRY_VOID(trust::StatementVerifier::selects(channel, release));
  ASEPTIC_TRY(const std::size_t payloads, check_payloads(release, core::sha256(release_bytes)));
  verdict.channels.push_back({path, release->release_id, release->sequence, payloads});
  return {};
}

core::Result<std::size_t> Verification::check_payloads(const core::Verified<trust::ReleaseManifest>& release, const core::Digest& digest) {
  ASEPTIC_TRY(const auto index_target, find(trust::payload_index_target_path(digest)));
  ASEPTIC_TRY(const core::Bytes index_bytes, read_file(mirror_.target_path(*index_target), kStatementMax));
  ASEPTIC_TRY(const auto index, trust::StatementVerifier::payload_index(index_target, index_bytes, release));
  std::size_t count = 0;
  for (const trust::Component& component : release->components) {
    const trust::ImagePayloads* payloads = index->find(component.image_digest);
    if (!payloads || payloads->payloads.empty())
      return core::Error(PublishCode::kUnverifiable, "the payload index names no payload for the component " + component.name);
    for (std::size_t i = 0; i < payloads->payloads.size(); ++i, ++count) ASEPTIC_TRY_VOID(check_payload(index, release, component, i));
  }
  return count;
}

core::Result<void> Verification::check_payload(const core::Verified<trust::PayloadIndex>& index,
                                               const core::Verified<trust::ReleaseManifest>& release, const trust::Component& component,
                                               std::size_t number) {
  const trust::PayloadEntry& entry = index->find(component.image_digest)->payloads[number];
  ASEPTIC_TRY(const auto target, find(entry.target_path()));
  const Path file = mirror_.target_path(*target);
  std::error_code error;
  if (std::filesystem::file_size(file, error) != entry.payload_size || error)
    return core::Error(PublishCode::kUnverifiable, "the payload " + file.string() + " is missing or has another length than the index says");
  ASEPTIC_TRY(core::Bytes head, read_head_of_file(file, payload::kHeaderSize));
  // A short one is known by its digest alone: what its header is, only its base tells.
  if (payload::has_short_form(head)) {
    ASEPTIC_TRY(head, read_file(file, payload::kShortSizeMax));
    payload::ShortHead facts;
    if (core::sha256(head) != entry.payload_digest || !entry.base || !payload::ok(payload::decode_short_head(head, facts)))
      return core::Error(PublishCode::kUnverifiable, "the payload " + file.string() + " is not the one that the index names");
    return {};
  }
  ASEPTIC_TRY(const auto header_digest, trust::DigestIssuer::payload_header(index, component.image_digest, number));
  ASEPTIC_TRY(const auto manifest_digest, trust::DigestIssuer::manifest(release, component.id));
  ASEPTIC_TRY(const auto image_digest, trust::DigestIssuer::image(release, component.id));
  const core::Untrusted<core::ByteView> untrusted(head);
  ASEPTIC_TRY_VOID(payload::HeaderVerifier::verify(untrusted, {header_digest, entry.payload_size}, {manifest_digest, image_digest, component.size})
                       .within(file.string()));
  return {};
}

}  // namespace

core::Result<RepositoryVerdict> verify_repository(const Path& folder, core::ByteView trusted_root, core::UtcTime now) {
  ASEPTIC_TRY(trust::TrustedMetadata trusted, trust::TrustedMetadata::from_root(trusted_root).within("the trusted root"));
  Verification verification(folder, std::move(trusted));
  ASEPTIC_TRY_VOID(verification.refresh(now));
  RepositoryVerdict verdict{.root_version = verification.trusted().root().version,
                            .timestamp_version = verification.trusted().timestamp()->version,
                            .snapshot_version = verification.trusted().snapshot()->version,
                            .targets_version = verification.trusted().targets_version().value_or(0)};
  ASEPTIC_TRY(const std::vector<std::string> channels, verification.channel_paths());
  for (const std::string& path : channels) ASEPTIC_TRY_VOID(verification.check_channel(path, verdict).within(path));
  return verdict;
}

}  // namespace aseptic::publish
