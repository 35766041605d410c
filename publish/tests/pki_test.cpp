// SPDX-License-Identifier: Apache-2.0
// Certificates, read back by OpenSSL's own verifier.
#include "aseptic/publish/pki.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

#include "aseptic/platform/posix/posix_entropy.h"
#include "aseptic/publish/codes.h"
#include "press.h"

namespace aseptic::publish::test {
namespace {

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Certificate read(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return {certificate, X509_free};
}

// OpenSSL's verdict, strict, at a time when everything is valid.
int verdict(const std::string& authority_pem, const std::string& leaf_pem, int purpose) {
  const Certificate authority = read(authority_pem), leaf = read(leaf_pem);
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, authority.get());
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, leaf.get(), nullptr);
  X509_STORE_CTX_set_purpose(context, purpose);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_time(parameters, (kNow + std::chrono::hours(1)).time_since_epoch().count());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  X509_verify_cert(context);
  const int error = X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  return error;
}

struct Authority {
  explicit Authority(Press& press, const std::string& name = "p256-ca")
      : issuer(press.issuer_signer(name)),
        pem(must(make_authority(issuer, {"Test CA", {"update.example"}, {"127.0.0.1"}, {kNow, std::chrono::days(3650)}}, entropy))) {}
  platform::PosixEntropy entropy;
  IssuerSigner issuer;
  std::string pem;
};

// Answers: ID-01, ID-02
TEST(Pki, ServerAndDeviceVerifyEachForItsOwnPurposeOnly) {
  Press press;
  Authority ca(press);
  const std::string server = must(make_server_certificate(ca.issuer, ca.pem, press.key("p256-server"), {{"update.example"}, {"127.0.0.1"}, {kNow}}, ca.entropy));
  const std::string device = must(make_device_certificate(ca.issuer, ca.pem, press.key("p256-device"), {"pump-0001", {kNow}}, ca.entropy));
  EXPECT_EQ(verdict(ca.pem, server, X509_PURPOSE_SSL_SERVER), X509_V_OK);
  EXPECT_EQ(verdict(ca.pem, device, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
  EXPECT_EQ(verdict(ca.pem, server, X509_PURPOSE_SSL_CLIENT), X509_V_ERR_INVALID_PURPOSE);
  EXPECT_EQ(verdict(ca.pem, device, X509_PURPOSE_SSL_SERVER), X509_V_ERR_INVALID_PURPOSE) << "a device can never be a server";
  const std::string text = must(describe_certificate(device));
  EXPECT_NE(text.find("URI:urn:aseptic:device:pump-0001"), std::string::npos) << text;
  EXPECT_NE(must(describe_certificate(server)).find("URI:urn:aseptic:role:server"), std::string::npos);
}

// Answers: ID-02, T-02
TEST(Pki, TheAuthorityCannotVouchForNamesOutsideItsConstraint) {
  Press press;
  Authority ca(press);
  const std::string foreign = must(make_server_certificate(ca.issuer, ca.pem, press.key("p256-server"), {{"bank.example"}, {}, {kNow}}, ca.entropy));
  EXPECT_EQ(verdict(ca.pem, foreign, X509_PURPOSE_SSL_SERVER), X509_V_ERR_PERMITTED_VIOLATION);
  const std::string address = must(make_server_certificate(ca.issuer, ca.pem, press.key("p256-server"), {{}, {"10.0.0.1"}, {kNow}}, ca.entropy));
  EXPECT_EQ(verdict(ca.pem, address, X509_PURPOSE_SSL_SERVER), X509_V_ERR_PERMITTED_VIOLATION);
}

// Answers: T-02
TEST(Pki, ACertificateOfAnotherAuthorityDoesNotVerify) {
  Press press;
  Authority ca(press), other(press, "p256-other");
  const std::string device = must(make_device_certificate(other.issuer, other.pem, press.key("p256-device"), {"pump-0001", {kNow}}, other.entropy));
  EXPECT_NE(verdict(ca.pem, device, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
  EXPECT_TRUE(make_device_certificate(ca.issuer, other.pem, press.key("p256-device"), {"pump-0001", {kNow}}, ca.entropy)
                  .error().is(PublishCode::kCertificate)) << "key and certificate of the authority belong together";
}

TEST(Pki, BadNamesAreRefusedWithOneSentence) {
  Press press;
  Authority ca(press);
  EXPECT_FALSE(make_authority(ca.issuer, {"x", {}, {}, {kNow}}, ca.entropy));
  for (const std::string name : {"", "UPPER.example", "a b", "a,DNS:evil", "x\n"})
    EXPECT_FALSE(make_server_certificate(ca.issuer, ca.pem, press.key("p256-server"), {{name}, {}, {kNow}}, ca.entropy)) << name;
  for (const std::string id : {"", ".x", "a/b", "a,URI:urn:aseptic:role:server", "x y"})
    EXPECT_FALSE(make_device_certificate(ca.issuer, ca.pem, press.key("p256-device"), {id, {kNow}}, ca.entropy)) << id;
  IssuerSigner ed25519 = press.issuer_signer("root-a");
  EXPECT_FALSE(make_authority(ed25519, {"x", {"a.example"}, {}, {kNow}}, ca.entropy));
}

}  // namespace
}  // namespace aseptic::publish::test
