// SPDX-License-Identifier: Apache-2.0
// aseptic sign, aseptic merge, aseptic signing-log.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "aseptic/publish/codes.h"
#include "aseptic/publish/editions.h"
#include "aseptic/publish/review.h"
#include "workbench.h"

namespace aseptic::app {
namespace {

struct Options {
  std::string file;
  std::vector<std::string> others;
  std::string key;
  std::string root;
  bool yes = false;
  bool show = false;
  std::string log;
};

core::Result<std::optional<publish::Document>> trusted_root(const Options& options) {
  if (options.root.empty()) return std::optional<publish::Document>();
  ASEPTIC_TRY(const core::Bytes bytes, publish::read_file(options.root, 1u << 20));
  ASEPTIC_TRY(publish::Document root, publish::Document::parse(bytes).within(options.root));
  return std::optional<publish::Document>(std::move(root));
}

std::string progress_text(const publish::SigningFile& file) {
  const auto sets = file.progress();
  if (!sets) return sets.error().sentence();
  std::string text;
  for (std::size_t i = 0; i < sets->size(); ++i)
    text += (i == 0 ? "" : "; by the keys of the root before: ") + std::to_string((*sets)[i].valid) + " of " + std::to_string((*sets)[i].needed) + " signatures";
  return text;
}

core::JsonArray progress_json(const publish::SigningFile& file) {
  core::JsonArray list;
  if (const auto sets = file.progress())
    for (const auto& set : *sets)
      list.push_back(core::JsonObject{{"valid", static_cast<std::int64_t>(set.valid)}, {"needed", static_cast<std::int64_t>(set.needed)}});
  return list;
}

core::Result<void> sign(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(publish::SigningFile file, publish::SigningFile::read(options.file));
  ASEPTIC_TRY(const auto root, trusted_root(options));
  if (!root && bench.profile() == publish::Profile::kProduction && !file.chain.empty())
    return core::Error(publish::PublishCode::kInput, "the production profile signs only against a root that you trust: give it with --root");
  ASEPTIC_TRY(const publish::Presentation presentation, publish::review(file, root));
  if (options.show) {
    bench.say(presentation.text, core::JsonObject{{"review", presentation.text}, {"signatures", progress_json(file)}});
    return {};
  }
  if (options.key.empty()) return core::Error(publish::PublishCode::kInput, "name the key to sign with: --key LABEL (or --show to look only)");
  // The key is admitted before the person is asked: nobody reads a review in vain.
  const bool is_root = file.role == "root" || file.role == publish::kPolicySigningRole;
  publish::SigningLog log(bench.log_path());
  const publish::SigningDesk desk{log, bench.now()};
  const auto ask = ask_on_terminal(options.yes ? Answer::kAssumeYes : Answer::kAsk);
  if (is_root) {
    ASEPTIC_TRY(publish::RootSigner signer, bench.signer<publish::RootRole>(options.key));
    ASEPTIC_TRY(const publish::Agreement agreement, publish::Agreement::ask(presentation, ask));
    ASEPTIC_TRY_VOID(publish::sign_as_root(file, agreement, signer, desk));
  } else {
    ASEPTIC_TRY(publish::ReleaseSigner signer, bench.signer<publish::ReleaseRole>(options.key));
    ASEPTIC_TRY(const publish::Agreement agreement, publish::Agreement::ask(presentation, ask));
    ASEPTIC_TRY_VOID(publish::sign_as_release(file, agreement, signer, desk));
  }
  ASEPTIC_TRY_VOID(publish::save_edition(file, options.file));
  bench.say("signed " + options.file + " with " + options.key + ": " + progress_text(file),
            core::JsonObject{{"signing", options.file}, {"signatures", progress_json(file)}});
  return {};
}

core::Result<void> merge(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(publish::SigningFile file, publish::SigningFile::read(options.file));
  for (const std::string& path : options.others) {
    ASEPTIC_TRY(const publish::SigningFile other, publish::SigningFile::read(path));
    ASEPTIC_TRY_VOID(publish::merge_signatures(file, other).within(path));
  }
  ASEPTIC_TRY_VOID(publish::save_edition(file, options.file));
  bench.say(options.file + ": " + progress_text(file), core::JsonObject{{"signing", options.file}, {"signatures", progress_json(file)}});
  return {};
}

core::Result<void> verify_log(Workbench& bench, const Options& options) {
  const Path path = options.log.empty() ? bench.log_path() : Path(options.log);
  ASEPTIC_TRY(const auto state, publish::SigningLog(path).verify());
  bench.say(path.string() + ": " + std::to_string(state.lines) + " lines, unbroken; last line " + state.last.hex(),
            core::JsonObject{{"lines", static_cast<std::int64_t>(state.lines)}, {"last", state.last.hex()}});
  return {};
}

}  // namespace

void add_sign_command(CLI::App& parent, Workbench& bench) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = parent.add_subcommand("sign", "Show what a signing file holds, ask, log, and add this person's signature");
  command->fallthrough();
  command->add_option("FILE", options->file, "Signing file; it travels from person to person")->required();
  command->add_option("--key", options->key, "Label of this person's key");
  command->add_option("--root", options->root, "The root metadata that this person trusts");
  command->add_flag("--yes", options->yes, "Do not ask; for scripts that showed it before");
  command->add_flag("--show", options->show, "Only show what would be signed");
  on_run(command, bench, [&bench, options] { return sign(bench, *options); });
}

void add_sign_commands(CLI::App& app, Workbench& bench) {
  add_sign_command(app, bench);
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("merge", "Bring the signatures of other copies of a signing file into this one");
  command->fallthrough();
  command->add_option("FILE", options->file, "Signing file that receives the signatures")->required();
  command->add_option("OTHER", options->others, "Copies that others signed")->required();
  on_run(command, bench, [&bench, options] { return merge(bench, *options); });

  command = app.add_subcommand("signing-log", "Verify the chain of a signing log and print its last digest");
  command->fallthrough();
  command->add_option("FILE", options->log, "The log (default: that of this key folder)");
  on_run(command, bench, [&bench, options] { return verify_log(bench, *options); });
}

}  // namespace aseptic::app
