// SPDX-License-Identifier: Apache-2.0
// aseptic release: create, sign, publish, withdraw. aseptic channel: set. aseptic policy: create.
#include "aseptic/publish/release.h"

#include <array>
#include <cstdio>
#include <map>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "aseptic/publish/codes.h"
#include "aseptic/trust/authority_policy.h"
#include "group_keys.h"
#include "workbench.h"

namespace aseptic::app {
namespace {

struct Options {
  std::string repository, signing, payloads, description, product, channel = "stable", release_id, reason, root;
  std::vector<std::string> delta_bases, delta_from, groups;
  unsigned deltas = 3;
  std::vector<std::string> images, builders, release_image_keys, editions, snapshot_keys, timestamp_keys, role_keys, needs, factories;
  std::uint32_t days = 365, snapshot_days = 30, timestamp_days = 7, role_days = 90, attempt = 0, version = 1;
  int zstd_level = 9;
  bool offline = false, unattested = false;
};

std::string payloads_path(const Options& options) {
  return options.payloads.empty() ? options.signing + ".payloads" : options.payloads;
}

core::Result<publish::ReleaseImages> images_of(Workbench& bench, const Options& options, const publish::ReleaseDescription& description) {
  publish::ReleaseImages images;
  ASEPTIC_TRY(images.keys, bench.image_keys(options.builders, options.release_image_keys));
  for (const std::string& argument : options.images) {
    const std::size_t equals = argument.find('=');
    if (equals == argument.npos && description.draft.components.size() != 1)
      return core::Error(publish::PublishCode::kInput, "with several components, name each image as COMPONENT=FILE");
    const std::string name = equals == argument.npos ? description.draft.components.front().name : argument.substr(0, equals);
    images.by_component[name] = equals == argument.npos ? argument : argument.substr(equals + 1);
  }
  return images;
}

publish::PayloadChoices payload_choices(const Options& options) {
  return {.zstd_level = options.zstd_level, .delta_releases = options.deltas,
          .delta_bases = {options.delta_bases.begin(), options.delta_bases.end()}};
}

core::Result<std::vector<publish::EncryptionGroup>> encryption_groups(const Workbench& bench, const std::vector<std::string>& names) {
  std::vector<publish::EncryptionGroup> groups;
  for (const std::string& name : names) {
    ASEPTIC_TRY(const GroupKey key, newest_group_key(bench, name));
    ASEPTIC_TRY(const platform::AgreementKey pair, platform::AgreementKey::read_pem(key.file));
    ASEPTIC_TRY(core::Bytes point, pair.point());
    groups.push_back({name, key.epoch, [point = std::move(point)](core::ByteView info, const core::SecretKey& content_key) -> core::Result<publish::WrappedFor> {
                        ASEPTIC_TRY(platform::WrappedKey wrapped, platform::wrap_for(point, info, content_key));
                        return publish::WrappedFor{std::move(wrapped.ephemeral), std::move(wrapped.wrapped)};
                      }});
  }
  return groups;
}

// The table of sizes; a release without any delta says so.
std::string size_table(const std::vector<publish::PayloadSize>& sizes) {
  std::map<std::string, std::uint64_t> full;
  bool has_delta = false;
  for (const publish::PayloadSize& size : sizes) {
    if (size.from.empty()) full[size.component] = size.bytes;
    has_delta |= !size.from.empty() && size.bytes != 0;
  }
  std::string text = "  component            payload                              bytes   of full\n";
  for (const publish::PayloadSize& size : sizes) {
    const std::string from = size.from.empty() ? "full" : "delta from " + size.from;
    std::array<char, 200> line{};
    const std::uint64_t whole = full[size.component];
    if (size.bytes == 0)
      std::snprintf(line.data(), line.size(), "  %-20.20s %-28.60s %13s\n", size.component.c_str(), from.c_str(), "none");
    else if (whole == 0)
      std::snprintf(line.data(), line.size(), "  %-20.20s %-28.60s %13llu\n", size.component.c_str(), from.c_str(), static_cast<unsigned long long>(size.bytes));
    else
      std::snprintf(line.data(), line.size(), "  %-20.20s %-28.60s %13llu %7.2f %%\n", size.component.c_str(), from.c_str(),
                    static_cast<unsigned long long>(size.bytes), 100.0 * static_cast<double>(size.bytes) / static_cast<double>(whole));
    text += line.data();
    if (!size.note.empty()) text += "    " + size.note + "\n";
  }
  if (!has_delta) text += "  NO DELTA was made: every device will fetch the full payload\n";
  return text;
}

core::JsonArray size_list(const std::vector<publish::PayloadSize>& sizes) {
  core::JsonArray list;
  for (const publish::PayloadSize& size : sizes)
    list.push_back(core::JsonObject{{"component", size.component}, {"from", size.from}, {"bytes", static_cast<std::int64_t>(size.bytes)}, {"note", size.note}});
  return list;
}

core::Result<void> create(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(const publish::Repository repository, publish::Repository::open(options.repository));
  ASEPTIC_TRY(publish::SigningFile edition, publish::open_edition(repository, "targets", options.signing, bench.in_days(options.days)));
  ASEPTIC_TRY(const publish::ReleaseDescription description, publish::ReleaseDescription::read(options.description));
  ASEPTIC_TRY(const publish::ReleaseImages images, images_of(bench, options, description));
  publish::PayloadChoices choices = payload_choices(options);
  ASEPTIC_TRY(choices.groups, encryption_groups(bench, options.groups));
  choices.entropy = &bench.entropy();
  ASEPTIC_TRY(const publish::CreatedRelease release, publish::create_release(repository, edition, description, images, choices));
  ASEPTIC_TRY_VOID(publish::write_file_atomic(payloads_path(options), core::as_bytes(release.payloads.file_text())));
  ASEPTIC_TRY_VOID(publish::save_edition(edition, options.signing));
  std::uint64_t payload_bytes = 0;
  for (const publish::TargetEntry& target : release.payloads.targets) payload_bytes += target.length;
  bench.say("release " + release.manifest.release_id + ", sequence " + std::to_string(release.manifest.sequence) + ": digest " + release.digest.hex() +
                "\n  payloads and index: " + std::to_string(payload_bytes) + " bytes, listed in " + payloads_path(options) + "\n" + size_table(release.sizes) + "  " + options.signing +
                " is ready to be signed by the release people\n",
            core::JsonObject{{"release_id", release.manifest.release_id},
                             {"digest", release.digest.hex()},
                             {"set_digest", release.manifest.set_digest.hex()},
                             {"signing", options.signing},
                             {"payloads", payloads_path(options)},
                             {"sizes", size_list(release.sizes)}});
  return {};
}

core::Result<void> add_delta(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(auto snapshot, bench.online_signers(options.snapshot_keys));
  ASEPTIC_TRY(auto timestamp, bench.online_signers(options.timestamp_keys));
  ASEPTIC_TRY(auto role_signers, bench.online_signers(options.role_keys));
  ASEPTIC_TRY(const publish::Repository repository, publish::Repository::open(options.repository));
  ASEPTIC_TRY(const publish::AddedDeltas added, publish::add_deltas(repository, options.release_id, options.delta_from, payload_choices(options)));
  ASEPTIC_TRY(publish::Edition edition,
              publish::payload_edition(repository, {}, added.payloads, role_signers, bench.in_days(options.role_days)));
  std::vector<publish::Edition> editions;
  editions.push_back(std::move(edition));
  ASEPTIC_TRY(const publish::Published published,
              publish::publish_editions(options.repository, std::move(editions), {snapshot, timestamp},
                                        {bench.now(), std::chrono::days(options.snapshot_days), std::chrono::days(options.timestamp_days)}));
  bench.say("release " + options.release_id + ", unchanged; payload index published, timestamp version " + std::to_string(published.timestamp_version) +
                "\n" + size_table(added.sizes),
            core::JsonObject{{"release_id", options.release_id}, {"sizes", size_list(added.sizes)},
                             {"timestamp", static_cast<std::int64_t>(published.timestamp_version)}});
  return {};
}

core::Result<void> publish_release(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(auto snapshot, bench.online_signers(options.snapshot_keys));
  ASEPTIC_TRY(auto timestamp, bench.online_signers(options.timestamp_keys));
  ASEPTIC_TRY(auto role_signers, bench.online_signers(options.role_keys));
  ASEPTIC_TRY(const publish::Repository repository, publish::Repository::open(options.repository));
  ASEPTIC_TRY(const publish::SigningFile file, publish::SigningFile::read(options.signing));
  std::vector<publish::Edition> editions{{file.role, file.document}};
  for (const std::string& path : options.editions) {
    ASEPTIC_TRY(publish::SigningFile other, publish::SigningFile::read(path));
    editions.push_back({other.role, std::move(other.document)});
  }
  std::error_code ignored;
  if (std::filesystem::exists(payloads_path(options), ignored)) {
    ASEPTIC_TRY(const publish::PreparedPayloads payloads, publish::PreparedPayloads::read(payloads_path(options)));
    ASEPTIC_TRY(publish::Edition edition,
                publish::payload_edition(repository, editions, payloads, role_signers, bench.in_days(options.role_days)));
    editions.push_back(std::move(edition));
  }
  ASEPTIC_TRY(auto missing, publish::missing_roles(options.repository, editions, role_signers, bench.in_days(options.role_days)));
  for (publish::Edition& edition : missing) editions.push_back(std::move(edition));
  ASEPTIC_TRY(const publish::Published published,
              publish::publish_editions(options.repository, std::move(editions), {snapshot, timestamp},
                                        {bench.now(), std::chrono::days(options.snapshot_days), std::chrono::days(options.timestamp_days)}));
  core::JsonArray files;
  std::string text = "published, timestamp version " + std::to_string(published.timestamp_version) + ":\n";
  for (const std::string& name : published.files) {
    files.emplace_back(name);
    text += "  " + name + "\n";
  }
  bench.say(text, core::JsonObject{{"files", std::move(files)}, {"timestamp", static_cast<std::int64_t>(published.timestamp_version)}});
  return {};
}

template <typename Change>
core::Result<void> edit_channel(Workbench& bench, const Options& options, const Change& change) {
  ASEPTIC_TRY(const publish::Repository repository, publish::Repository::open(options.repository));
  ASEPTIC_TRY(publish::SigningFile edition, publish::open_edition(repository, "targets", options.signing, bench.in_days(options.days)));
  ASEPTIC_TRY(const core::Uuid product, core::Uuid::parse(options.product).within("--product"));
  ASEPTIC_TRY(const trust::Channel channel, change(repository, edition, product));
  ASEPTIC_TRY_VOID(publish::save_edition(edition, options.signing));
  bench.say("channel " + channel.name + " revision " + std::to_string(channel.revision) + ": release " + channel.release_id + ", sequence " +
                std::to_string(channel.sequence) + ", attempt " + std::to_string(channel.attempt) + ", " + std::to_string(channel.withdrawn.size()) +
                " withdrawn; " + options.signing + " is ready to be signed",
            core::JsonObject{{"channel", channel.name}, {"revision", static_cast<std::int64_t>(channel.revision)}, {"signing", options.signing}});
  return {};
}

core::Result<void> set_channel(Workbench& bench, const Options& options) {
  return edit_channel(bench, options, [&](const publish::Repository& repository, publish::SigningFile& edition, const core::Uuid& product) {
    std::optional<std::uint32_t> attempt;
    if (options.attempt > 0) attempt = options.attempt;
    return publish::set_channel(repository, edition, {product, options.channel, options.release_id, attempt});
  });
}

core::Result<void> withdraw(Workbench& bench, const Options& options) {
  return edit_channel(bench, options, [&](const publish::Repository& repository, publish::SigningFile& edition, const core::Uuid& product) {
    return publish::withdraw_release(repository, edition, {product, options.channel, options.release_id, options.reason});
  });
}

core::Result<void> create_policy(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(const core::Uuid product, core::Uuid::parse(options.product).within("--product"));
  trust::AuthorityPolicy policy{.product = product, .version = options.version, .offline_allowed = options.offline};
  for (const std::string& need : options.needs)
    (need == "director" ? policy.director : need == "site" ? policy.site : policy.log) = trust::Need::kRequired;
  if (options.factories.empty() && !options.unattested)
    return core::Error(publish::PublishCode::kInput, "say who may say what a device is: --provisioning-key KEY (or, weaker, --without-provisioning-key)");
  ASEPTIC_TRY(const auto factories, bench.public_keys(options.factories));
  for (const core::PublicKey& key : factories) policy.provisioning_keys.push_back(trust::TufKey::from_public_key(key));
  ASEPTIC_TRY(const core::Bytes bytes, publish::read_file(options.root, 1u << 20));
  ASEPTIC_TRY(publish::Document root, publish::Document::parse(bytes).within(options.root));
  publish::SigningFile file{.role = std::string(publish::kPolicySigningRole), .chain = {{"root", std::move(root)}},
                            .document = {policy.encode(), {}}};
  ASEPTIC_TRY_VOID(publish::save_edition(file, options.signing));
  bench.say(options.signing + " is ready to be signed by the root people; then: aseptic policy export", core::JsonObject{{"signing", options.signing}});
  return {};
}

core::Result<void> export_policy(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(const publish::SigningFile file, publish::SigningFile::read(options.signing));
  if (file.role != publish::kPolicySigningRole) return core::Error(publish::PublishCode::kInput, options.signing + " holds no authority policy");
  ASEPTIC_TRY(const auto sets, file.signing_keys());
  ASEPTIC_TRY_VOID(publish::check_threshold(file.document, sets.front(), "the authority policy"));
  ASEPTIC_TRY_VOID(publish::write_file_atomic(options.payloads, core::as_bytes(file.document.file_text())));
  bench.say("wrote " + options.payloads, core::JsonObject{{"policy", options.payloads}});
  return {};
}

void add_edition(CLI::App* command, Options& options) {
  command->fallthrough();
  command->add_option("REPO", options.repository, "Folder of the repository")->required();
  command->add_option("--signing", options.signing, "Signing file of the role targets: edited, or begun when it does not exist")->required();
  command->add_option("--expires-days", options.days, "Life of the targets edition")->check(CLI::Range(1u, 36500u))->capture_default_str();
}

void add_channel_names(CLI::App* command, Options& options) {
  command->add_option("--product", options.product, "Product uuid")->required();
  command->add_option("--channel", options.channel, "Channel")->capture_default_str();
  command->add_option("--release", options.release_id, "Release id")->required();
}

void add_delta_choices(CLI::App* command, Options& options) {
  command->add_option("--deltas", options.deltas, "Deltas from the last so many published releases; 0 for none")->check(CLI::Range(0u, 100u))->capture_default_str();
  command->add_option("--delta-base", options.delta_bases, "Image file that a delta starts from (repeat)")->allow_extra_args(false);
}

void add_create(CLI::App* release, Workbench& bench) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = release->add_subcommand("create", "Measure signed images, make payloads and index, write the release manifest into an edition");
  add_edition(command, *options);
  command->add_option("--description", options->description, "Release description (TOML)")->required();
  command->add_option("--image", options->images, "Signed image, COMPONENT=FILE or FILE (repeat)")->required()->allow_extra_args(false);
  command->add_option("--builder", options->builders, "Builder's public key that the images must verify against (repeat)")->required()->allow_extra_args(false);
  command->add_option("--release-key", options->release_image_keys, "Release role's public key for images, one for each builder")->required()->allow_extra_args(false);
  command->add_option("--payloads", options->payloads, "List of what the payload-index role will name (default: SIGNING.payloads)");
  command->add_option("--zstd-level", options->zstd_level, "Compression")->check(CLI::Range(1, 19))->capture_default_str();
  add_delta_choices(command, *options);
  command->add_option("--encrypt-for", options->groups, "Group of devices that may decrypt (repeat); for a release that requires encryption")->allow_extra_args(false);
  on_run(command, bench, [&bench, options] { return create(bench, *options); });
}

void add_online_keys(CLI::App* command, Options& options) {
  command->add_option("--role-key", options.role_keys, "Key of the role payload-index (repeat)")->required()->allow_extra_args(false);
  command->add_option("--snapshot-key", options.snapshot_keys, "Key of the role snapshot (repeat)")->required()->allow_extra_args(false);
  command->add_option("--timestamp-key", options.timestamp_keys, "Key of the role timestamp (repeat)")->required()->allow_extra_args(false);
  command->add_option("--snapshot-days", options.snapshot_days, "Life of the snapshot")->check(CLI::Range(1u, 3650u))->capture_default_str();
  command->add_option("--timestamp-days", options.timestamp_days, "Life of the timestamp")->check(CLI::Range(1u, 3650u))->capture_default_str();
  command->add_option("--role-days", options.role_days, "Life of the payload-index edition")->check(CLI::Range(1u, 3650u))->capture_default_str();
}

void add_add_delta(CLI::App* release, Workbench& bench) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = release->add_subcommand("add-delta", "Add deltas to a published release: only the payload index is signed anew");
  command->fallthrough();
  command->add_option("REPO", options->repository, "Folder of the repository")->required();
  command->add_option("--release", options->release_id, "Release id")->required();
  command->add_option("--from", options->delta_from, "Release id that a delta starts from (repeat; default: the last ones)")->allow_extra_args(false);
  add_delta_choices(command, *options);
  add_online_keys(command, *options);
  on_run(command, bench, [&bench, options] { return add_delta(bench, *options); });
}

void add_publish(CLI::App* release, Workbench& bench) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = release->add_subcommand("publish", "Publish the signed edition together with its payload index");
  command->fallthrough();
  command->add_option("REPO", options->repository, "Folder of the repository")->required();
  command->add_option("--signing", options->signing, "Signed edition of the role targets")->required();
  command->add_option("--with", options->editions, "Further signed editions, for example the first root (repeat)")->allow_extra_args(false);
  command->add_option("--payloads", options->payloads, "List of prepared payloads (default: SIGNING.payloads)");
  add_online_keys(command, *options);
  on_run(command, bench, [&bench, options] { return publish_release(bench, *options); });
}

}  // namespace

void add_release_commands(CLI::App& app, Workbench& bench) {
  CLI::App* release = app.add_subcommand("release", "Releases: create from images, sign, publish, withdraw");
  release->require_subcommand(1)->fallthrough();
  add_create(release, bench);
  add_sign_command(*release, bench);
  add_publish(release, bench);
  add_add_delta(release, bench);
  auto options = std::make_shared<Options>();
  CLI::App* command = release->add_subcommand("withdraw", "Put a release on a channel's withdrawn list: devices that have not armed it refuse it");
  add_edition(command, *options);
  add_channel_names(command, *options);
  command->add_option("--reason", options->reason, "Why, for people and logs")->required();
  on_run(command, bench, [&bench, options] { return withdraw(bench, *options); });

  CLI::App* channel = app.add_subcommand("channel", "Which release a product line runs");
  channel->require_subcommand(1)->fallthrough();
  options = std::make_shared<Options>();
  command = channel->add_subcommand("set", "Select a release in an edition of the role targets");
  add_edition(command, *options);
  add_channel_names(command, *options);
  command->add_option("--attempt", options->attempt, "Attempt number; a higher one lets a quarantined image be tried again");
  on_run(command, bench, [&bench, options] { return set_channel(bench, *options); });

  CLI::App* policy = app.add_subcommand("policy", "Authority policy: which statements a device demands; signed by root, fixed at provisioning");
  policy->require_subcommand(1)->fallthrough();
  options = std::make_shared<Options>();
  command = policy->add_subcommand("create", "Make a policy for the root people to sign");
  command->fallthrough();
  command->add_option("--product", options->product, "Product uuid")->required();
  command->add_option("--root", options->root, "Root metadata whose root role signs")->required();
  command->add_option("--require", options->needs, "director, site or log (repeat); the image repository always is")
      ->check(CLI::IsMember({"director", "site", "log"}))->allow_extra_args(false);
  command->add_flag("--offline-allowed", options->offline, "A site may arm without a fresh director statement");
  CLI::Option* factories =
      command->add_option("--provisioning-key", options->factories, "Key of a factory that may say what a device is (repeat); the device demands it")
          ->allow_extra_args(false);
  command->add_flag("--without-provisioning-key", options->unattested, "The device believes its own configuration about what it is")->excludes(factories);
  command->add_option("--policy-version", options->version, "Version")->capture_default_str();
  command->add_option("--signing", options->signing, "Signing file to write")->required();
  on_run(command, bench, [&bench, options] { return create_policy(bench, *options); });
  command = policy->add_subcommand("export", "Write the signed policy for provisioning");
  command->fallthrough();
  command->add_option("SIGNING", options->signing, "Signing file with enough root signatures")->required();
  command->add_option("--out", options->payloads, "Policy file")->required();
  on_run(command, bench, [&bench, options] { return export_policy(bench, *options); });
}

}  // namespace aseptic::app
