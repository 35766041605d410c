// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "acquire/acquire_service.h"
#include "aseptic/agent/agent.h"
#include "aseptic/platform/codes.h"
#include "aseptic/platform/posix/http_client.h"
#include "aseptic/platform/posix/posix_clock.h"
#include "aseptic/platform/posix/posix_storage.h"
#include "aseptic/trust/time_floor.h"
#include "aseptic/trust/trusted_metadata.h"
#include "process/build_time.h"
#include "process/files.h"
#include "process/priority.h"
#include "process/sandbox.h"

namespace aseptic::agent {
namespace {

using core::Result;

constexpr std::chrono::milliseconds kWaitMax{3600 * 1000};

Result<std::unique_ptr<platform::BeastHttpClient>> open_client(const Config& config, platform::Clock& clock) {
  platform::TlsIdentity identity;
  ASEPTIC_TRY(identity.anchors_pem, read_text_file(config.server.anchors));
  ASEPTIC_TRY(identity.certificate_chain_pem, read_text_file(config.server.certificate));
  ASEPTIC_TRY(identity.key, platform::load_tls_key(config.server.key));
  identity.time_floor = kBuildTime;
  platform::HttpClientOptions options;
  options.identity = std::move(identity);
  return platform::BeastHttpClient::create(std::move(options), clock);
}

// The floor that apply keeps, so that TLS is judged by it from the first connection on (protocol section 5). What does not
// parse, or was set by a key that the provisioned root does not name, is no floor: then the build time is.
core::UtcTime kept_time_floor(const std::string& device, const std::string& root) {
  const auto text = read_text_file(device + "/agent/time_floor.json");
  const auto provisioned = trust::TrustedMetadata::from_root(core::as_bytes(root));
  if (!text || !provisioned) return kBuildTime;
  const auto floor = trust::TimeFloor::parse(core::as_bytes(*text));
  if (!floor) return kBuildTime;
  const auto kept = trust::kept_floor(*floor, provisioned->root());
  return kept ? std::max(kept->time, kBuildTime) : kBuildTime;
}

Result<void> serve(const std::string& device, int peer) {
  ASEPTIC_TRY(const Config config, load_config(device));
  platform::PosixClock clock;
  ASEPTIC_TRY(auto http, open_client(config, clock));
  ASEPTIC_TRY(const std::string root, read_text_file(config.repository.root));
  http->raise_time_floor(kept_time_floor(device, root));
  const std::string cache_path = device + "/agent/acquire";
  ASEPTIC_TRY(auto cache, platform::PosixStorage::open(
                              cache_path, {.missing = platform::PosixStorage::Missing::kCreate,
                                           .lock = platform::PosixStorage::Lock::kExclusive}));
  SandboxPaths paths;
  paths.writable = {cache_path};
  // The system's resolver: addresses come from there, trust does not.
  paths.readable = {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf",
                    "/etc/services", "/etc/localtime", "/run/systemd/resolve", "/usr/lib", "/lib", "/lib64", "/dev/urandom"};
  ASEPTIC_TRY_VOID([&]() -> Result<void> {
    ASEPTIC_TRY(const Landlock landlock, enter_sandbox(SandboxRole::kAcquire, paths));
    if (landlock == Landlock::kUnavailable) std::fprintf(stderr, "asepticd acquire: this kernel has no Landlock\n");
    return {};
  }());
  PacketChannel channel(peer);
  AcquireService service({.cache = *cache, .http = *http, .clock = clock, .factory_root = to_bytes(root),
                          .build_time = kBuildTime, .repository_urls = config.repository.urls,
                          .rate_max_bytes_per_s = config.policy.rate_max_bytes_per_s,
                          .report_url = config.server.report_url,
                          .raise_time_floor = [&](core::UtcTime floor) { http->raise_time_floor(floor); }},
                         channel);
  ASEPTIC_TRY_VOID(service.say_started());
  while (true) {
    ASEPTIC_TRY(const auto packet, channel.receive(kWaitMax));
    if (packet) ASEPTIC_TRY_VOID(service.answer(*packet));
  }
}

}  // namespace

int run_acquire(const std::string& device_directory, int peer) {
  stand_behind_the_therapy();
  const auto done = serve(device_directory, peer);
  ::close(peer);
  if (done) return 0;
  std::fprintf(stderr, "asepticd acquire: %s: %s\n", std::string(done.error().name()).c_str(),
               done.error().sentence().c_str());
  return done.error().is(platform::PlatformCode::kBusy) ? 3 : 1;
}

}  // namespace aseptic::agent
