// SPDX-License-Identifier: Apache-2.0
#include "hostile_repository.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "aseptic/core/assert.h"

namespace aseptic::trust::test {
namespace {

EVP_PKEY* as_key(void* key) { return static_cast<EVP_PKEY*>(key); }

core::PublicKey public_part(EVP_PKEY* key) {
  std::uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  ASEPTIC_ASSERT(size > 0);
  const core::Bytes spki(der, der + size);
  OPENSSL_free(der);
  return *core::PublicKey::from_spki(spki);
}

}  // namespace

TestKey::TestKey(void* key) : key_(key, [](void* p) { EVP_PKEY_free(as_key(p)); }), public_key_(public_part(as_key(key))) {}

TestKey TestKey::ed25519(std::uint8_t seed) {
  const std::array<std::uint8_t, 32> secret{seed, 1, 2, 3};
  return TestKey(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, secret.data(), secret.size()));
}

TestKey TestKey::generate(core::KeyAlgorithm algorithm) {
  if (algorithm == core::KeyAlgorithm::kEcdsaP256) return TestKey(EVP_EC_gen("P-256"));
  if (algorithm == core::KeyAlgorithm::kRsaPss) return TestKey(EVP_RSA_gen(3072));
  return TestKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
}

core::Bytes TestKey::sign(core::ByteView message) const {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* parameters = nullptr;
  const bool hashes = public_key_->algorithm() != core::KeyAlgorithm::kEd25519;
  EVP_DigestSignInit(context, &parameters, hashes ? EVP_sha256() : nullptr, nullptr, as_key(key_.get()));
  if (public_key_->algorithm() == core::KeyAlgorithm::kRsaPss) {
    EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST);
  }
  std::size_t size = 0;
  EVP_DigestSign(context, nullptr, &size, message.data(), message.size());
  core::Bytes signature(size);
  const int done = EVP_DigestSign(context, signature.data(), &size, message.data(), message.size());
  EVP_MD_CTX_free(context);
  ASEPTIC_ASSERT(done == 1);
  signature.resize(size);
  return signature;
}

core::Bytes TestKey::sign_raw(core::ByteView message) const {
  const core::Bytes der = sign(message);
  const unsigned char* at = der.data();
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> parts(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), ECDSA_SIG_free);
  ASEPTIC_ASSERT(parts != nullptr);
  core::Bytes raw(64);
  BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), raw.data(), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), raw.data() + 32, 32);
  return raw;
}

core::UtcTime test_time(std::string_view text) { return *core::parse_utc(text); }

std::string signed_file(const core::JsonValue& signed_part, const std::vector<TestKey>& signers) {
  Envelope envelope{.signatures = {}, .signed_part = signed_part, .unrecognized = {}};
  const std::string message = envelope.signed_bytes();
  for (const TestKey& key : signers) envelope.signatures.push_back({.keyid = key.id(), .value = key.sign(message)});
  return envelope.encode();
}

HostileRepository::HostileRepository(core::UtcTime time) : now(time), expires(time + std::chrono::hours(24 * 30)) {
  root.version = 0;
  root.expires = timestamp.expires = snapshot.expires = expires;
  std::uint8_t seed = 1;
  for (const std::string_view role : {kRootRole, kTimestampRole, kSnapshotRole, kTargetsRole}) {
    root.roles.emplace(role, RoleKeys{});
    set_keys(role, {TestKey::ed25519(seed++)});
  }
  Targets first;
  first.expires = expires;
  roles.emplace("targets", first);
  snapshot.meta.emplace("targets", MetaFile{});
  timestamp.issued = now;
  publish_root();
}

void HostileRepository::set_keys(std::string_view role, const std::vector<TestKey>& keys, std::uint32_t threshold) {
  RoleKeys& role_keys = root.roles.find(role)->second;
  role_keys.keyids.clear();
  role_keys.threshold = threshold;
  for (const TestKey& key : keys) {
    role_keys.keyids.push_back(key.id());
    root.keys.emplace(key.id(), key.tuf_key());
  }
  signers.insert_or_assign(std::string(role), keys);
}

void HostileRepository::publish_root(const std::vector<TestKey>& extra_signers) {
  ++root.version;
  std::vector<TestKey> all = signers.find("root")->second;
  all.insert(all.end(), extra_signers.begin(), extra_signers.end());
  roots[root.version] = signed_file(root.encode(), all);
}

void HostileRepository::add_target(std::string_view role, std::string_view path, std::string_view content) {
  TargetEntry entry;
  entry.length = content.size();
  entry.hashes.sha256 = core::sha256(content);
  roles.find(role)->second.targets.insert_or_assign(std::string(path), entry);
  contents.insert_or_assign(std::string(path), std::string(content));
}

void HostileRepository::delegate(const Delegation& delegation) {
  Targets& delegator = roles.find(delegation.delegator)->second;
  if (!delegator.delegations) delegator.delegations.emplace();
  DelegatedRole role;
  role.name = delegation.role;
  role.rule.paths = delegation.paths;
  role.terminating = delegation.terminating;
  role.role_keys.threshold = delegation.threshold;
  for (const TestKey& key : delegation.keys) {
    role.role_keys.keyids.push_back(key.id());
    delegator.delegations->keys.emplace(key.id(), key.tuf_key());
  }
  delegator.delegations->roles.push_back(role);
  if (roles.contains(delegation.role)) return;
  Targets made;
  made.expires = expires;
  roles.emplace(delegation.role, made);
  snapshot.meta.emplace(delegation.role, MetaFile{});
  signers[delegation.role] = delegation.keys;
}

void HostileRepository::delegate_bins(std::string_view delegator, std::string_view prefix, std::uint32_t bit_length,
                                      const TestKey& key) {
  SuccinctRoles succinct;
  succinct.bit_length = bit_length;
  succinct.name_prefix = prefix;
  succinct.role_keys.keyids = {key.id()};
  Targets made;
  made.expires = expires;
  for (std::uint64_t bin = 0; bin < succinct.bins(); ++bin) {
    roles.emplace(succinct.bin_name(bin), made);
    snapshot.meta.emplace(succinct.bin_name(bin), MetaFile{});
    signers[succinct.bin_name(bin)] = {key};
  }
  Delegations delegations;
  delegations.keys.emplace(key.id(), key.tuf_key());
  delegations.succinct = succinct;
  roles.find(delegator)->second.delegations = delegations;
}

void HostileRepository::publish(const std::vector<std::string>& changed) {
  for (const std::string& role : changed) ++roles.find(role)->second.version;
  publish_snapshot();
}

void HostileRepository::publish_snapshot() {
  ++snapshot.version;
  for (const auto& [role, targets] : roles) {
    MetaFile& listed = snapshot.meta[role];
    listed = {.version = targets.version};
    if (meta_hashes == MetaHashes::kNo) continue;
    const std::string file = role_file(role);
    listed.length = file.size();
    listed.hashes.sha256 = core::sha256(file);
  }
  publish_timestamp();
}

void HostileRepository::publish_timestamp() {
  ++timestamp.version;
  timestamp.snapshot = {.version = snapshot.version};
  if (meta_hashes == MetaHashes::kNo) return;
  const std::string file = snapshot_file();
  timestamp.snapshot.length = file.size();
  timestamp.snapshot.hashes.sha256 = core::sha256(file);
}

std::string HostileRepository::timestamp_file() const {
  return signed_file(timestamp.encode(), signers.find("timestamp")->second);
}
std::string HostileRepository::snapshot_file() const { return signed_file(snapshot.encode(), signers.find("snapshot")->second); }
std::string HostileRepository::role_file(std::string_view role) const {
  return signed_file(roles.find(role)->second.encode(), signers.find(role)->second);
}

std::string TestClient::received(const FileRequest& request, std::string bytes) {
  const std::string name = (request.version ? std::to_string(*request.version) + "." : "") + request.role;
  requests.push_back(name);
  return in_transit ? in_transit(name, std::move(bytes)) : bytes;
}

core::Result<TrustedMetadata> TestClient::refresh(const HostileRepository& repository, core::UtcTime now) {
  ASEPTIC_TRY(TrustedMetadata trusted, TrustedMetadata::from_root(core::as_bytes(root)));
  while (true) {
    const FileRequest request = trusted.next_root_request();
    const auto next = repository.roots.find(*request.version);
    if (next == repository.roots.end()) break;
    ASEPTIC_TRY_VOID(trusted.update_root(core::as_bytes(received(request, next->second))));
    root = trusted.root_bytes();
  }
  ASEPTIC_TRY_VOID(trusted.finish_root(now));
  if (const auto at = cache.find("timestamp"); at != cache.end()) (void)trusted.load_timestamp(core::as_bytes(at->second));
  if (const auto at = cache.find("snapshot"); at != cache.end()) (void)trusted.load_snapshot(core::as_bytes(at->second));
  const std::string timestamp = received(trusted.timestamp_request(), repository.timestamp_file());
  ASEPTIC_TRY(const TimestampChange change, trusted.update_timestamp(core::as_bytes(timestamp)));
  if (change == TimestampChange::kNew) cache["timestamp"] = timestamp;
  if (!trusted.snapshot_is_current()) {
    ASEPTIC_TRY(const FileRequest request, trusted.snapshot_request());
    const std::string snapshot = received(request, repository.snapshot_file());
    ASEPTIC_TRY_VOID(trusted.update_snapshot(core::as_bytes(snapshot)));
    cache["snapshot"] = snapshot;
  }
  if (const auto at = cache.find("targets"); at != cache.end() && trusted.update_targets(core::as_bytes(at->second)))
    return trusted;
  ASEPTIC_TRY(const FileRequest request, trusted.targets_request());
  const std::string targets = received(request, repository.role_file("targets"));
  ASEPTIC_TRY_VOID(trusted.update_targets(core::as_bytes(targets)));
  cache["targets"] = targets;
  return trusted;
}

core::Result<core::Verified<TargetInfo>> TestClient::find(const HostileRepository& repository, const TrustedMetadata& trusted,
                                                          std::string_view path) {
  ASEPTIC_TRY(TargetSearch search, TargetSearch::begin(trusted, path));
  while (const auto request = search.needed()) {
    if (const auto at = cache.find(request->role); at != cache.end() && search.supply(core::as_bytes(at->second))) continue;
    const std::string file = received(*request, repository.role_file(request->role));
    ASEPTIC_TRY_VOID(search.supply(core::as_bytes(file)));
    cache[request->role] = file;
  }
  return search.result();
}

core::Result<core::Verified<TargetInfo>> TestClient::refresh_and_find(const HostileRepository& repository,
                                                                      std::string_view path, core::UtcTime now) {
  ASEPTIC_TRY(const TrustedMetadata trusted, refresh(repository, now));
  return find(repository, trusted, path);
}

}  // namespace aseptic::trust::test
