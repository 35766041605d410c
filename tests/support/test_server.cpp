// SPDX-License-Identifier: Apache-2.0
#include "tests/support/test_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <stdexcept>

namespace aseptic::test {
namespace {

constexpr std::size_t kRequestBytesMax = 1 << 20;

// Plain or TLS bytes of one connection.
class Wire : public Peer {
 public:
  Wire(int socket, SSL_CTX* context) : socket_(socket) {
    if (context == nullptr) return;
    ssl_ = SSL_new(context);
    SSL_set_fd(ssl_, socket);
    is_ready_ = SSL_accept(ssl_) == 1;
  }
  ~Wire() override {
    if (ssl_ != nullptr) {
      if (is_ready_) SSL_shutdown(ssl_);
      SSL_free(ssl_);
    }
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  [[nodiscard]] bool is_open() const { return is_ready_ && !is_closed_; }

  // False at the end of the stream.
  bool receive(std::string& text) {
    char buffer[4096];
    long count = 0;
    if (ssl_ != nullptr) count = SSL_read(ssl_, buffer, sizeof buffer);
    else count = ::recv(socket_, buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    text.append(buffer, static_cast<std::size_t>(count));
    return true;
  }

  bool send(std::string_view bytes) override {
    while (!bytes.empty()) {
      long count = 0;
      if (ssl_ != nullptr) count = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
      else count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) {
        is_closed_ = true;
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  void close() override { is_closed_ = true; }
  bool closed_within_ms(int milliseconds) override {
    pollfd watched{.fd = socket_, .events = POLLRDHUP, .revents = 0};
    return ::poll(&watched, 1, milliseconds) != 0;
  }
  std::string peer_certificate_der() override {
    if (ssl_ == nullptr) return {};
    X509* certificate = SSL_get1_peer_certificate(ssl_);
    if (certificate == nullptr) return {};
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    std::string text(reinterpret_cast<char*>(der), static_cast<std::size_t>(std::max(size, 0)));
    OPENSSL_free(der);
    X509_free(certificate);
    return text;
  }

 private:
  int socket_;
  SSL* ssl_ = nullptr;
  bool is_ready_ = true;
  bool is_closed_ = false;
};

Request parse_head(std::string_view head) {
  Request request;
  const auto line_end = head.find("\r\n");
  const auto line = head.substr(0, line_end);
  const auto first = line.find(' ');
  const auto second = line.find(' ', first + 1);
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, second - first - 1);
  head.remove_prefix(std::min(line_end + 2, head.size()));
  while (!head.empty()) {
    const auto end = head.find("\r\n");
    const auto field = head.substr(0, end);
    const auto colon = field.find(':');
    if (colon != std::string_view::npos) {
      std::string name(field.substr(0, colon));
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      auto value = field.substr(colon + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      request.headers[name] = value;
    }
    if (end == std::string_view::npos) break;
    head.remove_prefix(end + 2);
  }
  return request;
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 206: return "Partial Content";
    case 302: return "Found";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    default: return "Other";
  }
}

std::shared_ptr<void> make_tls_context(const ServerTls& tls) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  const std::shared_ptr<void> owned(context, [](void* p) { SSL_CTX_free(static_cast<SSL_CTX*>(p)); });
  if (tls.max_version != 0) SSL_CTX_set_max_proto_version(context, tls.max_version);
  BIO* bio = BIO_new_mem_buf(tls.certificate_chain_pem.data(), static_cast<int>(tls.certificate_chain_pem.size()));
  bool is_first = true;
  while (X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) {
    if (is_first) SSL_CTX_use_certificate(context, certificate);
    else SSL_CTX_add1_chain_cert(context, certificate);
    is_first = false;
    X509_free(certificate);
  }
  BIO_free(bio);
  bio = BIO_new_mem_buf(tls.key_pem.data(), static_cast<int>(tls.key_pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  const bool key_fits = SSL_CTX_use_PrivateKey(context, key) == 1;
  EVP_PKEY_free(key);
  if (!key_fits) throw std::runtime_error("test server: key and certificate do not fit");
  if (!tls.client_ca_pem.empty()) {
    bio = BIO_new_mem_buf(tls.client_ca_pem.data(), static_cast<int>(tls.client_ca_pem.size()));
    while (X509* ca = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca);
      X509_free(ca);
    }
    BIO_free(bio);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return owned;
}

}  // namespace

std::string Request::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

void Peer::reply(int status, std::string_view body, std::string_view extra_headers) {
  std::string head = "HTTP/1.1 " + std::to_string(status) + " " + std::string(reason_of(status)) +
                     "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(extra_headers) + "\r\n";
  head.append(body);
  send(head);
}

TestServer::TestServer(Handler handler, std::optional<ServerTls> tls) : handler_(std::move(handler)), uses_tls_(tls.has_value()) {
  // OpenSSL's socket BIO writes without MSG_NOSIGNAL.
  ::signal(SIGPIPE, SIG_IGN);
  if (tls) tls_context_ = make_tls_context(*tls);
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("test server: no loopback port");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_connections(); });
}

TestServer::~TestServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  {
    const std::lock_guard lock(mutex_);
    for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
  }
  for (auto& thread : threads_) thread.join();
  for (const int socket : sockets_) ::close(socket);
}

std::string TestServer::url(std::string_view path, std::string_view host) const {
  return std::string(uses_tls_ ? "https://" : "http://") + std::string(host) + ":" + std::to_string(port_) + std::string(path);
}

std::vector<std::string> TestServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void TestServer::forget_requests() {
  const std::lock_guard lock(mutex_);
  requests_.clear();
}

void TestServer::accept_connections() {
  while (!stopping_) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    ++connections_;
    const std::lock_guard lock(mutex_);
    sockets_.push_back(socket);
    threads_.emplace_back([this, socket] { serve(socket); });
  }
}

void TestServer::serve(int socket) {
  {
    Wire wire(socket, static_cast<SSL_CTX*>(tls_context_.get()));
    std::string received;
    while (wire.is_open() && !stopping_) {
      auto end = received.find("\r\n\r\n");
      while (end == std::string::npos && received.size() < kRequestBytesMax && wire.receive(received)) end = received.find("\r\n\r\n");
      if (end == std::string::npos) break;
      Request request = parse_head(std::string_view(received).substr(0, end + 2));
      received.erase(0, end + 4);
      const std::string length = request.header("content-length");
      std::size_t body_size = 0;
      std::from_chars(length.data(), length.data() + length.size(), body_size);  // absent means none
      while (received.size() < body_size && wire.receive(received)) {
      }
      request.body = received.substr(0, body_size);
      received.erase(0, body_size);
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request.method + " " + request.target);
      }
      handler_(request, wire);
    }
  }
  ::shutdown(socket, SHUT_RDWR);
  const std::lock_guard lock(mutex_);
  ++closed_;
  closed_changed_.notify_all();
}

void TestServer::wait_for_closed_connections(std::size_t count) {
  std::unique_lock lock(mutex_);
  closed_changed_.wait(lock, [&] { return closed_ >= count; });
}

}  // namespace aseptic::test
