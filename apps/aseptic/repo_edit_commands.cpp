// SPDX-License-Identifier: Apache-2.0
// aseptic repo: add, remove, delegate, undelegate, bins, renew, rotate: each edits the next edition of an offline role in a
// signing file, which is begun when it does not exist.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "aseptic/publish/codes.h"
#include "aseptic/publish/editions.h"
#include "workbench.h"

namespace aseptic::app {
namespace {

struct Options {
  std::string repository;
  std::string signing;
  std::string root_edition;
  std::string role = "targets";
  std::uint32_t days = 365;
  std::vector<std::string> targets;
  std::string name;
  std::vector<std::string> paths;
  std::vector<std::string> keys;
  std::size_t threshold = 1;
  bool goes_on = false;
  unsigned bits = 0;
};

using Edit = std::function<core::Result<void>(const publish::Repository&, publish::SigningFile&)>;

core::Result<void> edit_edition(Workbench& bench, const Options& options, const Edit& edit) {
  ASEPTIC_TRY(const publish::Repository repository, publish::Repository::open(options.repository));
  ASEPTIC_TRY(publish::SigningFile file, publish::open_edition(repository, options.role, options.signing, bench.in_days(options.days)));
  if (!options.root_edition.empty()) {
    ASEPTIC_TRY(publish::SigningFile root, publish::SigningFile::read(options.root_edition));
    if (root.role != "root" || file.role == "root")
      return core::Error(publish::PublishCode::kInput, "--root-edition names a root edition that goes out together with another role's");
    file.chain.front().document = std::move(root.document);
  }
  ASEPTIC_TRY_VOID(edit(repository, file));
  ASEPTIC_TRY_VOID(publish::save_edition(file, options.signing));
  bench.say(options.signing + ": " + file.role + " version " + std::to_string(file.document.version()) + ", ready to be signed (aseptic sign) or edited further",
            core::JsonObject{{"signing", options.signing}, {"role", file.role}, {"version", static_cast<std::int64_t>(file.document.version())}});
  return {};
}

core::Result<publish::RolePlan> plan(Workbench& bench, const Options& options) {
  publish::RolePlan plan{.threshold = options.threshold};
  ASEPTIC_TRY(plan.keys, bench.public_keys(options.keys));
  for (const core::PublicKey& key : plan.keys)
    ASEPTIC_TRY_VOID(publish::check_admissible(key, platform::KeyCustody::kToken, bench.profile()));
  return plan;
}

core::Result<void> add(Workbench& bench, const Options& options) {
  return edit_edition(bench, options, [&](const publish::Repository& repository, publish::SigningFile& file) -> core::Result<void> {
    for (const std::string& argument : options.targets) {
      const std::size_t equals = argument.find('=');
      if (equals == argument.npos || equals == 0)
        return core::Error(publish::PublishCode::kInput, "\"" + argument + "\" is not of the form TARGET/PATH=FILE");
      ASEPTIC_TRY_VOID(publish::add_target_file(repository, file, argument.substr(0, equals), argument.substr(equals + 1)));
    }
    return {};
  });
}

core::Result<void> remove(Workbench& bench, const Options& options) {
  return edit_edition(bench, options, [&](const publish::Repository&, publish::SigningFile& file) -> core::Result<void> {
    for (const std::string& path : options.targets) ASEPTIC_TRY_VOID(publish::remove_target(file.document, path));
    return {};
  });
}

core::Result<void> delegate(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(const publish::RolePlan who, plan(bench, options));
  return edit_edition(bench, options, [&](const publish::Repository&, publish::SigningFile& file) {
    return publish::set_delegation(file.document, {options.name, who, options.paths,
                                                   options.goes_on ? publish::Search::kGoesOn : publish::Search::kEndsHere});
  });
}

core::Result<void> undelegate(Workbench& bench, const Options& options) {
  return edit_edition(bench, options, [&](const publish::Repository&, publish::SigningFile& file) {
    return publish::remove_delegation(file.document, options.name);
  });
}

core::Result<void> bins(Workbench& bench, const Options& options) {
  ASEPTIC_TRY(const publish::RolePlan who, plan(bench, options));
  return edit_edition(bench, options, [&](const publish::Repository&, publish::SigningFile& file) {
    return publish::set_hash_bins(file.document, {options.name, options.bits}, who);
  });
}

core::Result<void> renew(Workbench& bench, const Options& options) {
  return edit_edition(bench, options, [&](const publish::Repository&, publish::SigningFile& file) -> core::Result<void> {
    file.document.set_expires(bench.in_days(options.days));
    return {};
  });
}

core::Result<void> rotate(Workbench& bench, Options options) {
  ASEPTIC_TRY(const publish::RolePlan who, plan(bench, options));
  options.role = "root";  // the edition that changes; options.name is the role that gets other keys
  return edit_edition(bench, options, [&](const publish::Repository&, publish::SigningFile& file) {
    return publish::set_role(file.document, options.name, who);
  });
}

class Group {
 public:
  Group(CLI::App& repo, Workbench& bench) : repo_(repo), bench_(bench) {}

  // A subcommand whose action gets the options that it bound.
  template <typename Bind>
  void add(const std::string& name, const std::string& about, core::Result<void> (*action)(Workbench&, const Options&), const Bind& bind) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = repo_.add_subcommand(name, about);
    command->fallthrough();
    command->add_option("REPO", options->repository, "Folder of the repository")->required();
    command->add_option("--signing", options->signing, "Signing file: edited, or begun when it does not exist")->required();
    command->add_option("--root-edition", options->root_edition, "Root edition that will be published together: its keys sign this one");
    command->add_option("--expires-days", options->days, "Life of the edition, from now")->check(CLI::Range(1u, 36500u))->capture_default_str();
    bind(command, *options);
    on_run(command, bench_, [&bench = bench_, options, action] { return action(bench, *options); });
  }

 private:
  CLI::App& repo_;
  Workbench& bench_;
};

void bind_role(CLI::App* command, Options& options) {
  command->add_option("--role", options.role, "The role whose document is edited")->capture_default_str();
}

void bind_who(CLI::App* command, Options& options) {
  command->add_option("--key", options.keys, "Public key, PEM file or label (repeat): all of them, also those that stay")->allow_extra_args(false)->required();
  command->add_option("--threshold", options.threshold, "Signatures needed")->capture_default_str();
}

}  // namespace

void add_repo_edit_commands(CLI::App& repo, Workbench& bench) {
  Group group(repo, bench);
  group.add("add", "Add or replace targets of an offline role", add, [](CLI::App* command, Options& options) {
    command->add_option("TARGET", options.targets, "TARGET/PATH=FILE (repeat)")->required();
    bind_role(command, options);
  });
  group.add("remove", "Remove targets of an offline role", remove, [](CLI::App* command, Options& options) {
    command->add_option("TARGET", options.targets, "Target paths")->required();
    bind_role(command, options);
  });
  group.add("delegate", "Delegate path patterns to a role, or replace that delegation", delegate, [](CLI::App* command, Options& options) {
    command->add_option("--name", options.name, "The delegated role, for example payload-index")->required();
    command->add_option("--path", options.paths, "Path pattern (repeat); '*' does not cross '/'")->allow_extra_args(false)->required();
    command->add_flag("--goes-on", options.goes_on, "The search goes on after this role (default: it ends here)");
    bind_who(command, options);
    bind_role(command, options);
  });
  group.add("undelegate", "Remove a delegation", undelegate, [](CLI::App* command, Options& options) {
    command->add_option("--name", options.name, "The delegated role")->required();
    bind_role(command, options);
  });
  group.add("bins", "Spread a role's targets over 2^BITS hash bins (TAP 15)", bins, [](CLI::App* command, Options& options) {
    command->add_option("--prefix", options.name, "Name prefix of the bins")->required();
    command->add_option("--bits", options.bits, "1 to 14; about log2 of twice the root of the number of targets")->required();
    bind_who(command, options);
    bind_role(command, options);
  });
  group.add("renew", "The same content with a new version and expiry", renew, bind_role);
  group.add("rotate", "Give a top-level role other keys: a root edition, signed by the old and the new root people",
            [](Workbench& workbench, const Options& options) { return rotate(workbench, options); },
            [](CLI::App* command, Options& options) {
              command->add_option("--role", options.name, "root, targets, snapshot or timestamp")
                  ->check(CLI::IsMember({"root", "targets", "snapshot", "timestamp"}))->required();
              bind_who(command, options);
            });
}

}  // namespace aseptic::app
