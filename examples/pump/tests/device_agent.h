// SPDX-License-Identifier: Apache-2.0
// What the process tests share: a device folder, the operator's panel, and an agent double (a real HoldClient
// on the real therapy socket, with real randomness and real P-256 verification). Waiting is bounded by a
// patience that only a defect reaches on a busy machine.
#pragma once

#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "aseptic/core/public_key.h"
#include "aseptic/interlock/hold_client.h"
#include "pump/therapy/device_ports.h"
#include "pump/therapy/packet_socket.h"

namespace aseptic::pump {

inline constexpr auto kPatience = std::chrono::seconds(20);

template <class Done>
bool wait_until(Done done) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

class DeviceFolder {
 public:
  DeviceFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pump-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
    for (const char* name : {"boot", "mailbox", "permit", "requests", "run", "slots", "agent"}) {
      std::filesystem::create_directory(path_ / name);
    }
  }
  ~DeviceFolder() { std::filesystem::remove_all(path_); }
  DeviceFolder(const DeviceFolder&) = delete;
  DeviceFolder& operator=(const DeviceFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const char* name) const { return (path_ / name).string(); }

  std::string text_of(const char* name) const {
    std::ifstream in(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  // Socket addresses hold 108 bytes, and a test folder may be deep.
  Descriptor connect(const char* socket) const {
    const std::filesystem::path here = std::filesystem::current_path();
    std::filesystem::current_path(path_);
    Descriptor connection = connect_to(socket);
    std::filesystem::current_path(here);
    return connection;
  }

  // One operator command; the answer with its leading "ok " or "refused ", empty when no pump answers.
  std::string panel(const std::string& command) const {
    std::string answer;
    wait_until([&] {
      const Descriptor panel = connect("run/panel.sock");
      const std::span bytes(reinterpret_cast<const std::uint8_t*>(command.data()), command.size());
      if (!panel.is_open() || !send_packet(panel, bytes)) return false;
      pollfd watched{panel.get(), POLLIN, 0};
      std::vector<std::uint8_t> packet;
      if (poll(&watched, 1, 2000) != 1 || receive_packet(panel, packet) != Received::kPacket) return false;
      answer.assign(packet.begin(), packet.end());
      return true;
    });
    return answer;
  }

  // The operator's buttons that matter here: true when the pump did it.
  bool press(const std::string& command) const { return panel(command).starts_with("ok "); }

  bool wait_for(const std::string& status_part) const {
    return wait_until([&] { return panel("status").find(status_part) != std::string::npos; });
  }

 private:
  std::filesystem::path path_;
};

inline interlock::HoldClient client_of(const interlock::DeviceId& device) {
  interlock::HoldConfig config;
  config.device_id = device;
  return interlock::HoldClient(config);
}

class AgentDouble final : interlock::Clock, interlock::Link, interlock::LeaseVerifier, interlock::Entropy {
 public:
  AgentDouble(const DeviceFolder& folder, core::PublicKey therapy_key, const interlock::DeviceId& device)
      : client(client_of(device)), folder_(folder), therapy_key_(std::move(therapy_key)), device_(device) {}

  // A new agent process: new connection, nothing remembered.
  void start() {
    client = client_of(device_);
    ASSERT_TRUE(wait_until([&] {
      socket_ = folder_.connect("run/therapy.sock");
      return socket_.is_open();
    }));
  }
  void die() { socket_.reset(); }  // the kernel closes a killed process's socket

  interlock::HoldPorts ports() { return {*this, *this, *this, *this}; }

  void step() {
    std::vector<std::uint8_t> packet;
    while (socket_.is_open() && receive_packet(socket_, packet) == Received::kPacket) {
      static_cast<void>(client.receive(ports(), packet));
    }
    client.poll(ports());
  }

  template <class Done>
  bool run(Done done) {
    return wait_until([&] {
      step();
      return done();
    });
  }

  interlock::Status ask(interlock::HoldKind kind, const interlock::ManifestDigest& manifest) {
    interlock::HoldTerms terms;
    terms.kind = kind;
    terms.transaction.bytes.fill(0x77);
    terms.manifest = manifest;
    const auto facts = read_boot_facts(folder_ / "mailbox/report.bin");
    if (facts) terms.boot_id = facts->boot_id;
    return client.ask(ports(), terms);
  }

  bool is_idle() const {
    return client.stage() == interlock::HoldStage::kFree || client.stage() == interlock::HoldStage::kLost;
  }

  // Asks until the therapy side agrees.
  void hold(interlock::HoldKind kind, const interlock::ManifestDigest& manifest) {
    ASSERT_TRUE(run([&] {
      if (is_idle()) static_cast<void>(ask(kind, manifest));
      return client.stage() == interlock::HoldStage::kHeld && client.is_held(ports());
    })) << describe(client.last_reason()).name;
  }

  interlock::SelfTestVerdict self_test() {
    EXPECT_EQ(client.ask_self_test(ports()), interlock::Status::kSuccess);
    EXPECT_TRUE(run([&] { return client.self_test() != interlock::SelfTestVerdict::kRunning; }));
    return client.self_test();
  }

  void check_and_reset(interlock::ResetPurpose purpose) {
    ASSERT_EQ(client.check_now(ports()), interlock::Status::kSuccess);
    ASSERT_TRUE(run([&] { return client.stage() == interlock::HoldStage::kChecked; }));
    ASSERT_EQ(client.ask_reset(ports(), purpose), interlock::Status::kSuccess);
  }

  interlock::HoldClient client;

 private:
  std::uint64_t boottime_ms() override { return BoottimeClock().boottime_ms(); }
  interlock::Status send(interlock::Bytes frame) override {
    const bool sent = socket_.is_open() && send_packet(socket_, frame);
    return sent ? interlock::Status::kSuccess : interlock::Status::kTransport;
  }
  interlock::Status verify(interlock::Bytes region, const interlock::Signature& signature) override {
    return therapy_key_.verify_raw(region, signature.bytes) ? interlock::Status::kSuccess
                                                            : interlock::Status::kBadSignature;
  }
  interlock::Status fill(interlock::Nonce& out) override {
    const bool filled =
        getrandom(out.bytes.data(), out.bytes.size(), 0) == static_cast<ssize_t>(out.bytes.size());
    return filled ? interlock::Status::kSuccess : interlock::Status::kNoEntropy;
  }

  const DeviceFolder& folder_;
  core::PublicKey therapy_key_;
  interlock::DeviceId device_;
  Descriptor socket_;
};

}  // namespace aseptic::pump
