// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "apply/command_socket.h"
#include "apply/commands.h"
#include "apply/therapy_socket.h"
#include "aseptic/agent/agent.h"
#include "aseptic/agent/codes.h"
#include "aseptic/agent/engine.h"
#include "aseptic/agent/repository_source.h"
#include "aseptic/platform/codes.h"
#include "aseptic/platform/posix/file_key_store.h"
#include "aseptic/platform/posix/posix_block_device.h"
#include "aseptic/platform/posix/posix_clock.h"
#include "aseptic/platform/posix/posix_entropy.h"
#include "aseptic/platform/posix/posix_storage.h"
#include "channel/pipe_client.h"
#include "component/unix_line.h"
#include "offer/component_key.h"
#include "offer/content_keys.h"
#include "offer/device_attributes.h"
#include "process/build_time.h"
#include "process/files.h"
#include "process/priority.h"
#include "process/sandbox.h"

namespace aseptic::agent {
namespace {

using core::Result;
using platform::PosixBlockDevice;
using platform::PosixStorage;

Result<std::unique_ptr<platform::Signer>> open_device_key(const std::string& path) {
  const auto slash = path.rfind('/');
  std::string label = path.substr(slash + 1);
  if (!label.ends_with(".pem")) return core::Error(AgentCode::kConfig, "identity.key must name a .pem file");
  label.resize(label.size() - 4);
  ASEPTIC_TRY(auto store, platform::FileKeyStore::open_directory(path.substr(0, slash)));
  return store->open(label);
}

std::uint64_t read_energy(const std::string& path, std::uint64_t fallback) {
  if (path.empty()) return fallback;
  std::uint64_t energy = 0;
  std::ifstream(path) >> energy;  // unreadable is 0: not enough
  return energy;
}

// Everything that apply holds open. Members in the order of their dependence.
class ApplyProcess {
 public:
  ApplyProcess(std::string device, int peer) : device_(std::move(device)), channel_(peer), http_(channel_, clock_, [this](const core::Error& error) { note_mirror(error); }) {}

  Result<void> open() {
    ASEPTIC_TRY(config_, load_config(device_));
    ASEPTIC_TRY(state_, PosixStorage::open(device_ + "/agent", {.lock = PosixStorage::Lock::kExclusive}));
    ASEPTIC_TRY(slot_a_, PosixBlockDevice::open(config_.slots.a, PosixBlockDevice::Mode::kReadWrite));
    ASEPTIC_TRY(slot_b_, PosixBlockDevice::open(config_.slots.b, PosixBlockDevice::Mode::kReadWrite));
    ASEPTIC_TRY(requests_, PosixBlockDevice::open(config_.slots.requests, PosixBlockDevice::Mode::kReadWrite));
    ASEPTIC_TRY(const std::string report, read_text_file(config_.slots.mailbox));
    ASEPTIC_TRY(key_, open_device_key(config_.identity_key));
    ASEPTIC_TRY(content_keys_, ContentKeys::open(device_ + "/agent/keys/encryption.pem", config_.device.id));
    if (auto kept = content_keys_ ? keep_memory_to_ourselves() : Result<void>{}; !kept) {
      std::fprintf(stderr, "asepticd apply: %s; encrypted releases are refused\n", kept.error().sentence().c_str());
      content_keys_.reset();
    }
    ASEPTIC_TRY(const std::string therapy_pem, read_text_file(config_.therapy.key));
    ASEPTIC_TRY(auto therapy_key, core::PublicKey::from_pem(therapy_pem));
    ASEPTIC_TRY(const std::string root, read_text_file(config_.repository.root));
    std::string policy;
    if (!config_.repository.authority_policy.empty()) {
      ASEPTIC_TRY(policy, read_text_file(config_.repository.authority_policy));
    }
    provisioned_ = {to_bytes(policy), to_bytes(root)};
    therapy_.emplace(config_.therapy.socket, config_.therapy.uid);
    ASEPTIC_TRY(auto commands, CommandSocket::listen(device_ + "/run/asepticd.sock"));
    commands_.emplace(std::move(commands));
    if (config_.component.exists()) ASEPTIC_TRY_VOID(open_component());
    ASEPTIC_TRY_VOID(close_process());
    ASEPTIC_TRY(source_, open_repository_source(*state_, http_, clock_,
                                                {.urls = pipe_urls(),
                                                 .media = config_.repository.media.size(),
                                                 .report_url = std::string(kPipeReportUrl),
                                                 .factory_root = to_bytes(root),
                                                 .authority_policy = to_bytes(policy),
                                                 .build_time = kBuildTime,
                                                 .before_refresh = [this] { return http_.refresh(); },
                                                 .mirror_failed = [this](const core::Error& error) { note_mirror(error); }}));
    std::vector<ComponentPart> components;
    if (config_.component.exists())
      components.push_back({config_.component.id, config_.component.location, *line_, *component_store_, *boot_key_, *lease_key_});
    EngineParts parts{.clock = clock_, .entropy = entropy_, .state = *state_, .slot_a = *slot_a_, .slot_b = *slot_b_,
                      .requests = *requests_, .boot_report = to_bytes(report), .device_key = *key_,
                      .source = *source_, .therapy = *therapy_, .therapy_key = std::move(therapy_key),
                      .config = config_, .components = std::move(components), .breathe = [this] { serve(Busy::kYes); },
                      .energy_mwh = [this] { return read_energy(config_.policy.energy_file, config_.policy.energy_mwh); },
                      .check_device = [this] { return check_device_attributes(*state_, config_.device, provisioned_); }};
    if (content_keys_)
      parts.content_key = [this](const core::Digest& release, const core::Digest& payload) {
        return content_keys_->find(*state_, *source_, release, payload);
      };
    ASEPTIC_TRY(engine_, Engine::start(std::move(parts)));
    return {};
  }

  [[noreturn]] void run() {
    while (true) {
      const auto pause = engine_->step();
      wait(pause);
      serve(Busy::kNo);
    }
  }

 private:
  Result<void> open_component() {
    const ComponentConfig& component = config_.component;
    line_.emplace(component.socket);
    ASEPTIC_TRY(component_store_, PosixBlockDevice::open(component.store, PosixBlockDevice::Mode::kReadWrite));
    boot_key_.emplace(component_boot_key(*state_, config_, provisioned_, read_text_file(component.boot_key)));
    if (!*boot_key_) std::fprintf(stderr, "asepticd apply: component: %s\n", boot_key_->error().sentence().c_str());
    ASEPTIC_TRY(const std::string lease_pem, read_text_file(component.lease_key));
    ASEPTIC_TRY(lease_key_, core::PublicKey::from_pem(lease_pem));
    return {};
  }

  [[nodiscard]] std::vector<std::string> pipe_urls() const {
    std::vector<std::string> urls;
    for (std::size_t i = 0; i < config_.repository.urls.size(); ++i) urls.push_back(pipe_url(i));
    return urls;
  }
  void note_mirror(const core::Error& error) {
    if (engine_) engine_->note_mirror(error);
  }

  enum class Busy : std::uint8_t { kNo, kYes };

  // CF-07: keys and plain image bytes go to no swap space and no core dump. A device that cannot promise that does not decrypt.
  static Result<void> keep_memory_to_ourselves() {
    if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0 && ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0) return {};
    return core::Error(platform::PlatformCode::kSandbox, "the memory that will hold keys cannot be locked");
  }

  Result<void> close_process() {
    SandboxPaths paths;
    paths.writable = {device_ + "/slots", device_ + "/requests", device_ + "/agent", device_ + "/run"};
    paths.readable = {device_ + "/mailbox", "/etc/localtime", "/dev/urandom"};
    if (!config_.policy.energy_file.empty()) paths.readable.push_back(config_.policy.energy_file);
    ASEPTIC_TRY(const Landlock landlock, enter_sandbox(SandboxRole::kApply, paths));
    if (landlock == Landlock::kUnavailable) std::fprintf(stderr, "asepticd apply: this kernel has no Landlock\n");
    return {};
  }

  void wait(std::chrono::milliseconds pause) {
    std::vector<pollfd> ready;
    for (const int fd : commands_->descriptors()) ready.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    if (therapy_->descriptor() >= 0) ready.push_back({.fd = therapy_->descriptor(), .events = POLLIN, .revents = 0});
    static_cast<void>(::poll(ready.data(), ready.size(), static_cast<int>(pause.count())));
  }

  // Inside a long action only questions are answered: a command could change what the action works on.
  void serve(Busy busy) {
    if (!engine_) return;
    commands_->serve([&](const std::string& command, const LocalCaller& caller) {
      return answer_command(*engine_, *state_, command, caller, busy == Busy::kYes ? Readiness::kBusy : Readiness::kReady);
    });
  }

  const std::string device_;
  platform::PosixClock clock_;
  platform::PosixEntropy entropy_;
  PacketChannel channel_;
  PipeHttpClient http_;
  Config config_;
  ProvisionedTrust provisioned_;
  std::unique_ptr<PosixStorage> state_;
  std::unique_ptr<PosixBlockDevice> slot_a_, slot_b_, requests_;
  std::unique_ptr<platform::Signer> key_;
  std::optional<ContentKeys> content_keys_;
  std::optional<TherapySocket> therapy_;
  std::optional<UnixLine> line_;
  std::unique_ptr<PosixBlockDevice> component_store_;
  std::optional<Result<trust::BootKey>> boot_key_;
  std::optional<core::PublicKey> lease_key_;
  std::optional<CommandSocket> commands_;
  std::unique_ptr<ReleaseSource> source_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace

int run_apply(const std::string& device_directory, int peer) {
  stand_behind_the_therapy();
  ApplyProcess process(device_directory, peer);
  if (const auto done = process.open(); !done) {
    std::fprintf(stderr, "asepticd apply: %s: %s\n", std::string(done.error().name()).c_str(),
                 done.error().sentence().c_str());
    return done.error().is(platform::PlatformCode::kBusy) ? 3 : 1;
  }
  process.run();
}

}  // namespace aseptic::agent
