// SPDX-License-Identifier: Apache-2.0
#include "tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <vector>

#include "aseptic/platform/codes.h"

namespace aseptic::platform {
namespace {

using core::Error;
using core::Result;

constexpr int kChainDepthMax = 4;

Error tls_error(std::string_view what) {
  return {PlatformCode::kNetTls, std::string(what) + " (" + openssl_reason() + ")"};
}

// Every certificate of a PEM text; at least one.
Result<std::vector<CertificateHandle>> read_certificates(const std::string& pem, std::string_view what) {
  const BioHandle bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<CertificateHandle> certificates;
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) certificates.emplace_back(next);
  const unsigned long last = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  if (certificates.empty() || !at_end) return tls_error("the " + std::string(what) + " cannot be read as PEM certificates");
  ERR_clear_error();
  return certificates;
}

Result<SslContextHandle> make_context() {
  SslContextHandle context(SSL_CTX_new(TLS_client_method()));
  if (!context) return tls_error("TLS cannot be set up");
  // Every session checks both certificates anew: no tickets, no cache.
  SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_verify_depth(context.get(), kChainDepthMax);
  return context;
}

Result<void> use_own_certificate(SSL_CTX* context, const TlsIdentity& identity) {
  if (identity.certificate_chain_pem.empty()) return {};
  if (!identity.key) return Error(PlatformCode::kNetTls, "the client certificate has no key");
  ASEPTIC_TRY(const auto chain, read_certificates(identity.certificate_chain_pem, "client certificate"));
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1) return tls_error("the client certificate cannot be used");
  for (std::size_t i = 1; i < chain.size(); ++i)
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1) return tls_error("the client certificate chain cannot be used");
  if (SSL_CTX_use_PrivateKey(context, identity.key->handle()) != 1 || SSL_CTX_check_private_key(context) != 1)
    return tls_error("the key does not belong to the client certificate");
  return {};
}

}  // namespace

Result<SslContextHandle> make_private_client_context(const TlsIdentity& identity) {
  ASEPTIC_TRY(SslContextHandle context, make_context());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  // SECURITY(T-02): a fresh store with these anchors; nothing of the system, no file named by the environment.
  ASEPTIC_TRY(const auto anchors, read_certificates(identity.anchors_pem, "trust anchors"));
  X509_STORE* store = SSL_CTX_get_cert_store(context.get());
  for (const auto& anchor : anchors)
    if (X509_STORE_add_cert(store, anchor.get()) != 1) return tls_error("a trust anchor cannot be used");
  ASEPTIC_TRY_VOID(use_own_certificate(context.get(), identity));
  return context;
}

Result<SslContextHandle> make_public_client_context() {
  ASEPTIC_TRY(SslContextHandle context, make_context());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  if (SSL_CTX_set_default_verify_paths(context.get()) != 1) return tls_error("the system's trust store cannot be read");
  return context;
}

}  // namespace aseptic::platform
