// SPDX-License-Identifier: Apache-2.0
// The real aseptic-fleet against devices and strangers, over loopback, with certificates made for the occasion.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "aseptic/core/json.h"
#include "aseptic/platform/codes.h"
#include "aseptic/platform/posix/file_key_store.h"
#include "aseptic/platform/posix/http_client.h"
#include "aseptic/platform/posix/posix_clock.h"
#include "fleet/tests/report_fixture.h"
#include "platform/posix/tests/temporary_directory.h"
#include "tests/support/background_program.h"
#include "tests/support/run_program.h"
#include "tests/support/test_pki.h"

namespace aseptic::test {
namespace {

using platform::BeastHttpClient;
using platform::PlatformCode;
using platform::TemporaryDirectory;
using platform::write_file;

// The status, or -1 with the reason when there was no answer.
template <typename Answer>
int status_of(const core::Result<Answer>& answer) {
  if (answer) return answer->status;
  ADD_FAILURE() << answer.error().sentence();
  return -1;
}

struct Got {
  int status = 0;
  std::string body;
};

class FleetServerTest : public ::testing::Test {
 protected:
  FleetServerTest() {
    std::filesystem::create_directories(root_ / "repository/metadata");
    std::filesystem::create_directories(root_ / "repository/targets/releases");
    write_file(root_ / "repository/metadata/timestamp.json", "{\"timestamp\":1}");
    write_file(root_ / "repository/targets/large.bin", large_);
    write_file(root_ / "secret", "secret");
    write_file(root_ / "repository/.hidden", "hidden");
    std::filesystem::create_symlink(root_ / "secret", root_ / "repository/link");
    write_file(root_ / "client-ca.pem", ca_.certificate_pem());
    use_server_certificate(ca_.issue(server_plan()));
    use_device(ca_.issue(device_plan("pump-1")));
  }

  void use_server_certificate(const Credential& credential) {
    std::filesystem::remove(root_ / "server.key");
    write_credential(credential, root_ / "server.pem", root_ / "server.key");
  }
  void use_device(const Credential& credential) {
    std::filesystem::remove(root_ / "device.key");
    write_credential(credential, root_ / "device.pem", root_ / "device.key");
    identity_.certificate_chain_pem = credential.certificate_pem;
    identity_.key = *platform::load_tls_key(root_ / "device.key");
    client_.reset();
  }
  std::vector<std::string> serve_words(const std::string& listen = "127.0.0.1:0") {
    return {ASEPTIC_FLEET, "serve", "--repository", root_ / "repository", "--tls-cert", root_ / "server.pem", "--tls-key", root_ / "server.key",
            "--client-ca", root_ / "client-ca.pem", "--listen", listen, "--store", root_ / "fleet.sqlite"};
  }
  void start() {
    server_ = std::make_unique<BackgroundProgram>(serve_words());
    const std::string line = server_->wait_for_line("listening on ");
    ASSERT_FALSE(line.empty()) << server_->output();
    base_ = "https://127.0.0.1:" + line.substr(line.rfind(':') + 1);
  }
  std::uint16_t port() {
    std::uint16_t number = 0;
    std::from_chars(base_.data() + base_.rfind(':') + 1, base_.data() + base_.size(), number);
    return number;
  }
  BeastHttpClient& client() {
    if (!client_) client_ = *BeastHttpClient::create({.identity = identity_}, clock_);
    return *client_;
  }
  core::Result<Got> get(const std::string& path, std::optional<std::uint64_t> first = {}, std::optional<std::uint64_t> last = {}) {
    Got got;
    ASEPTIC_TRY(const auto reply, client().get({.url = base_ + path, .bytes_max = 10 << 20, .stall_max = std::chrono::seconds(10), .range_first = first, .range_last = last},
                                               [&](core::ByteView bytes) -> core::Result<void> {
                                                 got.body += core::as_text(bytes);
                                                 return {};
                                               }));
    got.status = reply.status;
    return got;
  }
  core::Result<Got> post(const std::string& path, const std::string& body) {
    Got got;
    ASEPTIC_TRY(const auto reply, client().post({.url = base_ + path, .content_type = "application/json", .body = core::Bytes(body.begin(), body.end())},
                                                [&](core::ByteView bytes) -> core::Result<void> {
                                                  got.body += core::as_text(bytes);
                                                  return {};
                                                }));
    got.status = reply.status;
    return got;
  }
  std::string sign(const trust::Report& report) {
    if (!std::filesystem::exists(root_ / "keys/device.pem")) {
      std::filesystem::create_directory(root_ / "keys");
      std::filesystem::copy_file(root_ / "device.key", root_ / "keys/device.pem");
    }
    const auto store = *platform::FileKeyStore::open_directory(root_ / "keys");
    const auto signer = *store->open("device");
    return fleet::signed_report(report, signer->public_key(), [&](const std::string& bytes) { return *signer->sign(core::as_bytes(bytes)); });
  }
  // TLS says no, before any request is answered.
  void expect_no_session() {
    const auto got = get("/metadata/timestamp.json");
    ASSERT_FALSE(got) << got->status;
    EXPECT_TRUE(got.error().is(PlatformCode::kNetTls)) << got.error().sentence();
  }

  TemporaryDirectory root_;
  std::string large_ = std::string(300'000, 'a') + "middle" + std::string(300'000, 'z');
  TestCa ca_{"fleet authority"};
  platform::PosixClock clock_;
  platform::TlsIdentity identity_{.anchors_pem = ca_.certificate_pem()};
  std::unique_ptr<BeastHttpClient> client_;
  std::unique_ptr<BackgroundProgram> server_;
  std::string base_;
};

TEST_F(FleetServerTest, ServesFilesAndRangesOverOneSession) {
  start();
  EXPECT_EQ(get("/metadata/timestamp.json")->body, "{\"timestamp\":1}");
  const auto whole = get("/targets/large.bin");
  ASSERT_TRUE(whole) << whole.error().sentence();
  EXPECT_EQ(whole->body, large_);
  const auto part = get("/targets/large.bin", 300'000, 300'005);
  ASSERT_TRUE(part) << part.error().sentence();
  EXPECT_EQ(part->status, 206);
  EXPECT_EQ(part->body, "middle");
  EXPECT_EQ(get("/targets/large.bin", 600'000)->body, "zzzzzz");
  EXPECT_EQ(status_of(get("/targets/large.bin", 600'006)), 416);
  EXPECT_EQ(status_of(get("/metadata/2.root.json")), 404);
}

// Answers: T-41
TEST_F(FleetServerTest, ServesNothingOutsideTheRepository) {
  start();
  for (const char* path : {"/", "/metadata", "/metadata/", "/../secret", "/%2e%2e/secret", "/metadata/%2e%2e/%2e%2e/secret", "/metadata/..%2f..%2fsecret",
                           "//etc/passwd", "/%2fetc%2fpasswd", "/link", "/.hidden", "/metadata/.", "/metadata/timestamp.json/x", "/metadata/timestamp.json%00",
                           "/%", "/metadata\\..\\secret"}) {
    const auto got = get(path);
    ASSERT_TRUE(got) << path << got.error().sentence();
    EXPECT_EQ(got->status, 404) << path;
  }
}

TEST_F(FleetServerTest, KnowsNoOtherMethodsOrFunctions) {
  start();
  EXPECT_EQ(status_of(post("/metadata/timestamp.json", "x")), 404);
  EXPECT_EQ(status_of(post("/v1/unknown", "x")), 404);
  const auto too_large = post("/v1/reports", std::string(65'537, ' '));
  ASSERT_TRUE(too_large) << too_large.error().sentence();
  EXPECT_EQ(too_large->status, 413);
  EXPECT_EQ(status_of(get("/metadata/timestamp.json")), 200) << "it still serves";
}

// --- who may have a session ---------------------------------------------------------------------------------------

// Answers: ID-02
TEST_F(FleetServerTest, RefusesADeviceWithoutACertificate) {
  start();
  identity_.certificate_chain_pem.clear();
  identity_.key.reset();
  client_.reset();
  expect_no_session();
}

// Answers: ID-02, ID-04, T-02
TEST_F(FleetServerTest, RefusesADeviceOfAnotherAuthorityEvenOneOfTheSystem) {
  const TestCa rogue("fleet authority");
  write_file(root_ / "rogue.pem", rogue.certificate_pem());
  ::setenv("SSL_CERT_FILE", (root_ / "rogue.pem").c_str(), 1);
  start();
  ::unsetenv("SSL_CERT_FILE");
  use_device(rogue.issue(device_plan("pump-1")));
  expect_no_session();
}

// Answers: ID-02
TEST_F(FleetServerTest, RefusesASelfSignedDevice) {
  start();
  use_device(TestCa::self_signed(device_plan("pump-1")));
  expect_no_session();
}

// Answers: ID-02
TEST_F(FleetServerTest, RefusesAnExpiredDevice) {
  start();
  LeafPlan plan = device_plan("pump-1");
  plan.not_after = plan.not_before + std::chrono::hours(24);
  use_device(ca_.issue(plan));
  expect_no_session();
}

// Answers: ID-02
TEST_F(FleetServerTest, ForbidsEverythingToACertificateThatIsNoDevice) {
  start();
  LeafPlan no_id = device_plan("pump-1");
  no_id.alternative_names = {"URI:urn:aseptic:operator:eve"};
  LeafPlan two_roles = device_plan("pump-1");
  two_roles.alternative_names.push_back("URI:urn:aseptic:role:server");
  for (const auto& plan : {no_id, two_roles}) {
    use_device(ca_.issue(plan));
    EXPECT_EQ(status_of(get("/metadata/timestamp.json")), 403);
    EXPECT_EQ(status_of(post("/v1/reports", "{}")), 403);
  }
  LeafPlan no_usage = device_plan("pump-1");
  no_usage.extended_key_usage = "";
  use_device(ca_.issue(no_usage));
  EXPECT_EQ(status_of(get("/metadata/timestamp.json")), 403);
}

// Answers: ID-02, T-28
TEST_F(FleetServerTest, DoesNotStartWithACertificateThatIsNoServer) {
  for (const auto& credential : {ca_.issue(device_plan("pump-1")), TestCa::self_signed({.alternative_names = {"IP:127.0.0.1"}, .extended_key_usage = "serverAuth"})}) {
    use_server_certificate(credential);
    const auto result = run_program(serve_words());
    EXPECT_EQ(result.exit_status, 1);
    EXPECT_NE(result.err.find("the server's own certificate"), std::string::npos) << result.err;
  }
}

TEST_F(FleetServerTest, SaysWhatIsWrongWithItsSettings) {
  const auto expect = [&](std::vector<std::string> words, int status, std::string_view reason) {
    const auto result = run_program(words);
    EXPECT_EQ(result.exit_status, status) << result.err;
    EXPECT_NE(result.err.find(reason), std::string::npos) << result.err;
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
  };
  expect({ASEPTIC_FLEET}, 2, "subcommand");
  expect({ASEPTIC_FLEET, "serve"}, 2, "required");
  expect(serve_words("somewhere"), 1, "ADDRESS:PORT");
  expect(serve_words("127.0.0.1:99999"), 1, "ADDRESS:PORT");
  ::chmod((root_ / "server.key").c_str(), 0644);
  expect(serve_words(), 1, "others may access");
  ::chmod((root_ / "server.key").c_str(), 0600);
  std::filesystem::remove(root_ / "client-ca.pem");
  expect(serve_words(), 1, "client-ca.pem");
}

// --- reports ------------------------------------------------------------------------------------------------------

// Answers: LG-05, T-22
TEST_F(FleetServerTest, TakesAFreshReportOnceAndRefusesReplayAndClone) {
  start();
  const auto nonce_reply = post("/v1/nonce", "");
  ASSERT_TRUE(nonce_reply) << nonce_reply.error().sentence();
  const auto parsed = *core::parse_json_value(core::as_bytes(nonce_reply->body));
  trust::Report report = fleet::plain_report("pump-1", 1);
  report.nonce = *core::from_hex(*parsed.string_at("nonce"));
  const std::string first = sign(report);
  EXPECT_EQ(post("/v1/reports", first)->body,
            "{\"acknowledged\":{\"log_count\":10,\"log_head\":\"" + report.log_head.hex() + "\",\"sequence\":1},\"arrival\":\"new\"}\n");
  EXPECT_NE(post("/v1/reports", first)->body.find("\"repeated\""), std::string::npos);

  report.sequence = 2;
  const auto reused = post("/v1/reports", sign(report));
  EXPECT_EQ(reused->status, 409);
  EXPECT_NE(reused->body.find("trust.nonce"), std::string::npos) << reused->body;

  ASSERT_EQ(status_of(post("/v1/reports", sign(fleet::plain_report("pump-1", 2)))), 200);
  const auto replayed = post("/v1/reports", first);
  EXPECT_EQ(replayed->status, 409);
  EXPECT_NE(replayed->body.find("trust.replay"), std::string::npos) << replayed->body;

  trust::Report clone = fleet::plain_report("pump-1", 2);
  clone.state = "other";
  EXPECT_EQ(status_of(post("/v1/reports", sign(clone))), 409);

  const auto alarms = run_program({ASEPTIC_FLEET, "alarms", "--store", root_ / "fleet.sqlite"});
  EXPECT_EQ(alarms.exit_status, 0) << alarms.err;
  for (const char* reason : {"trust.nonce", "trust.replay", "trust.clone"}) EXPECT_NE(alarms.out.find(reason), std::string::npos) << alarms.out;
  const auto reports = run_program({ASEPTIC_FLEET, "reports", "--store", root_ / "fleet.sqlite", "--device", "pump-1"});
  EXPECT_EQ(std::ranges::count(reports.out, '\n'), 3) << reports.out;
}

// Answers: LG-05, T-78
TEST_F(FleetServerTest, RefusesAReportSignedByAnotherKeyOrForAnotherDevice) {
  start();
  const std::string genuine = sign(fleet::plain_report("pump-1", 1));
  const std::string foreign = sign(fleet::plain_report("pump-9", 1));
  EXPECT_EQ(status_of(post("/v1/reports", foreign)), 403);
  use_device(ca_.issue(device_plan("pump-1")));  // the same name with another key: a report of the old key is not its own
  const auto forged = post("/v1/reports", genuine);
  EXPECT_EQ(forged->status, 400);
  EXPECT_NE(forged->body.find("trust.threshold"), std::string::npos) << forged->body;
  const std::vector<std::string> hostile{"", "{", "[]", std::string(60'000, '['), "{\"signatures\":[],\"signed\":{}}"};
  for (const auto& body : hostile) EXPECT_EQ(status_of(post("/v1/reports", body)), 400) << body.substr(0, 40);
}

TEST_F(FleetServerTest, KeepsReportsThroughAKill) {
  start();
  ASSERT_EQ(status_of(post("/v1/reports", sign(fleet::plain_report("pump-1", 7)))), 200);
  server_->kill();
  client_.reset();
  start();
  EXPECT_EQ(status_of(post("/v1/reports", sign(fleet::plain_report("pump-1", 6)))), 409);
  EXPECT_EQ(status_of(post("/v1/reports", sign(fleet::plain_report("pump-1", 8)))), 200);
}

TEST_F(FleetServerTest, StopsAtTheTermSignal) {
  start();
  ASSERT_TRUE(get("/metadata/timestamp.json"));
  EXPECT_EQ(server_->terminate(), 0);
}

TEST_F(FleetServerTest, SurvivesStrangersWhoSpeakNoTls) {
  start();
  for (const std::string& text : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(100'000, 'x'), std::string("\x16\x03\x01\x00\xff", 5)}) {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port());
    ASSERT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    ::close(socket);
  }
  EXPECT_EQ(status_of(get("/metadata/timestamp.json")), 200);
}

}  // namespace
}  // namespace aseptic::test
