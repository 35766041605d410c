// SPDX-License-Identifier: Apache-2.0
#include "pump/therapy/therapy_process.h"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>
#include <vector>

#include "aseptic/platform/posix/file_key_store.h"
#include "pump/therapy/device_ports.h"
#include "pump/therapy/packet_socket.h"
#include "pump/therapy/therapy.h"
#include "pump/version/version.h"

namespace aseptic::pump {
namespace {

constexpr int kTickMs = 50;
constexpr int kPacketsPerTickMax = 8;  // a flood of the agent must not starve the therapy (T-65)
constexpr std::size_t kPanelPeersMax = 4;
constexpr std::uint32_t kTrialBudgetMs = 100'000;  // less than the watchdog of boot's host port

class SocketLink final : public interlock::Link {
 public:
  interlock::Status send(interlock::Bytes frame) override {
    const bool sent = peer.is_open() && send_packet(peer, frame);
    return sent ? interlock::Status::kSuccess : interlock::Status::kTransport;
  }
  Descriptor peer;
};

class TherapyLoop {
 public:
  TherapyLoop(Therapy& therapy, SocketLink& agent, Descriptor agents, Descriptor panels)
      : therapy_(therapy), agent_(agent), agents_(std::move(agents)), panels_(std::move(panels)) {}

  int run() {
    for (;;) {
      wait();
      accept_agent();
      read_agent();
      if (serve_panels()) return kExitPowerOff;
      therapy_.tick();
      tell_changes();
    }
  }

 private:
  void wait() {
    std::vector<pollfd> watched{{agents_.get(), POLLIN, 0}, {panels_.get(), POLLIN, 0}};
    if (agent_.peer.is_open()) watched.push_back({agent_.peer.get(), POLLIN, 0});
    for (const Descriptor& peer : panel_peers_)
      watched.push_back({peer.get(), POLLIN, 0});
    poll(watched.data(), watched.size(), kTickMs);
  }

  void accept_agent() {
    auto peer = accept_from(agents_, geteuid());
    if (!peer) return;
    // One agent at a time: a new connection means that the old process is gone, and with it its hold.
    if (agent_.peer.is_open()) therapy_.agent_gone();
    agent_.peer = std::move(*peer);
  }

  void read_agent() {
    std::vector<std::uint8_t> packet;
    for (int i = 0; i < kPacketsPerTickMax && agent_.peer.is_open(); ++i) {
      const Received received = receive_packet(agent_.peer, packet);
      if (received == Received::kNothing) return;
      if (received == Received::kPacket) {
        therapy_.agent_packet(packet);
        continue;
      }
      agent_.peer.reset();
      therapy_.agent_gone();
    }
  }

  // True when the operator switches the device off.
  bool serve_panels() {
    if (auto peer = accept_from(panels_, geteuid()); peer && panel_peers_.size() < kPanelPeersMax) {
      panel_peers_.push_back(std::move(*peer));
    }
    bool power_off = false;
    std::vector<std::uint8_t> packet;
    for (Descriptor& peer : panel_peers_) {
      const Received received = receive_packet(peer, packet);
      if (received == Received::kNothing) continue;
      if (received == Received::kPacket) {
        const PanelAnswer answer =
            therapy_.panel({reinterpret_cast<const char*>(packet.data()), packet.size()});
        const std::string text = (answer.ok ? "ok " : "refused ") + answer.text;
        send_packet(peer, std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
        power_off = power_off || answer.power_off;
      }
      peer.reset();
    }
    std::erase_if(panel_peers_, [](const Descriptor& peer) { return !peer.is_open(); });
    return power_off;
  }

  // The console is the device's screen: what a clinician must see when an update touches the device.
  void tell_changes() {
    const interlock::TherapyGuard& guard = therapy_.guard();
    if (guard.state() == told_) return;
    told_ = guard.state();
    const char* notice =
        told_ == interlock::GuardState::kInhibited ? " - update in progress, do not use" : "";
    std::printf("pump: %s %s%s (%s)\n", kVersionName, interlock::name_of(told_), notice,
                interlock::describe(guard.last_reason()).name);
    std::fflush(stdout);
  }

  Therapy& therapy_;
  SocketLink& agent_;
  Descriptor agents_;
  Descriptor panels_;
  std::vector<Descriptor> panel_peers_;
  interlock::GuardState told_ = interlock::GuardState::kStarting;
};

int fail(const std::string& why) {
  std::printf("pump: no therapy: %s\n", why.c_str());
  std::fflush(stdout);
  return 1;
}

}  // namespace

int run_therapy(const std::string& device) {
  // Socket addresses hold 108 bytes; relative names keep long device folders working.
  if (chdir(device.c_str()) != 0) return fail("the device folder cannot be entered");
  auto keys = platform::FileKeyStore::open_directory("therapy");
  if (!keys) return fail("therapy key: " + keys.error().sentence());
  auto key = (*keys)->open("key");
  if (!key) return fail("therapy key: " + key.error().sentence());
  auto facts = read_boot_facts("mailbox/report.bin");
  if (!facts) return fail(facts.error().sentence());
  auto permit = FilePermitStore::open("permit/permit.bin");
  if (!permit) return fail(permit.error().sentence());

  BoottimeClock clock;
  KeySigner signer(std::move(*key));
  SocketLink agent;
  ExitReset reset;
  FileMarker marker("therapy/infusing");
  interlock::GuardConfig config;
  config.trial_budget_ms = kTrialBudgetMs;
  Therapy therapy({clock, agent, signer, **permit, reset, marker}, config, kVersionName, kMotorStepsPerMl);
  if (const auto status = therapy.start(*facts); status != interlock::Status::kSuccess) {
    return fail(interlock::describe(status).sentence);
  }
  Descriptor agents = listen_at("run/therapy.sock");
  Descriptor panels = listen_at("run/panel.sock");
  if (!agents.is_open() || !panels.is_open()) return fail("the sockets in run/ cannot be made");
  return TherapyLoop(therapy, agent, std::move(agents), std::move(panels)).run();
}

}  // namespace aseptic::pump
