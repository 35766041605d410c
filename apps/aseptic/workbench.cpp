// SPDX-License-Identifier: Apache-2.0
#include "workbench.h"

#include <unistd.h>

#include <CLI/App.hpp>

#include "aseptic/platform/posix/file_key_store.h"
#include "aseptic/publish/codes.h"
#include "aseptic/publish/files.h"
#include "aseptic/publish/review.h"

namespace aseptic::app {

core::Result<std::unique_ptr<platform::KeyStore>> Workbench::key_store() const {
  ASEPTIC_TRY(std::unique_ptr<platform::FileKeyStore> store, platform::FileKeyStore::open_directory(keys_folder));
  return std::unique_ptr<platform::KeyStore>(std::move(store));
}

core::Result<std::unique_ptr<platform::Signer>> Workbench::open_key(const std::string& label) const {
  ASEPTIC_TRY(const std::unique_ptr<platform::KeyStore> store, key_store());
  auto signer = store->open(label);
  if (!signer)
    return std::move(signer).error().within("key " + publish::printable(label) + " in " + keys_folder);
  return signer;
}

core::Result<core::PublicKey> Workbench::public_key(const std::string& name) const {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(name, ignored)) {
    ASEPTIC_TRY(const std::unique_ptr<platform::Signer> signer, open_key(name));
    return signer->public_key();
  }
  ASEPTIC_TRY(const core::Bytes pem, publish::read_file(name, 64u << 10));
  return core::PublicKey::from_pem(core::as_text(pem)).within(name);
}

core::Result<std::vector<core::PublicKey>> Workbench::public_keys(const std::vector<std::string>& names) const {
  std::vector<core::PublicKey> keys;
  for (const std::string& name : names) {
    ASEPTIC_TRY(core::PublicKey key, public_key(name));
    keys.push_back(std::move(key));
  }
  return keys;
}

core::Result<trust::AuthorityPolicy> Workbench::authority_policy(const std::string& policy_file, const std::string& root_file) const {
  if (policy_file.empty() || root_file.empty())
    return core::Error(publish::PublishCode::kInput, "what the factory says is judged by a policy and the root that signed it: give --policy and --root");
  ASEPTIC_TRY(const core::Bytes policy, publish::read_file(policy_file, 1u << 20));
  ASEPTIC_TRY(const core::Bytes root, publish::read_file(root_file, 1u << 20));
  return trust::verify_provisioned_policy(policy, root).within(policy_file);
}

core::Result<core::PostQuantumPublicKey> Workbench::post_quantum_key(const std::string& name) const {
  std::error_code ignored;
  const std::string file = std::filesystem::is_regular_file(name, ignored) ? name : (Path(keys_folder) / (name + ".pub")).string();
  ASEPTIC_TRY(const core::Bytes pem, publish::read_file(file, 64u << 10));
  return core::PostQuantumPublicKey::from_pem(core::as_text(pem)).within(file);
}

core::Result<std::vector<publish::ImageKeys>> Workbench::image_keys(const std::vector<std::string>& builders,
                                                                    const std::vector<std::string>& releases) const {
  if (builders.size() != releases.size())
    return core::Error(publish::PublishCode::kInput, "image keys come in pairs: give one --release-key for each --builder, in the same order");
  std::vector<publish::ImageKeys> pairs;
  for (std::size_t i = 0; i < builders.size(); ++i) {
    ASEPTIC_TRY(core::PublicKey builder, public_key(builders[i]));
    ASEPTIC_TRY(core::PostQuantumPublicKey release, post_quantum_key(releases[i]));
    pairs.push_back({std::move(builder), std::move(release)});
  }
  return pairs;
}

core::Result<void> Workbench::may_make_key_files() const {
  if (profile() == publish::Profile::kDevelopment) return {};
  return core::Error(publish::PublishCode::kDevelopmentKey,
                     "the production profile makes no private key in a file; for development say so: --profile development");
}

void Workbench::warn_of_development_key(const std::string& label, platform::KeyCustody custody) {
  if (custody == platform::KeyCustody::kDevelopmentFile)
    std::cerr << "DEVELOPMENT profile: the key file " << publish::printable(label) << " acts; no production device accepts the result.\n";
}

void Workbench::show_progress(unsigned percent) {
  if (::isatty(STDERR_FILENO) != 0) std::cerr << "\rcomputing: " << percent << " %" << (percent == 100 ? "\n" : "") << std::flush;
}

core::Result<std::vector<publish::OnlineSigner>> Workbench::online_signers(const std::vector<std::string>& labels) const {
  std::vector<publish::OnlineSigner> signers;
  for (const std::string& label : labels) {
    ASEPTIC_TRY(publish::OnlineSigner one, signer<publish::OnlineRole>(label));
    signers.push_back(std::move(one));
  }
  return signers;
}

void Workbench::say(std::string_view text, const core::JsonValue& value) const {
  if (json)
    std::cout << core::pretty_json(value);
  else
    std::cout << text << (text.empty() || text.back() == '\n' ? "" : "\n");
}

void on_run(CLI::App* command, Workbench& bench, std::function<core::Result<void>()> action) {
  command->callback([&bench, action = std::move(action)] { bench.outcome = action(); });
}

publish::AskPerson ask_on_terminal(Answer answer) {
  return [answer](const publish::Presentation& presentation) {
    std::cerr << presentation.text;
    if (answer == Answer::kAssumeYes) return true;
    if (::isatty(STDIN_FILENO) == 0) {
      std::cerr << "There is no terminal to ask on; --yes signs without asking.\n";
      return false;
    }
    std::cerr << "Sign this? Type yes: " << std::flush;
    std::string line;
    return std::getline(std::cin, line) && line == "yes";
  };
}

}  // namespace aseptic::app
