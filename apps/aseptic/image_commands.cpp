// SPDX-License-Identifier: Apache-2.0
// aseptic image: build, sign, release, verify.
#include "aseptic/publish/image.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "aseptic/publish/codes.h"
#include "image_plan.h"
#include "lms_media.h"

namespace aseptic::app {
namespace {

struct Options {
  ImageOptions build;
  std::string exec_file, builder, image, key, previous, witness;
  std::vector<std::string> trees, builders, release_keys;
  std::uint64_t load_address = 0, entry = 0;
  bool yes = false;
};

core::Result<void> build(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(publish::ImagePlan plan, image_plan(bench, options.build));
  plan.load_address = options.load_address;
  plan.entry = options.entry;
  if (!options.exec_file.empty()) {
    plan.regions.push_back({publish::ImageRegionKind::kExecCopied, options.exec_file,
                            options.load_address != 0 ? publish::ProgramForm::kRaw : publish::ProgramForm::kStaticElf});
    ASEPTIC_TRY(const core::Bytes program, publish::read_file(options.exec_file, 1u << 30));
    plan.build_id = core::sha256(program);
  }
  for (const std::string& tree : options.trees) plan.regions.push_back({publish::ImageRegionKind::kTreeVerified, tree});
  ASEPTIC_TRY(const publish::ImageInfo info, build_planned_image(bench, options.build, plan));
  bench.say(image_line(options.build.out, info) + "  not signed yet: aseptic image sign " + options.build.out, image_json(info));
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
  add_image_options(*command, options->build);
  command->add_option("--exec", options->exec_file, "Static ELF program: copied to memory, verified there, run there");
  command->add_option("--load-address", options->load_address, "The program is a raw image linked for this address (microcontroller)");
  command->add_option("--entry", options->entry, "... and starts here");
  command->add_option("--tree", options->trees, "File system image, or a folder of files that is packed into one (squashfs), verified block by block when read (repeat)")->allow_extra_args(false);
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
