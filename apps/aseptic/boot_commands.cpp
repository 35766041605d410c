// SPDX-License-Identifier: Apache-2.0
// aseptic boot: provision, certify, journal, import-mcuboot. (Images of our own: aseptic image; a boot report: aseptic device check; any
// single file: aseptic inspect.)
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "aseptic/publish/boot_state.h"
#include "aseptic/publish/codes.h"
#include "aseptic/publish/files.h"
#include "aseptic/publish/mcu_flash.h"
#include "aseptic/publish/mcuboot.h"
#include "image_plan.h"

namespace aseptic::app {
namespace {

struct Options {
  std::string flash, id, description, component, image, boot_elf, boot_key_out, lease_key_out;
  std::vector<std::string> builders, release_keys;
  std::uint32_t hardware_revision = 1;
  std::string device;
  std::string host, root, policy, provisioning_key, statement_out, request_out;
  std::string debug_port = "closed", open_debug = "refuse";
  std::vector<std::size_t> revoked;
  std::string request, signature, factory_key;
};

struct ImportOptions {
  ImageOptions build;
  std::string file, key;
  std::uint64_t load_address = 0;
};

// What the policy demands is there before a flash image is made whose key nobody would believe.
core::Result<std::optional<trust::AuthorityPolicy>> factory_policy(Workbench& bench, const Options& options) {
  const bool certifies = !options.provisioning_key.empty(), requests = !options.request_out.empty();
  const bool is_production = bench.profile() == publish::Profile::kProduction;
  if (certifies && requests) return core::Error(publish::PublishCode::kInput, "certify with --provisioning-key, or ask for it with --boot-request-out");
  if (certifies != !options.statement_out.empty())
    return core::Error(publish::PublishCode::kInput, "--provisioning-key and --boot-statement-out belong together");
  if ((certifies || requests) && options.debug_port != "closed")
    return core::Error(publish::PublishCode::kInput, is_production ? "the debug port of a production part is closed before it is provisioned"
                                                                   : "the key of a boot with an open debug port is not certified");
  // SECURITY(T-56): nobody would have to believe a production device whose key no factory certified.
  if (is_production && (options.policy.empty() || (!certifies && !requests)))
    return core::Error(publish::PublishCode::kInput, "a production part's boot key is certified by a factory that its policy names: give --root, --policy, and "
                                                     "--boot-request-out (or --provisioning-key)");
  if (options.policy.empty() && !certifies && !requests) return std::optional<trust::AuthorityPolicy>();
  ASEPTIC_TRY(trust::AuthorityPolicy policy, bench.authority_policy(options.policy, options.root));
  if (is_production && policy.provisioning_keys.empty())
    return core::Error(publish::PublishCode::kInput, "the authority policy names no factory, so a production part's boot key would count for nothing");
  if (!policy.provisioning_keys.empty() && !certifies && !requests)
    return core::Error(publish::PublishCode::kInput, "the authority policy demands a certified boot key: give the factory's key with --provisioning-key");
  return std::optional(std::move(policy));
}

core::Result<void> provision(Workbench& bench, const Options& options) {
  publish::McuPlan plan{.device_id = options.id, .hardware_revision = options.hardware_revision, .component = options.component,
                        .image = options.image, .boot_elf = options.boot_elf, .profile = bench.profile(),
                        .debug = options.debug_port == "open" ? publish::DebugAtFactory::kOpen : publish::DebugAtFactory::kClosed,
                        .open_debug = options.open_debug == "degrade" ? publish::OpenDebugLater::kDegrades : publish::OpenDebugLater::kRefuses,
                        .revoked = options.revoked};
  ASEPTIC_TRY(plan.description, publish::ReleaseDescription::read(options.description));
  ASEPTIC_TRY(plan.keys, bench.image_keys(options.builders, options.release_keys));
  ASEPTIC_TRY(const auto policy, factory_policy(bench, options));
  const std::string& host = options.host.empty() ? options.id : options.host;
  std::optional<publish::ProvisioningSigner> factory;
  if (!options.provisioning_key.empty()) {
    ASEPTIC_TRY(factory, bench.signer<publish::ProvisioningRole>(options.provisioning_key));
  }
  ASEPTIC_TRY(const publish::McuKeys keys, publish::make_mcu_flash(options.flash, plan, bench.entropy()));
  if (factory) {
    ASEPTIC_TRY(const std::string statement, publish::certify_boot_key(plan, keys, host, *policy, *factory));
    ASEPTIC_TRY_VOID(publish::write_file_atomic(options.statement_out, core::as_bytes(statement)));
  }
  if (!options.request_out.empty()) {
    ASEPTIC_TRY(const std::string request, publish::boot_key_request(plan, keys, host));
    ASEPTIC_TRY_VOID(publish::write_file_atomic(options.request_out, core::as_bytes(request)));
  }
  ASEPTIC_TRY_VOID(publish::write_file_atomic(options.boot_key_out, core::as_bytes(keys.boot.pem())));
  ASEPTIC_TRY_VOID(publish::write_file_atomic(options.lease_key_out, core::as_bytes(keys.lease.pem())));
  const bool is_production = bench.profile() == publish::Profile::kProduction;
  if (is_production && plan.keys.size() - plan.revoked.size() == 1)
    std::cerr << "One pair of image keys is in force: this device can never revoke it, because boot never revokes the last one.\n";
  bench.say("provisioned the microcontroller " + options.id + " (EMULATED, " + (is_production ? "PRODUCTION" : "development") + " life cycle) in " + options.flash +
                (options.request_out.empty() ? "" : "\n  its boot key is not certified yet: sign " + options.request_out + " with the factory's token, then: aseptic boot certify"),
            core::JsonObject{{"flash", options.flash}, {"life_cycle", is_production ? "production" : "development"}, {"boot_id", publish::boot_device_id(options.id).text()},
                             {"boot_key", keys.boot.pem()}, {"lease_key", keys.lease.pem()}});
  return {};
}

core::Result<void> certify(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(const trust::AuthorityPolicy policy, bench.authority_policy(options.policy, options.root));
  ASEPTIC_TRY(const core::Bytes request, publish::read_file(options.request, 64u << 10));
  ASEPTIC_TRY(core::Bytes signature, publish::read_file(options.signature, 4096));
  ASEPTIC_TRY(core::PublicKey key, bench.public_key(options.factory_key));
  ASEPTIC_TRY(const std::string statement, publish::attach_factory_signature(request, {std::move(key), std::move(signature)}, options.host, policy));
  ASEPTIC_TRY_VOID(publish::write_file_atomic(options.statement_out, core::as_bytes(statement)));
  bench.say("certified the boot key of the microcontroller in " + options.host + ": " + options.statement_out, core::JsonObject{{"statement", options.statement_out}});
  return {};
}

core::Result<void> journal(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(const publish::BootAreas areas, publish::read_boot_areas(options.device));
  ASEPTIC_TRY(const publish::Inspection inspection, publish::inspect_boot_state(areas));
  bench.say(inspection.text(), core::JsonObject{{"format", inspection.format}, {"fields", inspection.fields}});
  return {};
}

// What the description says too must not differ: a release would contradict its image.
core::Result<void> agree_with_description(const publish::McubootProgram& program, const publish::ImagePlan& plan) {
  if (program.security_counter && *program.security_counter != plan.epoch)
    return core::Error(publish::PublishCode::kInput, "its security counter is " + std::to_string(*program.security_counter) +
                                                         ", so the description must give the component this epoch, not " + std::to_string(plan.epoch));
  if (program.dependencies != plan.dependencies.size())
    return core::Error(publish::PublishCode::kInput, "it depends on " + std::to_string(program.dependencies) + " other images, the component in the description on " +
                                                         std::to_string(plan.dependencies.size()));
  return {};
}

core::JsonArray left_behind(const publish::McubootProgram& program) {
  core::JsonArray list;
  for (const std::uint16_t type : program.left_behind) list.push_back(static_cast<std::int64_t>(type));
  return list;
}

core::Result<void> import(Workbench& bench, const ImportOptions& options) {
  ASEPTIC_TRY(const core::PublicKey key, bench.public_key(options.key));
  ASEPTIC_TRY(const core::Bytes file, publish::read_file(options.file, publish::kMcubootFileMax));
  const std::optional<std::uint64_t> address = options.load_address == 0 ? std::nullopt : std::optional(options.load_address);
  ASEPTIC_TRY(publish::McubootProgram program, publish::import_mcuboot(file, {key, address, bench.profile()}));
  ASEPTIC_TRY(publish::ImagePlan plan, image_plan(bench, options.build));
  ASEPTIC_TRY_VOID(agree_with_description(program, plan));
  plan.version = program.version;
  plan.load_address = program.load_address;
  plan.entry = program.entry;
  plan.build_id = core::sha256(program.body);
  plan.regions = {{.form = publish::ProgramForm::kRaw, .content = program.body}};
  ASEPTIC_TRY(const publish::ImageInfo info, build_planned_image(bench, options.build, plan));
  core::JsonObject json = image_json(info);
  json["load_address"] = static_cast<std::int64_t>(program.load_address);
  json["entry"] = static_cast<std::int64_t>(program.entry);
  json["left_behind"] = left_behind(program);
  bench.say(image_line(options.build.out, info) + "  from " + options.file + ", whose MCUboot signature holds" +
                (program.left_behind.empty() ? "" : "; " + std::to_string(program.left_behind.size()) + " TLVs that mean nothing here were left behind") +
                "\n  not signed yet: aseptic image sign " + options.build.out, json);
  return {};
}

void add_import_command(CLI::App& boot, Workbench& bench) {
  const auto options = std::make_shared<ImportOptions>();
  CLI::App* command = boot.add_subcommand("import-mcuboot", "Make an image of ours from a program that was signed for MCUboot: checks hash and signature, takes over program, "
                                                            "load address, version and security counter");
  command->fallthrough();
  command->add_option("FILE", options->file, "Image signed by imgtool, not padded to a slot")->required();
  command->add_option("--key", options->key, "The public key that MCUboot was built with (PEM)")->required();
  command->add_option("--load-address", options->load_address, "For which address the program is linked, when it ran from its flash slot");
  add_image_options(*command, options->build);
  on_run(command, bench, [&bench, options] { return import(bench, *options); });
}

}  // namespace

void add_boot_commands(CLI::App& app, Workbench& bench) {
  CLI::App* boot = app.add_subcommand("boot", "Devices under the boot stage (EMULATED). Images: aseptic image; boot reports: aseptic device check");
  boot->require_subcommand(1)->fallthrough();
  const auto options = std::make_shared<Options>();
  CLI::App* command = boot->add_subcommand("provision", "Write the flash image of an emulated microcontroller: provisioning, fuses, secret, journal, store, factory image. The profile is its life cycle");
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
  command->add_option("--device", options->host, "Device id of the device whose component it is (default: its own id)");
  command->add_option("--root", options->root, "TUF root metadata that the device trusts");
  command->add_option("--policy", options->policy, "Authority policy signed by that root; one that names factories demands a certified boot key");
  command->add_option("--provisioning-key", options->provisioning_key, "Factory's key, named by the policy: certifies the key of its boot reports");
  command->add_option("--boot-statement-out", options->statement_out, "Where that statement goes (DEVICE/agent/component_boot_key.json)");
  command->add_option("--boot-request-out", options->request_out, "Instead of both: the bytes that the factory's token signs go here; then `certify`");
  command->add_option("--debug-port", options->debug_port, "As the part was read: closed, or open (development parts only)")
      ->check(CLI::IsMember({"closed", "open"}))->capture_default_str();
  command->add_option("--open-debug", options->open_debug, "Fuse: a production part whose debug port is opened later refuses to start, or runs degraded")
      ->check(CLI::IsMember({"refuse", "degrade"}))->capture_default_str();
  command->add_option("--revoked-slot", options->revoked, "Key slot (0 is the first pair) that is revoked from the first start on (repeat)")->allow_extra_args(false);
  on_run(command, bench, [&bench, options] { return provision(bench, *options); });

  command = boot->add_subcommand("certify", "Put the signature of a factory's token to a boot key request: the statement that devices demand");
  command->fallthrough();
  command->add_option("REQUEST", options->request, "Written by `boot provision --boot-request-out`; its bytes are what is signed")->required();
  command->add_option("--signature", options->signature, "The token's signature over REQUEST: ECDSA P-256 with SHA-256 in DER, or Ed25519")->required();
  command->add_option("--factory", options->factory_key, "Factory's public key (PEM), named by the policy")->required();
  command->add_option("--device", options->host, "Device id of the device whose component it is")->required();
  command->add_option("--root", options->root, "TUF root metadata that the device trusts")->required();
  command->add_option("--policy", options->policy, "Authority policy signed by that root")->required();
  command->add_option("--out", options->statement_out, "Where the statement goes (DEVICE/agent/component_boot_key.json)")->required();
  on_run(command, bench, [&bench, options] { return certify(bench, *options); });

  command = boot->add_subcommand("journal", "Read what a device's boot keeps: every record (torn and burnt ones too), the state as boot folds it, floor and generation");
  command->fallthrough();
  command->add_option("DEVICE", options->device, "A virtual device's folder, or a microcontroller's flash image file")->required();
  on_run(command, bench, [&bench, options] { return journal(bench, *options); });

  add_import_command(*boot, bench);
}

}  // namespace aseptic::app
