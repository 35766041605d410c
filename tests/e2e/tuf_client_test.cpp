// SPDX-License-Identifier: Apache-2.0
// The real aseptic-tuf against a repository and a server that may be hostile. Every refusal asserts three things: exit
// status 1, trusted metadata and targets byte for byte as before, and the reason on stderr. Time comes from faketime.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "platform/posix/tests/temporary_directory.h"
#include "tests/e2e/repository_server.h"
#include "tests/support/background_program.h"
#include "tests/support/run_program.h"

namespace aseptic::test {
namespace {

using platform::read_file;
using platform::TemporaryDirectory;
using platform::write_file;
using trust::test::HostileRepository;
using trust::test::signed_file;
using trust::test::TestKey;
using Files = std::map<std::string, std::string>;
using Names = std::vector<std::string>;

constexpr const char* kNow = "2026-11-23 06:00:00";  // an hour after HostileRepository's time

// The environment in which a program's clock starts at `now` (UTC). The library is loaded directly: the `faketime`
// wrapper makes a semaphore named after its process number and fails where a killed one left the same name behind.
std::vector<std::string> at_time(const std::string& now) { return {"TZ=UTC", "FAKETIME=@" + now, "LD_PRELOAD=" ASEPTIC_FAKETIME}; }

Files files_in(const std::string& directory) {
  Files files;
  if (!std::filesystem::exists(directory)) return files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) files[entry.path().filename()] = entry.is_directory() ? "(directory)" : read_file(entry.path());
  return files;
}

class TufClientTest : public ::testing::Test {
 protected:
  TufClientTest() {
    repository_.add_target("targets", "file.txt", "content");
    repository_.publish();
    write_file(root_ / "initial.json", repository_.roots.at(1));
    write_file(root_ / "untouched", "outside");
  }

  ProgramResult run(const std::vector<std::string>& arguments, const std::string& now = kNow) {
    std::vector<std::string> words{ASEPTIC_TUF, "--metadata-dir", metadata_dir()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    last_ = run_program(words, at_time(now));
    EXPECT_FALSE(last_.timed_out);
    EXPECT_EQ(last_.signal, 0);
    return last_;
  }
  int init() { return run({"init", root_ / "initial.json"}).exit_status; }
  int refresh(const std::string& now = kNow) {
    return run({"--metadata-url", server_.metadata_url(), "--stall-seconds", "2", "--min-rate", "1000", "refresh"}, now).exit_status;
  }
  int download(const Names& targets) {
    std::vector<std::string> words{"--metadata-url", server_.metadata_url(), "--target-dir", target_dir(), "--target-base-url",
                                   server_.targets_url(), "--stall-seconds", "2", "--min-rate", "1000"};
    for (const auto& target : targets) words.insert(words.end(), {"--target-name", target});
    words.emplace_back("download");
    return run(words).exit_status;
  }
  // Trust as it stands after one good refresh.
  void trust_and_refresh() {
    ASSERT_EQ(init(), 0) << last_.err;
    ASSERT_EQ(refresh(), 0) << last_.err;
    server_.forget_requests();
  }
  void remember() { before_ = {files_in(metadata_dir()), files_in(target_dir())}; }
  // What every refusal must look like.
  void expect_refused(int exit_status, std::string_view reason) {
    EXPECT_EQ(exit_status, 1);
    EXPECT_EQ(files_in(metadata_dir()), before_.first) << "trusted metadata changed";
    EXPECT_EQ(files_in(target_dir()), before_.second) << "targets changed";
    EXPECT_NE(last_.err.find(reason), std::string::npos) << last_.err;
    EXPECT_EQ(read_file(root_ / "untouched"), "outside");
    expect_no_duplicate_requests();
  }
  void expect_no_duplicate_requests() {
    Names names = server_.requests();
    std::ranges::sort(names);
    EXPECT_EQ(std::ranges::adjacent_find(names), names.end()) << "a file was asked for twice";
  }
  void expect_refresh_refused(std::string_view reason, const std::string& now = kNow) {
    remember();
    expect_refused(refresh(now), reason);
  }
  void expect_download_refused(const Names& targets, std::string_view reason) {
    remember();
    expect_refused(download(targets), reason);
  }

  [[nodiscard]] std::string metadata_dir() const { return root_ / "metadata"; }
  [[nodiscard]] std::string target_dir() const { return root_ / "targets"; }

  TemporaryDirectory root_;
  HostileRepository repository_;
  RepositoryServer server_{repository_};
  ProgramResult last_;
  std::pair<Files, Files> before_;
};

// --- the command itself -------------------------------------------------------------------------------------------

TEST_F(TufClientTest, InitTrustsARootWithoutAnyRequest) {
  EXPECT_EQ(init(), 0) << last_.err;
  EXPECT_EQ(files_in(metadata_dir()), (Files{{"root.json", repository_.roots.at(1)}}));
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(TufClientTest, FirstRefreshAsksForExactlyFourFiles) {
  ASSERT_EQ(init(), 0);
  ASSERT_EQ(refresh(), 0) << last_.err;
  EXPECT_EQ(server_.requests(), (Names{"2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json"}));
  EXPECT_EQ(files_in(metadata_dir()), (Files{{"root.json", repository_.roots.at(1)},
                                             {"timestamp.json", repository_.timestamp_file()},
                                             {"snapshot.json", repository_.snapshot_file()},
                                             {"targets.json", repository_.role_file("targets")}}))
      << "byte for byte as received, and nothing else";
}

TEST_F(TufClientTest, SecondRefreshAsksOnlyWhatMayHaveChanged) {
  trust_and_refresh();
  ASSERT_EQ(refresh(), 0) << last_.err;
  EXPECT_EQ(server_.requests(), (Names{"2.root.json", "timestamp.json"}));
}

TEST_F(TufClientTest, AsksForPlainNamesWithoutConsistentSnapshots) {
  repository_.root.consistent_snapshot = false;
  repository_.publish_root();
  trust_and_refresh();
  ASSERT_EQ(download({"file.txt"}), 0) << last_.err;
  EXPECT_EQ(server_.requests(), (Names{"3.root.json", "timestamp.json", "/targets/file.txt"}));
}

TEST_F(TufClientTest, FollowsTheRootChainAndKeepsTheLast) {
  ASSERT_EQ(init(), 0);
  for (int i = 0; i < 5; ++i) repository_.publish_root();
  ASSERT_EQ(refresh(), 0) << last_.err;
  EXPECT_EQ(files_in(metadata_dir()).at("root.json"), repository_.roots.at(6));
  EXPECT_EQ(server_.requests().at(5), "7.root.json");
}

TEST_F(TufClientTest, DownloadsInOrderWithOneClientAndStopsAtTheFirstFailure) {
  repository_.add_target("targets", "a/b.txt", "second");
  repository_.publish();
  ASSERT_EQ(init(), 0);
  EXPECT_EQ(download({"file.txt", "a/b.txt", "missing", "other"}), 1);
  EXPECT_EQ(files_in(target_dir()), (Files{{"file.txt", "content"}, {"a%2Fb.txt", "second"}}));
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 6U) << "one refresh, two targets";
  EXPECT_EQ(requests[4], "/targets/" + core::sha256("content").hex() + ".file.txt");
  EXPECT_EQ(requests[5], "/targets/a/" + core::sha256("second").hex() + ".b.txt");
  EXPECT_NE(last_.err.find("trust.not_found"), std::string::npos) << last_.err;
}

TEST_F(TufClientTest, DoesNotDownloadWhatIsThereAndRepairsWhatIsDamaged) {
  ASSERT_EQ(init(), 0);
  ASSERT_EQ(download({"file.txt"}), 0) << last_.err;
  server_.forget_requests();
  ASSERT_EQ(download({"file.txt"}), 0);
  EXPECT_EQ(server_.requests(), (Names{"2.root.json", "timestamp.json"}));
  write_file(target_dir() + "/file.txt", "contenT");
  ASSERT_EQ(download({"file.txt"}), 0);
  EXPECT_EQ(files_in(target_dir()), (Files{{"file.txt", "content"}}));
}

TEST_F(TufClientTest, FollowsADelegationAndCachesItsRole) {
  repository_.delegate({.delegator = "targets", .role = "drivers", .paths = {"drivers/*"}, .keys = {TestKey::ed25519(20)}});
  repository_.add_target("drivers", "drivers/x", "driver");
  repository_.publish({"targets", "drivers"});
  ASSERT_EQ(init(), 0);
  ASSERT_EQ(download({"drivers/x"}), 0) << last_.err;
  EXPECT_TRUE(files_in(metadata_dir()).contains("drivers.json"));
  EXPECT_EQ(files_in(target_dir()), (Files{{"drivers%2Fx", "driver"}}));
}

TEST_F(TufClientTest, EveryBadCommandLineIsExitOneAndOneSentence) {
  const std::vector<std::vector<std::string>> lines{{},
                                                    {"dance"},
                                                    {"--unknown", "x", "refresh"},
                                                    {"refresh"},
                                                    {"init"},
                                                    {"init", "/nonexistent/root.json"},
                                                    {"init", "/dev/null", "more"},
                                                    {"--metadata-url", "http://127.0.0.1:1/", "download"},
                                                    {"--metadata-url", "", "refresh"},
                                                    {"--metadata-url", "ftp://127.0.0.1/", "refresh"},
                                                    {"--metadata-url"},
                                                    {"--metadata-dir", "twice", "refresh"},
                                                    {"--stall-seconds", "0", "--metadata-url", "http://127.0.0.1:1/", "refresh"},
                                                    {"--stall-seconds", "1e9", "--metadata-url", "http://127.0.0.1:1/", "refresh"}};
  for (const auto& line : lines) {
    EXPECT_EQ(run(line).exit_status, 1) << last_.err;
    EXPECT_EQ(std::ranges::count(last_.err, '\n'), 1) << last_.err;
    EXPECT_TRUE(last_.err.starts_with("aseptic-tuf: ")) << last_.err;
  }
  EXPECT_FALSE(std::filesystem::exists(metadata_dir())) << "nothing was half-made";
  EXPECT_EQ(run({"--help"}).exit_status, 0);
}

TEST_F(TufClientTest, SaysSoWhenAnotherProcessUsesTheDirectory) {
  trust_and_refresh();
  server_.instead = [&](const std::string& name, Peer&) {
    if (name != "timestamp.json") return false;
    const auto second = run_program({ASEPTIC_TUF, "--metadata-dir", metadata_dir(), "--metadata-url", server_.metadata_url(), "refresh"}, at_time(kNow));
    EXPECT_EQ(second.exit_status, 1);
    EXPECT_NE(second.err.find("platform.busy"), std::string::npos) << second.err;
    return false;
  };
  EXPECT_EQ(refresh(), 0) << last_.err;
}

// Answers: DL-03
TEST_F(TufClientTest, AKillInTheMiddleOfADownloadLeavesNothingAndTheNextRunSucceeds) {
  const std::string content(200'000, 'x');
  repository_.add_target("targets", "large.bin", content);
  repository_.publish();
  trust_and_refresh();
  for (const std::size_t offset : {0U, 1U, 4096U, 65'536U, 199'999U}) {
    BackgroundProgram* running = nullptr;
    server_.instead = [&](const std::string& name, Peer& peer) {
      if (!name.ends_with(".large.bin")) return false;
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + content.substr(0, offset));
      peer.closed_within_ms(200);  // the client has time to store what it got
      running->kill();
      peer.close();
      return true;
    };
    BackgroundProgram client({ASEPTIC_TUF, "--metadata-dir", metadata_dir(), "--metadata-url", server_.metadata_url(), "--target-dir", target_dir(),
                              "--target-base-url", server_.targets_url(), "--target-name", "large.bin", "download"},
                             at_time(kNow));
    running = &client;
    client.wait_for_line("never printed");
    EXPECT_EQ(files_in(target_dir()), Files{}) << offset;
  }
  server_.instead = nullptr;
  ASSERT_EQ(download({"large.bin"}), 0) << last_.err;
  EXPECT_EQ(files_in(target_dir()).at("large.bin"), content);
}

TEST_F(TufClientTest, ARootChainLongerThanOneRunMayFollowGoesOnInTheNext) {
  ASSERT_EQ(init(), 0);
  for (int i = 0; i < 1030; ++i) repository_.publish_root();
  EXPECT_EQ(refresh(), 1);
  EXPECT_NE(last_.err.find("trust.endless"), std::string::npos) << last_.err;
  EXPECT_EQ(files_in(metadata_dir()), (Files{{"root.json", repository_.roots.at(1025)}})) << "1024 rotations in one run";
  EXPECT_EQ(refresh(), 0) << last_.err;
  EXPECT_EQ(files_in(metadata_dir()).at("root.json"), repository_.roots.at(1031));
}

// --- the trusted root ---------------------------------------------------------------------------------------------

// Answers: T-21
TEST_F(TufClientTest, ChecksTheTrustedRootBeforeAnyRequest) {
  ASSERT_EQ(init(), 0);
  std::string forged = repository_.roots.at(1);
  forged.replace(forged.find("2026"), 4, "2036");
  write_file(metadata_dir() + "/root.json", forged);
  expect_refresh_refused("fetch.root_damaged");
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(TufClientTest, InitRefusesARootThatDoesNotSignItself) {
  write_file(root_ / "initial.json", signed_file(repository_.root.encode(), {TestKey::ed25519(99)}));
  EXPECT_EQ(init(), 1);
  EXPECT_NE(last_.err.find("trust.threshold"), std::string::npos) << last_.err;
  EXPECT_FALSE(std::filesystem::exists(metadata_dir()));
}

TEST_F(TufClientTest, ADamagedRootIsAClearErrorAndNothingIsTouched) {
  trust_and_refresh();
  write_file(metadata_dir() + "/root.json", "{\"half\":");
  expect_refresh_refused("initialise the metadata directory again");
  EXPECT_TRUE(server_.requests().empty());
  std::filesystem::remove(metadata_dir() + "/root.json");
  expect_refresh_refused("fetch.no_trusted_root");
}

TEST_F(TufClientTest, DamagedCachedFilesHeal) {
  trust_and_refresh();
  const auto whole = files_in(metadata_dir());
  for (const char* name : {"timestamp.json", "snapshot.json", "targets.json"}) {
    for (const std::string& damage : {std::string(), std::string("{"), std::string(6'000'000, ' '), whole.at(name).substr(0, 40)}) {
      write_file(metadata_dir() + "/" + name, damage);
      ASSERT_EQ(refresh(), 0) << name << ": " << last_.err;
      EXPECT_EQ(files_in(metadata_dir()), whole) << name;
    }
  }
}

// Answers: T-21
TEST_F(TufClientTest, RefusesARootThatTheOldKeysDoNotSign) {
  trust_and_refresh();
  repository_.set_keys("root", {TestKey::ed25519(50)});
  repository_.publish_root();
  expect_refresh_refused("trust.threshold");
}

// Answers: T-21
TEST_F(TufClientTest, RefusesASkippedRootVersion) {
  trust_and_refresh();
  ++repository_.root.version;
  repository_.publish_root();
  repository_.roots[2] = repository_.roots.at(3);
  expect_refresh_refused("trust.root_chain");
}

// --- attacks on metadata ------------------------------------------------------------------------------------------

// Answers: VF-09, T-01
TEST_F(TufClientTest, RefusesTimestampSnapshotAndTargetsOfAnotherKey) {
  trust_and_refresh();
  for (const char* role : {"timestamp", "snapshot", "targets"}) {
    HostileRepository other = repository_;
    other.signers[role] = {TestKey::ed25519(77)};
    other.publish();
    server_.instead = [&](const std::string& name, Peer& peer) {
      if (name == "timestamp.json") peer.reply(200, other.timestamp_file());
      else if (name.ends_with(".snapshot.json")) peer.reply(200, other.snapshot_file());
      else if (name.ends_with(".targets.json")) peer.reply(200, other.role_file("targets"));
      else return false;
      return true;
    };
    remember();
    EXPECT_EQ(refresh(), 1) << role;
    EXPECT_NE(last_.err.find("trust.threshold"), std::string::npos) << last_.err;
    const auto after = files_in(metadata_dir());
    const std::string refused_file = std::string(role) + ".json";
    EXPECT_EQ(after.at(refused_file), before_.first.at(refused_file)) << "metadata that failed was stored";
    server_.instead = nullptr;
    // The client is not stuck: the honest repository goes on.
    repository_.publish();
    repository_.publish();
    EXPECT_EQ(refresh(), 0) << last_.err;
  }
}

// Answers: VF-09, T-05
TEST_F(TufClientTest, RefusesAnOlderTimestamp) {
  trust_and_refresh();
  repository_.timestamp.version -= 1;
  expect_refresh_refused("trust.rollback");
}

// Answers: T-05
TEST_F(TufClientTest, RefusesASnapshotThatForgetsOrLowersARole) {
  repository_.publish();
  trust_and_refresh();
  repository_.targets().version -= 1;
  repository_.publish_snapshot();
  remember();
  EXPECT_EQ(refresh(), 1);
  EXPECT_NE(last_.err.find("trust.rollback"), std::string::npos) << last_.err;
  EXPECT_EQ(files_in(metadata_dir()).at("snapshot.json"), before_.first.at("snapshot.json"));
}

// Answers: T-08
TEST_F(TufClientTest, CallsAnExpiredTimestampAFreeze) {
  trust_and_refresh();
  EXPECT_EQ(refresh("2026-12-23 04:59:59"), 0) << "the last second: " << last_.err;
  server_.forget_requests();
  expect_refresh_refused("trust.freeze", "2026-12-23 05:00:01");
}

// Answers: T-10
TEST_F(TufClientTest, RecoversFromAFastForwardByNewKeysEvenAfterAFailedRun) {
  repository_.snapshot.version = 2'000'000'000;
  repository_.timestamp.version = 2'000'000'000;
  repository_.publish();
  trust_and_refresh();
  repository_.set_keys("snapshot", {TestKey::ed25519(60)});
  repository_.snapshot.version = 2;
  repository_.publish_root();
  repository_.publish();
  // The first run with the new root is cut off before it gets a timestamp.
  server_.instead = [](const std::string& name, Peer& peer) {
    if (name != "timestamp.json") return false;
    peer.close();
    return true;
  };
  EXPECT_EQ(refresh(), 1);
  server_.instead = nullptr;
  EXPECT_EQ(refresh(), 0) << last_.err;
}

// Answers: T-11
TEST_F(TufClientTest, RefusesATargetsFileOfAnotherVersionThanTheSnapshotLists) {
  trust_and_refresh();
  const std::string old = repository_.role_file("targets");
  repository_.publish();
  server_.instead = [&](const std::string& name, Peer& peer) {
    if (name != "3.targets.json") return false;
    peer.reply(200, old);
    return true;
  };
  remember();
  EXPECT_EQ(refresh(), 1);
  EXPECT_NE(last_.err.find("trust.mix_and_match"), std::string::npos) << last_.err;
  EXPECT_EQ(files_in(metadata_dir()).at("targets.json"), old);
}

// Answers: T-03
TEST_F(TufClientTest, RefusesARootThatDemandsNoSignature) {
  repository_.root.roles.find("timestamp")->second.threshold = 0;
  const std::string root = signed_file(repository_.root.encode(), repository_.signers.at("root"));
  write_file(root_ / "initial.json", root);
  EXPECT_EQ(init(), 1);
  EXPECT_NE(last_.err.find("trust.bad_threshold"), std::string::npos) << last_.err;
}

// Answers: T-04
TEST_F(TufClientTest, CountsAKeyOnce) {
  repository_.set_keys("timestamp", {TestKey::ed25519(30), TestKey::ed25519(31)}, 2);
  repository_.publish_root();
  repository_.signers["timestamp"] = {TestKey::ed25519(30), TestKey::ed25519(30)};
  ASSERT_EQ(init(), 0);
  EXPECT_EQ(refresh(), 1);
  EXPECT_NE(last_.err.find("trust.duplicate_signature"), std::string::npos) << last_.err;
  EXPECT_FALSE(files_in(metadata_dir()).contains("timestamp.json"));
}

// --- attacks by the server ----------------------------------------------------------------------------------------

// Answers: DL-01, T-15
TEST_F(TufClientTest, EndsEndlessData) {
  trust_and_refresh();
  repository_.publish();
  for (const char* file : {"2.root.json", "timestamp.json"}) {
    server_.instead = [&](const std::string& name, Peer& peer) {
      if (name != file) return false;
      peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
      const std::string block(65536, ' ');
      while (peer.send(block)) {
      }
      return true;
    };
    server_.forget_requests();
    expect_refresh_refused("platform.net_too_large");
  }
  server_.instead = [&](const std::string& name, Peer& peer) {
    if (!name.ends_with("file.txt")) return false;
    peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    const std::string block(65536, ' ');
    while (peer.send(block)) {
    }
    return true;
  };
  ASSERT_EQ(refresh(), 0) << last_.err;
  server_.forget_requests();
  expect_download_refused({"file.txt"}, "platform.net_too_large");
}

// Answers: DL-02, T-16
TEST_F(TufClientTest, EndsSlowRetrieval) {
  trust_and_refresh();
  const std::vector<std::function<void(Peer&)>> manners{
      [](Peer& peer) { peer.closed_within_ms(20'000); },
      [](Peer& peer) {
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n");
        while (peer.send("x") && !peer.closed_within_ms(100)) {
        }
      },
      [](Peer& peer) {
        peer.send("HTTP/1.1 200 OK\r\nX: ");
        while (peer.send("x") && !peer.closed_within_ms(100)) {
        }
      }};
  for (const auto& slow : manners) {
    server_.forget_requests();
    server_.instead = [&](const std::string& name, Peer& peer) {
      if (name != "timestamp.json") return false;
      slow(peer);
      return true;
    };
    expect_refresh_refused("platform.net_stalled");
  }
}

// Answers: VF-09, T-17
TEST_F(TufClientTest, CallsEmptyRepliesAndDroppedConnectionsFailuresAndAsksOnce) {
  trust_and_refresh();
  for (const char* file : {"2.root.json", "timestamp.json"}) {
    for (const char* part : {"", "HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{\"signed\""}) {
      server_.forget_requests();
      server_.instead = [&](const std::string& name, Peer& peer) {
        if (name != file) return false;
        peer.send(part);
        peer.close();
        return true;
      };
      expect_refresh_refused("platform.net_protocol");
    }
  }
}

// Answers: DL-05, T-27
TEST_F(TufClientTest, FollowsNoRedirect) {
  trust_and_refresh();
  HostileRepository elsewhere;
  RepositoryServer attacker(elsewhere);
  for (const char* file : {"2.root.json", "timestamp.json"}) {
    server_.forget_requests();
    server_.instead = [&](const std::string& name, Peer& peer) {
      if (name != file) return false;
      peer.reply(302, "", "Location: " + attacker.metadata_url() + "timestamp.json\r\n");
      return true;
    };
    expect_refresh_refused("platform.net_status");
  }
  EXPECT_TRUE(attacker.requests().empty());
}

TEST_F(TufClientTest, OnlyNotFoundEndsTheRootChain) {
  trust_and_refresh();
  for (const int status : {401, 403, 410, 500, 503}) {
    server_.forget_requests();
    server_.instead = [&](const std::string& name, Peer& peer) {
      if (name != "2.root.json") return false;
      peer.reply(status, "no");
      return true;
    };
    expect_refresh_refused("platform.net_status");
  }
}

TEST_F(TufClientTest, CallsAMissingTimestampAFailure) {
  trust_and_refresh();
  server_.instead = [](const std::string& name, Peer& peer) {
    if (name != "timestamp.json") return false;
    peer.reply(404, "gone");
    return true;
  };
  expect_refresh_refused("platform.net_status");
}

TEST_F(TufClientTest, RefusesHostileJsonWithoutACrash) {
  trust_and_refresh();
  const std::string deep(15'000, '[');
  for (const std::string& text : {std::string(), std::string("null"), std::string("[]"), std::string("{}"), deep, std::string("{\"signed\":{},\"signatures\":null}"),
                                  std::string("{\"signed\":{\"_type\":\"timestamp\"},\"signatures\":[{}]}"), std::string("\xff\xfe"),
                                  std::string("{\"signatures\":[],\"signed\":{\"version\":1e400}}")}) {
    server_.forget_requests();
    server_.instead = [&](const std::string& name, Peer& peer) {
      if (name != "timestamp.json") return false;
      peer.reply(200, text);
      return true;
    };
    expect_refresh_refused("update timestamp");
  }
}

// --- targets and names --------------------------------------------------------------------------------------------

// Answers: VF-09, ID-03, T-13
TEST_F(TufClientTest, RefusesAnotherContentThanListed) {
  repository_.add_target("targets", "other.txt", "conteNt");
  repository_.publish();
  trust_and_refresh();
  for (const std::string& wrong : {std::string("conteNt"), std::string("conten"), std::string(), std::string("content2")}) {
    server_.forget_requests();
    server_.instead = [&](const std::string& name, Peer& peer) {
      if (!name.ends_with(".file.txt")) return false;
      peer.reply(200, wrong);
      return true;
    };
    expect_download_refused({"file.txt"}, wrong.size() > 7 ? "platform.net_too_large" : wrong.size() == 7 ? "trust.hash" : "trust.length");
  }
}

TEST_F(TufClientTest, AFailedDownloadKeepsTheOlderVerifiedTarget) {
  ASSERT_EQ(init(), 0);
  ASSERT_EQ(download({"file.txt"}), 0);
  repository_.add_target("targets", "file.txt", "version two");
  repository_.publish();
  ASSERT_EQ(refresh(), 0);
  server_.forget_requests();
  server_.instead = [](const std::string& name, Peer& peer) {
    if (!name.ends_with(".file.txt")) return false;
    peer.reply(200, "version tvo");
    return true;
  };
  expect_download_refused({"file.txt"}, "trust.hash");
  server_.instead = nullptr;
  EXPECT_EQ(download({"file.txt"}), 0);
  EXPECT_EQ(files_in(target_dir()), (Files{{"file.txt", "version two"}}));
}

// Answers: T-13, T-41
TEST_F(TufClientTest, RefusesTargetNamesThatLeaveTheirDirectory) {
  const Names names{"../untouched", "a/../../untouched", "/etc/passwd", "..", "a/./b", "a\\..\\b", "line\nbreak"};
  for (const auto& name : names) repository_.add_target("targets", name, "evil");
  repository_.publish();
  trust_and_refresh();
  for (const auto& name : names) {
    server_.forget_requests();
    expect_download_refused({name}, "fetch.target_name");
  }
}

TEST_F(TufClientTest, EncodesUnusualTargetNamesIntoOneFile) {
  const Names names{"a b", "%2e%2e%2funtouched", "what?", "#", "\xc3\xa4.txt", "a//b", ".hidden", ".tmp~x"};
  for (const auto& name : names) repository_.add_target("targets", name, name);
  repository_.publish();
  ASSERT_EQ(init(), 0);
  for (const auto& name : names) {
    const bool kept_for_us = name == ".tmp~x";
    EXPECT_EQ(download({name}), kept_for_us ? 1 : 0) << name << last_.err;
  }
  Files expected{{"a%20b", "a b"}, {"%252e%252e%252funtouched", "%2e%2e%2funtouched"}, {"what%3F", "what?"}, {"%23", "#"},
                 {"%C3%A4.txt", "\xc3\xa4.txt"}, {"a%2F%2Fb", "a//b"}, {".hidden", ".hidden"}};
  EXPECT_EQ(files_in(target_dir()), expected);
}

// Answers: T-13, T-41
TEST_F(TufClientTest, RoleNamesNeverBecomePaths) {
  for (const auto& [role, encoded] : std::vector<std::pair<std::string, std::string>>{
           {"?", "%3F"}, {"#", "%23"}, {"/delegatedrole", "%2Fdelegatedrole"}, {"../delegatedrole", "..%2Fdelegatedrole"}, {"..", ".."}, {"a.b c", "a.b%20c"}}) {
    const TemporaryDirectory own;
    HostileRepository repository;
    repository.delegate({.delegator = "targets", .role = role, .keys = {TestKey::ed25519(20)}});
    repository.publish({"targets", role});
    RepositoryServer server(repository);
    write_file(own / "initial.json", repository.roots.at(1));
    const std::vector<std::string> common{ASEPTIC_TUF, "--metadata-dir", own / "metadata"};
    auto words = common;
    words.insert(words.end(), {"init", own / "initial.json"});
    ASSERT_EQ(run_program(words, at_time(kNow)).exit_status, 0);
    words = common;
    words.insert(words.end(), {"--metadata-url", server.metadata_url(), "--target-base-url", server.targets_url(), "--target-dir", own / "targets",
                               "--target-name", "missing", "download"});
    const auto result = run_program(words, at_time(kNow));
    EXPECT_EQ(result.exit_status, 1);
    EXPECT_NE(result.err.find("trust.not_found"), std::string::npos) << result.err;
    EXPECT_EQ(server.requests().back(), "2." + encoded + ".json");
    const auto files = files_in(own / "metadata");
    EXPECT_EQ(files.size(), 5U);
    EXPECT_TRUE(files.contains(encoded + ".json"));
    EXPECT_EQ(files_in(own.path()).size(), 3U) << "initial.json, metadata, targets";
  }
}

TEST_F(TufClientTest, ADelegatedRoleCannotTakeTheFileOfATopLevelRole) {
  trust_and_refresh();
  const auto targets = repository_.roles.find("targets")->second;
  for (const char* role : {"root", "timestamp", "snapshot"}) {
    HostileRepository::Delegation delegation{.delegator = "targets", .role = role, .keys = {TestKey::ed25519(20)}};
    repository_.roles.find("targets")->second.delegations.reset();
    repository_.delegate(delegation);
    repository_.signers[role] = repository_.signers.at(role);
    repository_.roles.erase(role);
    repository_.snapshot.meta.erase(role);
    ++repository_.targets().version;
    repository_.publish_snapshot();
    remember();
    EXPECT_EQ(download({"missing"}), 1);
    const auto after = files_in(metadata_dir());
    EXPECT_EQ(after.at("root.json"), before_.first.at("root.json"));
    EXPECT_EQ(after.size(), 4U);
  }
}

// Answers: DL-08
TEST_F(TufClientTest, AFullDiskFailsTheDownloadAndLeavesNothing) {
  std::filesystem::create_directory(target_dir());
  if (::mount("tmpfs", target_dir().c_str(), "tmpfs", 0, "size=64k") != 0) GTEST_SKIP() << "no right to mount a small file system";  // NOLINT(skip: only root can fill a disk of its own)
  repository_.add_target("targets", "large.bin", std::string(200'000, 'x'));
  repository_.publish();
  EXPECT_EQ(init(), 0);
  const int status = download({"large.bin"});
  const auto left = files_in(target_dir());
  ::umount(target_dir().c_str());
  EXPECT_EQ(status, 1);
  EXPECT_NE(last_.err.find("platform.storage_full"), std::string::npos) << last_.err;
  EXPECT_TRUE(left.empty());
}

}  // namespace
}  // namespace aseptic::test
