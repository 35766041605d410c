// SPDX-License-Identifier: Apache-2.0
#include "image_plan.h"

#include <charconv>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "aseptic/publish/codes.h"
#include "aseptic/publish/release_description.h"

namespace aseptic::app {
namespace {

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

}  // namespace

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

std::string image_line(const std::string& file, const publish::ImageInfo& info) {
  return file + ": version " + info.version + ", sequence " + std::to_string(info.sequence) + ", epoch " + std::to_string(info.epoch) + ", " +
         std::to_string(info.image_size) + " bytes\n  manifest digest " + info.manifest_digest.hex() + "\n  image digest    " +
         info.image_digest.hex() + "\n";
}

void add_image_options(CLI::App& command, ImageOptions& options) {
  command.add_option("--description", options.description, "Release description (TOML): product, hardware, version, sequence, epoch")->required();
  command.add_option("--component", options.component, "Component of the description (default: the only one)");
  command.add_option("--hardware", options.hardware, "Hardware of the description (default: the first)");
  command.add_option("--builder", options.builder, "Builder's public key, P-256 (PEM file or label)")->required();
  command.add_option("--release-key", options.release_key, "Release role's public key for images, SLH-DSA or LMS (PEM file or label)")->required();
  command.add_option("--with", options.others, "Another component of the set, UUID:SEQUENCE:EPOCH:IMAGE-DIGEST (repeat)")->allow_extra_args(false);
  command.add_option("--revoke-mask", options.revoke_mask, "Key slots that this image revokes once confirmed, bit i = slot i");
  command.add_flag("--revoke-now", options.revoke_now, "Emergency: revoke without waiting, accepting the loss of the way back");
  command.add_option("--min-boot", options.min_boot, "Lowest boot stage version that may run it");
  command.add_option("--min-root", options.min_root, "Lowest TUF root version a device with it believes");
  command.add_option("--out", options.out, "Image file to write")->required();
}

core::Result<publish::ImagePlan> image_plan(Workbench& bench, const ImageOptions& options) {
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
                          .profile = bench.profile()};
  for (const trust::ComponentDependency& dependency : component->dependencies)
    plan.dependencies.push_back({dependency.component, dependency.sequence_min});
  for (const std::string& other : options.others) {
    ASEPTIC_TRY(const publish::SetMember member, set_member(other));
    plan.others.push_back(member);
  }
  bench.entropy().fill(plan.tree_salt.bytes);
  if (description.sbom) {
    ASEPTIC_TRY(const core::Bytes sbom, publish::read_file(*description.sbom));
    plan.sbom = core::sha256(sbom);
  }
  return plan;
}

core::Result<publish::ImageInfo> build_planned_image(Workbench& bench, const ImageOptions& options, const publish::ImagePlan& plan) {
  ASEPTIC_TRY(const std::vector<publish::ImageKeys> keys, bench.image_keys({options.builder}, {options.release_key}));
  return publish::build_image(plan, keys.front(), options.out);
}

}  // namespace aseptic::app
