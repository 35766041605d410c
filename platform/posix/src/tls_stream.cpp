// SPDX-License-Identifier: Apache-2.0
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "aseptic/platform/posix/certificate.h"
#include "byte_stream.h"

namespace aseptic::platform {
namespace {

using core::Error;
using core::Result;

// A BIO over our socket. OpenSSL's own socket BIO writes without MSG_NOSIGNAL, so a dropped connection would kill the
// process by SIGPIPE.
int socket_of(BIO* bio) { return *static_cast<int*>(BIO_get_data(bio)); }

int bio_write(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t count = ::send(socket_of(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(count);
}

int bio_read(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t count = ::recv(socket_of(bio), data, static_cast<std::size_t>(size), 0);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_read(bio);
  if (count == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(count);
}

long bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return 0;
}

int bio_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

using BioMethodHandle = std::unique_ptr<BIO_METHOD, OpensslFree<BIO_meth_free>>;

const BIO_METHOD* socket_bio_method() {
  static const BioMethodHandle method = [] {
    BioMethodHandle made(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "aseptic socket"));
    BIO_meth_set_write(made.get(), bio_write);
    BIO_meth_set_read(made.get(), bio_read);
    BIO_meth_set_ctrl(made.get(), bio_control);
    BIO_meth_set_create(made.get(), bio_create);
    return made;
  }();
  return method.get();
}

class TlsStream : public ByteStream {
 public:
  TlsStream(UniqueFd socket, SSL_CTX* context) : socket_(std::move(socket)), raw_(socket_.get()), ssl_(SSL_new(context)) {
    BIO* bio = BIO_new(socket_bio_method());
    BIO_set_data(bio, &raw_);
    SSL_set_bio(ssl_.get(), bio, bio);
  }

  Result<void> handshake(const std::string& host, const TlsPolicy& policy, ProgressGuard& guard);

  Result<std::size_t> read_some(core::ByteSpan out, ProgressGuard& guard) override {
    while (true) {
      std::size_t count = 0;
      ERR_clear_error();
      const int status = SSL_read_ex(ssl_.get(), out.data(), out.size(), &count);
      if (status == 1) return count;
      const int error = SSL_get_error(ssl_.get(), status);
      if (error == SSL_ERROR_ZERO_RETURN) return 0;
      ASEPTIC_TRY_VOID(wait_or_fail(error, guard));
    }
  }

  Result<void> write(core::ByteView bytes, ProgressGuard& guard) override {
    while (!bytes.empty()) {
      std::size_t count = 0;
      ERR_clear_error();
      const int status = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count);
      if (status == 1) {
        bytes = bytes.subspan(count);
        ASEPTIC_TRY_VOID(guard.moved(count));
        continue;
      }
      ASEPTIC_TRY_VOID(wait_or_fail(SSL_get_error(ssl_.get(), status), guard));
    }
    return {};
  }

  [[nodiscard]] bool is_idle() const override {
    if (SSL_has_pending(ssl_.get()) != 0) return false;
    pollfd watched{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&watched, 1, 0) == 0;
  }

 private:
  Result<void> wait_or_fail(int error, ProgressGuard& guard);

  UniqueFd socket_;
  int raw_;
  SslHandle ssl_;
};

// Waits when OpenSSL wants more, otherwise names what went wrong.
Result<void> TlsStream::wait_or_fail(int error, ProgressGuard& guard) {
  if (error == SSL_ERROR_WANT_READ) return guard.wait(socket_.get(), POLLIN);
  if (error == SSL_ERROR_WANT_WRITE) return guard.wait(socket_.get(), POLLOUT);
  const unsigned long queued = ERR_peek_error();
  const bool dropped = error == SSL_ERROR_SYSCALL || ERR_GET_REASON(queued) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  if (dropped) {
    ERR_clear_error();
    return Error(PlatformCode::kNetProtocol, "the server dropped the connection");
  }
  return Error(PlatformCode::kNetTls, "TLS: " + openssl_reason());
}

Result<void> set_expected_name(SSL* ssl, const std::string& host) {
  X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1) return {};
  ERR_clear_error();
  if (X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size()) == 1 &&
      SSL_set_tlsext_host_name(ssl, host.c_str()) == 1)
    return {};
  return Error(PlatformCode::kNetTls, "TLS: the server name " + host + " cannot be checked");
}

Result<void> TlsStream::handshake(const std::string& host, const TlsPolicy& policy, ProgressGuard& guard) {
  ASEPTIC_TRY_VOID(set_expected_name(ssl_.get(), host));
  X509_VERIFY_PARAM_set_time(SSL_get0_param(ssl_.get()), policy.judged_at.time_since_epoch().count());
  SSL_set_verify(ssl_.get(), SSL_VERIFY_PEER, nullptr);
  while (true) {
    ERR_clear_error();
    const int status = SSL_connect(ssl_.get());
    if (status == 1) break;
    const long verdict = SSL_get_verify_result(ssl_.get());
    if (verdict != X509_V_OK) {
      ERR_clear_error();
      return Error(PlatformCode::kNetTls, std::string("TLS: the server's certificate is refused: ") +
                                              X509_verify_cert_error_string(verdict) + " (judged at " +
                                              core::format_utc(policy.judged_at) + ")");
    }
    ASEPTIC_TRY_VOID(wait_or_fail(SSL_get_error(ssl_.get(), status), guard));
  }
  // SECURITY(T-28): decided again after the handshake, so that no callback setting can have skipped it.
  const CertificateHandle peer(SSL_get1_peer_certificate(ssl_.get()));
  if (!peer || SSL_get_verify_result(ssl_.get()) != X509_V_OK)
    return Error(PlatformCode::kNetTls, "TLS: the server has no verified certificate");
  if (policy.role_uri.empty()) return {};
  std::uint8_t* der = nullptr;
  const int size = i2d_X509(peer.get(), &der);
  if (size <= 0) return Error(PlatformCode::kNetTls, "TLS: the server's certificate cannot be read");
  const core::Bytes bytes(der, der + size);
  OPENSSL_free(der);
  ASEPTIC_TRY(const Certificate certificate, Certificate::from_der(bytes));
  return certificate.require_server(policy.role_uri).within("TLS");
}

}  // namespace

Result<std::unique_ptr<ByteStream>> connect_tls(UniqueFd socket, const std::string& host, const TlsPolicy& policy,
                                                ProgressGuard& guard) {
  auto stream = std::make_unique<TlsStream>(std::move(socket), policy.context);
  ASEPTIC_TRY_VOID(stream->handshake(host, policy, guard));
  return std::unique_ptr<ByteStream>(std::move(stream));
}

}  // namespace aseptic::platform
