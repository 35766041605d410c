// SPDX-License-Identifier: Apache-2.0
// aseptic inspect, aseptic verify.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "aseptic/publish/inspect.h"
#include "aseptic/publish/verify_repository.h"
#include "workbench.h"

namespace aseptic::app {
namespace {

struct Options {
  std::string file, secret, repository, root;
};

core::Result<void> inspect(Workbench& bench, const Options& options) {
  publish::InspectOptions how;
  if (!options.secret.empty()) {
    ASEPTIC_TRY(how.device_secret, publish::read_file(options.secret, 4096));
  }
  ASEPTIC_TRY(const publish::Inspection inspection, publish::inspect_file(options.file, how));
  bench.say(inspection.text(), core::JsonObject{{"format", inspection.format}, {"fields", inspection.fields}});
  return {};
}

core::Result<void> verify(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(const core::Bytes root, publish::read_file(options.root, 1u << 20));
  ASEPTIC_TRY(const publish::RepositoryVerdict verdict, publish::verify_repository(options.repository, root, bench.now()));
  core::JsonArray channels;
  std::string text = options.repository + " verifies from the given root: root version " + std::to_string(verdict.root_version) + ", timestamp " +
                     std::to_string(verdict.timestamp_version) + ", snapshot " + std::to_string(verdict.snapshot_version) + ", targets " +
                     std::to_string(verdict.targets_version) + "\n";
  for (const publish::VerifiedChannel& channel : verdict.channels) {
    text += "  " + channel.path + ": release " + channel.release_id + ", sequence " + std::to_string(channel.sequence) + ", " +
            std::to_string(channel.payloads) + " payloads\n";
    channels.push_back(core::JsonObject{{"path", channel.path}, {"release_id", channel.release_id},
                                        {"sequence", static_cast<std::int64_t>(channel.sequence)}});
  }
  bench.say(text, core::JsonObject{{"root", static_cast<std::int64_t>(verdict.root_version)},
                                   {"timestamp", static_cast<std::int64_t>(verdict.timestamp_version)},
                                   {"channels", std::move(channels)}});
  return {};
}

}  // namespace

void add_inspect_commands(CLI::App& app, Workbench& bench) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("inspect", "Show what is in a file of any format: images, payloads, statements, TUF metadata, boot files, logs");
  command->fallthrough();
  command->add_option("FILE", options->file, "Any file")->required();
  command->add_option("--secret", options->secret, "Device secret (boot/secret.bin), to open a sealed journal");
  on_run(command, bench, [&bench, options] { return inspect(bench, *options); });

  command = app.add_subcommand("verify", "Verify a repository as a device would: metadata, channels, releases, payload headers");
  command->fallthrough();
  command->add_option("REPO", options->repository, "Folder of the repository")->required();
  command->add_option("--root", options->root, "Root metadata that you trust")->required();
  on_run(command, bench, [&bench, options] { return verify(bench, *options); });
}

}  // namespace aseptic::app
