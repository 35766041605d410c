// SPDX-License-Identifier: Apache-2.0
// aseptic boot: provision. (Images: aseptic image; a journal or report: aseptic inspect, aseptic device check.)
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "aseptic/publish/codes.h"
#include "aseptic/publish/files.h"
#include "aseptic/publish/mcu_flash.h"
#include "workbench.h"

namespace aseptic::app {
namespace {

struct Options {
  std::string flash, id, description, component, image, boot_elf, boot_key_out, lease_key_out;
  std::vector<std::string> builders, release_keys;
  std::uint32_t hardware_revision = 1;
};

core::Result<void> provision(Workbench& bench, const Options& options) {
  if (bench.profile() == publish::Profile::kProduction)
    return core::Error(publish::PublishCode::kDevelopmentKey,
                       "an emulated microcontroller keeps its secret in a file; the production profile provisions none");
  publish::McuPlan plan{.device_id = options.id, .hardware_revision = options.hardware_revision, .component = options.component,
                        .image = options.image, .boot_elf = options.boot_elf, .profile = bench.profile()};
  ASEPTIC_TRY(plan.description, publish::ReleaseDescription::read(options.description));
  ASEPTIC_TRY(plan.keys, bench.image_keys(options.builders, options.release_keys));
  ASEPTIC_TRY(const publish::McuKeys keys, publish::make_mcu_flash(options.flash, plan, bench.entropy()));
  ASEPTIC_TRY_VOID(publish::write_file_atomic(options.boot_key_out, core::as_bytes(keys.boot.pem())));
  ASEPTIC_TRY_VOID(publish::write_file_atomic(options.lease_key_out, core::as_bytes(keys.lease.pem())));
  bench.say("provisioned the microcontroller " + options.id + " (EMULATED, development life cycle) in " + options.flash,
            core::JsonObject{{"flash", options.flash}, {"boot_id", publish::boot_device_id(options.id).text()},
                             {"boot_key", keys.boot.pem()}, {"lease_key", keys.lease.pem()}});
  return {};
}

}  // namespace

void add_boot_commands(CLI::App& app, Workbench& bench) {
  CLI::App* boot = app.add_subcommand("boot", "Microcontrollers under the boot stage (EMULATED)");
  boot->require_subcommand(1)->fallthrough();
  const auto options = std::make_shared<Options>();
  CLI::App* command = boot->add_subcommand("provision", "Write the flash image of an emulated microcontroller: provisioning, secret, journal, store, factory image");
  command->fallthrough();
  command->add_option("FLASH", options->flash, "Flash image file to write")->required();
  command->add_option("--id", options->id, "Device id of the microcontroller")->required();
  command->add_option("--description", options->description, "Release description (TOML) of the factory image")->required();
  command->add_option("--component", options->component, "Its component in the description")->required();
  command->add_option("--image", options->image, "Signed factory image; written to both slots and to recovery")->required();
  command->add_option("--builder", options->builders, "Builder's public key, one key slot each (repeat)")->required()->allow_extra_args(false);
  command->add_option("--release-key", options->release_keys, "Release role's public key for images, one for each builder")->required()->allow_extra_args(false);
  command->add_option("--boot-elf", options->boot_elf, "The linked boot stage that runs it: its digest is part of the boot key")->required();
  command->add_option("--hardware-revision", options->hardware_revision, "Hardware revision")->capture_default_str();
  command->add_option("--boot-key-out", options->boot_key_out, "Where the public key of its boot reports goes (PEM)")->required();
  command->add_option("--lease-key-out", options->lease_key_out, "Where the public key of its leases goes (PEM)")->required();
  on_run(command, bench, [&bench, options] { return provision(bench, *options); });
}

}  // namespace aseptic::app
