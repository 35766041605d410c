// SPDX-License-Identifier: Apache-2.0
// A virtual device of one test: a copy of a device of the prepared world (device_world.sh), run by the real aseptic-boot with
// the pump image and the agent's two processes in it. A test edits its files while the power is off, or as an attacker on the
// device while it is on. Everything it starts ends with the object.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "platform/posix/tests/temporary_directory.h"
#include "tests/support/background_program.h"

namespace aseptic::test {

// Path below DEVICE -> SHA-256, for everything that an attack must not change. What every start or every look writes is left
// out by name: boot's journal and report, the agent's log, its queue of reports, the network process's cache, files that a power
// cut left half written (.tmp~), sockets.
// A permit counts when there is one. agent/memory.json counts without its counters (report number, acknowledged log head, refused release).
using Fingerprint = std::map<std::string, std::string>;

class VirtualDevice {
 public:
  // `source` is the folder of a prepared device; `port` is where its server listens on 127.0.0.1.
  VirtualDevice(const std::string& source, int port);
  ~VirtualDevice();
  VirtualDevice(const VirtualDevice&) = delete;
  VirtualDevice& operator=(const VirtualDevice&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / ("device/" + name); }
  [[nodiscard]] std::string read(const std::string& name) const { return platform::read_file(path(name)); }
  void write(const std::string& name, const std::string& bytes) const;  // keeps the file's mode
  void flip(const std::string& name, std::size_t offset) const;         // inverts one bit in place
  void set(const std::string& key, const std::string& value) const;     // a line `key = value` of agent.toml

  void power_on();
  void power_cut();  // boot and every process of the device end at once
  [[nodiscard]] bool is_on() const { return boot_ != nullptr; }
  [[nodiscard]] pid_t pid() const;  // of boot, the parent of everything on the device
  void kill_image() const;  // SIGKILL to the device's first process: a reset that nobody commanded
  std::string panel(const std::string& command) const;

  std::chrono::seconds patience{20};  // for what is waited for below
  // True when the text was on the console (boot and image), or a record with the reason in the device log, since the object
  // was made; waits for it.
  bool shows(const std::string& text);
  bool logs(const std::string& reason);
  [[nodiscard]] std::string console();
  [[nodiscard]] std::string new_log() const;
  [[nodiscard]] std::string whole_log() const;

  [[nodiscard]] Fingerprint fingerprint() const;

 private:
  bool wait_until(const std::function<bool()>& happened);

  platform::TemporaryDirectory folder_;
  std::size_t log_begin_ = 0;
  std::string earlier_console_;
  std::unique_ptr<BackgroundProgram> boot_;
};

// Names that differ, appear or disappear.
std::set<std::string> differences(const Fingerprint& before, const Fingerprint& after);

}  // namespace aseptic::test
