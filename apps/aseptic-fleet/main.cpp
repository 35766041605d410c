// SPDX-License-Identifier: Apache-2.0
// aseptic-fleet: serves a repository to devices over mutual TLS, takes their signed reports, and shows them.
#include <CLI/CLI.hpp>

#include <charconv>
#include <cstdio>
#include <exception>

#include "aseptic/fleet/codes.h"
#include "aseptic/fleet/server.h"
#include "aseptic/fleet/sqlite_report_store.h"
#include "aseptic/platform/posix/operator_file.h"
#include "aseptic/platform/posix/posix_clock.h"
#include "aseptic/platform/posix/posix_entropy.h"

namespace {

using aseptic::core::Error;
using aseptic::core::Result;
namespace core = aseptic::core;
namespace fleet = aseptic::fleet;
namespace platform = aseptic::platform;

constexpr std::uint64_t kPemBytesMax = 1 << 20;
constexpr std::size_t kRowsShown = 1000;

struct Options {
  std::string repository;
  std::string tls_cert;
  std::string tls_key;
  std::string client_ca;
  std::string listen = "127.0.0.1:8443";
  std::string store;
  std::string tenant = "default";
  std::string device;
  std::string policy, root;
};

Result<std::string> read_text(const std::string& path) {
  ASEPTIC_TRY(const core::Bytes bytes, platform::read_operator_file(path, kPemBytesMax));
  return std::string(core::as_text(bytes));
}

Result<void> set_listen(const std::string& text, fleet::ServerOptions& options) {
  const auto colon = text.rfind(':');
  const Error wrong(fleet::FleetCode::kListen, "\"" + text + "\" is not ADDRESS:PORT; use for example 127.0.0.1:8443, port 0 takes a free one");
  if (colon == std::string::npos) return wrong;
  options.address = text.substr(0, colon);
  if (options.address.starts_with('[') && options.address.ends_with(']')) options.address = options.address.substr(1, options.address.size() - 2);
  const char* const begin = text.data() + colon + 1;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(begin, end, options.port);
  if (error != std::errc() || stop != end) return wrong;
  return {};
}

// Says which factories' word on components' boots counts; root's signature is what makes it one.
Result<std::optional<aseptic::trust::AuthorityPolicy>> factory_policy(const Options& options) {
  if (options.policy.empty() && options.root.empty()) return std::optional<aseptic::trust::AuthorityPolicy>();
  if (options.policy.empty() || options.root.empty()) return Error(fleet::FleetCode::kRequest, "--policy and --root belong together");
  ASEPTIC_TRY(const core::Bytes policy, platform::read_operator_file(options.policy, kPemBytesMax));
  ASEPTIC_TRY(const core::Bytes root, platform::read_operator_file(options.root, kPemBytesMax));
  ASEPTIC_TRY(auto verified, aseptic::trust::verify_provisioned_policy(policy, root).within(options.policy));
  return std::optional(std::move(verified));
}

void print_line(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

Result<void> serve(const Options& options) {
  platform::PosixClock clock;
  platform::PosixEntropy entropy;
  fleet::ServerOptions server_options;
  ASEPTIC_TRY_VOID(set_listen(options.listen, server_options));
  ASEPTIC_TRY(server_options.certificate_chain_pem, read_text(options.tls_cert));
  ASEPTIC_TRY(server_options.client_anchors_pem, read_text(options.client_ca));
  ASEPTIC_TRY(server_options.key, platform::load_tls_key(options.tls_key));
  server_options.log = [&clock](const std::string& line) { print_line(core::format_utc(clock.wall()) + " " + line); };
  ASEPTIC_TRY(const auto repository, platform::PosixFileTree::open(options.repository));
  ASEPTIC_TRY(const auto store, fleet::open_sqlite_report_store(options.store));
  ASEPTIC_TRY(auto policy, factory_policy(options));
  fleet::ReportDesk desk(options.tenant, *store, clock, entropy, std::move(policy));
  fleet::DeviceApi api(*repository, desk);
  ASEPTIC_TRY(const auto server, fleet::Server::open(server_options, api, clock));
  server->stop_at_signals();
  print_line("listening on " + server_options.address + ":" + std::to_string(server->port()));
  server->run();
  return {};
}

Result<void> show_reports(const Options& options) {
  ASEPTIC_TRY(const auto store, fleet::open_sqlite_report_store(options.store));
  ASEPTIC_TRY(std::vector<std::string> devices, store->devices(options.tenant));
  if (!options.device.empty()) devices = {options.device};
  print_line("device\tsequence\treceived\tfresh\tstate\tlast error");
  for (const auto& device : devices) {
    ASEPTIC_TRY(const auto reports, store->reports({options.tenant, device}, kRowsShown));
    for (const auto& report : reports)
      print_line(device + "\t" + std::to_string(report.sequence) + "\t" + core::format_utc(report.received_at) + "\t" +
                 (report.is_fresh ? "yes" : "no") + "\t" + report.state + "\t" + report.last_error);
  }
  return {};
}

Result<void> show_alarms(const Options& options) {
  ASEPTIC_TRY(const auto store, fleet::open_sqlite_report_store(options.store));
  ASEPTIC_TRY(const auto alarms, store->alarms(options.tenant, kRowsShown));
  print_line("device\traised\tcount\treason\tsentence");
  for (const auto& [name, alarm] : alarms)
    print_line(name.device + "\t" + core::format_utc(alarm.raised_at) + "\t" + std::to_string(alarm.count) + "\t" + alarm.reason + "\t" + alarm.sentence);
  return {};
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app("aseptic-fleet: serves a repository to devices over mutual TLS and keeps their signed reports");
  app.require_subcommand(1);
  auto* const serve_command = app.add_subcommand("serve", "Serve until SIGTERM or SIGINT");
  serve_command->add_option("--repository", options.repository, "Directory with metadata/ and targets/")->required();
  serve_command->add_option("--tls-cert", options.tls_cert, "Certificate chain of this server, PEM")->required();
  serve_command->add_option("--tls-key", options.tls_key, "Its key, PEM, mode 0600")->required();
  serve_command->add_option("--client-ca", options.client_ca, "Authority of the device certificates, PEM")->required();
  serve_command->add_option("--listen", options.listen, "ADDRESS:PORT; port 0 takes a free one")->capture_default_str();
  serve_command->add_option("--policy", options.policy, "Authority policy of the devices: reports of components' boots must carry a key that its factories certified");
  serve_command->add_option("--root", options.root, "TUF root metadata that signed the policy");
  auto* const reports_command = app.add_subcommand("reports", "List the stored reports");
  reports_command->add_option("--device", options.device, "Only this device");
  auto* const alarms_command = app.add_subcommand("alarms", "List the alarms: forged, replayed, cloned");
  for (auto* const command : {serve_command, reports_command, alarms_command}) {
    command->add_option("--store", options.store, "SQLite file of the reports")->required();
    command->add_option("--tenant", options.tenant, "Whose devices")->capture_default_str();
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& wrong) {
    if (wrong.get_exit_code() == 0) return app.exit(wrong);
    std::fprintf(stderr, "aseptic-fleet: %s; see aseptic-fleet --help\n", wrong.what());
    return 2;
  }
  const Result<void> outcome = serve_command->parsed()     ? serve(options)
                               : reports_command->parsed() ? show_reports(options)
                                                           : show_alarms(options);
  if (outcome) return 0;
  std::fprintf(stderr, "aseptic-fleet: %s [%s]\n", outcome.error().sentence().c_str(), std::string(outcome.error().name()).c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "aseptic-fleet: unexpected failure: %s\n", failure.what());
    return 1;
  }
}
