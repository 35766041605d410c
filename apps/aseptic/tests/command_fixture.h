// SPDX-License-Identifier: Apache-2.0
// Runs the real `aseptic` for several people, each with a folder of keys of their own, below one temporary folder.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "aseptic/core/hash.h"
#include "tests/support/run_program.h"

namespace aseptic::app {

namespace fs = std::filesystem;
using test::ProgramResult;

inline std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

class Command : public ::testing::Test {
 protected:
  Command() {
    std::string pattern = (fs::temp_directory_path() / "aseptic-command-XXXXXX").string();
    folder = mkdtemp(pattern.data());
  }
  ~Command() override { fs::remove_all(folder); }

  std::string at(const std::string& name) const { return (folder / name).string(); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder / name, std::ios::binary) << text; }
  // `machine` is whose key folder is used.
  ProgramResult run(const std::string& machine, std::vector<std::string> words, const std::vector<std::string>& environment = {}) const {
    if (words.empty() || words[0] != "--profile") words.insert(words.begin(), {"--profile", "development"});
    return run_as_it_comes(machine, std::move(words), environment);
  }
  // Without an option of ours: the profile is the default one.
  ProgramResult run_as_it_comes(const std::string& machine, std::vector<std::string> words, const std::vector<std::string>& environment = {}) const {
    words.insert(words.begin(), {ASEPTIC, "--keys", at(machine)});
    return test::run_program(words, environment);
  }
  void ok(const std::string& machine, const std::vector<std::string>& words) const {
    const ProgramResult result = run(machine, words);
    ASSERT_EQ(result.exit_status, 0) << words[0] << ": " << result.err;
  }
  // Refused: exit status, one line on standard error that holds `sentence`, nothing on standard output.
  void refused(const std::string& machine, const std::vector<std::string>& words, const std::string& sentence, int status = 1) const {
    const ProgramResult result = run(machine, words);
    EXPECT_EQ(result.exit_status, status) << result.err;
    EXPECT_EQ(result.signal, 0);
    const std::size_t line = result.err.rfind("aseptic: ");
    ASSERT_NE(line, std::string::npos) << result.err;
    EXPECT_NE(result.err.find(sentence, line), std::string::npos) << result.err;
    EXPECT_EQ(result.err.find('\n', line), result.err.size() - 1) << "one sentence: " << result.err;
    EXPECT_EQ(result.out, "");
  }
  // Keys of each person on a machine of their own; the office holds the online keys and everybody's public halves.
  void make_people() const {
    for (const std::string name : {"root-a", "root-b", "root-c", "release-a", "release-b"}) ok(name, {"keys", "create", name});
    ok("office", {"keys", "create", "--algorithm", "p256", "snapshot", "timestamp", "index"});
  }
  std::string pub(const std::string& name) const { return at(name + "/" + name + ".pub"); }
  void init() const {
    make_people();
    ok("office", {"repo", "init", at("repo"), "--root", pub("root-a"), "--root", pub("root-b"), "--root", pub("root-c"), "--release", pub("release-a"),
                  "--release", pub("release-b"), "--snapshot", "snapshot", "--timestamp", "timestamp", "--out", at("ed")});
  }
  std::map<std::string, std::string> tree(const std::string& name) const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder / name))
      if (entry.is_regular_file() && entry.path().filename() != ".lock")
        files[fs::relative(entry.path(), folder).string()] = core::sha256(contents(entry.path())).hex();
    return files;
  }
  fs::path folder;
};

}  // namespace aseptic::app
