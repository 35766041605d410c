// SPDX-License-Identifier: Apache-2.0
#include "tests/support/test_pki.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <fstream>
#include <stdexcept>

namespace aseptic::test {
namespace {

constexpr std::string_view kServerRole = "URI:urn:aseptic:role:server";
constexpr std::string_view kDeviceRole = "URI:urn:aseptic:device:";

EVP_PKEY* key_of(const std::shared_ptr<void>& key) { return static_cast<EVP_PKEY*>(key.get()); }
X509* certificate_of(const std::shared_ptr<void>& certificate) { return static_cast<X509*>(certificate.get()); }

std::shared_ptr<void> make_key() {
  return {EVP_EC_gen("P-256"), [](void* p) { EVP_PKEY_free(static_cast<EVP_PKEY*>(p)); }};
}

std::string pem_of(X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string pem(text, static_cast<std::size_t>(size));
  BIO_free(bio);
  return pem;
}

std::string pem_of(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string pem(text, static_cast<std::size_t>(size));
  BIO_free(bio);
  return pem;
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) throw std::runtime_error("test PKI: extension " + value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

struct Plan {
  std::string common_name;
  core::UtcTime not_before;
  core::UtcTime not_after;
};

std::shared_ptr<void> begin_certificate(const Plan& plan, EVP_PKEY* subject_key, X509* issuer) {
  X509* certificate = X509_new();
  const std::shared_ptr<void> owned(certificate, [](void* p) { X509_free(static_cast<X509*>(p)); });
  X509_set_version(certificate, X509_VERSION_3);
  std::uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1);
  ASN1_TIME_set(X509_getm_notBefore(certificate), plan.not_before.time_since_epoch().count());
  ASN1_TIME_set(X509_getm_notAfter(certificate), plan.not_after.time_since_epoch().count());
  X509_set_pubkey(certificate, subject_key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(plan.common_name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate, issuer == nullptr ? name : X509_get_subject_name(issuer));
  return owned;
}

std::shared_ptr<void> make_leaf(const LeafPlan& plan, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key) {
  const auto certificate = begin_certificate({plan.common_name, plan.not_before, plan.not_after}, key, issuer);
  X509* raw = certificate_of(certificate);
  X509* signer = issuer == nullptr ? raw : issuer;
  add_extension(raw, signer, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(raw, signer, NID_key_usage, "critical,digitalSignature");
  if (!plan.extended_key_usage.empty()) add_extension(raw, signer, NID_ext_key_usage, plan.extended_key_usage);
  std::string names;
  for (const auto& name : plan.alternative_names) names += (names.empty() ? "" : ",") + name;
  if (!names.empty()) add_extension(raw, signer, NID_subject_alt_name, names);
  X509_sign(raw, issuer_key, EVP_sha256());
  return certificate;
}

}  // namespace

LeafPlan server_plan() {
  return {.common_name = "server", .alternative_names = {"IP:127.0.0.1", "DNS:localhost", std::string(kServerRole)}, .extended_key_usage = "serverAuth"};
}

LeafPlan device_plan(const std::string& device_id) {
  return {.common_name = "device", .alternative_names = {std::string(kDeviceRole) + device_id}, .extended_key_usage = "clientAuth"};
}

TestCa::TestCa(const std::string& name, const std::string& name_constraints) : key_(make_key()) {
  const LeafPlan times;
  certificate_ = begin_certificate({name, times.not_before, times.not_after}, key_of(key_), nullptr);
  X509* raw = certificate_of(certificate_);
  add_extension(raw, raw, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(raw, raw, NID_subject_key_identifier, "hash");
  if (!name_constraints.empty()) add_extension(raw, raw, NID_name_constraints, name_constraints);
  X509_sign(raw, key_of(key_), EVP_sha256());
  certificate_pem_ = pem_of(raw);
}

TestCa TestCa::from_pem(const std::string& certificate_pem, const std::string& key_pem) {
  TestCa ca;
  BIO* bio = BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size()));
  ca.certificate_ = {PEM_read_bio_X509(bio, nullptr, nullptr, nullptr), [](void* p) { X509_free(static_cast<X509*>(p)); }};
  BIO_free(bio);
  bio = BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size()));
  ca.key_ = {PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr), [](void* p) { EVP_PKEY_free(static_cast<EVP_PKEY*>(p)); }};
  BIO_free(bio);
  if (!ca.certificate_ || !ca.key_) throw std::runtime_error("test PKI: not a certificate and its key");
  ca.certificate_pem_ = certificate_pem;
  return ca;
}

Credential TestCa::issue(const LeafPlan& plan) const {
  const auto key = make_key();
  const auto certificate = make_leaf(plan, key_of(key), certificate_of(certificate_), key_of(key_));
  return {pem_of(certificate_of(certificate)), pem_of(key_of(key))};
}

Credential TestCa::self_signed(const LeafPlan& plan) {
  const auto key = make_key();
  const auto certificate = make_leaf(plan, key_of(key), nullptr, key_of(key));
  return {pem_of(certificate_of(certificate)), pem_of(key_of(key))};
}

void write_credential(const Credential& credential, const std::string& certificate_file, const std::string& key_file) {
  std::ofstream(certificate_file) << credential.certificate_pem;
  std::ofstream(key_file) << credential.key_pem;
  ::chmod(key_file.c_str(), 0600);
}

}  // namespace aseptic::test
