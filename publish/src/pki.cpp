// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/pki.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

#include "aseptic/publish/codes.h"

namespace aseptic::publish {
namespace {

constexpr std::string_view kServerRoleUri = "urn:aseptic:role:server";
constexpr std::string_view kDeviceRolePrefix = "urn:aseptic:device:";
constexpr std::size_t kSerialBytes = 16;
constexpr std::size_t kDeviceIdMax = 64;

core::Error failure(std::string sentence) {
  ERR_clear_error();
  return {PublishCode::kCertificate, std::move(sentence)};
}

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;

core::Result<Certificate> read_certificate(std::string_view pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Certificate certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!certificate) return failure("not a certificate in PEM form");
  return certificate;
}

// One certificate in the making: fields first, then the issuer's signature over the encoded part.
class Builder {
 public:
  Builder() : certificate_(X509_new()) { require(certificate_ && X509_set_version(certificate_.get(), X509_VERSION_3) == 1); }

  Builder& serial(platform::Entropy& entropy) {
    std::array<std::uint8_t, kSerialBytes> bytes{};
    entropy.fill(bytes);
    bytes[0] = static_cast<std::uint8_t>((bytes[0] & 0x7f) | 0x40);  // positive and of full length
    BIGNUM* number = BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr);
    require(number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate_.get())));
    BN_free(number);
    return *this;
  }
  Builder& subject(std::string_view common_name) {
    X509_NAME* name = X509_get_subject_name(certificate_.get());
    require(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>("Aseptic"), -1, -1, 0) == 1 &&
            X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common_name.data()),
                                       static_cast<int>(common_name.size()), -1, 0) == 1);
    return *this;
  }
  Builder& issuer(X509* authority) {
    require(X509_set_issuer_name(certificate_.get(), X509_get_subject_name(authority ? authority : certificate_.get())) == 1);
    return *this;
  }
  Builder& validity(const Validity& validity) {
    const auto from = static_cast<time_t>(validity.from.time_since_epoch().count());
    const auto to = static_cast<time_t>((validity.from + validity.length).time_since_epoch().count());
    require(ASN1_TIME_set(X509_getm_notBefore(certificate_.get()), from) && ASN1_TIME_set(X509_getm_notAfter(certificate_.get()), to));
    return *this;
  }
  Builder& key(const core::PublicKey& key) {
    const std::uint8_t* der = key.spki().data();
    const Key handle(d2i_PUBKEY(nullptr, &der, static_cast<long>(key.spki().size())));
    require(handle && X509_set_pubkey(certificate_.get(), handle.get()) == 1);
    return *this;
  }
  Builder& extension(int nid, X509* authority, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, authority ? authority : certificate_.get(), certificate_.get(), nullptr, nullptr, 0);
    const Extension made(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    require(made && X509_add_ext(certificate_.get(), made.get(), -1) == 1);
    return *this;
  }
  core::Result<std::string> sign(IssuerSigner& signer);

 private:
  void require(bool done) { good_ = good_ && done; }
  Certificate certificate_;
  bool good_ = true;
};

// SEQUENCE or other constructed tag around `content`.
core::Bytes der(std::uint8_t tag, core::ByteView content) {
  core::Bytes out{tag};
  if (content.size() < 0x80) {
    out.push_back(static_cast<std::uint8_t>(content.size()));
  } else {
    core::Bytes length;
    for (std::size_t rest = content.size(); rest > 0; rest >>= 8) length.insert(length.begin(), static_cast<std::uint8_t>(rest & 0xff));
    out.push_back(static_cast<std::uint8_t>(0x80 | length.size()));
    out.insert(out.end(), length.begin(), length.end());
  }
  out.insert(out.end(), content.begin(), content.end());
  return out;
}

core::Bytes joined(const std::vector<core::Bytes>& parts) {
  core::Bytes out;
  for (const core::Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

std::string pem_of(core::ByteView certificate) {
  const std::string base64 = core::to_base64(certificate);
  std::string text = "-----BEGIN CERTIFICATE-----\n";
  for (std::size_t i = 0; i < base64.size(); i += 64) text += base64.substr(i, 64) + "\n";
  return text + "-----END CERTIFICATE-----\n";
}

core::Result<std::string> Builder::sign(IssuerSigner& signer) {
  if (signer.public_key().algorithm() != core::KeyAlgorithm::kEcdsaP256) return failure("the authority's key must be a P-256 key");
  // AlgorithmIdentifier ecdsa-with-SHA256, stated in the signed part and again outside it.
  static constexpr std::uint8_t kEcdsaSha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
  auto* inner = const_cast<X509_ALGOR*>(X509_get0_tbs_sigalg(certificate_.get()));  // NOLINT(const_cast: OpenSSL)
  require(X509_ALGOR_set0(inner, OBJ_nid2obj(NID_ecdsa_with_SHA256), V_ASN1_UNDEF, nullptr) == 1);
  std::uint8_t* encoded = nullptr;
  const int size = good_ ? i2d_re_X509_tbs(certificate_.get(), &encoded) : -1;
  if (size <= 0) return failure("the certificate cannot be encoded; check names and addresses");
  const core::Bytes signed_part(encoded, encoded + size);
  OPENSSL_free(encoded);
  ASEPTIC_TRY(const core::Bytes signature, signer.sign(signed_part));
  core::Bytes bits{0};  // no unused bits
  bits.insert(bits.end(), signature.begin(), signature.end());
  const core::Bytes certificate =
      der(0x30, joined({signed_part, core::Bytes(std::begin(kEcdsaSha256), std::end(kEcdsaSha256)), der(0x03, bits)}));
  const std::string pem = pem_of(certificate);
  ASEPTIC_TRY_VOID(read_certificate(pem));  // what was assembled is a certificate
  return pem;
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 253 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  });
}

bool is_address(std::string_view address) {
  return !address.empty() && address.size() <= 15 && std::ranges::all_of(address, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

core::Result<void> check_names(const std::vector<std::string>& dns_names, const std::vector<std::string>& addresses) {
  if (dns_names.empty() && addresses.empty()) return failure("give at least one name or address, with --dns or --address");
  for (const std::string& name : dns_names)
    if (!is_name(name)) return failure("\"" + name + "\" is not a DNS name in lower case");
  for (const std::string& address : addresses)
    if (!is_address(address)) return failure("\"" + address + "\" is not an IPv4 address");
  return {};
}

std::string list(const std::vector<std::string>& dns_names, const std::vector<std::string>& addresses,
                 const std::string& prefix, const std::string& address_suffix) {
  std::string text;
  for (const std::string& name : dns_names) text += (text.empty() ? "" : ",") + prefix + "DNS:" + name;
  for (const std::string& address : addresses) text += (text.empty() ? "" : ",") + prefix + "IP:" + address + address_suffix;
  return text;
}

core::Result<Certificate> read_authority(IssuerSigner& issuer, std::string_view pem) {
  ASEPTIC_TRY(Certificate authority, read_certificate(pem));
  std::uint8_t* encoded = nullptr;
  const int size = i2d_PUBKEY(X509_get0_pubkey(authority.get()), &encoded);
  const bool same = size > 0 && std::ranges::equal(issuer.public_key().spki(), core::ByteView(encoded, static_cast<std::size_t>(size)));
  if (size > 0) OPENSSL_free(encoded);
  if (!same) return failure("the issuer's key does not belong to the authority's certificate");
  return authority;
}

std::string print(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_print_ex(bio.get(), certificate, XN_FLAG_ONELINE, X509_FLAG_NO_SIGDUMP | X509_FLAG_NO_PUBKEY) != 1) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace

core::Result<void> check_device_id(std::string_view id) {
  const bool good = !id.empty() && id.size() <= kDeviceIdMax && id.front() != '.' && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
  if (good) return {};
  return core::Error(PublishCode::kInput, "a device id has 1 to 64 letters, digits, '.', '_' and '-' and no '.' at the start");
}

core::Result<std::string> make_authority(IssuerSigner& issuer, const AuthorityPlan& plan, platform::Entropy& entropy) {
  ASEPTIC_TRY_VOID(check_names(plan.dns_names, plan.addresses));
  Builder builder;
  builder.serial(entropy).subject(plan.name).issuer(nullptr).validity(plan.validity).key(issuer.public_key());
  builder.extension(NID_basic_constraints, nullptr, "critical,CA:TRUE,pathlen:0");
  builder.extension(NID_key_usage, nullptr, "critical,keyCertSign,cRLSign");
  builder.extension(NID_subject_key_identifier, nullptr, "hash");
  // SECURITY(T-02): whoever steals this key can impersonate these names only, to clients that trust this authority only.
  // A dot before nothing permits no other DNS name; the broadcast address permits no other address.
  const std::vector<std::string> names = plan.dns_names.empty() ? std::vector<std::string>{"none.invalid"} : plan.dns_names;
  const std::vector<std::string> addresses = plan.addresses.empty() ? std::vector<std::string>{"255.255.255.255"} : plan.addresses;
  builder.extension(NID_name_constraints, nullptr, "critical," + list(names, addresses, "permitted;", "/255.255.255.255"));
  return builder.sign(issuer);
}

core::Result<std::string> make_server_certificate(IssuerSigner& issuer, std::string_view authority_pem, const core::PublicKey& server,
                                                  const ServerPlan& plan, platform::Entropy& entropy) {
  ASEPTIC_TRY_VOID(check_names(plan.dns_names, plan.addresses));
  ASEPTIC_TRY(const Certificate authority, read_authority(issuer, authority_pem));
  Builder builder;
  builder.serial(entropy).subject(plan.dns_names.empty() ? plan.addresses.front() : plan.dns_names.front());
  builder.issuer(authority.get()).validity(plan.validity).key(server);
  builder.extension(NID_basic_constraints, authority.get(), "critical,CA:FALSE");
  builder.extension(NID_key_usage, authority.get(), "critical,digitalSignature");
  builder.extension(NID_ext_key_usage, authority.get(), "critical,serverAuth");
  builder.extension(NID_subject_key_identifier, authority.get(), "hash");
  builder.extension(NID_authority_key_identifier, authority.get(), "keyid:always");
  builder.extension(NID_subject_alt_name, authority.get(),
                    list(plan.dns_names, plan.addresses, "", "") + ",URI:" + std::string(kServerRoleUri));
  return builder.sign(issuer);
}

core::Result<std::string> make_device_certificate(IssuerSigner& issuer, std::string_view authority_pem, const core::PublicKey& device,
                                                  const DevicePlan& plan, platform::Entropy& entropy) {
  ASEPTIC_TRY_VOID(check_device_id(plan.device_id));
  ASEPTIC_TRY(const Certificate authority, read_authority(issuer, authority_pem));
  Builder builder;
  builder.serial(entropy).subject("device " + plan.device_id).issuer(authority.get()).validity(plan.validity).key(device);
  builder.extension(NID_basic_constraints, authority.get(), "critical,CA:FALSE");
  builder.extension(NID_key_usage, authority.get(), "critical,digitalSignature");
  builder.extension(NID_ext_key_usage, authority.get(), "critical,clientAuth");
  builder.extension(NID_subject_key_identifier, authority.get(), "hash");
  builder.extension(NID_authority_key_identifier, authority.get(), "keyid:always");
  builder.extension(NID_subject_alt_name, authority.get(), "URI:" + std::string(kDeviceRolePrefix) + plan.device_id);
  return builder.sign(issuer);
}

core::Result<std::string> describe_certificate(std::string_view pem) {
  ASEPTIC_TRY(const Certificate certificate, read_certificate(pem));
  return print(certificate.get());
}

}  // namespace aseptic::publish
