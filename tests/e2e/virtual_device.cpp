// SPDX-License-Identifier: Apache-2.0
#include "tests/e2e/virtual_device.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "aseptic/core/hash.h"
#include "aseptic/core/json.h"
#include "tests/support/run_program.h"

namespace aseptic::test {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kGlance{20};

void copy_device(const fs::path& from, const fs::path& to) {
  fs::create_directories(to);
  for (const auto& entry : fs::recursive_directory_iterator(from)) {
    const fs::path target = to / fs::relative(entry.path(), from);
    if (entry.is_directory()) fs::create_directory(target, entry.path());
    else if (entry.is_regular_file()) fs::copy_file(entry.path(), target);
  }
}

bool is_protected(const std::string& name) {
  constexpr std::string_view kChangesByItself[] = {"boot/journal.bin", "mailbox/", "run/", "agent/log/", "agent/reports/", "agent/acquire/", "agent/.tmp~"};
  return std::ranges::none_of(kChangesByItself, [&](std::string_view part) { return name.starts_with(part); });
}

std::string without_counters(const std::string& memory) {
  auto value = core::parse_json_value(core::as_bytes(memory));
  if (!value || value->as_object() == nullptr) return memory;
  for (const char* counter : {"acknowledged", "report_sequence", "refused", "refused_until", "refusals", "last_contact"}) value->as_object()->erase(counter);
  return core::canonical_json(*value);
}

// Boot erases the cell at each start, the therapy side clears it after that: both say that there is no permit.
bool is_no_permit(const std::string& cell) {
  return std::ranges::all_of(cell, [](char byte) { return byte == '\0'; }) || std::ranges::all_of(cell, [](char byte) { return byte == '\xFF'; });
}

std::string what_counts(const std::string& name, const std::string& bytes) {
  if (name == "agent/memory.json") return without_counters(bytes);
  if (name == "permit/permit.bin" && is_no_permit(bytes)) return "no permit";
  return bytes;
}

}  // namespace

VirtualDevice::VirtualDevice(const std::string& source, int port) {
  copy_device(source, path(""));
  const std::string address = "https://localhost:" + std::to_string(port);
  set("url", "\"" + address + "\"");
  set("report_url", "\"" + address + "/v1/reports\"");
  log_begin_ = whole_log().size();
}

VirtualDevice::~VirtualDevice() { power_cut(); }

void VirtualDevice::write(const std::string& name, const std::string& bytes) const { platform::write_file(path(name), bytes); }

void VirtualDevice::flip(const std::string& name, std::size_t offset) const {
  std::fstream file(path(name), std::ios::in | std::ios::out | std::ios::binary);
  char byte = 0;
  file.seekg(static_cast<std::streamoff>(offset)).get(byte);
  file.seekp(static_cast<std::streamoff>(offset)).put(static_cast<char>(byte ^ 1));
}

void VirtualDevice::set(const std::string& key, const std::string& value) const {
  std::string text = read("agent/agent.toml");
  const auto at = text.find("\n" + key + " = ");
  if (at == std::string::npos) throw std::runtime_error("agent.toml has no " + key);
  const auto end = text.find('\n', at + 1);
  write("agent/agent.toml", text.replace(at, end - at, "\n" + key + " = " + value));
}

void VirtualDevice::power_on() {
  power_cut();
  boot_ = std::make_unique<BackgroundProgram>(std::vector<std::string>{ASEPTIC_BOOT, "run", path("")});
}

void VirtualDevice::power_cut() {
  if (!boot_) return;
  boot_->kill();
  earlier_console_ += boot_->output();
  boot_.reset();
  // In a build with sanitizers: a process of the device that died of a finding is started again by its parent.
  for (const char* finding : {"ERROR: AddressSanitizer", "WARNING: ThreadSanitizer", "runtime error: "})
    if (earlier_console_.find(finding) != std::string::npos) ADD_FAILURE() << earlier_console_;
}

pid_t VirtualDevice::pid() const { return boot_->pid(); }

void VirtualDevice::kill_image() const {
  const std::string boot = std::to_string(boot_->pid());
  std::ifstream children("/proc/" + boot + "/task/" + boot + "/children");
  pid_t image = 0;
  if (children >> image) ::kill(image, SIGKILL);
}

std::string VirtualDevice::panel(const std::string& command) const {
  return run_program({ASEPTIC_PUMP_PANEL, path(""), command}).out;
}

std::string VirtualDevice::console() {
  return earlier_console_ + (boot_ ? boot_->take_in() : "");
}

std::string VirtualDevice::whole_log() const {
  std::set<std::string> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(path("agent/log"), none))
    if (entry.path().extension() == ".log") files.insert(entry.path());
  std::string text;
  for (const auto& file : files) text += platform::read_file(file);
  return text;
}

std::string VirtualDevice::new_log() const {
  const std::string text = whole_log();
  return text.size() < log_begin_ ? text : text.substr(log_begin_);
}

bool VirtualDevice::wait_until(const std::function<bool()>& happened) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!happened()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(kGlance);  // real processes on the real clock: this only paces the looks
  }
  return true;
}

bool VirtualDevice::shows(const std::string& text) {
  return wait_until([&] { return console().find(text) != std::string::npos; });
}

bool VirtualDevice::logs(const std::string& reason) {
  return wait_until([&] { return new_log().find("\"reason\":\"" + reason + "\"") != std::string::npos; });
}

Fingerprint VirtualDevice::fingerprint() const {
  Fingerprint prints;
  const fs::path root = path("");
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string name = fs::relative(entry.path(), root);
    if (!entry.is_regular_file() || !is_protected(name)) continue;
    prints[name] = core::sha256(what_counts(name, platform::read_file(entry.path()))).hex();
  }
  return prints;
}

std::set<std::string> differences(const Fingerprint& before, const Fingerprint& after) {
  std::set<std::string> names;
  for (const auto& [name, print] : before)
    if (!after.contains(name) || after.at(name) != print) names.insert(name);
  for (const auto& [name, print] : after)
    if (!before.contains(name)) names.insert(name);
  return names;
}

}  // namespace aseptic::test
