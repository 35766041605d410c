// SPDX-License-Identifier: Apache-2.0
// aseptic-tuf: a plain TUF client. Wires fetch to POSIX; the rules live in trust.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <span>

#include "aseptic/fetch/codes.h"
#include "aseptic/fetch/updater.h"
#include "aseptic/platform/codes.h"
#include "aseptic/platform/posix/http_client.h"
#include "aseptic/platform/posix/operator_file.h"
#include "aseptic/platform/posix/posix_clock.h"
#include "aseptic/platform/posix/posix_file_drop.h"
#include "aseptic/platform/posix/posix_storage.h"
#include "aseptic/trust/limits.h"
#include "options.h"

namespace {

using aseptic::core::Error;
using aseptic::core::Result;
using aseptic::platform::PosixStorage;
namespace fetch = aseptic::fetch;
namespace platform = aseptic::platform;
namespace tuf = aseptic::tuf;

void print(std::FILE* stream, const std::string& text) { std::fprintf(stream, "aseptic-tuf: %s\n", text.c_str()); }

std::string sentence_of(const Error& error) { return error.sentence() + " [" + std::string(error.name()) + "]"; }

Result<std::unique_ptr<PosixStorage>> open_metadata(const tuf::Options& options, PosixStorage::Missing missing) {
  auto storage = PosixStorage::open(
      options.metadata_dir, {.missing = missing, .lock = PosixStorage::Lock::kExclusive, .access = PosixStorage::Access::kUmask});
  if (!storage && storage.error().is(platform::PlatformCode::kNotFound))
    return Error(fetch::FetchCode::kNoTrustedRoot,
                 "the metadata directory " + options.metadata_dir + " does not exist; run the command init with a root that you trust first");
  return storage;
}

Result<void> init(const tuf::Options& options) {
  ASEPTIC_TRY(const auto root, platform::read_operator_file(options.root_file, aseptic::trust::kRootBytesMax));
  // Judged before anything is created: a bad root changes nothing.
  if (auto judged = aseptic::trust::TrustedMetadata::from_root(root).within(options.root_file); !judged) return std::move(judged).error();
  ASEPTIC_TRY(const auto storage, open_metadata(options, PosixStorage::Missing::kCreate));
  fetch::MetadataStore store(*storage);
  return fetch::Updater::trust_root(store, root);
}

Result<void> download(fetch::Updater& updater, const tuf::Options& options) {
  ASEPTIC_TRY(const auto directory, platform::PosixFileDrop::open(options.target_dir));
  for (const auto& name : options.target_names) {
    ASEPTIC_TRY(const auto target, updater.find_target(name).within("find target"));
    ASEPTIC_TRY_VOID(updater.download(target, *directory).within("download target"));
  }
  return {};
}

Result<void> refresh_and_download(const tuf::Options& options) {
  platform::PosixClock clock;
  // Every expiry of this run is judged at one moment.
  const auto start = clock.wall();
  ASEPTIC_TRY(const auto storage, open_metadata(options, PosixStorage::Missing::kRefuse));
  fetch::MetadataStore store(*storage);
  // A TUF client's trust is its root; the transport may be plain http or any public web server.
  const auto window = std::min(options.stall_max, std::chrono::seconds(30));
  ASEPTIC_TRY(const auto http, platform::BeastHttpClient::create({.https = platform::HttpsTrust::kSystemStore,
                                                                  .plain = platform::PlainHttp::kAllow,
                                                                  .identity = {},
                                                                  .connections = platform::Connections::kOnePerRequest,
                                                                  .rate_window = window},
                                                                 clock));
  fetch::UpdaterOptions settings{.metadata_urls = {options.metadata_url},
                                 .target_urls = {options.target_base_url},
                                 .stall_max = options.stall_max,
                                 .rate_min_bytes_per_s = options.rate_min_bytes_per_s,
                                 .factory_root = {},
                                 .note = [](const Error& error) { print(stderr, "note: " + sentence_of(error)); }};
  ASEPTIC_TRY(const auto updater, fetch::Updater::open(store, *http, std::move(settings)));
  ASEPTIC_TRY_VOID(updater->refresh(start).within("refresh"));
  if (options.command == tuf::Command::kRefresh) return {};
  return download(*updater, options);
}

int run(std::span<const char* const> arguments) {
  const auto options = tuf::parse_options(arguments);
  if (!options) {
    print(stderr, options.error());
    return 1;
  }
  if (options->command == tuf::Command::kHelp) {
    std::fputs(tuf::kHelpText, stdout);
    return 0;
  }
  const Result<void> outcome = options->command == tuf::Command::kInit ? init(*options) : refresh_and_download(*options);
  if (outcome) return 0;
  print(stderr, sentence_of(outcome.error()));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + std::min(argc, 1), static_cast<std::size_t>(std::max(argc - 1, 0))});
  } catch (const std::exception& error) {
    print(stderr, std::string("unexpected failure: ") + error.what());
    return 1;
  }
}
