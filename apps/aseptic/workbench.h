// SPDX-License-Identifier: Apache-2.0
// What every subcommand of `aseptic` shares: options of the whole program, keys by name, output, the outcome.
#pragma once

#include <functional>
#include <iostream>

#include "aseptic/core/json.h"
#include "aseptic/platform/clock.h"
#include "aseptic/platform/entropy.h"
#include "aseptic/publish/hash_keys.h"
#include "aseptic/publish/image.h"
#include "aseptic/publish/repository.h"
#include "aseptic/publish/signing.h"
#include "aseptic/trust/authority_policy.h"

namespace CLI {
class App;
}

namespace aseptic::app {

using publish::Path;

class Workbench {
 public:
  Workbench(platform::Clock& clock, platform::Entropy& entropy) : clock_(clock), entropy_(entropy) {}

  // Options of the whole program, bound by main.
  std::string keys_folder = "keys";
  std::string profile_name = "production";  // the strict one needs no option (US-03)
  std::string log_file;  // empty: <keys>/signing.log
  bool json = false;

  [[nodiscard]] publish::Profile profile() const {
    return profile_name == "production" ? publish::Profile::kProduction : publish::Profile::kDevelopment;
  }
  [[nodiscard]] core::UtcTime now() { return clock_.wall(); }
  [[nodiscard]] core::UtcTime in_days(std::uint32_t days) { return now() + std::chrono::days(days); }
  platform::Entropy& entropy() { return entropy_; }
  [[nodiscard]] Path log_path() const { return log_file.empty() ? Path(keys_folder) / "signing.log" : Path(log_file); }

  core::Result<std::unique_ptr<platform::KeyStore>> key_store() const;
  core::Result<std::unique_ptr<platform::Signer>> open_key(const std::string& label) const;
  // A PEM file, or else a label of the key store.
  core::Result<core::PublicKey> public_key(const std::string& name) const;
  core::Result<std::vector<core::PublicKey>> public_keys(const std::vector<std::string>& names) const;

  // The authority policy of a device, verified by the root file that it was provisioned with.
  core::Result<trust::AuthorityPolicy> authority_policy(const std::string& policy_file, const std::string& root_file) const;

  // Pairs of image keys: a builder's and a release role's, in the order given, as many of one as of the other.
  core::Result<std::vector<publish::ImageKeys>> image_keys(const std::vector<std::string>& builders, const std::vector<std::string>& releases) const;
  publish::HashKeyFolder hash_keys() { return publish::HashKeyFolder(keys_folder, entropy_, show_progress); }
  core::Result<core::PostQuantumPublicKey> post_quantum_key(const std::string& name) const;  // a PEM file, or else a label
  static void show_progress(unsigned percent);

  template <typename Role>
  core::Result<publish::RoleSigner<Role>> signer(const std::string& label) const {
    ASEPTIC_TRY(std::unique_ptr<platform::Signer> key, open_key(label));
    const platform::KeyCustody custody = key->custody();
    ASEPTIC_TRY(publish::RoleSigner<Role> admitted, publish::RoleSigner<Role>::admit(std::move(key), profile()).within(label));
    warn_of_development_key(label, custody);
    return admitted;
  }
  // Says on standard error that a key file acts for the role: weakening is loud.
  static void warn_of_development_key(const std::string& label, platform::KeyCustody custody);
  core::Result<std::vector<publish::OnlineSigner>> online_signers(const std::vector<std::string>& labels) const;

  // Development only: a private key in a file. The production profile refuses to make one.
  [[nodiscard]] core::Result<void> may_make_key_files() const;

  // Prints `value` with --json, else the text.
  void say(std::string_view text, const core::JsonValue& value) const;

  // What `aseptic` did; set by the one command that ran.
  core::Result<void> outcome{};

 private:
  platform::Clock& clock_;
  platform::Entropy& entropy_;
};

// Makes `action` what the subcommand does.
void on_run(CLI::App* command, Workbench& bench, std::function<core::Result<void>()> action);

// Shows a review and asks; `assume_yes` for scripts that have shown it elsewhere. Without a terminal the answer is no.
enum class Answer : std::uint8_t { kAsk, kAssumeYes };
publish::AskPerson ask_on_terminal(Answer answer);

void add_keys_commands(CLI::App& app, Workbench& bench);
void add_pki_commands(CLI::App& app, Workbench& bench);
void add_repo_commands(CLI::App& app, Workbench& bench);
void add_repo_edit_commands(CLI::App& repo, Workbench& bench);
void add_sign_commands(CLI::App& app, Workbench& bench);
void add_sign_command(CLI::App& parent, Workbench& bench);  // `sign` also stands below `release`
void add_image_commands(CLI::App& app, Workbench& bench);
void add_release_commands(CLI::App& app, Workbench& bench);
void add_boot_commands(CLI::App& app, Workbench& bench);
void add_device_commands(CLI::App& app, Workbench& bench);
void add_group_commands(CLI::App& app, Workbench& bench);
void add_inspect_commands(CLI::App& app, Workbench& bench);

}  // namespace aseptic::app
