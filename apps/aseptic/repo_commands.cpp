// SPDX-License-Identifier: Apache-2.0
// aseptic repo: init, publish, refresh, put, drop, lint, show. The commands that edit editions: repo_edit_commands.cpp.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "aseptic/publish/bundle.h"
#include "aseptic/publish/codes.h"
#include "aseptic/publish/editions.h"
#include "aseptic/publish/lint.h"
#include "workbench.h"

namespace aseptic::app {
namespace {

struct InitOptions {
  std::string repository;
  std::vector<std::string> root, release, snapshot, timestamp;
  std::size_t root_threshold = 2, release_threshold = 2;
  std::uint32_t root_days = 730, release_days = 365;
  std::string out = ".";
};

struct OnlineOptions {
  std::string repository;
  std::vector<std::string> editions;
  std::vector<std::string> snapshot_keys, timestamp_keys, role_keys;
  std::uint32_t snapshot_days = 30, timestamp_days = 7, role_days = 90;
  std::string role = "payload-index";
  std::vector<std::string> targets;
};

core::Result<void> init(Workbench& bench, const InitOptions& options) {
  publish::InitialRoles roles;
  ASEPTIC_TRY(roles.root.keys, bench.public_keys(options.root));
  ASEPTIC_TRY(roles.targets.keys, bench.public_keys(options.release));
  ASEPTIC_TRY(roles.snapshot.keys, bench.public_keys(options.snapshot));
  ASEPTIC_TRY(roles.timestamp.keys, bench.public_keys(options.timestamp));
  roles.root.threshold = options.root_threshold;
  roles.targets.threshold = options.release_threshold;
  roles.root_expires = bench.in_days(options.root_days);
  roles.targets_expires = bench.in_days(options.release_days);
  for (const publish::RolePlan* plan : {&roles.root, &roles.targets, &roles.snapshot, &roles.timestamp})
    for (const core::PublicKey& key : plan->keys)
      ASEPTIC_TRY_VOID(publish::check_admissible(key, platform::KeyCustody::kToken, bench.profile()));
  ASEPTIC_TRY(const publish::InitialEditions editions, publish::initial_editions(roles));
  ASEPTIC_TRY_VOID(publish::Repository::create(options.repository));
  ASEPTIC_TRY_VOID(publish::make_folders(options.out));
  const Path root = Path(options.out) / "root.signing.json";
  const Path targets = Path(options.out) / "targets.signing.json";
  ASEPTIC_TRY_VOID(publish::save_edition(editions.root, root));
  ASEPTIC_TRY_VOID(publish::save_edition(editions.targets, targets));
  bench.say("made an empty repository in " + options.repository + "; next, " + std::to_string(options.root_threshold) + " of " +
                std::to_string(options.root.size()) + " root people sign " + root.string() + " and " + std::to_string(options.release_threshold) +
                " of " + std::to_string(options.release.size()) + " release people sign " + targets.string() + " (aseptic sign), then: aseptic repo publish",
            core::JsonObject{{"signing", core::JsonArray{root.string(), targets.string()}}});
  return {};
}

publish::PublicationTimes times(Workbench& bench, const OnlineOptions& options) {
  return {bench.now(), std::chrono::days(options.snapshot_days), std::chrono::days(options.timestamp_days)};
}

void say_published(Workbench& bench, const publish::Published& published) {
  core::JsonArray files;
  std::string text = "published: timestamp version " + std::to_string(published.timestamp_version) + ", snapshot version " +
                     std::to_string(published.snapshot_version) + "\n";
  for (const std::string& file : published.files) {
    files.emplace_back(file);
    if (published.files.size() <= 20) text += "  " + file + "\n";
  }
  bench.say(text, core::JsonObject{{"files", std::move(files)},
                                   {"timestamp", static_cast<std::int64_t>(published.timestamp_version)},
                                   {"snapshot", static_cast<std::int64_t>(published.snapshot_version)}});
}

core::Result<void> publish_files(Workbench& bench, const OnlineOptions& options) {
  ASEPTIC_TRY(auto snapshot, bench.online_signers(options.snapshot_keys));
  ASEPTIC_TRY(auto timestamp, bench.online_signers(options.timestamp_keys));
  ASEPTIC_TRY(auto role_signers, bench.online_signers(options.role_keys));
  std::vector<publish::Edition> editions;
  for (const std::string& path : options.editions) {
    ASEPTIC_TRY(publish::SigningFile file, publish::SigningFile::read(path));
    if (file.role == publish::kPolicySigningRole)
      return core::Error(publish::PublishCode::kInput, path + " is an authority policy, which is not published but provisioned");
    editions.push_back({file.role, std::move(file.document)});
  }
  ASEPTIC_TRY(auto missing, publish::missing_roles(options.repository, editions, role_signers, bench.in_days(options.role_days)));
  for (publish::Edition& edition : missing) editions.push_back(std::move(edition));
  ASEPTIC_TRY(const publish::Published published,
              publish::publish_editions(options.repository, std::move(editions), {snapshot, timestamp}, times(bench, options)));
  say_published(bench, published);
  return {};
}

core::Result<void> refresh(Workbench& bench, const OnlineOptions& options) {
  ASEPTIC_TRY(auto timestamp, bench.online_signers(options.timestamp_keys));
  if (options.snapshot_keys.empty()) {
    ASEPTIC_TRY(const publish::Published published, publish::refresh_timestamp(options.repository, timestamp, times(bench, options)));
    say_published(bench, published);
    return {};
  }
  ASEPTIC_TRY(auto snapshot, bench.online_signers(options.snapshot_keys));
  ASEPTIC_TRY(const publish::Published published,
              publish::publish_editions(options.repository, {}, {snapshot, timestamp}, times(bench, options)));
  say_published(bench, published);
  return {};
}

core::Result<std::vector<publish::NewTarget>> named_targets(const std::vector<std::string>& arguments) {
  std::vector<publish::NewTarget> targets;
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.find('=');
    if (equals == argument.npos || equals == 0 || equals + 1 == argument.size())
      return core::Error(publish::PublishCode::kInput, "\"" + argument + "\" is not of the form TARGET/PATH=FILE");
    targets.push_back({argument.substr(0, equals), argument.substr(equals + 1)});
  }
  return targets;
}

core::Result<void> put(Workbench& bench, const OnlineOptions& options) {
  ASEPTIC_TRY(auto snapshot, bench.online_signers(options.snapshot_keys));
  ASEPTIC_TRY(auto timestamp, bench.online_signers(options.timestamp_keys));
  ASEPTIC_TRY(auto role_signers, bench.online_signers(options.role_keys));
  ASEPTIC_TRY(const auto targets, named_targets(options.targets));
  ASEPTIC_TRY(const publish::Published published,
              publish::put_targets(options.repository, options.role, targets, role_signers, bench.in_days(options.role_days),
                                   {snapshot, timestamp}, times(bench, options)));
  say_published(bench, published);
  return {};
}

core::Result<void> drop(Workbench& bench, const OnlineOptions& options) {
  ASEPTIC_TRY(auto snapshot, bench.online_signers(options.snapshot_keys));
  ASEPTIC_TRY(auto timestamp, bench.online_signers(options.timestamp_keys));
  ASEPTIC_TRY(auto role_signers, bench.online_signers(options.role_keys));
  ASEPTIC_TRY(const publish::Published published,
              publish::drop_targets(options.repository, options.role, options.targets, role_signers, bench.in_days(options.role_days),
                                    {snapshot, timestamp}, times(bench, options)));
  say_published(bench, published);
  return {};
}

core::Result<void> lint(Workbench& bench, const std::string& folder) {
  ASEPTIC_TRY(const publish::Repository repository, publish::Repository::open(folder));
  ASEPTIC_TRY(const std::vector<publish::Finding> findings, publish::lint(repository, {.now = bench.now()}));
  core::JsonArray list;
  std::string text;
  std::size_t errors = 0;
  for (const publish::Finding& finding : findings) {
    const bool is_error = finding.severity == publish::Severity::kError;
    errors += is_error ? 1 : 0;
    text += std::string(is_error ? "error" : "warning") + " [" + finding.rule + "]: " + finding.sentence + "\n";
    list.push_back(core::JsonObject{{"severity", is_error ? "error" : "warning"}, {"rule", finding.rule}, {"sentence", finding.sentence}});
  }
  bench.say(findings.empty() ? "no findings" : text, list);
  if (errors == 0) return {};
  return core::Error(publish::PublishCode::kRepositoryState, "lint found " + std::to_string(errors) + " errors in " + folder);
}

struct BundleOptions {
  std::string repository, product, channel = "stable", out;
};

core::Result<void> bundle(Workbench& bench, const BundleOptions& options) {
  std::optional<publish::BundleChannel> channel;
  if (!options.product.empty()) {
    ASEPTIC_TRY(const core::Uuid product, core::Uuid::parse(options.product).within("--product"));
    channel = publish::BundleChannel{product, options.channel};
  }
  ASEPTIC_TRY(const publish::BundleInfo info, publish::write_bundle(options.repository, channel, options.out));
  bench.say("wrote " + options.out + ": " + std::to_string(info.files) + " files, " + std::to_string(info.bytes) + " bytes, SHA-256 " + info.sha256.hex(),
            core::JsonObject{{"bundle", options.out}, {"files", static_cast<std::int64_t>(info.files)}, {"bytes", static_cast<std::int64_t>(info.bytes)},
                             {"sha256", info.sha256.hex()}});
  return {};
}

core::JsonObject role_row(std::string_view role, const publish::Document& document) {
  const auto expires = document.expires();
  core::JsonObject row{{"role", role},
                       {"version", static_cast<std::int64_t>(document.version())},
                       {"expires", expires ? core::JsonValue(core::format_utc(*expires)) : core::JsonValue()}};
  if (const auto targets = publish::targets_of(document); targets && document.type() == "targets")
    row["targets"] = static_cast<std::int64_t>(targets->size());
  return row;
}

core::Result<void> show(Workbench& bench, const std::string& folder) {
  ASEPTIC_TRY(const publish::Repository repository, publish::Repository::open(folder));
  core::JsonArray rows;
  if (repository.root()) rows.push_back(role_row("root", *repository.root()));
  if (repository.timestamp()) rows.push_back(role_row("timestamp", *repository.timestamp()));
  if (repository.snapshot()) rows.push_back(role_row("snapshot", *repository.snapshot()));
  for (const std::string& role : repository.roles()) {
    ASEPTIC_TRY(const publish::Document document, repository.load(role));
    rows.push_back(role_row(role, document));
  }
  std::string text;
  for (const core::JsonValue& row : rows) {
    text += *row.string_at("role") + ": version " + std::to_string(*row.count_at("version")) + ", expires " + row.string_at("expires").value_or("?");
    if (const auto count = row.count_at("targets")) text += ", " + std::to_string(*count) + " targets";
    text += "\n";
  }
  bench.say(text.empty() ? "nothing is published yet" : text, rows);
  return {};
}

void add_repository(CLI::App* command, std::string& repository) {
  command->fallthrough();
  command->add_option("REPO", repository, "Folder of the repository: metadata/ and targets/")->required();
}

void add_online_keys(CLI::App* command, OnlineOptions& options) {
  command->add_option("--snapshot-key", options.snapshot_keys, "Key of the role snapshot")->allow_extra_args(false)->required();
  command->add_option("--timestamp-key", options.timestamp_keys, "Key of the role timestamp")->allow_extra_args(false)->required();
  command->add_option("--snapshot-days", options.snapshot_days, "Life of the snapshot")->check(CLI::Range(1u, 3650u))->capture_default_str();
  command->add_option("--timestamp-days", options.timestamp_days, "Life of the timestamp")->check(CLI::Range(1u, 3650u))->capture_default_str();
}

void add_init(CLI::App* repo, Workbench& bench) {
  const auto options = std::make_shared<InitOptions>();
  CLI::App* command = repo->add_subcommand("init", "Make an empty repository and the first root and targets documents for their people to sign");
  add_repository(command, options->repository);
  command->add_option("--root", options->root, "Public key (PEM file or label) of a root person (repeat)")->allow_extra_args(false)->required();
  command->add_option("--root-threshold", options->root_threshold, "Signatures a root needs")->capture_default_str();
  command->add_option("--release", options->release, "Public key of a release person (repeat)")->allow_extra_args(false)->required();
  command->add_option("--release-threshold", options->release_threshold, "Signatures a release needs")->capture_default_str();
  command->add_option("--snapshot", options->snapshot, "Public key of the role snapshot")->allow_extra_args(false)->required();
  command->add_option("--timestamp", options->timestamp, "Public key of the role timestamp")->allow_extra_args(false)->required();
  command->add_option("--root-days", options->root_days, "Life of the root")->check(CLI::Range(1u, 36500u))->capture_default_str();
  command->add_option("--release-days", options->release_days, "Life of the targets document")->check(CLI::Range(1u, 36500u))->capture_default_str();
  command->add_option("--out", options->out, "Folder for root.signing.json and targets.signing.json")->capture_default_str();
  on_run(command, bench, [&bench, options] { return init(bench, *options); });
}

}  // namespace

void add_repo_commands(CLI::App& app, Workbench& bench) {
  CLI::App* repo = app.add_subcommand("repo", "A TUF repository of plain static files that any TUF client reads");
  repo->require_subcommand(1)->fallthrough();
  add_init(repo, bench);
  add_repo_edit_commands(*repo, bench);
  const auto options = std::make_shared<OnlineOptions>();

  CLI::App* command = repo->add_subcommand("publish", "Publish signed editions: all thresholds are checked before anything is written");
  add_repository(command, options->repository);
  command->add_option("EDITION", options->editions, "Signing files with enough signatures")->required();
  add_online_keys(command, *options);
  command->add_option("--role-key", options->role_keys, "Key of a newly delegated online role or bin, for its first, empty version")->allow_extra_args(false);
  command->add_option("--role-days", options->role_days, "Life of those first versions")->check(CLI::Range(1u, 3650u))->capture_default_str();
  on_run(command, bench, [&bench, options] { return publish_files(bench, *options); });

  command = repo->add_subcommand("refresh", "Sign a new timestamp, and with --snapshot-key a new snapshot, before they expire");
  add_repository(command, options->repository);
  command->add_option("--timestamp-key", options->timestamp_keys, "Key of the role timestamp")->allow_extra_args(false)->required();
  command->add_option("--snapshot-key", options->snapshot_keys, "Key of the role snapshot")->allow_extra_args(false);
  command->add_option("--timestamp-days", options->timestamp_days, "Life of the timestamp")->check(CLI::Range(1u, 3650u))->capture_default_str();
  command->add_option("--snapshot-days", options->snapshot_days, "Life of the snapshot")->check(CLI::Range(1u, 3650u))->capture_default_str();
  on_run(command, bench, [&bench, options] { return refresh(bench, *options); });

  for (const bool is_put : {true, false}) {
    command = is_put ? repo->add_subcommand("put", "Add targets to an online role (or to the hash bins below it) and publish")
                     : repo->add_subcommand("drop", "Remove targets from an online role and publish");
    add_repository(command, options->repository);
    command->add_option("TARGET", options->targets, is_put ? "TARGET/PATH=FILE (repeat)" : "Target paths")->required();
    command->add_option("--role", options->role, "The role that lists the targets")->capture_default_str();
    command->add_option("--role-key", options->role_keys, "Key of that role, or of its bins")->allow_extra_args(false)->required();
    command->add_option("--role-days", options->role_days, "Life of the role's new version")->check(CLI::Range(1u, 3650u))->capture_default_str();
    add_online_keys(command, *options);
    on_run(command, bench, [&bench, options, is_put] { return is_put ? put(bench, *options) : drop(bench, *options); });
  }

  const auto bundled = std::make_shared<BundleOptions>();
  command = repo->add_subcommand("bundle", "Write what today's metadata names into one file for removable media; the same repository gives the same bytes");
  add_repository(command, bundled->repository);
  command->add_option("--product", bundled->product, "Only what a device of this product and channel reads (default: all)");
  command->add_option("--channel", bundled->channel, "Channel of that product")->capture_default_str();
  command->add_option("--output,--out", bundled->out, "Bundle to write")->required();
  on_run(command, bench, [&bench, bundled] { return bundle(bench, *bundled); });

  command = repo->add_subcommand("lint", "Report thresholds, expiries, sizes, keys and files that a maker of devices should not accept");
  add_repository(command, options->repository);
  on_run(command, bench, [&bench, options] { return lint(bench, options->repository); });

  command = repo->add_subcommand("show", "List roles with version, expiry and number of targets");
  add_repository(command, options->repository);
  on_run(command, bench, [&bench, options] { return show(bench, options->repository); });
}

}  // namespace aseptic::app
