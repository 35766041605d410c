// SPDX-License-Identifier: Apache-2.0
// The cost of an install, next to what it cannot avoid: `zstd -dc | dd conv=fsync` of the same image.
// Called by bench/run_install.sh and bench/install_by_agent.sh; commands:
//
//   prepare IMAGE FOLDER LEVEL  wraps IMAGE into a slot image with a tree-verified region, makes its payload
//   apply FOLDER SLOT           installs and reads back, as the device's apply process does
//   compare FOLDER RUNS [NAME SLOT COMMAND]...
//                               alternates zstd | dd of FOLDER/image.zst, apply, and each COMMAND, which installs FOLDER/SLOT; prints
//                               medians and ratios
//   measure FOLDER              one install into a fresh sparse slot
//   watch PID NAME STOP         CPU s, peak PSS (MiB), number of processes NAME below PID, until STOP exists
//   cost COMMAND...             CPU s, peak PSS (MiB), wall s of a command
//
// CPU is user + system of the process tree; PSS is sampled every 20 ms from smaps_rollup of the tree.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "aseptic/payload/apply/installer.h"
#include "aseptic/payload/apply/read_back.h"
#include "aseptic/payload/make/maker.h"
#include "aseptic/platform/posix/posix_block_device.h"
#include "bench_slot.h"

namespace {

namespace fs = std::filesystem;
using namespace aseptic;
using bench::fail;
using bench::value_of;
using Clock = std::chrono::steady_clock;

int number_of(const std::string& word) {
  int value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || value < 1)
    fail("not a positive number: " + word);
  return value;
}

// ---------------------------------------------------------------- prepare

int prepare(const std::string& source, const std::string& folder, int level) {
  fs::create_directories(folder);
  bench::write_slot_image(source, folder + "/slot.img");
  payload::MakeOptions options;
  options.zstd_level = level;
  const auto started = Clock::now();
  const auto summary =
      value_of(payload::make_payload_file(folder + "/slot.img", folder + "/image.payload", options));
  const std::chrono::duration<double> took = Clock::now() - started;
  std::ofstream(folder + "/reference")
      << summary.header_digest.hex() << ' ' << summary.payload_size << ' ' << summary.manifest_digest.hex()
      << ' ' << summary.image_digest.hex() << ' ' << summary.image_size << '\n';
  fmt::print("payload: {} bytes of {} ({:.1f} %), chunks raw {} zstd {} zero {}, made in {:.1f} s\n",
             summary.payload_size, summary.image_size,
             100.0 * static_cast<double>(summary.payload_size) / static_cast<double>(summary.image_size),
             summary.chunks_raw, summary.chunks_zstd, summary.chunks_zero, took.count());
  return 0;
}

// ---------------------------------------------------------------- apply

struct References {
  payload::PayloadReference payload;
  payload::ImageReference image;
};

References read_references(const std::string& folder) {
  std::ifstream in(folder + "/reference");
  std::string header;
  std::string manifest;
  std::string image;
  std::uint64_t payload_size = 0;
  std::uint64_t image_size = 0;
  if (!(in >> header >> payload_size >> manifest >> image >> image_size)) fail("prepare first");
  using Issuer = trust::DigestIssuer;
  return {{Issuer::issue(header), payload_size}, {Issuer::issue(manifest), Issuer::issue(image), image_size}};
}

std::uint64_t written_bytes() {
  std::ifstream io("/proc/self/io");
  std::string key;
  for (std::uint64_t value = 0; io >> key >> value;)
    if (key == "write_bytes:") return value;
  return 0;
}

int apply(const std::string& folder, const std::string& slot_path) {
  const References references = read_references(folder);
  const int input = ::open((folder + "/image.payload").c_str(), O_RDONLY | O_CLOEXEC);
  if (input < 0) fail("prepare first");
  const auto slot =
      value_of(platform::PosixBlockDevice::open(slot_path, platform::PosixBlockDevice::Mode::kReadWrite));
  core::Bytes buffer(64U * 1024U);  // what a network process hands over at once
  if (::read(input, buffer.data(), payload::kHeaderSize) != static_cast<ssize_t>(payload::kHeaderSize))
    fail("read");
  const auto header = value_of(payload::HeaderVerifier::verify(
      core::Untrusted<core::ByteView>(core::ByteView(buffer).first(payload::kHeaderSize)), references.payload,
      references.image));
  auto installer = value_of(payload::PayloadInstaller::begin(header, *slot));
  std::uint64_t at = payload::kHeaderSize;
  for (ssize_t got = 0; (got = ::read(input, buffer.data(), buffer.size())) > 0;
       at += static_cast<std::uint64_t>(got))
    value_of(installer.feed(at, core::ByteView(buffer).first(static_cast<std::size_t>(got))));
  value_of(installer.finish());
  struct rusage middle {};
  ::getrusage(RUSAGE_SELF, &middle);
  const auto measured = value_of(payload::measure_slot(*slot, references.image));
  const auto progress = installer.progress();
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  fmt::print(
      "  image {} installed, written {} MiB, discarded {} MiB, to the medium {} MiB, write phase "
      "{:.2f}+{:.2f} s CPU\n",
      measured.image_digest().hex().substr(0, 12), progress.bytes_written >> 20U,
      progress.bytes_discarded >> 20U, written_bytes() >> 20U, seconds(middle.ru_utime),
      seconds(middle.ru_stime));
  return 0;
}

// ---------------------------------------------------------------- compare

struct Cost {
  double wall_s = 0;
  double user_s = 0;
  double system_s = 0;
  std::uint64_t peak_pss_kib = 0;
  [[nodiscard]] double cpu_s() const { return user_s + system_s; }
};

std::uint64_t pss_kib(pid_t process) {
  std::ifstream rollup(fmt::format("/proc/{}/smaps_rollup", process));
  std::string word;
  while (rollup >> word)
    if (word == "Pss:") {
      std::uint64_t kib = 0;
      rollup >> kib;
      return kib;
    }
  return 0;
}

// The process and its descendants now alive.
std::vector<pid_t> tree_of(pid_t root) {
  std::multimap<pid_t, pid_t> children;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream stat(entry.path() / "stat");
    std::string line;
    std::getline(stat, line);
    const auto end = line.rfind(')');  // the name in front may hold anything
    if (end == std::string::npos || line.size() < end + 5) continue;
    children.emplace(static_cast<pid_t>(std::strtol(line.c_str() + end + 4, nullptr, 10)),
                     static_cast<pid_t>(std::strtol(name.c_str(), nullptr, 10)));
  }
  std::vector<pid_t> found{root};
  for (std::size_t i = 0; i < found.size(); ++i)
    for (auto [child, last] = children.equal_range(found[i]); child != last; ++child)
      found.push_back(child->second);
  return found;
}

Cost run(const std::vector<std::string>& command) {
  struct rusage before {};
  ::getrusage(RUSAGE_CHILDREN, &before);
  const auto started = Clock::now();
  const pid_t child = ::fork();
  if (child == 0) {
    std::vector<char*> arguments;
    for (const auto& word : command)
      arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT(const_cast: execvp)
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  Cost cost;
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    std::uint64_t sum = 0;
    for (const pid_t process : tree_of(child))
      sum += pss_kib(process);
    cost.peak_pss_kib = std::max(cost.peak_pss_kib, sum);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  if (status != 0) fail(command[0] + " failed");
  cost.wall_s = std::chrono::duration<double>(Clock::now() - started).count();
  struct rusage after {};
  ::getrusage(RUSAGE_CHILDREN, &after);
  const auto seconds = [](const timeval& end, const timeval& begin) {
    return static_cast<double>(end.tv_sec - begin.tv_sec) +
           static_cast<double>(end.tv_usec - begin.tv_usec) / 1e6;
  };
  cost.user_s = seconds(after.ru_utime, before.ru_utime);
  cost.system_s = seconds(after.ru_stime, before.ru_stime);
  return cost;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 != 0 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double peak_pss_mib(const std::vector<Cost>& costs) {
  std::uint64_t peak_kib = 0;
  for (const auto& cost : costs)
    peak_kib = std::max(peak_kib, cost.peak_pss_kib);
  return static_cast<double>(peak_kib) / 1024.0;
}

void print_row(const std::string& name, const std::vector<Cost>& costs) {
  const auto column = [&](const std::function<double(const Cost&)>& pick) {
    std::vector<double> values;
    for (const auto& cost : costs)
      values.push_back(pick(cost));
    return median(std::move(values));
  };
  fmt::print(
      "{:<26} wall {:6.2f} s   user {:5.2f} s   system {:5.2f} s   CPU {:5.2f} s   peak PSS {:5.1f} MiB\n",
      name, column([](const Cost& c) { return c.wall_s; }), column([](const Cost& c) { return c.user_s; }),
      column([](const Cost& c) { return c.system_s; }), column([](const Cost& c) { return c.cpu_s(); }),
      peak_pss_mib(costs));
}

void make_slot(const std::string& path, const std::string& image) {
  fs::remove(path);
  fs::copy_file(image, path);  // old content everywhere: no run profits from an empty file
}

// `peers`: name, slot and command of each further way.
int compare(const std::string& self, const std::string& folder, int runs, std::span<const std::string> peers) {
  struct Way {
    std::string name;
    std::string slot;
    std::vector<std::string> command;
    std::vector<Cost> costs = {};
  };
  const std::string pipe = fmt::format("zstd -dc '{0}/image.zst' | dd of='{0}/slot.dd' bs=1M conv=fsync,notrunc status=none", folder);
  std::vector<Way> ways{{"zstd -dc | dd conv=fsync", folder + "/slot.dd", {"sh", "-c", pipe}},
                        {"payload install+read-back", folder + "/slot.ours", {self, "apply", folder, folder + "/slot.ours"}}};
  for (; peers.size() >= 3; peers = peers.subspan(3))
    ways.push_back({peers[0], folder + "/" + peers[1], {"sh", "-c", peers[2]}});
  for (const Way& way : ways) make_slot(way.slot, folder + "/slot.img");
  for (int i = 0; i < runs; ++i) {
    fmt::print("run {} of {}\n", i + 1, runs);
    std::fflush(stdout);
    for (Way& way : ways) way.costs.push_back(run(way.command));
  }
  fmt::print("\nMedian of {} alternating runs, {} MiB image:\n", runs, fs::file_size(folder + "/slot.img") >> 20U);
  for (const Way& way : ways) {
    print_row(way.name, way.costs);
    fs::remove(way.slot);
  }
  std::vector<double> cpu;
  std::vector<double> wall;
  for (std::size_t i = 0; i < static_cast<std::size_t>(runs); ++i) {
    cpu.push_back(ways[1].costs[i].cpu_s() / ways[0].costs[i].cpu_s());
    wall.push_back(ways[1].costs[i].wall_s / ways[0].costs[i].wall_s);
  }
  fmt::print("CPU ratio {:.2f} (target <= 1.2)   wall ratio {:.2f}   peak PSS {:.1f} MiB (target <= 16)\n", median(cpu), median(wall),
             peak_pss_mib(ways[1].costs));
  return 0;
}

// One install; says what it needed at most. For images that are too large to compare.
int measure(const std::string& self, const std::string& folder) {
  const std::string slot = folder + "/slot.ours";
  fs::remove(slot);
  value_of(platform::PosixBlockDevice::create_file(slot, fs::file_size(folder + "/slot.img")));
  const Cost cost = run({self, "apply", folder, slot});
  fmt::print("{} MiB image: CPU {:.2f} s, peak PSS {:.1f} MiB (target <= 16 whatever the size)\n",
             fs::file_size(slot) >> 20U, cost.cpu_s(), static_cast<double>(cost.peak_pss_kib) / 1024.0);
  fs::remove(slot);
  return 0;
}

// User and system time of a process so far, and its name.
struct Seen {
  std::string name;
  double cpu_s = 0;
};

Seen see(pid_t process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  std::string line;
  std::getline(file, line);
  const auto begin = line.find('(');
  const auto end = line.rfind(')');
  if (begin == std::string::npos || end == std::string::npos) return {};
  std::istringstream rest(line.substr(end + 2));
  std::string skipped;
  for (int field = 3; field < 14; ++field)
    rest >> skipped;
  double user = 0;
  double system = 0;
  rest >> user >> system;
  return {line.substr(begin + 1, end - begin - 1),
          (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK))};
}

// The processes called `name` below `root`, from now until `stop_file` exists.
int watch(pid_t root, const std::string& name, const std::string& stop_file) {
  std::map<pid_t, double> cpu;  // the last value seen stays when a process ends
  std::uint64_t peak_kib = 0;
  std::size_t most = 0;
  while (!fs::exists(stop_file)) {
    std::uint64_t sum_kib = 0;
    std::size_t count = 0;
    for (const pid_t process : tree_of(root)) {
      const Seen seen = see(process);
      if (seen.name != name) continue;
      ++count;
      cpu[process] = seen.cpu_s;
      sum_kib += pss_kib(process);
    }
    most = std::max(most, count);
    peak_kib = std::max(peak_kib, sum_kib);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  double sum = 0;
  for (const auto& [process, seconds] : cpu)
    sum += seconds;
  fmt::print("{:.2f} {:.1f} {}\n", sum, static_cast<double>(peak_kib) / 1024.0, most);
  return 0;
}

int cost_of(const std::vector<std::string>& command) {
  const Cost cost = run(command);
  fmt::print("{:.2f} {:.1f} {:.2f}\n", cost.cpu_s(), static_cast<double>(cost.peak_pss_kib) / 1024.0,
             cost.wall_s);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 4 && words[0] == "prepare") return prepare(words[1], words[2], number_of(words[3]));
  if (words.size() == 3 && words[0] == "apply") return apply(words[1], words[2]);
  if (words.size() == 4 && words[0] == "watch") return watch(number_of(words[1]), words[2], words[3]);
  if (words.size() >= 2 && words[0] == "cost") return cost_of({words.begin() + 1, words.end()});
  if (words.size() == 2 && words[0] == "measure") return measure(argv[0], words[1]);
  if (words.size() >= 3 && words.size() % 3 == 0 && words[0] == "compare")
    return compare(argv[0], words[1], number_of(words[2]), std::span(words).subspan(3));
  fmt::print(stderr,
             "usage: install_bench prepare|apply|compare|measure|watch|cost ..., see install_bench.cpp\n");
  return 2;
}
