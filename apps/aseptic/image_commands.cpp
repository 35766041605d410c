// SPDX-License-Identifier: Apache-2.0
// aseptic image: build, sign, release, verify.
#include "aseptic/publish/image.h"

#include <charconv>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "aseptic/publish/codes.h"
#include "aseptic/publish/release_description.h"
#include "lms_media.h"
#include "workbench.h"

namespace aseptic::app {
namespace {

struct Options {
  std::string description, component, builder, release_key, exec_file, out, image, key, previous, witness;
  std::vector<std::string> trees, builders, release_keys, others;
  std::string hardware;
  std::uint32_t revoke_mask = 0, min_boot = 0, min_root = 0;
  std::uint64_t load_address = 0, entry = 0;
  bool revoke_now = false, yes = false;
};

core::JsonObject image_json(const publish::ImageInfo& info) {
  core::JsonArray regions;
  for (const publish::ImageRegionInfo& region : info.regions)
    regions.push_back(core::JsonObject{{"kind", region.kind == publish::ImageRegionKind::kExecCopied ? "exec-copied" : "tree-verified"},
                                       {"offset", static_cast<std::int64_t>(region.offset)},
                                       {"size", static_cast<std::int64_t>(region.size)},
                                       {"digest", region.digest.hex()}});
  return {{"product", info.product.text()},
          {"hardware", info.hardware.text()},
          {"version", info.version},
          {"sequence", static_cast<std::int64_t>(info.sequence)},
          {"epoch", static_cast<std::int64_t>(info.epoch)},
          {"life_cycle", info.is_development ? "development" : "production"},
          {"image_size", static_cast<std::int64_t>(info.image_size)},
          {"manifest_digest", info.manifest_digest.hex()},
          {"image_digest", info.image_digest.hex()},
          {"set_digest", info.set_digest.hex()},
          {"builder_key_id", info.builder_key_id.hex()},
          {"release_key_id", info.release_key_id.hex()},
          {"signed", info.has_builder_signature},
          {"released", info.has_release_signature},
          {"regions", std::move(regions)}};
}

// "UUID:SEQUENCE:EPOCH:IMAGE-DIGEST"
core::Result<publish::SetMember> set_member(const std::string& text) {
  const core::Error wrong(publish::PublishCode::kInput, "\"" + text + "\" is not of the form UUID:SEQUENCE:EPOCH:IMAGE-DIGEST");
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(':', start), text.size());
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  if (parts.size() != 4 || parts[1].empty() || parts[2].empty() || parts[1].size() > 15 || parts[2].size() > 9 ||
      parts[1].find_first_not_of("0123456789") != std::string::npos || parts[2].find_first_not_of("0123456789") != std::string::npos)
    return wrong;
  publish::SetMember member;
  ASEPTIC_TRY(member.component, core::Uuid::parse(parts[0]));
  std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), member.sequence);  // digits only: see above
  std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), member.epoch);
  ASEPTIC_TRY(member.image_digest, core::Digest::from_hex(parts[3]));
  return member;
}

core::Result<publish::ImagePlan> plan_of(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(const publish::ReleaseDescription description, publish::ReleaseDescription::read(options.description));
  const trust::Component* component = options.component.empty() && description.draft.components.size() == 1
                                          ? &description.draft.components.front()
                                          : description.find(options.component);
  if (!component) return core::Error(publish::PublishCode::kInput, "name one of the description's components with --component");
  if (description.draft.hardware.empty()) return core::Error(publish::PublishCode::kInput, "the description lists no hardware");
  trust::HardwareRange hardware = description.draft.hardware.front();
  if (!options.hardware.empty()) {
    ASEPTIC_TRY(const core::Uuid id, core::Uuid::parse(options.hardware).within("--hardware"));
    const auto at = std::ranges::find(description.draft.hardware, id, &trust::HardwareRange::id);
    if (at == description.draft.hardware.end()) return core::Error(publish::PublishCode::kInput, "the description does not list that hardware");
    hardware = *at;
  }
  publish::ImagePlan plan{.product = description.draft.product, .hardware = hardware.id, .component = component->id,
                          .hardware_revision_min = hardware.revision_min, .hardware_revision_max = hardware.revision_max,
                          .version = description.draft.version.text(), .sequence = component->sequence, .epoch = component->epoch,
                          .key_revoke_mask = options.revoke_mask,
                          .revocation = options.revoke_now ? publish::Revocation::kNow : publish::Revocation::kAfterPolicyDelay,
                          .min_boot_version = options.min_boot, .min_root_version = options.min_root,
                          .load_address = options.load_address, .entry = options.entry, .profile = bench.profile()};
  for (const trust::ComponentDependency& dependency : component->dependencies)
    plan.dependencies.push_back({dependency.component, dependency.sequence_min});
  if (!options.exec_file.empty()) plan.regions.push_back({publish::ImageRegionKind::kExecCopied, options.exec_file,
                            options.load_address != 0 ? publish::ProgramForm::kRaw : publish::ProgramForm::kStaticElf});
  for (const std::string& tree : options.trees) plan.regions.push_back({publish::ImageRegionKind::kTreeVerified, tree});
  for (const std::string& other : options.others) {
    ASEPTIC_TRY(const publish::SetMember member, set_member(other));
    plan.others.push_back(member);
  }
  bench.entropy().fill(plan.tree_salt.bytes);
  if (description.sbom) {
    ASEPTIC_TRY(const core::Bytes sbom, publish::read_file(*description.sbom));
    plan.sbom = core::sha256(sbom);
  }
  if (!options.exec_file.empty()) {
    ASEPTIC_TRY(const core::Bytes program, publish::read_file(options.exec_file, 1u << 30));
    plan.build_id = core::sha256(program);
  }
  return plan;
}

std::string image_line(const std::string& file, const publish::ImageInfo& info) {
  return file + ": version " + info.version + ", sequence " + std::to_string(info.sequence) + ", epoch " + std::to_string(info.epoch) + ", " +
         std::to_string(info.image_size) + " bytes\n  manifest digest " + info.manifest_digest.hex() + "\n  image digest    " +
         info.image_digest.hex() + "\n";
}

core::Result<void> build(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(const std::vector<publish::ImageKeys> keys, bench.image_keys({options.builder}, {options.release_key}));
  ASEPTIC_TRY(const publish::ImagePlan plan, plan_of(bench, options));
  ASEPTIC_TRY(const publish::ImageInfo info, publish::build_image(plan, keys.front(), options.out));
  bench.say(image_line(options.out, info) + "  not signed yet: aseptic image sign " + options.out, image_json(info));
  return {};
}

core::Result<publish::Agreement> agreement_to(const Options& options, publish::ImageCustodian custodian) {
  std::optional<Path> previous;
  if (!options.previous.empty()) previous = options.previous;
  ASEPTIC_TRY(const publish::Presentation presentation, publish::review_image(options.image, custodian, previous));
  return publish::Agreement::ask(presentation, ask_on_terminal(options.yes ? Answer::kAssumeYes : Answer::kAsk));
}

core::Result<void> sign(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(publish::BuilderSigner signer, bench.signer<publish::BuilderRole>(options.key));
  ASEPTIC_TRY(const publish::Agreement agreement, agreement_to(options, publish::ImageCustodian::kBuilder));
  publish::SigningLog log(bench.log_path());
  ASEPTIC_TRY_VOID(publish::sign_image(options.image, agreement, signer, {log, bench.now()}));
  ASEPTIC_TRY(const publish::ImageInfo info, publish::read_image(options.image));
  bench.say("signed " + options.image + " with " + options.key + "; not released yet: the release role runs aseptic image release " + options.image,
            image_json(info));
  return {};
}

// The release role's key for images, with the media of its one-time state when it is an LMS key: those outlive the signer.
struct ReleaseKey {
  std::optional<LmsMedia> media;
  std::unique_ptr<platform::PostQuantumSigner> signer;
};

core::Result<ReleaseKey> open_release_key(Workbench& bench, const Options& options) {
  publish::HashKeyFolder folder = bench.hash_keys();
  ReleaseKey key;
  if (!folder.has_lms(options.key)) {
    ASEPTIC_TRY(key.signer, folder.open_slh_dsa(options.key));
    return key;
  }
  ASEPTIC_TRY(key.media, open_lms_media(bench, options.witness, MediaUse::kSign));
  ASEPTIC_TRY(key.signer, folder.open_lms(options.key, *key.media->state, key.media->witness.get()));
  return key;
}

core::Result<void> release(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(const core::PublicKey builder, bench.public_key(options.builder));
  ASEPTIC_TRY(ReleaseKey opened, open_release_key(bench, options));
  std::unique_ptr<platform::PostQuantumSigner> key = std::move(opened.signer);
  const platform::KeyCustody custody = key->custody();
  ASEPTIC_TRY(publish::ImageReleaseSigner signer, publish::ImageReleaseSigner::admit(std::move(key), bench.profile()));
  bench.warn_of_development_key(options.key, custody);
  ASEPTIC_TRY(const publish::Agreement agreement, agreement_to(options, publish::ImageCustodian::kRelease));
  publish::SigningLog log(bench.log_path());
  ASEPTIC_TRY_VOID(publish::release_image(options.image, agreement, builder, signer, {log, bench.now()}));
  ASEPTIC_TRY(const publish::ImageInfo info, publish::verify_image(options.image, {{builder, signer.public_key()}}));
  core::JsonObject result = image_json(info);
  std::string text = "released " + options.image + " with " + options.key;
  if (opened.media) {
    ASEPTIC_TRY(const publish::LmsKeyState state, bench.hash_keys().lms_state(options.key, *opened.media->state, opened.media->witness.get()));
    result["signatures_left"] = static_cast<std::int64_t>(state.left);
    text += "; the key has " + std::to_string(state.left) + " of " + std::to_string(state.capacity) + " signatures left";
  }
  bench.say(text, result);
  return {};
}

core::Result<void> verify(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(const std::vector<publish::ImageKeys> keys, bench.image_keys(options.builders, options.release_keys));
  ASEPTIC_TRY(const publish::ImageInfo info, publish::verify_image(options.image, keys));
  bench.say(image_line(options.image, info) + "  verifies: both signatures, every region, nothing between them", image_json(info));
  return {};
}

}  // namespace

void add_image_commands(CLI::App& app, Workbench& bench) {
  CLI::App* image = app.add_subcommand("image", "Slot images: boot manifest, regions, two signatures by two custodians");
  image->require_subcommand(1)->fallthrough();
  const auto options = std::make_shared<Options>();

  CLI::App* command = image->add_subcommand("build", "Compose an image from a static ELF program and file system images");
  command->fallthrough();
  command->add_option("--description", options->description, "Release description (TOML): product, hardware, version, sequence, epoch")->required();
  command->add_option("--component", options->component, "Component of the description (default: the only one)");
  command->add_option("--hardware", options->hardware, "Hardware of the description (default: the first)");
  command->add_option("--builder", options->builder, "Builder's public key, P-256 (PEM file or label)")->required();
  command->add_option("--release-key", options->release_key, "Release role's public key for images, SLH-DSA or LMS (PEM file or label)")->required();
  command->add_option("--exec", options->exec_file, "Static ELF program: copied to memory, verified there, run there");
  command->add_option("--load-address", options->load_address, "The program is a raw image linked for this address (microcontroller)");
  command->add_option("--entry", options->entry, "... and starts here");
  command->add_option("--tree", options->trees, "File system image, verified block by block when read (repeat)")->allow_extra_args(false);
  command->add_option("--with", options->others, "Another component of the set, UUID:SEQUENCE:EPOCH:IMAGE-DIGEST (repeat)")->allow_extra_args(false);
  command->add_option("--revoke-mask", options->revoke_mask, "Key slots that this image revokes once confirmed, bit i = slot i");
  command->add_flag("--revoke-now", options->revoke_now, "Emergency: revoke without waiting, accepting the loss of the way back");
  command->add_option("--min-boot", options->min_boot, "Lowest boot stage version that may run it");
  command->add_option("--min-root", options->min_root, "Lowest TUF root version a device with it believes");
  command->add_option("--out", options->out, "Image file to write")->required();
  on_run(command, bench, [&bench, options] { return build(bench, *options); });

  command = image->add_subcommand("sign", "Show an image, ask, log, and put the builder's signature into it");
  command->fallthrough();
  command->add_option("IMAGE", options->image, "Image file")->required();
  command->add_option("--key", options->key, "Label of the builder's key")->required();
  command->add_option("--previous", options->previous, "Image of the release before, to compare with");
  command->add_flag("--yes", options->yes, "Do not ask");
  on_run(command, bench, [&bench, options] { return sign(bench, *options); });

  command = image->add_subcommand("release", "Second custodian, on another machine: show a built image, ask, log, add the post-quantum signature");
  command->fallthrough();
  command->add_option("IMAGE", options->image, "Image file, signed by its builder")->required();
  command->add_option("--key", options->key, "Label of the release role's key for images, SLH-DSA or LMS")->required();
  add_witness_option(command, options->witness);
  command->add_option("--builder", options->builder, "Public key of the builder who must have signed it (PEM file or label)")->required();
  command->add_option("--previous", options->previous, "Image of the release before, to compare with");
  command->add_flag("--yes", options->yes, "Do not ask");
  on_run(command, bench, [&bench, options] { return release(bench, *options); });

  command = image->add_subcommand("verify", "Verify an image as boot does");
  command->fallthrough();
  command->add_option("IMAGE", options->image, "Image file")->required();
  command->add_option("--builder", options->builders, "Builder's public key (repeat)")->required()->allow_extra_args(false);
  command->add_option("--release-key", options->release_keys, "Release role's public key, one for each builder")->required()->allow_extra_args(false);
  on_run(command, bench, [&bench, options] { return verify(bench, *options); });
}

}  // namespace aseptic::app
