// SPDX-License-Identifier: Apache-2.0
// The demand that repositories are plain static files which stock TUF clients read.
// Timeline of each test: people and online keys make a repository with the real command; a static file server on
// loopback serves it; tuf-js and aseptic-tuf refresh from root 1 and download targets.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "aseptic/core/hash.h"
#include "tests/support/run_program.h"
#include "tests/support/test_server.h"

namespace aseptic::test {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

class Interop : public ::testing::Test {
 protected:
  Interop() : server_([this](const Request& request, Peer& peer) { serve(request, peer); }) {
    std::string pattern = (fs::temp_directory_path() / "aseptic-interop-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    run({"keys", "create", "root-a", "root-b", "root-c", "root-d", "release-a", "release-b", "release-c"});
    run({"keys", "create", "--algorithm", "p256", "snapshot", "timestamp", "index"});
    run({"repo", "init", repo(), "--root", "root-a", "--root", "root-b", "--root", "root-c", "--release", "release-a", "--release", "release-b",
         "--snapshot", "snapshot", "--timestamp", "timestamp", "--out", at("ed")});
    sign("ed/root.signing.json", {"root-a", "root-b"});
  }
  ~Interop() override { fs::remove_all(folder_); }

  std::string at(const std::string& name) const { return (folder_ / name).string(); }
  std::string repo() const { return at("repo"); }

  void run(std::vector<std::string> words, int expected = 0) {
    words.insert(words.begin(), {ASEPTIC, "--profile", "development", "--keys", at("keys")});
    const ProgramResult result = run_program(words);
    ASSERT_EQ(result.exit_status, expected) << words[5] << " " << words[6] << ": " << result.err;
  }
  void sign(const std::string& file, const std::vector<std::string>& people) {
    for (const std::string& person : people) run({"sign", at(file), "--key", person, "--yes"});
  }
  void publish(std::vector<std::string> files, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"repo", "publish", repo()};
    for (const std::string& file : files) words.push_back(at(file));
    words.insert(words.end(), {"--snapshot-key", "snapshot", "--timestamp-key", "timestamp"});
    words.insert(words.end(), more.begin(), more.end());
    run(words);
  }
  void write(const std::string& name, const std::string& text) { std::ofstream(folder_ / name, std::ios::binary) << text; }

  void serve(const Request& request, Peer& peer) {
    const fs::path file = fs::path(repo()) / request.target.substr(1);
    if (request.target.find("..") != std::string::npos || !fs::is_regular_file(file)) return peer.reply(404, "not here");
    peer.reply(200, contents(file));
  }

  // Both clients, from root 1, must give back these targets with this content.
  void expect_readable(const std::map<std::string, std::string>& targets) {
    const std::string root = repo() + "/metadata/1.root.json";
    std::vector<std::string> names;
    for (const auto& [name, content] : targets) names.push_back(name);
    const std::string work = at("client" + std::to_string(clients_++));
    fs::create_directories(work + "/ours");
    ASSERT_EQ(run_program({ASEPTIC_TUF, "--metadata-dir", work + "/ours", "init", root}).exit_status, 0);
    for (const auto& [name, content] : targets) {
      fs::create_directories(work + "/got");
      const ProgramResult ours = run_program({ASEPTIC_TUF, "--metadata-url", server_.url("/metadata/"), "--metadata-dir", work + "/ours", "--target-name",
                                              name, "--target-dir", work + "/got", "--target-base-url", server_.url("/targets/"), "download"});
      ASSERT_EQ(ours.exit_status, 0) << name << ": " << ours.err;
    }
    if (!fs::exists(NODE_MODULES)) {
      js_skipped_ = true;
      return;
    }
    std::vector<std::string> words{"node", TUF_JS_CLIENT, NODE_MODULES, server_.url("/metadata"), server_.url("/targets"), root, work};
    words.insert(words.end(), names.begin(), names.end());
    const ProgramResult js = run_program(words, {}, std::chrono::seconds(90));
    ASSERT_EQ(js.exit_status, 0) << js.err;
    for (const auto& [name, content] : targets) {
      const std::string line = name + " " + std::to_string(content.size()) + " " + core::sha256(content).hex();
      EXPECT_NE(js.out.find(line), std::string::npos) << js.out;
    }
  }
  void TearDown() override {
    if (js_skipped_ && !HasFailure()) GTEST_SKIP() << "tuf-js is not installed (./dev setup test): only aseptic-tuf was run";  // NOLINT(skip: no registry)
  }

  fs::path folder_;
  bool js_skipped_ = false;
  int clients_ = 0;
  TestServer server_;
};

TEST_F(Interop, StockClientsReadTargetsAndADelegatedRole) {
  write("hello", "hello");
  write("blob", std::string(300'000, 'b'));
  run({"repo", "add", repo(), "--signing", at("ed/targets.signing.json"), "files/hello.txt=" + at("hello")});
  run({"repo", "delegate", repo(), "--signing", at("ed/targets.signing.json"), "--name", "payload-index", "--path", "payload-index/*", "--path",
       "payloads/*", "--key", "index"});
  sign("ed/targets.signing.json", {"release-a", "release-b"});
  publish({"ed/root.signing.json", "ed/targets.signing.json"}, {"--role-key", "index"});
  run({"repo", "put", repo(), "payloads/x.payload=" + at("blob"), "--role-key", "index", "--snapshot-key", "snapshot", "--timestamp-key", "timestamp"});
  expect_readable({{"files/hello.txt", "hello"}, {"payloads/x.payload", std::string(300'000, 'b')}});
  run({"repo", "lint", repo()});
}

TEST_F(Interop, StockClientsReadHashBins) {
  run({"repo", "bins", repo(), "--signing", at("ed/targets.signing.json"), "--prefix", "bin", "--bits", "4", "--key", "index"});
  sign("ed/targets.signing.json", {"release-a", "release-b"});
  publish({"ed/root.signing.json", "ed/targets.signing.json"}, {"--role-key", "index"});
  std::vector<std::string> words{"repo", "put", repo(), "--role", "targets", "--role-key", "index", "--snapshot-key", "snapshot", "--timestamp-key", "timestamp"};
  std::map<std::string, std::string> targets;
  for (int i = 0; i < 12; ++i) {
    const std::string name = "files/f" + std::to_string(i);
    write("f" + std::to_string(i), name);
    words.push_back(name + "=" + at("f" + std::to_string(i)));
    targets[name] = name;
  }
  run(words);
  expect_readable(targets);
}

// Answers: KM-04
TEST_F(Interop, StockClientsFollowRootAndReleaseKeyRotation) {
  write("one", "one");
  run({"repo", "add", repo(), "--signing", at("ed/targets.signing.json"), "files/one.txt=" + at("one")});
  sign("ed/targets.signing.json", {"release-a", "release-b"});
  publish({"ed/root.signing.json", "ed/targets.signing.json"});
  expect_readable({{"files/one.txt", "one"}});
  // Root 2: another root person. Root 3: another release person, with a targets document of the new people.
  run({"repo", "rotate", repo(), "--signing", at("r2.json"), "--role", "root", "--key", "root-b", "--key", "root-c", "--key", "root-d", "--threshold", "2"});
  sign("r2.json", {"root-b", "root-c"});
  publish({"r2.json"});
  run({"repo", "rotate", repo(), "--signing", at("r3.json"), "--role", "targets", "--key", "release-b", "--key", "release-c", "--threshold", "2"});
  sign("r3.json", {"root-d", "root-c"});
  run({"repo", "rotate", repo(), "--signing", at("r3.json"), "--role", "root", "--key", "root-b", "--threshold", "1"}, 1);  // signed already
  write("two", "two");
  run({"repo", "add", repo(), "--signing", at("t2.json"), "files/two.txt=" + at("two"), "--root-edition", at("r3.json")});
  sign("t2.json", {"release-b", "release-c"});
  publish({"r3.json", "t2.json"});
  expect_readable({{"files/one.txt", "one"}, {"files/two.txt", "two"}});
}

}  // namespace
}  // namespace aseptic::test
