// SPDX-License-Identifier: Apache-2.0
#include "payloads.h"

#include <algorithm>

#include "aseptic/payload/format/header.h"
#include "aseptic/payload/make/maker.h"
#include "aseptic/payload/make/seal.h"
#include "aseptic/publish/codes.h"
#include "aseptic/trust/key_envelope.h"

namespace aseptic::publish {
namespace {

core::Error input(std::string sentence) { return {PublishCode::kInput, std::move(sentence)}; }

constexpr auto kCodecZstd = static_cast<std::uint32_t>(payload::Encoding::kZstd);
constexpr auto kCodecDelta = static_cast<std::uint32_t>(payload::Encoding::kDelta);

// A file of work in progress that goes away with the object.
class WorkFile {
 public:
  explicit WorkFile(Path path) : path_(std::move(path)) {}
  WorkFile(const WorkFile&) = delete;
  WorkFile& operator=(const WorkFile&) = delete;
  ~WorkFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  [[nodiscard]] const Path& path() const { return path_; }

 private:
  Path path_;
};

// An image that a delta may start from.
struct BaseImage {
  std::string name;  // release id or file
  Path file;
  std::unique_ptr<WorkFile> work;
};

trust::PayloadEntry entry_of(const payload::PayloadSummary& summary) {
  trust::PayloadEntry entry;
  entry.encodings = {"zstd"};
  entry.codecs = {kCodecZstd};
  entry.image_size = summary.image_size;
  entry.payload_size = summary.payload_size;
  entry.header_digest = summary.header_digest;
  entry.payload_digest = summary.file_digest;
  return entry;
}

class PayloadPress {
 public:
  PayloadPress(const Repository& repository, const PayloadChoices& choices, trust::Requirement encryption)
      : repository_(repository), choices_(choices), is_sealed_(encryption == trust::Requirement::kRequired), folder_(repository.folder() / "targets" / "payloads") {}

  core::Result<void> open() {
    if (is_sealed_ && (choices_.groups.empty() || choices_.entropy == nullptr))
      return input("the release requires encryption: name at least one group of devices that may decrypt it");
    if (!is_sealed_ && !choices_.groups.empty())
      return input("the release does not require encryption; say so in its description: require = [\"encryption\"]");
    return make_folders(folder_);
  }

  core::Result<trust::PayloadEntry> make_full(const std::string& component, const Path& image) {
    ASEPTIC_TRY(const payload::PayloadSummary summary, payload::make_payload_file(image.string(), part().string(), options()));
    trust::PayloadEntry entry = entry_of(summary);
    ASEPTIC_TRY_VOID(seal(entry, image, ""));
    ASEPTIC_TRY_VOID(keep(entry));
    made_.sizes.push_back({component, "", entry.payload_size, ""});
    return entry;
  }

  // Nothing where the delta would be no gain; the table says why.
  core::Result<std::optional<trust::PayloadEntry>> make_delta(const std::string& component, const BaseImage& base, const Path& image,
                                                              std::uint64_t full_size) {
    const auto summary = payload::make_delta_payload_file(base.file.string(), image.string(), part().string(), options());
    if (!summary && !summary.error().is(payload::PayloadCode::kOptions)) return summary.error().within("delta from " + base.name);
    if (!summary) return without(component, base, summary.error().sentence());
    if (summary->payload_size >= full_size) {
      const WorkFile unwanted(part());
      return without(component, base, "a delta is not smaller than the full payload");
    }
    trust::PayloadEntry entry = entry_of(*summary);
    entry.base = summary->base_image_digest;
    entry.encodings = {"delta", "zstd"};
    entry.codecs = {kCodecDelta, kCodecZstd};
    ASEPTIC_TRY_VOID(seal(entry, image, base.file));
    ASEPTIC_TRY_VOID(keep(entry));
    made_.sizes.push_back({component, base.name, entry.payload_size, ""});
    return std::optional<trust::PayloadEntry>(std::move(entry));
  }

  // The image of a component of an earlier release, out of its published full payload.
  core::Result<std::optional<BaseImage>> restore(const FoundRelease& release, const core::Uuid& component) {
    const trust::Component* was = release.manifest.find(component);
    if (was == nullptr) return std::optional<BaseImage>();
    auto index = published_index(repository_, release.digest);
    if (!index) return std::optional<BaseImage>();
    const trust::ImagePayloads* payloads = index->find(was->image_digest);
    if (payloads == nullptr) return std::optional<BaseImage>();
    const auto full = std::ranges::find_if(payloads->payloads, [](const trust::PayloadEntry& entry) { return !entry.base; });
    if (full == payloads->payloads.end() || full->key_id) return std::optional<BaseImage>();  // sealed: its key is not kept
    auto work = std::make_unique<WorkFile>(folder_ / (".base-" + was->image_digest.hex()));
    const Path file = repository_.target_file({.path = full->target_path(), .length = full->payload_size, .sha256 = full->payload_digest});
    ASEPTIC_TRY(const payload::PayloadSummary restored,
                payload::restore_image_file(file.string(), work->path().string()).within("release " + release.manifest.release_id));
    if (restored.image_digest != was->image_digest || restored.manifest_digest != was->manifest_digest)
      return input("the payload of release " + release.manifest.release_id + " in this repository carries another image than was released");
    Path path = work->path();
    return std::optional<BaseImage>(BaseImage{release.manifest.release_id, std::move(path), std::move(work)});
  }

  // One small file for each group, however many devices it has (CF-05).
  core::Result<void> store_envelopes(const core::Digest& release) {
    for (const EncryptionGroup& group : choices_.groups) {
      trust::KeyEnvelope envelope;
      envelope.release = release;
      envelope.group = group.name;
      envelope.group_epoch = group.epoch;
      envelope.algorithm = trust::kEnvelopeAlgorithm;
      for (const payload::SealedPayload& sealed : sealed_) {
        const core::Digest& payload = sealed.summary.file_digest;
        ASEPTIC_TRY(WrappedFor wrapped, group.wrap(envelope.hkdf_info(payload), sealed.content_key));
        envelope.keys.push_back({payload, std::move(wrapped.ephemeral), std::move(wrapped.wrapped)});
      }
      const std::string text = envelope.encode();
      ASEPTIC_TRY_VOID(trust::KeyEnvelope::parse(core::as_bytes(text)).within("the key envelope just made"));
      ASEPTIC_TRY(TargetEntry target, repository_.store_target(envelope.target_path(), core::as_bytes(text)));
      made_.payloads.targets.push_back(std::move(target));
    }
    return {};
  }

  void put_index(const TargetEntry& target) { made_.payloads.targets.push_back(target); }
  void note(PayloadSize size) { made_.sizes.push_back(std::move(size)); }
  [[nodiscard]] MadePayloads take() { return std::move(made_); }

 private:
  [[nodiscard]] Path part() const { return folder_ / ".payload-being-made"; }
  [[nodiscard]] payload::MakeOptions options() const { return {.zstd_level = choices_.zstd_level, .workers = choices_.workers, .shorten = !is_sealed_}; }

  core::Result<std::optional<trust::PayloadEntry>> without(const std::string& component, const BaseImage& base, std::string why) {
    made_.sizes.push_back({component, base.name, 0, std::move(why)});
    return std::optional<trust::PayloadEntry>();
  }

  // Replaces the payload just made by its encrypted form, under a key of its own.
  core::Result<void> seal(trust::PayloadEntry& entry, const Path& image, const Path& base) {
    if (!is_sealed_) return {};
    const WorkFile plain(folder_ / ".payload-to-be-sealed");
    ASEPTIC_TRY_VOID(move_durable(part(), plain.path()));
    ASEPTIC_TRY(payload::SealedPayload sealed, payload::seal_payload_file(plain.path().string(), part().string(), image.string(), base.string(), *choices_.entropy));
    entry.payload_size = sealed.summary.payload_size;
    entry.header_digest = sealed.summary.header_digest;
    entry.payload_digest = sealed.summary.file_digest;
    entry.key_id = sealed.key_id;
    sealed_.push_back(std::move(sealed));
    return {};
  }

  core::Result<void> keep(const trust::PayloadEntry& entry) {
    TargetEntry target{.path = entry.target_path(), .length = entry.payload_size, .sha256 = entry.payload_digest};
    ASEPTIC_TRY_VOID(move_durable(part(), repository_.target_file(target)));
    made_.payloads.targets.push_back(std::move(target));
    return {};
  }

  const Repository& repository_;
  const PayloadChoices& choices_;
  bool is_sealed_;
  std::vector<payload::SealedPayload> sealed_;  // keys are held until the envelopes are made
  Path folder_;
  MadePayloads made_;
};

core::Result<void> store_index(const Repository& repository, PayloadPress& press, const trust::PayloadIndex& index,
                               const trust::ReleaseManifest& manifest, const core::Digest& digest) {
  ASEPTIC_TRY_VOID(trust::check_index(index, manifest, digest));
  const std::string text = index.encode();
  ASEPTIC_TRY_VOID(trust::PayloadIndex::parse(core::as_bytes(text)).within("the payload index just made"));
  ASEPTIC_TRY(const TargetEntry target, repository.store_target(index.target_path(), core::as_bytes(text)));
  press.put_index(target);
  return {};
}

// Adds deltas of one component to its list. `sources`: newest first.
core::Result<void> add_component_deltas(PayloadPress& press, const trust::Component& component, const Path& image,
                                        const std::vector<FoundRelease>& sources, const std::vector<Path>& files,
                                        std::vector<trust::PayloadEntry>& payloads) {
  const auto full = std::ranges::find_if(payloads, [](const trust::PayloadEntry& entry) { return !entry.base; });
  if (full == payloads.end()) return input("the index has no full payload of the component " + component.name);
  const std::uint64_t full_size = full->payload_size;
  const auto has = [&](const core::Digest& base) { return std::ranges::find(payloads, base, &trust::PayloadEntry::base) != payloads.end(); };
  for (const FoundRelease& source : sources) {
    const trust::Component* was = source.manifest.find(component.id);
    if (was == nullptr || was->image_digest == component.image_digest || has(was->image_digest)) continue;
    ASEPTIC_TRY(const std::optional<BaseImage> base, press.restore(source, component.id));
    if (!base) {
      press.note({component.name, source.manifest.release_id, 0, "its full payload is not in this repository, or is encrypted; name its image with --delta-base"});
      continue;
    }
    ASEPTIC_TRY(auto entry, press.make_delta(component.name, *base, image, full_size));
    if (entry) payloads.push_back(*std::move(entry));
  }
  for (const Path& file : files) {
    ASEPTIC_TRY(auto entry, press.make_delta(component.name, {file.filename().string(), file, nullptr}, image, full_size));
    if (entry && !has(*entry->base)) payloads.push_back(*std::move(entry));
  }
  return {};
}

}  // namespace

core::Result<std::vector<FoundRelease>> earlier_releases(const Repository& repository, const Document& targets,
                                                         const trust::ReleaseManifest& release) {
  std::vector<FoundRelease> found;
  ASEPTIC_TRY(const std::vector<TargetEntry> entries, targets_of(targets));
  for (const TargetEntry& entry : entries) {
    if (!entry.path.starts_with("releases/") || !entry.path.ends_with("/release.json")) continue;
    ASEPTIC_TRY(const core::Bytes bytes, repository.read_target(entry));
    ASEPTIC_TRY(trust::ReleaseManifest manifest, trust::ReleaseManifest::parse(bytes).within(entry.path));
    if (manifest.product != release.product || manifest.sequence >= release.sequence) continue;
    found.push_back({std::move(manifest), core::sha256(bytes)});
  }
  std::ranges::sort(found, std::greater{}, [](const FoundRelease& one) { return one.manifest.sequence; });
  return found;
}

core::Result<trust::PayloadIndex> published_index(const Repository& repository, const core::Digest& release) {
  ASEPTIC_TRY(const Document role, repository.load(trust::kPayloadIndexRole));
  ASEPTIC_TRY(const TargetEntry entry, find_target(role, trust::payload_index_target_path(release)));
  ASEPTIC_TRY(const core::Bytes bytes, repository.read_target(entry));
  return trust::PayloadIndex::parse(bytes);
}

core::Result<MadePayloads> make_payloads(const Repository& repository, const ReleasedImages& images,
                                         const std::vector<FoundRelease>& earlier, const PayloadChoices& choices) {
  PayloadPress press(repository, choices, images.manifest.encryption);
  ASEPTIC_TRY_VOID(press.open());
  const auto count = static_cast<std::ptrdiff_t>(std::min<std::size_t>(choices.delta_releases, earlier.size()));
  const std::vector<FoundRelease> sources(earlier.begin(), earlier.begin() + count);
  trust::PayloadIndex index;
  index.release = images.digest;
  for (const trust::Component& component : images.manifest.components) {
    const Path& image = images.by_component.at(component.name);
    ASEPTIC_TRY(trust::PayloadEntry full, press.make_full(component.name, image));
    std::vector<trust::PayloadEntry> payloads{std::move(full)};
    ASEPTIC_TRY_VOID(add_component_deltas(press, component, image, sources, choices.delta_bases, payloads));
    index.images.push_back({component.image_digest, std::move(payloads)});
  }
  ASEPTIC_TRY_VOID(press.store_envelopes(images.digest));
  ASEPTIC_TRY_VOID(store_index(repository, press, index, images.manifest, images.digest));
  return press.take();
}

core::Result<AddedDeltas> add_deltas(const Repository& repository, std::string_view release_id,
                                     const std::vector<std::string>& releases, const PayloadChoices& choices) {
  ASEPTIC_TRY(const Document targets, repository.load("targets"));
  ASEPTIC_TRY(const TargetEntry entry, find_target(targets, trust::release_target_path(release_id)));
  ASEPTIC_TRY(const core::Bytes bytes, repository.read_target(entry));
  ASEPTIC_TRY(trust::ReleaseManifest manifest, trust::ReleaseManifest::parse(bytes));
  const FoundRelease release{std::move(manifest), core::sha256(bytes)};
  ASEPTIC_TRY(std::vector<FoundRelease> sources, earlier_releases(repository, targets, release.manifest));
  for (const std::string& id : releases)
    if (std::ranges::none_of(sources, [&](const FoundRelease& source) { return source.manifest.release_id == id; }))
      return input("there is no published release " + id + " of this product with a lower sequence than " + std::string(release_id));
  if (!releases.empty())
    std::erase_if(sources, [&](const FoundRelease& source) { return std::ranges::find(releases, source.manifest.release_id) == releases.end(); });
  else
    sources.resize(std::min<std::size_t>(choices.delta_releases, sources.size()));
  ASEPTIC_TRY(trust::PayloadIndex index, published_index(repository, release.digest));
  if (release.manifest.encryption == trust::Requirement::kRequired)
    return input(std::string(release_id) + " is encrypted: its deltas are made with the release, by `release create`");
  PayloadPress press(repository, choices, release.manifest.encryption);
  ASEPTIC_TRY_VOID(press.open());
  for (const trust::Component& component : release.manifest.components) {
    const auto image = std::ranges::find(index.images, component.image_digest, &trust::ImagePayloads::image_digest);
    if (image == index.images.end()) continue;
    ASEPTIC_TRY(const std::optional<BaseImage> present, press.restore(release, component.id));
    if (!present) return input("the full payload of " + std::string(release_id) + " is not in this repository");
    for (const trust::PayloadEntry& payload : image->payloads)
      if (!payload.base) press.note({component.name, "", payload.payload_size, ""});
    ASEPTIC_TRY_VOID(add_component_deltas(press, component, present->file, sources, choices.delta_bases, image->payloads));
  }
  ASEPTIC_TRY_VOID(store_index(repository, press, index, release.manifest, release.digest));
  MadePayloads made = press.take();
  return AddedDeltas{std::move(made.payloads), std::move(made.sizes)};
}

}  // namespace aseptic::publish
