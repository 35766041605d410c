// SPDX-License-Identifier: Apache-2.0
// aseptic keys: create, list, show.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "aseptic/publish/codes.h"
#include "aseptic/publish/files.h"
#include "aseptic/publish/tuf_document.h"
#include "lms_media.h"
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

core::JsonValue lms_json(const std::string& label, const publish::LmsKeyState& key) {
  return core::JsonObject{{"label", label},
                          {"algorithm", core::to_string(key.public_key.algorithm())},
                          {"custody", platform::to_string(platform::KeyCustody::kDevelopmentFile)},
                          {"keyid", key.public_key.key_id().hex()},
                          {"signatures", static_cast<std::int64_t>(key.capacity)},
                          {key.is_witnessed ? "signatures_left" : "signatures_left_at_most", static_cast<std::int64_t>(key.left)},
                          {"public", key.public_key.pem()}};
}

std::string lms_line(const std::string& label, const publish::LmsKeyState& key) {
  return label + ": " + std::string(core::to_string(key.public_key.algorithm())) + ", key id " + key.public_key.key_id().hex() + ", " +
         (key.is_witnessed ? "" : "at most ") + std::to_string(key.left) + " of " + std::to_string(key.capacity) + " signatures left" +
         (key.is_witnessed ? "" : " (its --witness knows)") + ", DEVELOPMENT key file\n";
}

// Form W4 only: W8 signs shorter in a field where that saves nothing, and takes boot nine times as long.
core::Result<void> create_lms(Workbench& bench, const std::vector<std::string>& labels, unsigned height, const std::string& witness) {
  if (witness.empty())
    return core::Error(publish::PublishCode::kOneTimeState, "an LMS key needs a witness of its one-time state: name a folder on a second medium with --witness");
  ASEPTIC_TRY_VOID(publish::make_folders(bench.keys_folder));
  ASEPTIC_TRY(const LmsMedia media, open_lms_media(bench, witness, MediaUse::kSign));
  publish::HashKeyFolder folder = bench.hash_keys();
  core::JsonArray made;
  std::string text;
  for (const std::string& label : labels) {
    ASEPTIC_TRY(const core::PostQuantumPublicKey key, folder.create_lms(label, {.height = height, .width = 4}, *media.witness));
    ASEPTIC_TRY_VOID(publish::write_file_atomic(Path(bench.keys_folder) / (label + ".pub"), core::as_bytes(key.pem())));
    ASEPTIC_TRY(const publish::LmsKeyState state, folder.lms_state(label, *media.state, media.witness.get()));
    made.push_back(lms_json(label, state));
    text += lms_line(label, state);
  }
  bench.say(text, made);
  return {};
}

core::Result<publish::LmsKeyState> lms_state(Workbench& bench, const std::string& label, const std::string& witness) {
  ASEPTIC_TRY(const LmsMedia media, open_lms_media(bench, witness, MediaUse::kLook));
  return bench.hash_keys().lms_state(label, *media.state, media.witness.get());
}

core::Result<void> create(Workbench& bench, const std::vector<std::string>& labels, const std::string& algorithm, const std::string& witness) {
  ASEPTIC_TRY_VOID(bench.may_make_key_files());
  if (algorithm == "slh-dsa") return create_slh_dsa(bench, labels);
  for (const unsigned height : {10u, 15u, 20u})
    if (algorithm == "lms-h" + std::to_string(height)) return create_lms(bench, labels, height, witness);
  for (const std::string& label : labels) ASEPTIC_TRY_VOID(bench.hash_keys().check_free(label));
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

core::Result<void> list(Workbench& bench, const std::string& witness) {
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
    if (folder.has_lms(label)) {
      ASEPTIC_TRY(const publish::LmsKeyState state, lms_state(bench, label, witness));
      all.push_back(lms_json(label, state));
      text += lms_line(label, state);
      continue;
    }
    ASEPTIC_TRY(const auto signer, folder.open_slh_dsa(label));
    all.push_back(key_json(label, signer->public_key(), signer->custody()));
    text += key_line(label, signer->public_key(), signer->custody());
  }
  bench.say(text.empty() ? "no keys in " + bench.keys_folder : text, all);
  return {};
}

core::Result<void> show(Workbench& bench, const std::string& label, const std::string& witness) {
  publish::HashKeyFolder folder = bench.hash_keys();
  if (folder.has_lms(label)) {
    ASEPTIC_TRY(const publish::LmsKeyState state, lms_state(bench, label, witness));
    bench.say(lms_line(label, state) + state.public_key.pem(), lms_json(label, state));
    return {};
  }
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
    std::string label, witness;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = keys->add_subcommand("create", "Make new keys: <keys>/LABEL.pem, .slh or .lms (private) and LABEL.pub; never replaces one");
  command->fallthrough();
  command->add_option("LABEL", options->labels, "Names: lower case letters, digits, '.', '_', '-'")->required();
  command->add_option("--algorithm", options->algorithm, "ed25519 (TUF roles), p256 (builder, TLS, devices, online roles), slh-dsa (release role, images), or "
                      "for images of profile cnsa2 lms-h10, lms-h15, lms-h20 (1,024, 32,768, 1,048,576 signatures; needs --witness)")
      ->check(CLI::IsMember({"ed25519", "p256", "slh-dsa", "lms-h10", "lms-h15", "lms-h20"}))->capture_default_str();
  add_witness_option(command, options->witness);
  on_run(command, bench, [&bench, options] { return create(bench, options->labels, options->algorithm, options->witness); });

  command = keys->add_subcommand("list", "List the keys of the folder, and how often each LMS key can still sign");
  command->fallthrough();
  add_witness_option(command, options->witness);
  on_run(command, bench, [&bench, options] { return list(bench, options->witness); });

  command = keys->add_subcommand("show", "Show one key's public half and ids");
  command->fallthrough();
  command->add_option("LABEL", options->label, "The key's name")->required();
  add_witness_option(command, options->witness);
  on_run(command, bench, [&bench, options] { return show(bench, options->label, options->witness); });
}

}  // namespace aseptic::app
