// SPDX-License-Identifier: Apache-2.0
// An authentic channel is no authentic content: a server with the right certificate and keys of its own (ID-03).
#include <gtest/gtest.h>

#include "aseptic/fetch/updater.h"
#include "aseptic/platform/posix/http_client.h"
#include "aseptic/platform/posix/posix_clock.h"
#include "aseptic/platform/posix/posix_storage.h"
#include "platform/posix/tests/temporary_directory.h"
#include "tests/e2e/repository_server.h"
#include "tests/support/test_pki.h"
#include "trust/tests/expect.h"

namespace aseptic::test {
namespace {

using trust::TrustCode;
using trust::test::accepted;
using trust::test::HostileRepository;
using trust::test::refused;
using trust::test::test_time;
using trust::test::TestKey;

class AuthenticChannelTest : public ::testing::Test {
 protected:
  AuthenticChannelTest() {
    repository_.add_target("targets", "file", "content");
    repository_.publish();
    test::write_credential(ca_.issue(device_plan("pump-1")), root_ / "device.pem", root_ / "device.key");
  }
  // A device with mutual TLS and the honest root, against whatever this server says.
  core::Result<std::string> fetch_from(HostileRepository& served, const std::function<bool(const std::string&, Peer&)>& instead = {}) {
    const Credential credential = ca_.issue(server_plan());
    RepositoryServer server(served, ServerTls{credential.certificate_pem, credential.key_pem, ca_.certificate_pem(), 0});
    server.instead = instead;
    platform::TlsIdentity identity{.anchors_pem = ca_.certificate_pem(), .certificate_chain_pem = platform::read_file(root_ / "device.pem"),
                                   .key = *platform::load_tls_key(root_ / "device.key")};
    const auto http = *platform::BeastHttpClient::create({.identity = identity}, clock_);
    const auto storage = *platform::PosixStorage::open(root_ / "metadata", {.missing = platform::PosixStorage::Missing::kCreate});
    fetch::MetadataStore store(*storage);
    const std::string& root = repository_.roots.at(1);
    ASEPTIC_TRY_VOID(fetch::Updater::trust_root(store, core::as_bytes(root)));
    ASEPTIC_TRY(const auto updater, fetch::Updater::open(store, *http, {.metadata_urls = {server.metadata_url()}, .target_urls = {server.targets_url()}}));
    ASEPTIC_TRY_VOID(updater->refresh(test_time()));
    ASEPTIC_TRY(const auto target, updater->find_target("file"));
    ASEPTIC_TRY(const auto bytes, updater->read_target(target, 100));
    return std::string(core::as_text(bytes));
  }

  platform::TemporaryDirectory root_;
  TestCa ca_{"fleet authority"};
  platform::PosixClock clock_;
  HostileRepository repository_;
};

TEST_F(AuthenticChannelTest, TheHonestServerServes) {
  const auto content = fetch_from(repository_);
  ASSERT_TRUE(accepted(content));
  EXPECT_EQ(*content, "content");
}

// Answers: ID-03, T-28
TEST_F(AuthenticChannelTest, RefusesMetadataOfTheServersOwnKeys) {
  for (const std::string role : {"timestamp", "snapshot", "targets"}) {
    HostileRepository evil = repository_;
    evil.signers[role] = {TestKey::ed25519(90)};
    EXPECT_TRUE(refused(fetch_from(evil), TrustCode::kThreshold)) << role;
  }
}

// Answers: ID-03, T-28
TEST_F(AuthenticChannelTest, RefusesARootOfTheServersOwnKeys) {
  HostileRepository evil = repository_;
  evil.set_keys("root", {TestKey::ed25519(91)});
  evil.publish_root();
  EXPECT_TRUE(refused(fetch_from(evil), TrustCode::kThreshold));
}

// Answers: ID-03, T-29
TEST_F(AuthenticChannelTest, RefusesContentOfTheServersOwn) {
  const auto evil = [](const std::string& name, Peer& peer) {
    if (!name.ends_with(".file")) return false;
    peer.reply(200, "c0ntent");
    return true;
  };
  EXPECT_TRUE(refused(fetch_from(repository_, evil), TrustCode::kHash));
}

}  // namespace
}  // namespace aseptic::test
