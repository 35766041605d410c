// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/release.h"

#include <algorithm>

#include "aseptic/publish/codes.h"
#include "aseptic/publish/image.h"
#include "payloads.h"

namespace aseptic::publish {
namespace {

core::Error input(std::string sentence) { return {PublishCode::kInput, std::move(sentence)}; }

core::Result<void> measure(trust::Component& component, const Path& file, const std::vector<ImageKeys>& keys,
                           const trust::ReleaseManifest& release) {
  ASEPTIC_TRY(const ImageInfo info, verify_image(file, keys));
  if (info.product != release.product) return input(file.string() + " was built for the product " + info.product.text());
  if (info.sequence != component.sequence || info.epoch != component.epoch)
    return input(file.string() + " has sequence " + std::to_string(info.sequence) + " and epoch " + std::to_string(info.epoch) +
                 ", but the description says " + std::to_string(component.sequence) + " and " + std::to_string(component.epoch));
  const bool hardware_listed = std::ranges::any_of(release.hardware, [&](const trust::HardwareRange& range) {
    return range.id == info.hardware && range.revision_min >= info.hardware_revision_min && range.revision_max <= info.hardware_revision_max;
  });
  if (!hardware_listed) return input(file.string() + " was not built for the hardware that the description lists");
  component.manifest_digest = info.manifest_digest;
  component.image_digest = info.image_digest;
  component.size = info.image_size;
  for (const ImageRegionInfo& region : info.regions)
    if (region.kind == ImageRegionKind::kTreeVerified && !component.tree)
      component.tree = trust::TreeParameters{.root = region.digest, .salt = info.tree_salt};
  return {};
}

core::Result<trust::ReleaseManifest> measured_manifest(const ReleaseDescription& description, const ReleaseImages& images) {
  trust::ReleaseManifest manifest = description.draft;
  for (const auto& [name, file] : images.by_component)
    if (!description.find(name)) return input("the description has no component called " + name);
  for (trust::Component& component : manifest.components) {
    const auto file = images.by_component.find(component.name);
    if (file == images.by_component.end()) return input("no image was given for the component " + component.name);
    ASEPTIC_TRY_VOID(measure(component, file->second, images.keys, manifest).within("component " + component.name));
  }
  manifest.set_digest = trust::release_set_digest(manifest.components);
  for (const auto& [name, file] : images.by_component) {
    ASEPTIC_TRY(const ImageInfo info, read_image(file));
    if (info.set_digest != manifest.set_digest)
      return input(file.string() + " was built for another set of components; build it again with the images that go with it");
  }
  return manifest;
}

core::Result<void> add_texts(const Repository& repository, SigningFile& edition, const ReleaseDescription& description,
                             trust::ReleaseManifest& manifest) {
  const std::string folder = "releases/" + manifest.release_id + "/";
  for (const auto& [language, file] : description.consent) {
    ASEPTIC_TRY(const core::Bytes text, read_file(file, kAttachmentMax));
    ASEPTIC_TRY(const TargetEntry entry, add_target_content(repository, edition, folder + "consent." + language + ".txt", text));
    manifest.safety.consent[language] = entry.sha256;
  }
  if (!description.sbom) return {};
  ASEPTIC_TRY(const core::Bytes sbom, read_file(*description.sbom, kAttachmentMax));
  ASEPTIC_TRY(const TargetEntry entry, add_target_content(repository, edition, folder + "sbom.json", sbom));
  manifest.sbom.push_back({description.sbom_format, entry.sha256});
  return {};
}

// A small statement that the edition lists: attached, or in the repository.
core::Result<core::Bytes> statement_bytes(const Repository& repository, const SigningFile& edition, std::string_view path) {
  ASEPTIC_TRY(const TargetEntry entry, find_target(edition.document, path));
  if (const core::Bytes* attached = edition.attachment(edition.document, path)) return *attached;
  return repository.read_target(entry, kAttachmentMax);
}

core::Result<std::optional<trust::Channel>> present_channel(const Repository& repository, const SigningFile& edition, const std::string& path) {
  if (!find_target(edition.document, path)) return std::optional<trust::Channel>();
  ASEPTIC_TRY(const core::Bytes bytes, statement_bytes(repository, edition, path));
  ASEPTIC_TRY(trust::Channel channel, trust::Channel::parse(bytes));
  return std::optional<trust::Channel>(std::move(channel));
}

// The revision that an edition gives to a channel: one more than what is published, however often it is edited.
core::Result<std::uint64_t> next_revision(const Repository& repository, const SigningFile& edition, const std::string& path) {
  if (!edition.previous || !find_target(*edition.previous, path)) return std::uint64_t{1};
  ASEPTIC_TRY(const TargetEntry entry, find_target(*edition.previous, path));
  ASEPTIC_TRY(const core::Bytes bytes, repository.read_target(entry, kAttachmentMax));
  ASEPTIC_TRY(const trust::Channel channel, trust::Channel::parse(bytes));
  return channel.revision + 1;
}

core::Result<trust::Channel> store_channel(const Repository& repository, SigningFile& edition, trust::Channel channel) {
  const std::string path = channel.target_path();
  ASEPTIC_TRY(channel.revision, next_revision(repository, edition, path));
  const std::string text = channel.encode();
  ASEPTIC_TRY_VOID(trust::Channel::parse(core::as_bytes(text)).within("the channel just made"));
  ASEPTIC_TRY_VOID(add_target_content(repository, edition, path, core::as_bytes(text)));
  return channel;
}

core::Result<FoundRelease> find_release(const Repository& repository, const SigningFile& edition, std::string_view release_id) {
  auto bytes = statement_bytes(repository, edition, trust::release_target_path(release_id));
  if (!bytes) return input("there is no release " + std::string(release_id) + " in this edition: " + bytes.error().sentence());
  ASEPTIC_TRY(trust::ReleaseManifest manifest, trust::ReleaseManifest::parse(*bytes));
  return FoundRelease{std::move(manifest), core::sha256(*bytes)};
}

}  // namespace

std::string PreparedPayloads::file_text() const {
  core::JsonArray list;
  for (const TargetEntry& target : targets)
    list.push_back(core::JsonObject{{"path", target.path}, {"length", static_cast<std::int64_t>(target.length)}, {"sha256", target.sha256.hex()}});
  return core::pretty_json(core::JsonObject{{"format", "aseptic-payloads-1"}, {"targets", std::move(list)}});
}

core::Result<PreparedPayloads> PreparedPayloads::read(const Path& path) {
  ASEPTIC_TRY(const core::Bytes bytes, read_file(path));
  ASEPTIC_TRY(const core::JsonValue value, core::parse_json_value(bytes).within(path.string()));
  if (value.string_at("format").value_or("") != "aseptic-payloads-1") return input(path.string() + " is not a list of prepared payloads");
  ASEPTIC_TRY(const core::JsonArray* list, value.array_at("targets"));
  PreparedPayloads prepared;
  for (const core::JsonValue& item : *list) {
    TargetEntry entry;
    ASEPTIC_TRY(entry.path, item.string_at("path"));
    ASEPTIC_TRY(entry.length, item.count_at("length"));
    ASEPTIC_TRY(const std::string hex, item.string_at("sha256"));
    ASEPTIC_TRY(entry.sha256, core::Digest::from_hex(hex));
    prepared.targets.push_back(std::move(entry));
  }
  return prepared;
}

core::Result<CreatedRelease> create_release(const Repository& repository, SigningFile& edition, const ReleaseDescription& description,
                                            const ReleaseImages& images, const PayloadChoices& choices) {
  if (find_target(edition.document, trust::release_target_path(description.draft.release_id)))
    return input("the release " + description.draft.release_id + " exists already; a release manifest is never touched again, so choose another id");
  ASEPTIC_TRY(trust::ReleaseManifest manifest, measured_manifest(description, images));
  ASEPTIC_TRY_VOID(add_texts(repository, edition, description, manifest));
  const std::string text = manifest.encode();
  ASEPTIC_TRY(trust::ReleaseManifest read_back, trust::ReleaseManifest::parse(core::as_bytes(text)));
  ASEPTIC_TRY_VOID(add_target_content(repository, edition, manifest.target_path(), core::as_bytes(text)));
  const core::Digest digest = core::sha256(text);
  // What is published, not what the edition adds: a delta starts from what devices may run.
  std::vector<FoundRelease> earlier;
  if (repository.version_of("targets") > 0) {
    ASEPTIC_TRY(const Document targets, repository.load("targets"));
    ASEPTIC_TRY(earlier, earlier_releases(repository, targets, manifest));
  }
  ASEPTIC_TRY(MadePayloads made, make_payloads(repository, {manifest, digest, images.by_component}, earlier, choices));
  return CreatedRelease{std::move(read_back), digest, std::move(made.payloads), std::move(made.sizes)};
}

core::Result<Edition> payload_edition(const Repository& repository, const std::vector<Edition>& others, const PreparedPayloads& payloads,
                                      std::vector<OnlineSigner>& signers, core::UtcTime expires) {
  const std::string role(trust::kPayloadIndexRole);
  Edition edition{role, empty_targets(expires)};
  if (repository.version_of(role) > 0) {
    ASEPTIC_TRY(edition.document, repository.load(role));
    edition.document.set_version(edition.document.version() + 1);
    edition.document.set_expires(expires);
  }
  for (const TargetEntry& target : payloads.targets) ASEPTIC_TRY_VOID(add_target(edition.document, target));
  const auto targets = std::ranges::find(others, "targets", &Edition::role);
  std::optional<Document> delegator;
  if (targets != others.end()) delegator = targets->document;
  if (!delegator) {
    ASEPTIC_TRY(delegator, repository.load("targets"));
  }
  ASEPTIC_TRY(const RoleKeys keys, delegated_keys(*delegator, role));
  ASEPTIC_TRY_VOID(sign_online(edition.document, keys, signers).within(role));
  return edition;
}

core::Result<trust::Channel> set_channel(const Repository& repository, SigningFile& edition, const ChannelChange& change) {
  ASEPTIC_TRY(const FoundRelease release, find_release(repository, edition, change.release_id));
  if (release.manifest.product != change.product)
    return input("the release " + change.release_id + " is for the product " + release.manifest.product.text());
  ASEPTIC_TRY(std::optional<trust::Channel> present,
              present_channel(repository, edition, trust::channel_target_path(change.product, change.channel)));
  trust::Channel channel = present.value_or(trust::Channel{});
  for (const trust::Withdrawal& withdrawal : channel.withdrawn)
    if (withdrawal.release == release.digest) return input("the release " + change.release_id + " was withdrawn: " + withdrawal.reason);
  const bool same = present && channel.release == release.digest;
  if (change.attempt)
    channel.attempt = *change.attempt;
  else if (!same)
    channel.attempt = 1;
  channel.product = change.product;
  channel.name = change.channel;
  channel.release_id = change.release_id;
  channel.release = release.digest;
  channel.sequence = release.manifest.sequence;
  return store_channel(repository, edition, std::move(channel));
}

core::Result<trust::Channel> withdraw_release(const Repository& repository, SigningFile& edition, const WithdrawalOrder& order) {
  ASEPTIC_TRY(const FoundRelease release, find_release(repository, edition, order.release_id));
  ASEPTIC_TRY(std::optional<trust::Channel> present,
              present_channel(repository, edition, trust::channel_target_path(order.product, order.channel)));
  if (!present) return input("there is no channel " + order.channel + " for the product " + order.product.text());
  const bool already = std::ranges::any_of(present->withdrawn, [&](const auto& withdrawal) { return withdrawal.release == release.digest; });
  if (already) return input("the release " + order.release_id + " is withdrawn already");
  present->withdrawn.push_back({release.digest, release.manifest.sequence, order.reason});
  return store_channel(repository, edition, *std::move(present));
}

}  // namespace aseptic::publish
