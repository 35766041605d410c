// SPDX-License-Identifier: Apache-2.0
#include "aseptic/core/post_quantum_key.h"

#include <algorithm>

#include "aseptic/core/codes.h"

namespace aseptic::core {
namespace {

// SubjectPublicKeyInfo up to the key: SEQUENCE { SEQUENCE { OID }, BIT STRING without unused bits }.
constexpr std::uint8_t kSlhDsaPrefix[] = {0x30, 0x30, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x14,
                                          0x03, 0x21, 0x00};  // 2.16.840.1.101.3.4.3.20
constexpr std::uint8_t kLmsPrefix[] = {0x30, 0x4e, 0x30, 0x0d, 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x03, 0x11,
                                       0x03, 0x3d, 0x00};  // 1.2.840.113549.1.9.16.3.17

struct Form {
  PostQuantumAlgorithm algorithm;
  ByteView prefix;
  std::size_t raw_size;
};
const Form kForms[] = {{PostQuantumAlgorithm::kSlhDsaSha2_128s, kSlhDsaPrefix, 32}, {PostQuantumAlgorithm::kLmsSha256, kLmsPrefix, 60}};

}  // namespace

std::string_view to_string(PostQuantumAlgorithm algorithm) {
  return algorithm == PostQuantumAlgorithm::kLmsSha256 ? "lms-sha256" : "slh-dsa-sha2-128s";
}

Result<PostQuantumPublicKey> PostQuantumPublicKey::from_raw(PostQuantumAlgorithm algorithm, ByteView raw) {
  for (const Form& form : kForms)
    if (form.algorithm == algorithm && form.raw_size == raw.size()) return PostQuantumPublicKey(algorithm, Bytes(raw.begin(), raw.end()));
  return Error(CoreCode::kKeyFormat, "a public key of " + std::string(to_string(algorithm)) + " has not " + std::to_string(raw.size()) + " bytes");
}

Result<PostQuantumPublicKey> PostQuantumPublicKey::from_pem(std::string_view pem) {
  ASEPTIC_TRY(const Bytes der, core::from_pem("PUBLIC KEY", pem));
  for (const Form& form : kForms)
    if (der.size() == form.prefix.size() + form.raw_size && std::ranges::equal(form.prefix, ByteView(der).first(form.prefix.size())))
      return from_raw(form.algorithm, ByteView(der).subspan(form.prefix.size()));
  return Error(CoreCode::kKeyAlgorithm, "the key is neither SLH-DSA-SHA2-128s nor LMS");
}

std::string PostQuantumPublicKey::pem() const {
  const Form& form = kForms[algorithm_ == PostQuantumAlgorithm::kLmsSha256 ? 1 : 0];
  Bytes der(form.prefix.begin(), form.prefix.end());
  der.insert(der.end(), raw_.begin(), raw_.end());
  return to_pem("PUBLIC KEY", der);
}

std::string to_pem(std::string_view name, ByteView der) {
  const std::string base64 = to_base64(der);
  std::string text = "-----BEGIN " + std::string(name) + "-----\n";
  for (std::size_t i = 0; i < base64.size(); i += 64) text += base64.substr(i, 64) + "\n";
  return text + "-----END " + std::string(name) + "-----\n";
}

Result<Bytes> from_pem(std::string_view name, std::string_view text) {
  const std::string begin = "-----BEGIN " + std::string(name) + "-----\n", end = "-----END " + std::string(name) + "-----\n";
  const Error wrong(CoreCode::kKeyFormat, "it is not one PEM block \"" + std::string(name) + "\"");
  if (text.size() < begin.size() + end.size() || !text.starts_with(begin) || !text.ends_with(end)) return wrong;
  std::string base64;
  for (const char c : text.substr(begin.size(), text.size() - begin.size() - end.size()))
    if (c != '\n') base64 += c;
  auto der = from_base64(base64);
  if (!der) return wrong;
  if (to_pem(name, *der) != text) return wrong;  // one form only
  return *std::move(der);
}

}  // namespace aseptic::core
