// SPDX-License-Identifier: Apache-2.0
// The parts of `./dev bench trust` that a shell cannot do (bench/run_trust.sh calls it):
//   trust_bench prepare FOLDER COUNT BITS   a TUF repository with COUNT targets, flat (BITS 0) or in 2^BITS hash bins
//   trust_bench measure RUNS COMMAND...     median wall time, CPU time and peak memory of a command over RUNS runs
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "aseptic/platform/posix/file_key_store.h"
#include "aseptic/publish/edits.h"
#include "aseptic/publish/tuf_document.h"

namespace {

using namespace aseptic;
using publish::Document;

constexpr std::string_view kContent = "one target\n";

template <typename T>
T must(core::Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "trust_bench: %s\n", result.error().sentence().c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

std::string path_of(std::size_t index) {
  char text[64];
  std::snprintf(text, sizeof text, "pump-3000/fw-%07zu.payload", index);
  return text;
}

std::uint64_t number(std::string_view text, int base = 10) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  std::fprintf(stderr, "trust_bench: '%.*s' is not a number\n", static_cast<int>(text.size()), text.data());
  std::exit(2);
}

// One key signs everything: the client's cost does not depend on who holds it.
class Press {
 public:
  Press(std::filesystem::path folder, std::unique_ptr<platform::Signer> signer)
      : folder_(std::move(folder)), signer_(std::move(signer)), id_(publish::key_id(signer_->public_key())) {}

  [[nodiscard]] publish::RolePlan plan() const { return {{signer_->public_key()}, 1}; }
  void write(const std::string& name, Document document) {
    document.add_signature(id_, must(signer_->sign(core::as_bytes(document.signed_bytes()))));
    std::ofstream(folder_ / name, std::ios::binary) << document.file_text();
  }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<platform::Signer> signer_;
  std::string id_;
};

Document meta_document(std::string_view type, core::UtcTime expires, core::JsonObject meta) {
  Document document = publish::empty_targets(expires);
  core::JsonObject& fields = document.fields();
  fields.erase("targets");
  fields.erase("delegations");
  fields["_type"] = core::JsonValue(type);
  fields["meta"] = std::move(meta);
  return document;
}

void prepare(const std::filesystem::path& folder, std::size_t count, unsigned bits) {
  const core::UtcTime expires = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) + std::chrono::days(30);
  const auto metadata = folder / "metadata", targets = folder / "targets" / "pump-3000";
  std::filesystem::create_directories(metadata);
  std::filesystem::create_directories(targets);
  const auto keys = must(platform::FileKeyStore::open_directory((folder / "keys").string()));
  Press press(metadata, must(keys->create("all", core::KeyAlgorithm::kEd25519)));
  const publish::RolePlan who = press.plan();
  press.write("1.root.json", must(publish::new_root({who, who, who, who, expires})));

  const core::Digest digest = core::sha256(kContent);
  const publish::HashBins bins{"bin", bits};
  core::JsonObject listed{{"targets.json", core::JsonObject{{"version", 1}}}};
  std::vector<Document> leaves(bits == 0 ? 1 : bins.count(), publish::empty_targets(expires));
  for (std::size_t i = 0; i < count; ++i) {
    const std::string path = path_of(i);
    const std::size_t leaf = bits == 0 ? 0 : number(bins.name_for(path).substr(4), 16);
    must(publish::add_target(leaves[leaf], {path, kContent.size(), digest, std::nullopt}));
  }
  if (bits == 0) {
    press.write("1.targets.json", leaves.front());
  } else {
    Document top = publish::empty_targets(expires);
    must(publish::set_hash_bins(top, bins, who));
    press.write("1.targets.json", top);
    for (std::uint32_t bin = 0; bin < bins.count(); ++bin) {
      press.write("1." + bins.name(bin) + ".json", leaves[bin]);
      listed[bins.name(bin) + ".json"] = core::JsonObject{{"version", 1}};
    }
  }
  press.write("1.snapshot.json", meta_document("snapshot", expires, std::move(listed)));
  press.write("timestamp.json", meta_document("timestamp", expires, {{"snapshot.json", core::JsonObject{{"version", 1}}}}));
  const std::string name = std::filesystem::path(path_of(count / 2)).filename().string();
  std::ofstream(targets / (digest.hex() + "." + name), std::ios::binary) << kContent;
  std::printf("%s\n", path_of(count / 2).c_str());
}

struct Run {
  double wall_s, cpu_s, peak_mib;
};

Run run_once(char** command) {
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) {
    execvp(command[0], command);
    _exit(127);
  }
  int status = 0;
  rusage used{};
  wait4(child, &status, 0, &used);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    std::fprintf(stderr, "trust_bench: the measured command failed\n");
    std::exit(1);
  }
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
          seconds(used.ru_utime) + seconds(used.ru_stime), static_cast<double>(used.ru_maxrss) / 1024};
}

void measure(std::uint64_t runs, char** command) {
  std::vector<Run> all;
  for (std::uint64_t i = 0; i < runs; ++i) all.push_back(run_once(command));
  const auto median = [&](double Run::*field) {
    std::vector<double> values;
    for (const Run& run : all) values.push_back(run.*field);
    std::ranges::sort(values);
    return values[values.size() / 2];
  };
  std::printf("%.3f %.3f %.1f\n", median(&Run::wall_s), median(&Run::cpu_s), median(&Run::peak_mib));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "prepare" && argc == 5) {
    prepare(argv[2], number(argv[3]), static_cast<unsigned>(number(argv[4])));
  } else if (command == "measure" && argc > 3) {
    measure(number(argv[2]), argv + 3);
  } else {
    std::fprintf(stderr, "usage: trust_bench prepare FOLDER COUNT BITS | measure RUNS COMMAND...\n");
    return 2;
  }
  return 0;
}
