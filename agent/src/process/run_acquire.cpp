// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <deque>

#include "acquire/acquire_service.h"
#include "aseptic/agent/agent.h"
#include "aseptic/fetch/medium_client.h"
#include "aseptic/platform/codes.h"
#include "aseptic/platform/posix/http_client.h"
#include "aseptic/platform/posix/posix_clock.h"
#include "aseptic/platform/posix/posix_medium.h"
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
constexpr std::chrono::milliseconds kMediumGlance{1000};

// None where the configuration names no address at all: an air-gapped device needs no certificate either.
Result<std::unique_ptr<platform::BeastHttpClient>> open_client(const Config& config, platform::Clock& clock) {
  if (config.repository.urls.size() == config.repository.media.size() && config.server.report_url.empty())
    return std::unique_ptr<platform::BeastHttpClient>();
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

// The places on removable media, what of them this process may read, and whether that is still what is there.
class Media {
 public:
  explicit Media(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) media_.emplace_back(path);
  }
  ~Media() { close_handles(); }
  Media(const Media&) = delete;
  Media& operator=(const Media&) = delete;

  void allow(SandboxPaths& paths) {
    for (platform::PosixMedium& medium : media_)
      if (const int handle = medium.sandbox_handle(); handle >= 0) handles_.push_back(handle);
    paths.readable_handles = handles_;
  }
  // A descriptor that stays open would keep the medium from being unmounted.
  void close_handles() {
    for (const int handle : handles_) ::close(handle);
    handles_.clear();
  }
  bool has_changed() {
    return std::ranges::any_of(media_, [](platform::PosixMedium& medium) { return medium.has_changed(); });
  }
  [[nodiscard]] std::chrono::milliseconds wait_max() const { return media_.empty() ? kWaitMax : kMediumGlance; }
  [[nodiscard]] std::vector<platform::Medium*> list() {
    std::vector<platform::Medium*> list;
    for (platform::PosixMedium& medium : media_) list.push_back(&medium);
    return list;
  }

 private:
  std::deque<platform::PosixMedium> media_;
  std::vector<int> handles_;
};

Result<void> serve(const std::string& device, int peer) {
  ASEPTIC_TRY(const Config config, load_config(device));
  platform::PosixClock clock;
  ASEPTIC_TRY(auto http, open_client(config, clock));
  ASEPTIC_TRY(const std::string root, read_text_file(config.repository.root));
  if (http) http->raise_time_floor(kept_time_floor(device, root));
  Media media(config.repository.media);
  fetch::MediumClient places(media.list(), http.get());
  const std::string cache_path = device + "/agent/acquire";
  ASEPTIC_TRY(auto cache, platform::PosixStorage::open(
                              cache_path, {.missing = platform::PosixStorage::Missing::kCreate,
                                           .lock = platform::PosixStorage::Lock::kExclusive}));
  SandboxPaths paths;
  media.allow(paths);
  paths.writable = {cache_path};
  // The system's resolver: addresses come from there, trust does not.
  paths.readable = {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf",
                    "/etc/services", "/etc/localtime", "/run/systemd/resolve", "/usr/lib", "/lib", "/lib64", "/dev/urandom"};
  ASEPTIC_TRY_VOID([&]() -> Result<void> {
    ASEPTIC_TRY(const Landlock landlock, enter_sandbox(SandboxRole::kAcquire, paths));
    if (landlock == Landlock::kUnavailable) std::fprintf(stderr, "asepticd acquire: this kernel has no Landlock\n");
    return {};
  }());
  media.close_handles();
  PacketChannel channel(peer);
  AcquireService service({.cache = *cache, .http = places, .clock = clock, .factory_root = to_bytes(root),
                          .build_time = kBuildTime, .repository_urls = config.repository.urls,
                          .media = config.repository.media.size(),
                          .rate_max_bytes_per_s = config.policy.rate_max_bytes_per_s,
                          .report_url = config.server.report_url,
                          .raise_time_floor = [&](core::UtcTime floor) { if (http) http->raise_time_floor(floor); }},
                         channel);
  ASEPTIC_TRY_VOID(service.say_started());
  while (true) {
    ASEPTIC_TRY(const auto packet, channel.receive(media.wait_max()));
    if (packet) ASEPTIC_TRY_VOID(service.answer(*packet));
    // What was inserted since is closed to this process for good (Landlock); the supervisor starts the next one, which may read it.
    if (media.has_changed()) return {};
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
