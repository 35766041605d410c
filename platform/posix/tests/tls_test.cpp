// SPDX-License-Identifier: Apache-2.0
// Who is refused in a TLS session, one fault a test, with certificates made for the occasion.
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include "aseptic/platform/codes.h"
#include "aseptic/platform/posix/certificate.h"
#include "aseptic/platform/posix/http_client.h"
#include "aseptic/platform/posix/posix_clock.h"
#include "temporary_directory.h"
#include "tests/support/test_pki.h"
#include "tests/support/test_server.h"

namespace aseptic::platform {
namespace {

using test::Credential;
using test::LeafPlan;
using test::Peer;
using test::Request;
using test::ServerTls;
using test::TestCa;
using test::TestServer;

core::UtcTime at(std::string_view text) { return *core::parse_utc(text); }

// The wall stands still where a test puts it; durations are real.
class FixedWall : public PosixClock {
 public:
  core::UtcTime now = at("2026-11-23T05:00:00Z");
  core::UtcTime wall() override { return now; }
};

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() { use_device(device_); }

  void use_device(const Credential& credential) {
    if (std::filesystem::exists(root_ / "key.pem")) std::filesystem::remove(root_ / "key.pem");
    test::write_credential(credential, root_ / "certificate.pem", root_ / "key.pem");
    identity_.certificate_chain_pem = credential.certificate_pem;
    identity_.key = *load_tls_key(root_ / "key.pem");
  }
  // One request to a server with this certificate.
  core::Result<HttpReply> request(const Credential& server, std::string_view host = "127.0.0.1", int max_version = 0) {
    TestServer running([](const Request&, Peer& peer) { peer.reply(200, "welcome"); },
                       ServerTls{server.certificate_pem, server.key_pem, ca_.certificate_pem(), max_version});
    auto client = BeastHttpClient::create({.identity = identity_}, clock_);
    if (!client) return std::move(client).error();
    auto reply = (*client)->get({.url = running.url("/", host), .bytes_max = 100, .stall_max = std::chrono::seconds(10)},
                                [](core::ByteView) { return core::Result<void>(); });
    requests_seen_ = running.requests().size();
    return reply;
  }
  void expect_refused(const core::Result<HttpReply>& reply, std::string_view reason) {
    ASSERT_FALSE(reply);
    EXPECT_TRUE(reply.error().is(PlatformCode::kNetTls)) << reply.error().sentence();
    EXPECT_NE(reply.error().sentence().find(reason), std::string::npos) << reply.error().sentence();
    EXPECT_EQ(requests_seen_, 0U) << "a request reached a server that must be refused";
  }

  TemporaryDirectory root_;
  TestCa ca_{"fleet authority"};
  Credential server_ = ca_.issue(test::server_plan());
  Credential device_ = ca_.issue(test::device_plan("pump-1"));
  FixedWall clock_;
  TlsIdentity identity_{.anchors_pem = ca_.certificate_pem()};
  std::size_t requests_seen_ = 0;
};

TEST_F(TlsTest, TalksToTheRightServer) {
  const auto reply = request(server_);
  ASSERT_TRUE(reply) << reply.error().sentence();
  EXPECT_EQ(reply->status, 200);
  const auto by_name = request(server_, "localhost");
  EXPECT_TRUE(by_name) << by_name.error().sentence();
}

// Answers: ID-02, T-28
TEST_F(TlsTest, RefusesAServerOfAnotherAuthority) { expect_refused(request(TestCa("fleet authority").issue(test::server_plan())), "certificate"); }

// Answers: ID-02, T-28
TEST_F(TlsTest, RefusesASelfSignedServer) { expect_refused(request(TestCa::self_signed(test::server_plan())), "self-signed"); }

// Answers: ID-02, T-28
TEST_F(TlsTest, RefusesAnExpiredServer) {
  LeafPlan plan = test::server_plan();
  plan.not_after = at("2026-11-01T00:00:00Z");
  expect_refused(request(ca_.issue(plan)), "expired");
}

// Answers: ID-02, T-28
TEST_F(TlsTest, RefusesAServerThatIsNotYetValid) {
  LeafPlan plan = test::server_plan();
  plan.not_before = at("2026-12-01T00:00:00Z");
  expect_refused(request(ca_.issue(plan)), "not yet valid");
}

// Answers: ID-02, T-28
TEST_F(TlsTest, RefusesAServerOfAnotherName) {
  LeafPlan plan = test::server_plan();
  plan.alternative_names = {"DNS:other.example", "URI:urn:aseptic:role:server"};
  expect_refused(request(ca_.issue(plan)), "mismatch");
  expect_refused(request(ca_.issue(plan), "localhost"), "mismatch");
}

TEST_F(TlsTest, IgnoresTheCommonName) {
  LeafPlan plan = test::server_plan();
  plan.common_name = "localhost";
  plan.alternative_names = {"URI:urn:aseptic:role:server"};
  expect_refused(request(ca_.issue(plan), "localhost"), "mismatch");
}

// Answers: ID-02, T-28
TEST_F(TlsTest, RefusesADeviceThatPosesAsServer) {
  LeafPlan plan = test::device_plan("pump-2");
  plan.alternative_names.push_back("IP:127.0.0.1");
  expect_refused(request(ca_.issue(plan)), "");
}

TEST_F(TlsTest, RefusesAServerWithoutTheRoleOrWithTwoRoles) {
  LeafPlan plan = test::server_plan();
  plan.alternative_names = {"IP:127.0.0.1"};
  expect_refused(request(ca_.issue(plan)), "role");
  plan.alternative_names = {"IP:127.0.0.1", "URI:urn:aseptic:role:server", "URI:urn:aseptic:device:pump-1"};
  expect_refused(request(ca_.issue(plan)), "role");
  plan = test::server_plan();
  plan.extended_key_usage = "serverAuth,clientAuth";
  expect_refused(request(ca_.issue(plan)), "usage");
  plan.extended_key_usage = "";
  expect_refused(request(ca_.issue(plan)), "usage");
}

TEST_F(TlsTest, RefusesNamesOutsideTheConstraintsOfTheAuthority) {
  const TestCa constrained("constrained", "critical,permitted;DNS:update.example");
  identity_.anchors_pem = constrained.certificate_pem();
  expect_refused(request(constrained.issue(test::server_plan()), "localhost"), "permitted subtree");
}

// Answers: ID-02
TEST_F(TlsTest, RefusesAnythingBelowTls13) { expect_refused(request(server_, "127.0.0.1", TLS1_2_VERSION), "TLS"); }

// Answers: ID-02
TEST_F(TlsTest, IsRefusedWithoutAClientCertificate) {
  identity_.certificate_chain_pem.clear();
  identity_.key.reset();
  expect_refused(request(server_), "certificate required");
}

// Answers: ID-02
TEST_F(TlsTest, IsRefusedWithAClientCertificateOfAnotherAuthority) {
  use_device(TestCa("other").issue(test::device_plan("pump-1")));
  expect_refused(request(server_), "unknown ca");
}

// Answers: ID-04, T-02
TEST_F(TlsTest, NeverAsksTheSystemStore) {
  // An attacker who can add an authority to the device's system store, or point OpenSSL's variables at one.
  const TestCa rogue("rogue");
  write_file(root_ / "rogue.pem", rogue.certificate_pem());
  ::setenv("SSL_CERT_FILE", (root_ / "rogue.pem").c_str(), 1);
  ::setenv("SSL_CERT_DIR", root_.path().c_str(), 1);
  const auto refused = request(rogue.issue(test::server_plan()));
  // The counter-check: the same store does convince a client that was told to use it.
  TestServer running([](const Request&, Peer& peer) { peer.reply(200, "x"); },
                     [&]() -> std::optional<ServerTls> {
                       const Credential leaf = rogue.issue(test::server_plan());
                       return ServerTls{leaf.certificate_pem, leaf.key_pem, "", 0};
                     }());
  auto public_client = *BeastHttpClient::create({.https = HttpsTrust::kSystemStore}, clock_);
  const auto accepted = public_client->get({.url = running.url(), .bytes_max = 10}, [](core::ByteView) { return core::Result<void>(); });
  ::unsetenv("SSL_CERT_FILE");
  ::unsetenv("SSL_CERT_DIR");
  expect_refused(refused, "certificate");
  EXPECT_TRUE(accepted) << accepted.error().sentence();
}

// Answers: T-69
TEST_F(TlsTest, JudgesCertificatesAtTheTimeFloorWhenTheClockIsBehind) {
  clock_.now = at("1970-01-01T00:00:00Z");
  expect_refused(request(server_), "not yet valid");
  identity_.time_floor = at("2026-11-23T00:00:00Z");
  EXPECT_TRUE(request(server_)) << "RTC 1970";
  LeafPlan plan = test::server_plan();
  plan.not_after = at("2026-11-01T00:00:00Z");
  expect_refused(request(ca_.issue(plan)), "expired");
}

TEST_F(TlsTest, NeverJudgesBelowTheClock) {
  identity_.time_floor = at("2026-11-23T00:00:00Z");
  clock_.now = at("2099-01-01T00:00:00Z");
  expect_refused(request(server_), "expired");
}

TEST_F(TlsTest, RefusesBadTrustMaterialBeforeAnyRequest) {
  const TlsIdentity good = identity_;
  identity_.anchors_pem = "";
  EXPECT_FALSE(BeastHttpClient::create({.identity = identity_}, clock_));
  identity_.anchors_pem = good.anchors_pem + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  EXPECT_FALSE(BeastHttpClient::create({.identity = identity_}, clock_)) << "one broken anchor must not vanish silently";
  identity_ = good;
  identity_.certificate_chain_pem = server_.certificate_pem;
  EXPECT_FALSE(BeastHttpClient::create({.identity = identity_}, clock_)) << "key of another certificate";
}

TEST_F(TlsTest, TellsADeviceFromEverythingElse) {
  EXPECT_EQ(*Certificate::from_pem(device_.certificate_pem)->device_id(), "pump-1");
  EXPECT_FALSE(Certificate::from_pem(server_.certificate_pem)->device_id());
  EXPECT_FALSE(Certificate::from_pem(ca_.certificate_pem())->device_id());
  for (const char* id : {"", "a/b", "a b"}) {
    const auto certificate = Certificate::from_pem(ca_.issue(test::device_plan(id)).certificate_pem);
    EXPECT_FALSE(certificate->device_id()) << id;
  }
  LeafPlan plan = test::device_plan("pump-1");
  plan.extended_key_usage = "clientAuth,serverAuth";
  EXPECT_FALSE(Certificate::from_pem(ca_.issue(plan).certificate_pem)->device_id());
  EXPECT_FALSE(Certificate::from_pem("no certificate"));
}

}  // namespace
}  // namespace aseptic::platform
