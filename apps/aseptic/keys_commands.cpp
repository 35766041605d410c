// SPDX-License-Identifier: Apache-2.0
// aseptic keys: create, list, show.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "aseptic/publish/files.h"
#include "aseptic/publish/tuf_document.h"
#include "workbench.h"

namespace aseptic::app {
namespace {

core::JsonValue key_json(const std::string& label, const core::PublicKey& key, platform::KeyCustody custody) {
  return core::JsonObject{{"label", label},
                          {"algorithm", core::to_string(key.algorithm())},
                          {"custody", platform::to_string(custody)},
                          {"keyid", publish::key_id(key)},
                          {"fingerprint", key.fingerprint().hex()},
                          {"public", key.pem()}};
}

std::string key_line(const std::string& label, const core::PublicKey& key, platform::KeyCustody custody) {
  return label + ": " + std::string(core::to_string(key.algorithm())) + ", key id " + publish::key_id(key) +
         (custody == platform::KeyCustody::kDevelopmentFile ? ", DEVELOPMENT key file\n" : "\n");
}

core::JsonValue key_json(const std::string& label, const core::PostQuantumPublicKey& key, platform::KeyCustody custody) {
  return core::JsonObject{{"label", label},
                          {"algorithm", core::to_string(key.algorithm())},
                          {"custody", platform::to_string(custody)},
                          {"keyid", key.key_id().hex()},
                          {"public", key.pem()}};
}

std::string key_line(const std::string& label, const core::PostQuantumPublicKey& key, platform::KeyCustody custody) {
  return label + ": " + std::string(core::to_string(key.algorithm())) + ", key id " + key.key_id().hex() +
         (custody == platform::KeyCustody::kDevelopmentFile ? ", DEVELOPMENT key file\n" : "\n");
}

core::Result<void> create_slh_dsa(Workbench& bench, const std::vector<std::string>& labels) {
  publish::HashKeyFolder folder = bench.hash_keys();
  core::JsonArray made;
  std::string text;
  for (const std::string& label : labels) {
    ASEPTIC_TRY(const auto signer, folder.create_slh_dsa(label));
    ASEPTIC_TRY_VOID(publish::write_file_atomic(Path(bench.keys_folder) / (label + ".pub"), core::as_bytes(signer->public_key().pem())));
    made.push_back(key_json(label, signer->public_key(), signer->custody()));
    text += key_line(label, signer->public_key(), signer->custody());
  }
  bench.say(text, made);
  return {};
}

core::Result<void> create(Workbench& bench, const std::vector<std::string>& labels, const std::string& algorithm) {
  ASEPTIC_TRY_VOID(bench.may_make_key_files());
  if (algorithm == "slh-dsa") return create_slh_dsa(bench, labels);
  ASEPTIC_TRY(const std::unique_ptr<platform::KeyStore> store, bench.key_store());
  core::JsonArray made;
  std::string text;
  for (const std::string& label : labels) {
    ASEPTIC_TRY(const auto signer, store->create(label, algorithm == "p256" ? core::KeyAlgorithm::kEcdsaP256 : core::KeyAlgorithm::kEd25519));
    // The public half beside it is what travels to other machines.
    ASEPTIC_TRY_VOID(publish::write_file_atomic(Path(bench.keys_folder) / (label + ".pub"), core::as_bytes(signer->public_key().pem())));
    made.push_back(key_json(label, signer->public_key(), signer->custody()));
    text += key_line(label, signer->public_key(), signer->custody());
  }
  bench.say(text, made);
  return {};
}

core::Result<void> list(Workbench& bench) {
  ASEPTIC_TRY(const std::unique_ptr<platform::KeyStore> store, bench.key_store());
  ASEPTIC_TRY(const std::vector<std::string> labels, store->labels());
  core::JsonArray all;
  std::string text;
  for (const std::string& label : labels) {
    ASEPTIC_TRY(const auto signer, store->open(label));
    all.push_back(key_json(label, signer->public_key(), signer->custody()));
    text += key_line(label, signer->public_key(), signer->custody());
  }
  publish::HashKeyFolder folder = bench.hash_keys();
  for (const std::string& label : folder.labels()) {
    ASEPTIC_TRY(const auto signer, folder.open_slh_dsa(label));
    all.push_back(key_json(label, signer->public_key(), signer->custody()));
    text += key_line(label, signer->public_key(), signer->custody());
  }
  bench.say(text.empty() ? "no keys in " + bench.keys_folder : text, all);
  return {};
}

core::Result<void> show(Workbench& bench, const std::string& label) {
  publish::HashKeyFolder folder = bench.hash_keys();
  if (folder.has_slh_dsa(label)) {
    ASEPTIC_TRY(const auto second, folder.open_slh_dsa(label));
    bench.say(key_line(label, second->public_key(), second->custody()) + second->public_key().pem(),
              key_json(label, second->public_key(), second->custody()));
    return {};
  }
  ASEPTIC_TRY(const auto signer, bench.open_key(label));
  const core::PublicKey& key = signer->public_key();
  bench.say(key_line(label, key, signer->custody()) + "SHA-256 of the public key: " + key.fingerprint().hex() + "\n" + key.pem(),
            key_json(label, key, signer->custody()));
  return {};
}

}  // namespace

void add_keys_commands(CLI::App& app, Workbench& bench) {
  CLI::App* keys = app.add_subcommand("keys", "Make and list keys. File keys are for development; a token comes in by the same interface");
  keys->require_subcommand(1)->fallthrough();

  struct Options {
    std::vector<std::string> labels;
    std::string algorithm = "ed25519";
    std::string label;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = keys->add_subcommand("create", "Make new keys: <keys>/LABEL.pem (private) and LABEL.pub; never replaces one");
  command->fallthrough();
  command->add_option("LABEL", options->labels, "Names: lower case letters, digits, '.', '_', '-'")->required();
  command->add_option("--algorithm", options->algorithm, "ed25519 (TUF roles), p256 (builder, TLS, devices, online roles) or slh-dsa (release role, images)")
      ->check(CLI::IsMember({"ed25519", "p256", "slh-dsa"}))->capture_default_str();
  on_run(command, bench, [&bench, options] { return create(bench, options->labels, options->algorithm); });

  command = keys->add_subcommand("list", "List the keys of the folder");
  command->fallthrough();
  on_run(command, bench, [&bench] { return list(bench); });

  command = keys->add_subcommand("show", "Show one key's public half and ids");
  command->fallthrough();
  command->add_option("LABEL", options->label, "The key's name")->required();
  on_run(command, bench, [&bench, options] { return show(bench, options->label); });
}

}  // namespace aseptic::app
