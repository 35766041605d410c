// SPDX-License-Identifier: Apache-2.0
// aseptic: the publisher's and operator's command. Exit status: 0 done, 1 refused or failed, 2 the command line is wrong.
#include <CLI/CLI.hpp>
#include <exception>

#include "aseptic/platform/posix/posix_clock.h"
#include "aseptic/platform/posix/posix_entropy.h"
#include "workbench.h"

namespace {

constexpr const char* kAbout =
    "Publisher's side of Aseptic: keys, TUF repositories, releases, device provisioning, inspection.\n"
    "What people sign is shown before it is signed, and the signing log knows it first.\n"
    "Exit status: 0 done, 1 refused or failed, 2 the command line is wrong.";

int parse_and_run(CLI::App& app, aseptic::app::Workbench& bench, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    std::cerr << "aseptic: " << error.what() << "; --help after any command explains it.\n";
    return 2;
  }
  if (bench.outcome) return 0;
  std::cerr << "aseptic: " << bench.outcome.error().sentence() << " (" << bench.outcome.error().name() << ")\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    aseptic::platform::PosixClock clock;
    aseptic::platform::PosixEntropy entropy;
    aseptic::app::Workbench bench(clock, entropy);
    CLI::App app(kAbout, "aseptic");
    app.require_subcommand(1);
    app.fallthrough();
    app.add_option("--keys", bench.keys_folder, "Folder of development key files")->envname("ASEPTIC_KEYS")->capture_default_str();
    app.add_option("--profile", bench.profile_name, "production refuses key files, known test keys and virtual devices; development takes them and says so")
        ->check(CLI::IsMember({"development", "production"}))->capture_default_str();
    app.add_option("--signing-log", bench.log_file, "Append-only log of what was signed (default: <keys>/signing.log)");
    app.add_flag("--json", bench.json, "Print results as JSON, for scripts");
    aseptic::app::add_keys_commands(app, bench);
    aseptic::app::add_pki_commands(app, bench);
    aseptic::app::add_repo_commands(app, bench);
    aseptic::app::add_sign_commands(app, bench);
    aseptic::app::add_image_commands(app, bench);
    aseptic::app::add_release_commands(app, bench);
    aseptic::app::add_device_commands(app, bench);
    aseptic::app::add_boot_commands(app, bench);
    aseptic::app::add_group_commands(app, bench);
    aseptic::app::add_inspect_commands(app, bench);
    return parse_and_run(app, bench, argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "aseptic: unexpected: " << error.what() << "\n";
    return 1;
  }
}
