// SPDX-License-Identifier: Apache-2.0
// The client against a server without manners, over plain TCP. TLS: tls_test.cpp.
#include "aseptic/platform/posix/http_client.h"

#include <gtest/gtest.h>

#include "aseptic/platform/codes.h"
#include "aseptic/platform/posix/posix_clock.h"
#include "tests/support/test_server.h"

namespace aseptic::platform {
namespace {

using test::Peer;
using test::Request;
using test::TestServer;

constexpr std::uint64_t kCap = 100'000;

class HttpClientTest : public ::testing::Test {
 protected:
  core::Result<HttpReply> get(HttpGet request) {
    body_.clear();
    return client_->get(request, [&](core::ByteView bytes) -> core::Result<void> {
      body_.append(core::as_text(bytes));
      return {};
    });
  }
  core::Result<HttpReply> get(const std::string& url) { return get(HttpGet{.url = url, .bytes_max = kCap}); }

  PosixClock clock_;
  std::unique_ptr<BeastHttpClient> client_ =
      *BeastHttpClient::create({.plain = PlainHttp::kAllow, .identity = {}, .rate_window = std::chrono::seconds(1)}, clock_);
  std::string body_;
};

TEST_F(HttpClientTest, DeliversBodyAndStatus) {
  TestServer server([](const Request& request, Peer& peer) { peer.reply(200, "you asked for " + request.target); });
  const auto reply = get(server.url("/a%2Fb?c=d"));
  ASSERT_TRUE(reply) << reply.error().sentence();
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(body_, "you asked for /a%2Fb?c=d");
  EXPECT_EQ(reply->body_bytes, body_.size());
}

TEST_F(HttpClientTest, KeepsOneConnectionAndAsksForEachFileOnce) {
  TestServer server([](const Request& request, Peer& peer) {
    if (request.target == "/2") peer.reply(404, "there is no such file");
    else peer.reply(200, request.target);
  });
  for (const char* path : {"/1", "/2", "/3"}) ASSERT_TRUE(get(server.url(path)));
  EXPECT_EQ(server.connections(), 1U);
  EXPECT_EQ(server.requests(), (std::vector<std::string>{"GET /1", "GET /2", "GET /3"}));
}

TEST_F(HttpClientTest, MakesANewConnectionBeforeItAsksWhenTheServerClosedTheOld) {
  TestServer server([](const Request& request, Peer& peer) {
    peer.reply(200, request.target);
    peer.close();
  });
  ASSERT_TRUE(get(server.url("/1")));
  server.wait_for_closed_connections(1);
  ASSERT_TRUE(get(server.url("/2"))) << "the close was seen before a byte was sent";
  EXPECT_EQ(server.requests(), (std::vector<std::string>{"GET /1", "GET /2"}));
}

TEST_F(HttpClientTest, CanUseAConnectionForEachRequestAndSaysSo) {
  TestServer server([](const Request& request, Peer& peer) { peer.reply(200, request.header("connection")); });
  client_ = *BeastHttpClient::create({.plain = PlainHttp::kAllow, .identity = {}, .connections = Connections::kOnePerRequest}, clock_);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(get(server.url()));
  EXPECT_EQ(body_, "close");
  EXPECT_EQ(server.connections(), 3U);
}

TEST_F(HttpClientTest, NeverSendsARequestAgainThatGotNoAnswer) {
  TestServer server([](const Request& request, Peer& peer) {
    if (request.target == "/1") peer.reply(200, "kept");
    else peer.close();
  });
  ASSERT_TRUE(get(server.url("/1")));
  const auto reply = get(server.url("/2"));
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is(PlatformCode::kNetProtocol));
  EXPECT_EQ(server.requests(), (std::vector<std::string>{"GET /1", "GET /2"}));
}

// Answers: T-17
TEST_F(HttpClientTest, CallsAnEmptyReplyAFailure) {
  TestServer server([](const Request&, Peer& peer) { peer.close(); });
  const auto reply = get(server.url());
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is(PlatformCode::kNetProtocol));
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(HttpClientTest, CallsADroppedConnectionAFailure) {
  for (const char* part : {"HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"}) {
    TestServer server([&](const Request&, Peer& peer) {
      peer.send(part);
      peer.close();
    });
    const auto reply = get(server.url());
    ASSERT_FALSE(reply) << part;
    EXPECT_TRUE(reply.error().is(PlatformCode::kNetProtocol)) << reply.error().sentence();
    EXPECT_EQ(server.requests().size(), 1U);
  }
}

TEST_F(HttpClientTest, RefusesWhatIsNotHttp) {
  for (const std::string& text : {std::string("SSH-2.0-OpenSSH_9\r\n"), std::string("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
                                  std::string("HTTP/1.1 99999 X\r\n\r\n"), std::string("HTTP/1.1 100 Continue\r\n\r\n"),
                                  std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
                                  std::string("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"),
                                  "HTTP/1.1 200 OK\r\nX: " + std::string(1 << 20, 'x') + "\r\n\r\n"}) {
    TestServer server([&](const Request&, Peer& peer) {
      peer.send(text);
      peer.closed_within_ms(5000);
    });
    const auto reply = get(server.url());
    ASSERT_FALSE(reply) << text.substr(0, 60);
    EXPECT_TRUE(reply.error().is(PlatformCode::kNetProtocol)) << reply.error().sentence();
  }
}

// Answers: DL-01, T-15
TEST_F(HttpClientTest, RefusesAnAnnouncedBodyAboveTheCapBeforeReadingIt) {
  TestServer server([](const Request&, Peer& peer) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n");
    peer.closed_within_ms(5000);
  });
  const auto reply = get(server.url());
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is(PlatformCode::kNetTooLarge));
}

// Answers: DL-01, T-15
TEST_F(HttpClientTest, EndsAnEndlessBodyAtTheCap) {
  for (const bool chunked : {false, true}) {
    TestServer server([&](const Request&, Peer& peer) {
      peer.send(chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" : "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
      const std::string block(4096, 'x');
      while (peer.send(chunked ? "1000\r\n" + block + "\r\n" : block)) {
      }
    });
    const auto reply = get(server.url());
    ASSERT_FALSE(reply);
    EXPECT_TRUE(reply.error().is(PlatformCode::kNetTooLarge)) << reply.error().sentence();
    EXPECT_LE(body_.size(), kCap);
  }
}

TEST_F(HttpClientTest, ReadsNoLongPageThatComesWithANotFound) {
  for (const bool chunked : {false, true}) {
    TestServer server([&](const Request& request, Peer& peer) {
      if (request.target == "/next") return peer.reply(200, "next");
      peer.send(chunked ? "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n" : "HTTP/1.1 404 Not Found\r\nContent-Length: 900000000\r\n\r\n");
      const std::string block(4096, 'x');
      while (peer.send(chunked ? "1000\r\n" + block + "\r\n" : block)) {
      }
    });
    const auto reply = get(server.url());
    ASSERT_TRUE(reply) << reply.error().sentence();
    EXPECT_EQ(reply->status, 404);
    EXPECT_EQ(body_, "");
    ASSERT_TRUE(get(server.url("/next")));
    EXPECT_EQ(body_, "next") << "on a connection of its own";
  }
}

TEST_F(HttpClientTest, AcceptsABodyOfExactlyTheCap) {
  TestServer server([](const Request&, Peer& peer) { peer.reply(200, std::string(kCap, 'x')); });
  const auto reply = get(server.url());
  ASSERT_TRUE(reply) << reply.error().sentence();
  EXPECT_EQ(reply->body_bytes, kCap);
}

// Answers: DL-02, T-16
TEST_F(HttpClientTest, EndsARequestWithoutProgress) {
  for (const char* part : {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"}) {
    TestServer server([&](const Request&, Peer& peer) {
      peer.send(part);
      peer.closed_within_ms(20'000);
    });
    const auto reply = get(HttpGet{.url = server.url(), .bytes_max = kCap, .stall_max = std::chrono::seconds(1)});
    ASSERT_FALSE(reply);
    EXPECT_TRUE(reply.error().is(PlatformCode::kNetStalled)) << reply.error().sentence();
  }
}

// Answers: DL-02, T-16
TEST_F(HttpClientTest, EndsADripOfBodyBytesBelowTheMinimumRate) {
  TestServer server([](const Request&, Peer& peer) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n");
    while (peer.send("x") && !peer.closed_within_ms(50)) {
    }
  });
  const auto reply = get(HttpGet{.url = server.url(), .bytes_max = kCap, .stall_max = std::chrono::seconds(20), .rate_min_bytes_per_s = 1000});
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is(PlatformCode::kNetStalled)) << reply.error().sentence();
}

// Answers: DL-02, T-16
TEST_F(HttpClientTest, EndsADripOfHeaderBytes) {
  TestServer server([](const Request&, Peer& peer) {
    peer.send("HTTP/1.1 200 OK\r\nX: ");
    while (peer.send("x") && !peer.closed_within_ms(50)) {
    }
  });
  const auto reply = get(HttpGet{.url = server.url(), .bytes_max = kCap, .stall_max = std::chrono::seconds(1)});
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is(PlatformCode::kNetStalled)) << reply.error().sentence();
}

TEST_F(HttpClientTest, GivesAServerTheWholeStallTimeToBeginItsAnswer) {
  TestServer server([](const Request&, Peer& peer) {
    peer.closed_within_ms(1500);  // longer than the rate window
    peer.reply(200, "late");
  });
  const auto reply = get(HttpGet{.url = server.url(), .bytes_max = kCap, .stall_max = std::chrono::seconds(20), .rate_min_bytes_per_s = 1000});
  ASSERT_TRUE(reply) << reply.error().sentence();
}

// Answers: DL-05, T-27
TEST_F(HttpClientTest, FollowsNoRedirectAndDropsItsBody) {
  TestServer target([](const Request&, Peer& peer) { peer.reply(200, "attacker"); });
  TestServer server([&](const Request&, Peer& peer) { peer.reply(302, "elsewhere", "Location: " + target.url() + "\r\n"); });
  const auto reply = get(server.url());
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 302);
  EXPECT_EQ(body_, "");
  EXPECT_TRUE(target.requests().empty());
}

TEST_F(HttpClientTest, AsksForAPartAndChecksThatItGetsThatPart) {
  TestServer server([](const Request& request, Peer& peer) {
    if (request.target == "/right" && request.header("range") == "bytes=5-7") peer.reply(206, "567", "Content-Range: bytes 5-7/10\r\n");
    else if (request.target == "/other") peer.reply(206, "012", "Content-Range: bytes 0-2/10\r\n");
    else if (request.target == "/silent") peer.reply(206, "012");
    else peer.reply(200, "0123456789");
  });
  HttpGet request{.url = server.url("/right"), .bytes_max = kCap, .range_first = 5, .range_last = 7};
  ASSERT_TRUE(get(request));
  EXPECT_EQ(body_, "567");
  for (const char* path : {"/other", "/silent"}) {
    request.url = server.url(path);
    EXPECT_TRUE(get(request).error().is(PlatformCode::kNetProtocol)) << path;
    EXPECT_EQ(body_, "");
  }
  request.url = server.url("/whole");
  EXPECT_TRUE(get(request).error().is(PlatformCode::kNetStatus));
  EXPECT_EQ(body_, "");
  EXPECT_TRUE(get(HttpGet{.url = server.url("/other"), .bytes_max = kCap}).error().is(PlatformCode::kNetProtocol))
      << "a part that nobody asked for";
}

TEST_F(HttpClientTest, EndsWithTheErrorOfTheSink) {
  TestServer server([](const Request&, Peer& peer) { peer.reply(200, "body"); });
  const auto reply = client_->get({.url = server.url(), .bytes_max = kCap}, [](core::ByteView) -> core::Result<void> {
    return core::Error(PlatformCode::kStorageFull, "no space");
  });
  EXPECT_TRUE(reply.error().is(PlatformCode::kStorageFull));
}

TEST_F(HttpClientTest, PostsABodyAndHandsOutEveryAnswer) {
  TestServer server([](const Request& request, Peer& peer) { peer.reply(request.body == "report" ? 403 : 500, "no"); });
  std::string answer;
  const auto reply = client_->post({.url = server.url("/v1/reports"), .content_type = "application/json", .body = {'r', 'e', 'p', 'o', 'r', 't'}},
                                   [&](core::ByteView bytes) -> core::Result<void> {
                                     answer += core::as_text(bytes);
                                     return {};
                                   });
  ASSERT_TRUE(reply) << reply.error().sentence();
  EXPECT_EQ(reply->status, 403);
  EXPECT_EQ(answer, "no");
}

TEST_F(HttpClientTest, SaysThatNobodyListens) {
  int port = 0;
  {
    TestServer gone([](const Request&, Peer&) {});
    port = gone.port();
  }
  const auto reply = get("http://127.0.0.1:" + std::to_string(port) + "/");
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is(PlatformCode::kNetConnect)) << reply.error().sentence();
}

// Answers: T-13
TEST_F(HttpClientTest, RefusesAddressesThatCouldSmuggleARequest) {
  for (const char* url : {"", "ftp://127.0.0.1/", "http:///x", "http://127.0.0.1:0/", "http://127.0.0.1:99999/", "http://user@127.0.0.1/",
                          "http://127.0.0.1/a b", "http://127.0.0.1/a\r\nX: y", "http://127.0.0.1/#x", "http://[::1/", "http://a/\xc3\xa4"})
    EXPECT_TRUE(get(url).error().is(PlatformCode::kNetConnect)) << url;
}

TEST_F(HttpClientTest, SpeaksNoPlainHttpUnlessToldTo) {
  TestServer server([](const Request&, Peer& peer) { peer.reply(200, "x"); });
  client_ = *BeastHttpClient::create({}, clock_);
  EXPECT_TRUE(get(server.url()).error().is(PlatformCode::kNetTls));
  EXPECT_EQ(server.connections(), 0U);
}

}  // namespace
}  // namespace aseptic::platform
