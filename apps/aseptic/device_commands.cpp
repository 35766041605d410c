// SPDX-License-Identifier: Apache-2.0
// aseptic device: provision, check. aseptic log: verify.
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>

#include "aseptic/device_log/verify.h"
#include "aseptic/publish/boot_state.h"
#include "aseptic/publish/codes.h"
#include "aseptic/publish/device_check.h"
#include "aseptic/publish/pki.h"
#include "aseptic/publish/provision.h"
#include "workbench.h"

namespace aseptic::app {
namespace {

struct Options {
  std::string device, id, description, component, image, root, policy, pki = "pki", jurisdiction, provisioning_key, location_site;
  std::vector<std::string> builders, release_keys, groups;
  std::uint32_t hardware_revision = 1, days = 730;
  std::uint64_t slot_size = 0;
  bool without_policy = false;
  publish::DeviceSite site;
  std::vector<std::string> log_files;
  std::string log_key, log_device;
  std::string checked, boot_key, boot_statement, challenge;
  std::uint64_t report_at = 0;
};

core::Result<core::PublicKey> new_key(Workbench& bench, const Path& folder, const std::string& label) {
  Workbench own(bench);
  own.keys_folder = folder.string();
  ASEPTIC_TRY(const auto store, own.key_store());
  ASEPTIC_TRY(const auto signer, store->create(label, core::KeyAlgorithm::kEcdsaP256));
  return signer->public_key();
}

core::Result<publish::ProvisionPlan> plan_of(Workbench& bench, const Options& options, const std::string& anchors) {
  publish::ProvisionPlan plan{.device_id = options.id, .hardware_revision = options.hardware_revision, .jurisdiction = options.jurisdiction,
                              .component = options.component, .image = options.image, .slot_size = options.slot_size, .root = options.root,
                              .groups = options.groups, .location_site = options.location_site, .anchors_pem = anchors, .site = options.site};
  ASEPTIC_TRY(plan.description, publish::ReleaseDescription::read(options.description));
  ASEPTIC_TRY(plan.keys, bench.image_keys(options.builders, options.release_keys));
  if (options.site.repository_url.empty() && (options.site.media.empty() || !options.site.mirrors.empty()))
    return core::Error(publish::PublishCode::kInput, "say where updates come from: --repository-url, or --media alone for a device without a network");
  if (options.policy.empty() != options.without_policy)
    return core::Error(publish::PublishCode::kInput, "say what the device demands: --policy FILE (or, weaker, --without-policy: the image repository alone)");
  if (!options.policy.empty()) plan.policy = options.policy;
  return plan;
}

core::Result<void> provision(Workbench& bench, const Options& options) {
  if (bench.profile() == publish::Profile::kProduction)
    return core::Error(publish::PublishCode::kDevelopmentKey,
                       "a virtual device is a development device with key files; the production profile provisions none");
  ASEPTIC_TRY(const core::Bytes anchors, publish::read_file(Path(options.pki) / "ca.crt", 64u << 10));
  const std::string anchors_pem(core::as_text(anchors));
  ASEPTIC_TRY(publish::ProvisionPlan plan, plan_of(bench, options, anchors_pem));
  Workbench pki(bench);
  pki.keys_folder = options.pki;
  ASEPTIC_TRY(publish::IssuerSigner issuer, pki.signer<publish::IssuerRole>("ca"));
  ASEPTIC_TRY(publish::DeviceFolder folder, publish::DeviceFolder::prepare(options.device, std::move(plan), bench.entropy()));
  if (!options.provisioning_key.empty()) {
    ASEPTIC_TRY(publish::ProvisioningSigner factory, bench.signer<publish::ProvisioningRole>(options.provisioning_key));
    ASEPTIC_TRY_VOID(folder.attest(factory));
  }
  ASEPTIC_TRY(const core::PublicKey device, new_key(bench, folder.device_key_folder(), "device"));
  ASEPTIC_TRY(const core::PublicKey therapy, new_key(bench, folder.therapy_key_folder(), "key"));
  // One device key: its TLS identity and its signature. On hardware both uses go to one TPM key.
  ASEPTIC_TRY(const core::Bytes key_file, publish::read_file(folder.device_key_folder() / "device.pem", 64u << 10));
  ASEPTIC_TRY_VOID(publish::write_secret_file(folder.tls_key_file(), key_file));
  ASEPTIC_TRY(std::string certificate,
              publish::make_device_certificate(issuer, anchors_pem, device, {options.id, {bench.now(), std::chrono::days(options.days)}}, bench.entropy()));
  ASEPTIC_TRY_VOID(folder.finish({device, therapy, std::move(certificate)}));
  bench.say("provisioned the virtual device " + options.id + " (EMULATED, development life cycle) in " + options.device,
            core::JsonObject{{"device", options.device}, {"id", options.id}, {"boot_id", publish::boot_device_id(options.id).text()},
                             {"device_key", device.pem()}, {"therapy_key", therapy.pem()}});
  return {};
}

// A folder stands for the log files in it, in the order of their names.
core::Result<std::vector<device_log::Segment>> segments_of(const std::vector<std::string>& names) {
  std::vector<Path> files;
  for (const std::string& name : names) {
    std::error_code error;
    if (!std::filesystem::is_directory(name, error)) {
      files.emplace_back(name);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(name, error))
      if (entry.is_regular_file() && entry.path().extension() == ".log") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::vector<device_log::Segment> segments;
  for (const Path& file : files) {
    ASEPTIC_TRY(core::Bytes bytes, publish::read_file(file, 256u << 20));
    segments.push_back({file.string(), std::move(bytes)});
  }
  if (segments.empty()) return core::Error(publish::PublishCode::kInput, "there is no log file to verify");
  return segments;
}

core::Result<void> verify_log(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(const auto segments, segments_of(options.log_files));
  std::optional<core::PublicKey> key;
  if (!options.log_key.empty()) {
    ASEPTIC_TRY(key, bench.public_key(options.log_key));
  }
  device_log::VerifyOptions how;
  how.device_key = key ? &*key : nullptr;
  how.device_id = options.log_device;
  ASEPTIC_TRY(const device_log::LogSummary summary, device_log::verify_log(segments, how));
  bench.say("unbroken: records " + std::to_string(summary.first) + " to " + std::to_string(summary.head.count) + ", " +
                std::to_string(summary.checkpoints) + " checkpoints, " + std::to_string(summary.unsigned_tail) + " records after the last one\n  head " +
                summary.head.head.hex() + (key ? "\n" : "\n  SIGNATURES NOT CHECKED: give the device's key with --device-key\n"),
            core::JsonObject{{"count", static_cast<std::int64_t>(summary.head.count)}, {"head", summary.head.head.hex()},
                             {"checkpoints", static_cast<std::int64_t>(summary.checkpoints)}, {"signatures_checked", key.has_value()}});
  return {};
}

// A device's own report, or, with --at or of just these bytes, the report in a file.
core::Result<core::Bytes> report_of(const Options& options) {
  if (options.report_at == 0 && publish::holds_boot_areas(options.checked)) return publish::read_boot_report(options.checked);
  ASEPTIC_TRY(const core::Bytes bytes, publish::read_file(options.checked, 64u << 20));
  constexpr std::uint64_t kReportSize = 1024;
  if (options.report_at > bytes.size() || bytes.size() - options.report_at < kReportSize)
    return core::Error(publish::PublishCode::kInput, options.checked + " holds no boot report of 1024 bytes there");
  const core::ByteView report = core::ByteView(bytes).subspan(options.report_at, kReportSize);
  return core::Bytes(report.begin(), report.end());
}

// As the factory certified it, or a key that the operator vouches for.
core::Result<std::optional<trust::BootKey>> boot_key_of(Workbench& bench, const Options& options) {
  if (!options.boot_statement.empty()) {
    ASEPTIC_TRY(const trust::AuthorityPolicy policy, bench.authority_policy(options.policy, options.root));
    ASEPTIC_TRY(const core::Bytes file, publish::read_file(options.boot_statement, 1u << 20));
    ASEPTIC_TRY(trust::BootKey key, trust::verify_boot_key(file, policy, options.id).within(options.boot_statement));
    return std::optional(std::move(key));
  }
  if (options.boot_key.empty()) return std::optional<trust::BootKey>();
  ASEPTIC_TRY(core::PublicKey key, bench.public_key(options.boot_key));
  return std::optional(trust::BootKey::listed(std::move(key)));
}

core::Result<void> check_device(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(const core::Bytes report, report_of(options));
  publish::CheckOptions how;
  ASEPTIC_TRY(how.boot_key, boot_key_of(bench, options));
  if (!options.challenge.empty()) {
    ASEPTIC_TRY(how.challenge, core::from_hex(options.challenge).within("--challenge"));
  }
  ASEPTIC_TRY(const publish::DeviceCheck check, publish::check_device(report, how));
  bench.say(check.text(), check.json());
  if (check.has_failed()) return core::Error(publish::PublishCode::kUnverifiable, "the device does not pass; see the failures above");
  return {};
}

}  // namespace

void add_device_commands(CLI::App& app, Workbench& bench) {
  CLI::App* device = app.add_subcommand("device", "Virtual devices (EMULATED)");
  device->require_subcommand(1)->fallthrough();
  const auto options = std::make_shared<Options>();
  options->site.therapy_uid = static_cast<std::uint32_t>(::getuid());
  CLI::App* command = device->add_subcommand("provision", "Make a virtual device's folder: boot files, slots, keys, certificate, configuration");
  command->fallthrough();
  command->add_option("DEVICE", options->device, "Folder to make")->required();
  command->add_option("--id", options->id, "Device id, for certificate and reports")->required();
  command->add_option("--description", options->description, "Release description (TOML) of the factory image")->required();
  command->add_option("--component", options->component, "Its main component (default: the only one)");
  command->add_option("--image", options->image, "Signed factory image; written to both slots and to recovery")->required();
  command->add_option("--builder", options->builders, "Builder's public key, one key slot each (repeat)")->required()->allow_extra_args(false);
  command->add_option("--release-key", options->release_keys, "Release role's public key for images, one for each builder")->required()->allow_extra_args(false);
  command->add_option("--root", options->root, "TUF root metadata that the device trusts")->required();
  command->add_option("--policy", options->policy, "Authority policy signed by that root");
  command->add_flag("--without-policy", options->without_policy, "The device demands the image repository's word alone");
  command->add_option("--provisioning-key", options->provisioning_key, "Factory's key, named by the policy: signs what this device is");
  command->add_option("--group", options->groups, "Group of the device (repeat)")->allow_extra_args(false);
  command->add_option("--site", options->location_site, "Site of the device");
  command->add_option("--pki", options->pki, "Folder of the certificate authority")->capture_default_str();
  command->add_option("--days", options->days, "Validity of the device certificate")->capture_default_str();
  command->add_option("--hardware-revision", options->hardware_revision, "Hardware revision")->capture_default_str();
  command->add_option("--jurisdiction", options->jurisdiction, "Where the device is used, for example EU")->required();
  command->add_option("--slot-size", options->slot_size, "Bytes of a slot (default: twice the image, at least 16 MiB)");
  command->add_option("--repository-url", options->site.repository_url, "URL that holds metadata/ and targets/ (not needed with --media)");
  command->add_option("--mirror", options->site.mirrors, "Further URL of the same files, asked where the first fails (repeat)")->allow_extra_args(false);
  command->add_option("--media", options->site.media, "Folder or bundle on removable media, asked after the URLs (path on the device or below DEVICE; repeat)")
      ->allow_extra_args(false);
  command->add_option("--rate-max", options->site.rate_max_bytes_per_s, "Ceiling of payload downloads, bytes per second (default: none)")
      ->check(CLI::Range(std::uint64_t{8192}, std::uint64_t{1} << 40));
  command->add_option("--report-url", options->site.report_url, "Where reports go (default: only queued)");
  command->add_option("--channel", options->site.channel, "Channel")->capture_default_str();
  command->add_option("--approval", options->site.approval, "automatic or local")->check(CLI::IsMember({"automatic", "local"}))->capture_default_str();
  command->add_option("--return-to-service", options->site.return_to_service, "automatic or local")
      ->check(CLI::IsMember({"automatic", "local"}))->capture_default_str();
  command->add_option("--poll", options->site.poll_s, "Seconds between looks at the repository")->check(CLI::Range(1u, 604800u))->capture_default_str();
  command->add_option("--window", options->site.windows, "When a switch may start, UTC, HH:MM-HH:MM (repeat; default any time)")->allow_extra_args(false);
  command->add_option("--therapy-uid", options->site.therapy_uid, "User of the therapy process (default: yours)");
  on_run(command, bench, [&bench, options] { return provision(bench, *options); });

  command = device->add_subcommand("check", "Read out what a device's boot says: life cycle, debug port, slots, floor, counters; status 1 when it does not pass");
  command->fallthrough();
  command->add_option("DEVICE", options->checked, "A virtual device's folder, a microcontroller's flash image, or a file with a boot report")->required();
  command->add_option("--boot-key", options->boot_key, "Public key of the device's boot (PEM), which you vouch for; without one the signature is not checked");
  command->add_option("--boot-statement", options->boot_statement, "Or: the factory's statement about that key (component_boot_key.json), with:")->excludes("--boot-key");
  command->add_option("--policy", options->policy, "... the device's authority policy");
  command->add_option("--root", options->root, "... the root that signed it");
  command->add_option("--device-id", options->id, "... the device's id, as in its certificate");
  command->add_option("--at", options->report_at, "Offset of the report in another file")->capture_default_str();
  command->add_option("--challenge", options->challenge, "What REQ_CHALLENGE carried, 64 hexadecimal digits: a report that answers another one does not pass");
  on_run(command, bench, [&bench, options] { return check_device(bench, *options); });

  CLI::App* log = app.add_subcommand("log", "Device logs");
  log->require_subcommand(1)->fallthrough();
  command = log->add_subcommand("verify", "Verify the hash chain and the device's signatures of a log");
  command->fallthrough();
  command->add_option("FILE", options->log_files, "Log segments, oldest first, or the folder that holds them")->required();
  command->add_option("--device-key", options->log_key, "The device's public key (PEM)");
  command->add_option("--device-id", options->log_device, "The device's id");
  on_run(command, bench, [&bench, options] { return verify_log(bench, *options); });
}

}  // namespace aseptic::app
