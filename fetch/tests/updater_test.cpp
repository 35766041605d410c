// SPDX-License-Identifier: Apache-2.0
// Mirrors, resumption and the order of writes, without a network. The workflow itself is tested in trust, and through
// the real binary in tests/e2e.
#include "aseptic/fetch/updater.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>

#include "aseptic/fetch/codes.h"
#include "aseptic/fetch/percent_encode.h"
#include "aseptic/platform/codes.h"
#include "trust/tests/expect.h"
#include "trust/tests/hostile_repository.h"

namespace aseptic::fetch {
namespace {

using core::Error;
using core::Result;
using platform::PlatformCode;
using trust::TrustCode;
using trust::test::accepted;
using trust::test::HostileRepository;
using trust::test::refused;
using trust::test::test_time;
using trust::test::TestKey;
using Names = std::vector<std::string>;

std::uint64_t version_of(const std::string& name) {
  std::uint64_t version = 0;
  std::from_chars(name.data(), name.data() + name.size(), version);
  return version;
}

// Files in a map; every change is listed, and the n-th can fail.
class MemoryStorage : public platform::Storage {
 public:
  std::map<std::string, std::string, std::less<>> files;
  Names changes;
  std::size_t fail_at_change = SIZE_MAX;

  Result<core::Bytes> read(std::string_view name, std::uint64_t bytes_max) override {
    const auto at = files.find(name);
    if (at == files.end()) return Error(PlatformCode::kNotFound, "absent");
    if (at->second.size() > bytes_max) return Error(PlatformCode::kStorageIo, "too large");
    const auto bytes = core::as_bytes(at->second);
    return core::Bytes(bytes.begin(), bytes.end());
  }
  Result<void> replace(std::string_view name, core::ByteView content) override {
    EXPECT_TRUE(platform::storage_name_is_valid(name));
    if (changes.size() == fail_at_change) return Error(PlatformCode::kStorageFull, "full");
    changes.emplace_back(name);
    files[std::string(name)] = core::as_text(content);
    return {};
  }
  Result<void> append(std::string_view, core::ByteView) override { return Error(PlatformCode::kStorageIo, "not used"); }
  Result<void> remove(std::string_view name) override {
    changes.push_back("-" + std::string(name));
    files.erase(std::string(name));
    return {};
  }
  Result<void> make_directory(std::string_view) override { return {}; }
  Result<std::vector<std::string>> list(std::string_view) override { return std::vector<std::string>(); }
  Result<std::uint64_t> free_bytes() override { return 1 << 30; }
};

// Repositories by base address; a mirror may cut a target off after some bytes, or answer anything else.
class FakeHttp : public platform::HttpClient {
 public:
  struct Mirror {
    const HostileRepository* repository = nullptr;
    std::size_t target_bytes_max = SIZE_MAX;  // then the connection drops
    bool is_down = false;
  };
  std::map<std::string, Mirror> mirrors;
  Names requests;

  Result<platform::HttpReply> get(const platform::HttpGet& request, const platform::BodySink& sink) override {
    requests.push_back(request.url + (request.range_first ? " from " + std::to_string(*request.range_first) : ""));
    for (const auto& [base, mirror] : mirrors)
      if (request.url.starts_with(base)) return answer(mirror, request.url.substr(base.size()), request, sink);
    return Error(PlatformCode::kNetConnect, "no such host");
  }
  Result<platform::HttpReply> post(const platform::HttpPost&, const platform::BodySink&) override {
    return Error(PlatformCode::kNetProtocol, "not used");
  }

 private:
  static Result<platform::HttpReply> answer(const Mirror& mirror, const std::string& name, const platform::HttpGet& request,
                                            const platform::BodySink& sink) {
    if (mirror.is_down) return Error(PlatformCode::kNetConnect, "down");
    const HostileRepository& from = *mirror.repository;
    std::string body;
    std::size_t end = SIZE_MAX;
    if (name == "timestamp.json") body = from.timestamp_file();
    else if (name == std::to_string(from.snapshot.version) + ".snapshot.json") body = from.snapshot_file();
    else if (name.ends_with(".root.json") && from.roots.contains(version_of(name))) body = from.roots.at(version_of(name));
    else if (name.ends_with(".targets.json")) body = from.role_file("targets");
    else if (!name.ends_with(".json") && from.contents.contains(name.substr(65))) {
      body = from.contents.at(name.substr(65));
      end = mirror.target_bytes_max;
    } else {
      return platform::HttpReply{.status = 404};
    }
    if (request.range_first) body.erase(0, *request.range_first);
    if (body.size() > request.bytes_max) return Error(PlatformCode::kNetTooLarge, "too large");
    for (std::size_t at = 0; at < body.size(); at += 4) {
      if (at >= end) return Error(PlatformCode::kNetProtocol, "dropped");
      ASEPTIC_TRY_VOID(sink(core::as_bytes(std::string_view(body).substr(at, 4))));
    }
    return platform::HttpReply{.status = request.range_first ? 206 : 200, .body_bytes = body.size()};
  }
};

class UpdaterTest : public ::testing::Test {
 protected:
  UpdaterTest() {
    repository_.add_target("targets", "file", "0123456789abcdef");
    repository_.publish();
    http_.mirrors["http://a/"] = {&repository_};
    http_.mirrors["http://b/"] = {&repository_};
    storage_.files["metadata/root.json"] = repository_.roots.at(1);
  }
  std::unique_ptr<Updater> open(std::vector<std::string> urls = {"http://a"}, std::size_t media = 0) {
    const auto keep = [&](const Error& error) { notes_.emplace_back(error.name()); };
    auto updater = Updater::open(store_, http_, {.metadata_urls = urls, .target_urls = urls, .media = media, .factory_root = factory_root_, .note = keep,
                                                 .mirror_failed = keep});
    EXPECT_TRUE(accepted(updater));
    return *std::move(updater);
  }
  Result<std::string> fetch(Updater& updater, std::string_view name) {
    ASEPTIC_TRY(const auto target, updater.find_target(name));
    ASEPTIC_TRY(const auto bytes, updater.read_target(target, 1000));
    return std::string(core::as_text(bytes));
  }

  HostileRepository repository_;
  MemoryStorage storage_;
  MetadataStore store_{storage_, "metadata"};
  FakeHttp http_;
  std::optional<core::Bytes> factory_root_;
  Names notes_;
};

TEST_F(UpdaterTest, StoresEachFileAfterItWasAcceptedAndInOrder) {
  repository_.publish_root();
  auto updater = open();
  ASSERT_TRUE(accepted(updater->refresh(test_time())));
  EXPECT_EQ(storage_.changes, (Names{"metadata/root.json", "metadata/timestamp.json", "metadata/snapshot.json", "metadata/targets.json"}));
  EXPECT_EQ(*fetch(*updater, "file"), "0123456789abcdef");
}

TEST_F(UpdaterTest, LooksUpNothingBeforeARefreshAndAfterAFailedOne) {
  auto updater = open();
  EXPECT_TRUE(refused(updater->find_target("file"), TrustCode::kOrder));
  ASSERT_TRUE(accepted(updater->refresh(test_time())));
  EXPECT_TRUE(accepted(updater->find_target("file")));
  EXPECT_TRUE(refused(updater->refresh(test_time("2036-01-01T00:00:00Z")), TrustCode::kFreeze));
  EXPECT_TRUE(refused(updater->find_target("file"), TrustCode::kOrder));
}

TEST_F(UpdaterTest, RefreshesAgainWithoutBeingOpenedAgain) {
  auto updater = open();
  ASSERT_TRUE(accepted(updater->refresh(test_time())));
  repository_.add_target("targets", "file", "new");
  repository_.publish_root();
  repository_.publish();
  ASSERT_TRUE(accepted(updater->refresh(test_time())));
  EXPECT_EQ(updater->trusted().root().version, 2U);
  EXPECT_EQ(*fetch(*updater, "file"), "new");
}

// Answers: T-18
TEST_F(UpdaterTest, GoesOnAtTheNextMirrorAndNamesTheBadOne) {
  HostileRepository evil = repository_;
  evil.signers["timestamp"] = {TestKey::ed25519(66)};
  evil.publish();
  http_.mirrors["http://a/"] = {&evil};
  auto updater = open({"http://a/", "http://b/"});
  ASSERT_TRUE(accepted(updater->refresh(test_time())));
  EXPECT_EQ(notes_, Names{"trust.threshold"});
  EXPECT_EQ(*fetch(*updater, "file"), "0123456789abcdef");
}

// Answers: T-18
TEST_F(UpdaterTest, FailsWhenEveryMirrorFailsAndChangesNothing) {
  HostileRepository evil = repository_;
  evil.signers["timestamp"] = {TestKey::ed25519(66)};
  evil.publish();
  http_.mirrors["http://a/"] = {.repository = &evil};
  http_.mirrors["http://b/"] = {.repository = &evil};
  auto updater = open({"http://a/", "http://b/"});
  EXPECT_TRUE(refused(updater->refresh(test_time()), TrustCode::kThreshold));
  EXPECT_TRUE(storage_.changes.empty());
}

TEST_F(UpdaterTest, StaysWithTheMirrorThatServed) {
  http_.mirrors["http://a/"].is_down = true;
  auto updater = open({"http://a/", "http://b/"});
  ASSERT_TRUE(accepted(updater->refresh(test_time())));
  EXPECT_EQ(http_.requests, (Names{"http://a/2.root.json", "http://b/2.root.json", "http://b/timestamp.json", "http://b/2.snapshot.json", "http://b/2.targets.json"}));
}

// Answers: DL-06, T-17
TEST_F(UpdaterTest, AsksAMediumAfterEveryServerAgainAtEachRefresh) {
  http_.mirrors["http://a/"].is_down = true;
  auto updater = open({"http://a/", "http://b/"}, 1);
  ASSERT_TRUE(accepted(updater->refresh(test_time())));
  http_.mirrors["http://a/"].is_down = false;
  HostileRepository newer = repository_;
  newer.add_target("targets", "file", "new");
  newer.publish();
  http_.mirrors["http://a/"] = {&newer};
  ASSERT_TRUE(accepted(updater->refresh(test_time())));
  EXPECT_EQ(updater->trusted().timestamp()->version, 3U) << "the medium that served last is not asked first";
  EXPECT_EQ(notes_.size(), 1U) << "within one refresh the server that is down was asked once";
}

// Answers: DL-03
TEST_F(UpdaterTest, GoesOnBehindTheLastByteAtAnotherMirror) {
  auto updater = open({"http://a/", "http://b/"});
  ASSERT_TRUE(accepted(updater->refresh(test_time())));
  http_.mirrors["http://a/"].target_bytes_max = 8;
  http_.requests.clear();
  EXPECT_EQ(*fetch(*updater, "file"), "0123456789abcdef");
  ASSERT_EQ(http_.requests.size(), 2U);
  EXPECT_TRUE(http_.requests[1].ends_with(".file from 8")) << http_.requests[1];
}

// Answers: DL-03
TEST_F(UpdaterTest, NeverTrustsAPartBecauseTheRestWasRight) {
  HostileRepository evil = repository_;
  evil.contents["file"] = "XXXXXXXX89abcdef";
  auto updater = open({"http://a/", "http://b/"});
  ASSERT_TRUE(accepted(updater->refresh(test_time())));
  http_.mirrors["http://a/"] = {.repository = &evil, .target_bytes_max = 8};
  EXPECT_EQ(*fetch(*updater, "file"), "0123456789abcdef") << "from the good mirror alone";
  EXPECT_NE(std::ranges::find(notes_, "trust.hash"), notes_.end());
  http_.mirrors["http://b/"] = {.repository = &evil};
  EXPECT_TRUE(refused(fetch(*updater, "file"), TrustCode::kHash));
}

// Answers: DL-06, T-18
TEST_F(UpdaterTest, TakesATargetFromTheGoodMirrorAndNamesTheOneThatServedOtherBytes) {
  HostileRepository evil = repository_;
  evil.contents["file"] = "0123456789abcdeX";
  auto updater = open({"http://a/", "http://b/"});
  ASSERT_TRUE(accepted(updater->refresh(test_time())));
  http_.mirrors["http://a/"] = {.repository = &evil};
  EXPECT_EQ(*fetch(*updater, "file"), "0123456789abcdef");
  EXPECT_EQ(notes_.front(), "trust.hash");
}

// Answers: DL-06, T-18
TEST_F(UpdaterTest, BeginsAtAnotherMirrorAfterThePieceOfOneWasRefused) {
  auto updater = open({"http://a/", "http://b/"});
  ASSERT_TRUE(accepted(updater->refresh(test_time())));
  const auto target = *updater->find_target("file");
  http_.requests.clear();
  const auto refuse = [](core::ByteView) -> Result<void> { return Error(TrustCode::kHash, "not these"); };
  EXPECT_TRUE(refused(updater->fetch_target_from(target, 0, refuse), TrustCode::kHash));
  ASSERT_EQ(http_.requests.size(), 1U) << "whoever refuses decides, not the next mirror";
  EXPECT_TRUE(accepted(updater->fetch_target_from(target, 0, [](core::ByteView) { return Result<void>(); })));
  ASSERT_EQ(http_.requests.size(), 2U);
  EXPECT_TRUE(http_.requests[0].starts_with("http://a/") && http_.requests[1].starts_with("http://b/")) << http_.requests[1];
}

TEST_F(UpdaterTest, StreamsFromAnyByteForContentThatIsVerifiedPieceByPiece) {
  auto updater = open();
  ASSERT_TRUE(accepted(updater->refresh(test_time())));
  const auto target = *updater->find_target("file");
  std::string rest;
  ASSERT_TRUE(accepted(updater->fetch_target_from(target, 10, [&](core::ByteView bytes) -> Result<void> {
    rest += core::as_text(bytes);
    return {};
  })));
  EXPECT_EQ(rest, "abcdef");
  EXPECT_TRUE(refused(updater->fetch_target_from(target, 17, [](core::ByteView) { return Result<void>(); }), TrustCode::kLength));
}

// Answers: DL-01
TEST_F(UpdaterTest, AsksForNothingThatIsLargerThanTheCallerAllows) {
  auto updater = open();
  ASSERT_TRUE(accepted(updater->refresh(test_time())));
  const auto target = *updater->find_target("file");
  http_.requests.clear();
  EXPECT_TRUE(updater->read_target(target, 15).error().is(PlatformCode::kNetTooLarge));
  EXPECT_TRUE(http_.requests.empty());
  EXPECT_TRUE(accepted(updater->read_target(target, 16)));
}

TEST_F(UpdaterTest, GoesOnWhereAFullDiskStoppedIt) {
  repository_.publish_root();
  for (std::size_t fails = 0; fails < 4; ++fails) {
    storage_.files = {{"metadata/root.json", repository_.roots.at(1)}};
    storage_.changes.clear();
    storage_.fail_at_change = fails;
    const auto failed = open()->refresh(test_time());
    ASSERT_FALSE(failed);
    EXPECT_TRUE(failed.error().is(PlatformCode::kStorageFull));
    storage_.fail_at_change = SIZE_MAX;
    EXPECT_TRUE(accepted(open()->refresh(test_time()))) << fails;
  }
}

TEST_F(UpdaterTest, FallsBackToTheFactoryRootAndPrefersTheNewer) {
  const std::string first = repository_.roots.at(1);
  repository_.publish_root();
  factory_root_ = core::Bytes(first.begin(), first.end());
  storage_.files["metadata/root.json"] = "damaged";
  EXPECT_EQ(open()->trusted().root().version, 1U);
  EXPECT_EQ(notes_, Names{"fetch.root_damaged"});
  storage_.files["metadata/root.json"] = repository_.roots.at(2);
  EXPECT_EQ(open()->trusted().root().version, 2U);
  factory_root_ = core::Bytes(repository_.roots.at(2).begin(), repository_.roots.at(2).end());
  storage_.files["metadata/root.json"] = first;
  EXPECT_EQ(open()->trusted().root().version, 2U);
}

TEST_F(UpdaterTest, OpensNothingWithoutARootOrAnAddress) {
  EXPECT_TRUE(Updater::open(store_, http_, {.metadata_urls = {}}).error().is(FetchCode::kConfiguration));
  storage_.files.clear();
  EXPECT_TRUE(Updater::open(store_, http_, {.metadata_urls = {"http://a"}}).error().is(FetchCode::kNoTrustedRoot));
  EXPECT_TRUE(http_.requests.empty());
}

TEST(PercentEncode, IsInjectiveAndKeepsOnlyUnreservedCharacters) {
  EXPECT_EQ(percent_encode("../a b/%2F?#\xc3\xa4~_-"), "..%2Fa%20b%2F%252F%3F%23%C3%A4~_-");
  EXPECT_EQ(percent_encode_path("a/b c?%"), "a/b%20c%3F%25");
  std::map<std::string, int> seen;
  for (int c = 0; c < 256; ++c) EXPECT_EQ(seen[percent_encode(std::string(1, static_cast<char>(c)))]++, 0) << c;
}

TEST(FetchCodes, AreUniqueAndNamed) {
  std::uint16_t number = 500;
  for (const auto& info : fetch_error_table()) {
    EXPECT_EQ(info.number, ++number);
    EXPECT_TRUE(info.name.starts_with("fetch.")) << info.name;
  }
}

}  // namespace
}  // namespace aseptic::fetch
