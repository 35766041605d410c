// SPDX-License-Identifier: Apache-2.0
// aseptic group: create, admit. Which devices may decrypt encrypted payloads.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <charconv>

#include "aseptic/publish/codes.h"
#include "aseptic/publish/files.h"
#include "aseptic/trust/key_envelope.h"
#include "group_keys.h"

namespace aseptic::app {
namespace {

struct Options {
  std::string group, device, id;
};

Path groups_folder(const Workbench& bench) { return Path(bench.keys_folder) / "groups"; }

// A new epoch of the group: who is not admitted to it decrypts nothing that is released from now on.
core::Result<void> create(Workbench& bench, const Options& options) {
  ASEPTIC_TRY_VOID(bench.may_make_key_files());
  const auto newest = newest_group_key(bench, options.group);
  const std::uint64_t epoch = newest ? newest->epoch + 1 : 1;
  ASEPTIC_TRY_VOID(publish::make_folders(groups_folder(bench)));
  ASEPTIC_TRY(const platform::AgreementKey key, platform::AgreementKey::generate());
  const Path file = groups_folder(bench) / (options.group + "." + std::to_string(epoch) + ".pem");
  ASEPTIC_TRY_VOID(key.write_pem(file.string()));
  bench.say("group " + options.group + ", epoch " + std::to_string(epoch) + ": " + file.string() +
                (epoch > 1 ? "\nadmit again every device that stays; the others decrypt no later release" : ""),
            core::JsonObject{{"group", options.group}, {"epoch", static_cast<std::int64_t>(epoch)}, {"file", file.string()}});
  return {};
}

// The device's key is made at its first admission, in its own folder, and never leaves it.
core::Result<void> admit(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(const GroupKey group_file, newest_group_key(bench, options.group));
  ASEPTIC_TRY(const platform::AgreementKey group, platform::AgreementKey::read_pem(group_file.file));
  const Path agent = Path(options.device) / "agent";
  const Path key_file = agent / "keys" / "encryption.pem";
  std::error_code ignored;
  if (!std::filesystem::exists(key_file, ignored)) {
    ASEPTIC_TRY(const platform::AgreementKey made, platform::AgreementKey::generate());
    ASEPTIC_TRY_VOID(made.write_pem(key_file.string()));
  }
  ASEPTIC_TRY(const platform::AgreementKey device, platform::AgreementKey::read_pem(key_file.string()));
  ASEPTIC_TRY(const core::Bytes point, device.point());
  ASEPTIC_TRY(const core::SecretKey scalar, group.scalar());
  trust::GroupMembership membership;
  membership.device = options.id;
  membership.group = options.group;
  membership.group_epoch = group_file.epoch;
  membership.algorithm = trust::kEnvelopeAlgorithm;
  ASEPTIC_TRY(platform::WrappedKey wrapped, platform::wrap_for(point, membership.hkdf_info(), scalar));
  membership.ephemeral = std::move(wrapped.ephemeral);
  membership.wrapped = std::move(wrapped.wrapped);
  const std::string text = membership.encode();
  ASEPTIC_TRY_VOID(trust::GroupMembership::parse(core::as_bytes(text)).within("the membership just made"));
  ASEPTIC_TRY_VOID(publish::make_folders(agent / "groups"));
  ASEPTIC_TRY_VOID(publish::write_secret_file(agent / "groups" / (options.group + ".json"), core::as_bytes(text)));
  bench.say(options.id + " is a member of " + options.group + ", epoch " + std::to_string(group_file.epoch),
            core::JsonObject{{"device", options.id}, {"group", options.group}, {"epoch", static_cast<std::int64_t>(group_file.epoch)}});
  return {};
}

}  // namespace

core::Result<GroupKey> newest_group_key(const Workbench& bench, const std::string& group) {
  GroupKey newest;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(groups_folder(bench), ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(group + ".") || !name.ends_with(".pem")) continue;
    const char* const end = name.data() + name.size() - 4;
    std::uint64_t epoch = 0;
    const auto parsed = std::from_chars(name.data() + group.size() + 1, end, epoch);
    if (parsed.ec == std::errc{} && parsed.ptr == end && epoch > newest.epoch) newest = {entry.path().string(), epoch};
  }
  if (newest.epoch == 0)
    return core::Error(publish::PublishCode::kInput, "there is no group " + group + "; make it with: aseptic group create " + group);
  return newest;
}

void add_group_commands(CLI::App& app, Workbench& bench) {
  CLI::App* group = app.add_subcommand("group", "Groups of devices that may decrypt encrypted payloads");
  group->require_subcommand(1)->fallthrough();
  auto options = std::make_shared<Options>();
  CLI::App* command = group->add_subcommand("create", "Make a group's key, or its next epoch");
  command->fallthrough();
  command->add_option("GROUP", options->group, "Name")->required();
  on_run(command, bench, [&bench, options] { return create(bench, *options); });
  options = std::make_shared<Options>();
  command = group->add_subcommand("admit", "Make a virtual device a member: the group's key, wrapped for the device's own");
  command->fallthrough();
  command->add_option("GROUP", options->group, "Name")->required();
  command->add_option("DEVICE", options->device, "Folder of the device")->required();
  command->add_option("--id", options->id, "Device id")->required();
  on_run(command, bench, [&bench, options] { return admit(bench, *options); });
}

}  // namespace aseptic::app
