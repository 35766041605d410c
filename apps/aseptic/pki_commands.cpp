// SPDX-License-Identifier: Apache-2.0
// aseptic pki: init, server, device, show.
#include "aseptic/publish/pki.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "workbench.h"

namespace aseptic::app {
namespace {

struct Options {
  std::string folder = "pki";
  std::string out;
  std::string name = "Aseptic private CA";
  std::vector<std::string> dns_names;
  std::vector<std::string> addresses;
  std::string device_id;
  std::string certificate;
  std::uint32_t days = 365;
};

// The authority's key lives beside its certificate, in a key store of its own.
core::Result<publish::IssuerSigner> issuer(Workbench& bench, const Options& options, bool create) {
  Workbench own(bench);
  own.keys_folder = options.folder;
  if (create) {
    ASEPTIC_TRY_VOID(bench.may_make_key_files());
    ASEPTIC_TRY(const auto store, own.key_store());
    ASEPTIC_TRY_VOID(store->create("ca", core::KeyAlgorithm::kEcdsaP256));
  }
  return own.signer<publish::IssuerRole>("ca");
}

core::Result<core::PublicKey> new_key(Workbench& bench, const std::string& folder, const std::string& label) {
  ASEPTIC_TRY_VOID(bench.may_make_key_files());
  Workbench own(bench);
  own.keys_folder = folder;
  ASEPTIC_TRY(const auto store, own.key_store());
  ASEPTIC_TRY(const auto signer, store->create(label, core::KeyAlgorithm::kEcdsaP256));
  return signer->public_key();
}

core::Result<std::string> authority_pem(const Options& options) {
  ASEPTIC_TRY(const core::Bytes pem, publish::read_file(Path(options.folder) / "ca.crt", 64u << 10));
  return std::string(core::as_text(pem));
}

core::Result<void> write_certificate(Workbench& bench, const Path& file, const std::string& pem) {
  ASEPTIC_TRY_VOID(publish::write_file_atomic(file, core::as_bytes(pem)));
  bench.say("wrote " + file.string(), core::JsonObject{{"certificate", file.string()}});
  return {};
}

core::Result<void> init(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(publish::IssuerSigner signer, issuer(bench, options, true));
  ASEPTIC_TRY(const std::string pem,
              publish::make_authority(signer, {options.name, options.dns_names, options.addresses, {bench.now(), std::chrono::days(options.days)}},
                                      bench.entropy()));
  return write_certificate(bench, Path(options.folder) / "ca.crt", pem);
}

core::Result<void> server(Workbench& bench, const Options& options) {
  const std::string out = options.out.empty() ? options.folder : options.out;
  ASEPTIC_TRY(publish::IssuerSigner signer, issuer(bench, options, false));
  ASEPTIC_TRY(const std::string authority, authority_pem(options));
  ASEPTIC_TRY(const core::PublicKey key, new_key(bench, out, "server"));
  ASEPTIC_TRY(const std::string pem, publish::make_server_certificate(
                                         signer, authority, key,
                                         {options.dns_names, options.addresses, {bench.now(), std::chrono::days(options.days)}}, bench.entropy()));
  return write_certificate(bench, Path(out) / "server.crt", pem);
}

core::Result<void> device(Workbench& bench, const Options& options) {
  const std::string out = options.out.empty() ? options.folder : options.out;
  ASEPTIC_TRY_VOID(publish::check_device_id(options.device_id));
  ASEPTIC_TRY(publish::IssuerSigner signer, issuer(bench, options, false));
  ASEPTIC_TRY(const std::string authority, authority_pem(options));
  ASEPTIC_TRY(const core::PublicKey key, new_key(bench, out, "device"));
  ASEPTIC_TRY(const std::string pem,
              publish::make_device_certificate(signer, authority, key, {options.device_id, {bench.now(), std::chrono::days(options.days)}}, bench.entropy()));
  return write_certificate(bench, Path(out) / "device.crt", pem);
}

core::Result<void> show(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(const core::Bytes pem, publish::read_file(options.certificate, 1u << 20));
  ASEPTIC_TRY(const std::string text, publish::describe_certificate(core::as_text(pem)));
  bench.say(text, core::JsonObject{{"text", text}});
  return {};
}

void add_common(CLI::App* command, Options& options) {
  command->fallthrough();
  command->add_option("--pki", options.folder, "Folder of the authority: ca.pem (key) and ca.crt")->capture_default_str();
  command->add_option("--days", options.days, "Validity")->check(CLI::Range(1u, 36500u))->capture_default_str();
}

void add_names(CLI::App* command, Options& options, const std::string& what) {
  command->add_option("--dns", options.dns_names, "DNS name " + what + " (repeat)")->allow_extra_args(false);
  command->add_option("--address", options.addresses, "IPv4 address " + what + " (repeat)")->allow_extra_args(false);
}

}  // namespace

void add_pki_commands(CLI::App& app, Workbench& bench) {
  CLI::App* pki = app.add_subcommand("pki", "A small private certificate authority for mutual TLS between devices and server");
  pki->require_subcommand(1)->fallthrough();
  const auto options = std::make_shared<Options>();

  CLI::App* command = pki->add_subcommand("init", "Make the authority, limited to the given names and addresses");
  add_common(command, *options);
  add_names(command, *options, "that it may vouch for");
  command->add_option("--name", options->name, "Common name")->capture_default_str();
  on_run(command, bench, [&bench, options] { return init(bench, *options); });

  command = pki->add_subcommand("server", "Make a server key and certificate (EKU serverAuth): server.pem, server.crt");
  add_common(command, *options);
  add_names(command, *options, "of the server");
  command->add_option("--out", options->out, "Folder for key and certificate (default: the authority's)");
  on_run(command, bench, [&bench, options] { return server(bench, *options); });

  command = pki->add_subcommand("device", "Make a device key and certificate (EKU clientAuth): device.pem, device.crt");
  add_common(command, *options);
  command->add_option("--id", options->device_id, "Device id, in the SAN URI urn:aseptic:device:<id>")->required();
  command->add_option("--out", options->out, "Folder for key and certificate (default: the authority's)");
  on_run(command, bench, [&bench, options] { return device(bench, *options); });

  command = pki->add_subcommand("show", "Show a certificate");
  command->fallthrough();
  command->add_option("FILE", options->certificate, "Certificate in PEM form")->required();
  on_run(command, bench, [&bench, options] { return show(bench, *options); });
}

}  // namespace aseptic::app
