// SPDX-License-Identifier: Apache-2.0
#include "device_rig.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <charconv>
#include <deque>

#include "aseptic/agent/boot_id.h"
#include "aseptic/agent/repository_source.h"
#include "aseptic/boot/core/cell_store.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/format/provisioning.h"
#include "aseptic/boot/format/tree_hash.h"
#include "aseptic/boot/host/crypto.h"
#include "aseptic/boot/journal/factory.h"
#include "aseptic/boot/journal/journal.h"
#include "aseptic/boot/journal/requests.h"
#include "aseptic/core/assert.h"
#include "aseptic/payload/make/maker.h"
#include "aseptic/platform/codes.h"
#include "aseptic/sim/boot_storage.h"
#include "aseptic/trust/verified_statements.h"
#include "boot_in_memory.h"
#include "therapy_ports.h"
#include "tests/support/release_test_key.h"

namespace aseptic::agent::test {
namespace {

using core::Bytes;
using core::ByteView;
using core::Result;

constexpr std::uint64_t kExecOffset = boot::kFirstRegionOffset;
constexpr std::uint64_t kExecSize = 4096;
constexpr std::uint64_t kTreeOffset = kExecOffset + kExecSize;
constexpr std::uint64_t kTreeSize = 57344;
constexpr std::uint64_t kImageSize = kTreeOffset + kTreeSize;

core::Uuid uuid(std::uint8_t first) {
  core::Uuid id;
  id.bytes.fill(0);
  id.bytes[0] = first;
  return id;
}
const core::Uuid kVendor = uuid(1), kProduct = uuid(2), kClass = uuid(3), kHardware = uuid(4), kComponent = uuid(5), kMcu = uuid(6);
constexpr std::uint64_t kMcuImageSize = kTreeOffset;
constexpr std::uint64_t kMcuSlotSize = kMcuImageSize + 8192;
const boot::Uuid kDeviceId = uuid(0x77).bytes;

Bytes content_of(const std::string& version, std::uint64_t size) {
  Bytes bytes;
  for (std::uint64_t block = 0; bytes.size() < size; ++block) {
    const core::Digest digest = core::sha256(version + "#" + std::to_string(block / 4));
    bytes.insert(bytes.end(), digest.bytes.begin(), digest.bytes.end());
  }
  bytes.resize(size);
  return bytes;
}

class MemoryImage final : public payload::ImageSource {
 public:
  explicit MemoryImage(const Bytes& bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  Result<void> read(std::uint64_t offset, core::ByteSpan out) override {
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  }

 private:
  const Bytes& bytes_;
};

class MemoryPayload final : public payload::PayloadFile {
 public:
  Result<void> write(std::uint64_t offset, ByteView bytes) override {
    if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
    std::ranges::copy(bytes, content.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  Result<void> read(std::uint64_t offset, core::ByteSpan out) override {
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  }
  std::string content;
};

trust::Component component_of(const BuiltImage& image) {
  trust::Component component;
  component.id = image.is_mcu ? kMcu : kComponent;
  component.name = image.is_mcu ? "pump motor" : "pump";
  component.location = image.is_mcu ? "mcu" : "slot";
  component.order = image.is_mcu ? 1 : 0;
  component.manifest_digest = image.manifest;
  component.size = image.is_mcu ? kMcuImageSize : kImageSize;
  component.image_digest = image.image;
  component.sequence = image.sequence;
  component.epoch = image.epoch;
  return component;
}

}  // namespace

EcKey::EcKey(std::uint8_t number) {
  const std::unique_ptr<EC_GROUP, decltype(&EC_GROUP_free)> group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1),
                                                                  &EC_GROUP_free);
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> scalar(BN_new(), &BN_free);
  const core::Digest secret = core::sha256("key " + std::to_string(number));
  BN_bin2bn(secret.bytes.data(), 31, scalar.get());  // 31 bytes: below the group's order
  const std::unique_ptr<EC_POINT, decltype(&EC_POINT_free)> point(EC_POINT_new(group.get()), &EC_POINT_free);
  EC_POINT_mul(group.get(), point.get(), scalar.get(), nullptr, nullptr, nullptr);
  std::array<std::uint8_t, 65> encoded{};
  EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, encoded.data(), encoded.size(), nullptr);
  const std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)> builder(OSSL_PARAM_BLD_new(), &OSSL_PARAM_BLD_free);
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar.get());
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, encoded.data(), encoded.size());
  const std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> parameters(OSSL_PARAM_BLD_to_param(builder.get()),
                                                                           &OSSL_PARAM_free);
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr),
                                                                            &EVP_PKEY_CTX_free);
  EVP_PKEY* key = nullptr;
  ASEPTIC_ASSERT(EVP_PKEY_fromdata_init(context.get()) == 1 &&
                 EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, parameters.get()) == 1);
  key_ = std::shared_ptr<void>(key, [](void* p) { EVP_PKEY_free(static_cast<EVP_PKEY*>(p)); });
  public_key_ = *core::PublicKey::from_p256_point(ByteView(encoded).subspan(1));
}

std::array<std::uint8_t, 64> EcKey::sign_raw(ByteView message) const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, static_cast<EVP_PKEY*>(key_.get()));
  std::array<std::uint8_t, 80> der{};
  std::size_t size = der.size();
  ASEPTIC_ASSERT(EVP_DigestSign(context.get(), der.data(), &size, message.data(), message.size()) == 1);
  const unsigned char* at = der.data();
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)),
                                                                        &ECDSA_SIG_free);
  std::array<std::uint8_t, 64> raw{};
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), raw.data(), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), raw.data() + 32, 32);
  return raw;
}

core::UtcTime rig_time() { return trust::test::test_time("2026-11-23T05:00:00Z"); }

namespace {

BuiltImage build_image_of(const Keys& keys, const ImagePlan& plan, const Bytes& exec, const Bytes& tree) {
  const std::string& version = plan.version;
  const std::uint64_t image_size = plan.is_mcu ? kMcuImageSize : kImageSize;
  boot::host::Sha256 hasher;
  BuiltImage out{.version = version, .sequence = plan.sequence, .is_mcu = plan.is_mcu, .epoch = plan.epoch};
  out.slot_bytes.assign(image_size, 0);
  std::ranges::copy(exec, out.slot_bytes.begin() + static_cast<std::ptrdiff_t>(kExecOffset));
  if (!plan.is_mcu) std::ranges::copy(tree, out.slot_bytes.begin() + static_cast<std::ptrdiff_t>(kTreeOffset));

  boot::Manifest manifest;
  manifest.product = kProduct.bytes;
  manifest.hardware = kHardware.bytes;
  manifest.hardware_revision_max = 9;
  std::ranges::copy(version, manifest.version.begin());
  manifest.sequence = plan.sequence;
  manifest.epoch = plan.epoch;
  manifest.image_size = image_size;
  manifest.load_address = 0x1000;
  manifest.entry = 0x1000;
  manifest.region_count = plan.is_mcu ? 1 : 2;
  manifest.regions[0] = {boot::RegionKind::kExecCopied, kExecOffset, kExecSize, core::sha256(exec).bytes};
  if (!plan.is_mcu) {
    manifest.tree_hash = boot::TreeHash::kSha256;
    manifest.tree_salt = core::sha256("salt").bytes;
    boot::TreeHasher tree_hasher(hasher, manifest.tree_salt);
    for (std::uint64_t at = 0; at < kTreeSize; at += boot::kImageBlockSize) {
      tree_hasher.add_block(boot::TreeBlock(tree.data() + at, boot::kImageBlockSize));
    }
    boot::Digest root{};
    ASEPTIC_ASSERT(boot::ok(tree_hasher.root(root)));
    manifest.regions[1] = {boot::RegionKind::kTreeVerified, kTreeOffset, kTreeSize, root};
  }
  manifest.min_boot_version = 1;
  manifest.min_root_version = plan.min_root_version;
  const Bytes point = *keys.builder.public_key().p256_point();
  manifest.classic_key_id = core::sha256(point).bytes;
  manifest.post_quantum_key_id = core::sha256(::aseptic::test::release_test_key().view()).bytes;
  out.image = core::Digest{boot::image_digest(hasher, manifest)};
  manifest.set_digest = plan.set ? plan.set->bytes : trust::release_set_digest({component_of(out)}).bytes;
  out.set = core::Digest{manifest.set_digest};

  std::array<std::uint8_t, boot::kManifestRegionSize> region{};
  const auto encoded = boot::encode_manifest(manifest, region);
  ASEPTIC_ASSERT(boot::ok(encoded));
  std::ranges::copy(region, out.slot_bytes.begin());
  out.manifest = core::sha256(region);
  Bytes message;
  const auto domain = boot::domain(boot::kP256Domain);
  message.insert(message.end(), domain.begin(), domain.end());
  message.insert(message.end(), region.begin(), region.end());
  const auto signature = keys.builder.sign_raw(message);
  std::ranges::copy(signature, out.slot_bytes.begin() + boot::kManifestRegionSize);
  ::aseptic::test::put_release_signature(out.slot_bytes);

  MemoryImage source(out.slot_bytes);
  MemoryPayload payload;
  const auto summary = payload::make_payload(source, payload, {.chunk_size = 4096, .page_entries = 4, .workers = 1});
  ASEPTIC_ASSERT(summary.has_value());
  ASEPTIC_ASSERT(summary->image_digest == out.image && summary->manifest_digest == out.manifest);
  out.payload = std::move(payload.content);
  out.payload_header = summary->header_digest;
  return out;
}

}  // namespace

BuiltImage build_image(const Keys& keys, const ImagePlan& plan) {
  return build_image_of(keys, plan, content_of((plan.is_mcu ? "mcu exec " : "exec ") + plan.version, kExecSize),
                        content_of("tree " + plan.version, kTreeSize));
}

BuiltImage build_image(const Keys& keys, const std::string& version, std::uint64_t sequence, std::uint32_t min_root_version) {
  return build_image(keys, {.version = version, .sequence = sequence, .min_root_version = min_root_version});
}

std::array<BuiltImage, 2> build_set(const Keys& keys, const std::string& version, std::uint64_t sequence, std::uint32_t epoch) {
  ImagePlan main{.version = version, .sequence = sequence, .epoch = epoch}, mcu = main;
  mcu.is_mcu = true;
  // The image digests do not depend on the set.
  main.set = mcu.set = trust::release_set_digest({component_of(build_image(keys, main)), component_of(build_image(keys, mcu))});
  return {build_image(keys, main), build_image(keys, mcu)};
}

BuiltImage build_next_image(const Keys& keys, const BuiltImage& base, const std::string& version, std::uint64_t sequence) {
  Bytes tree(base.slot_bytes.begin() + kTreeOffset, base.slot_bytes.end());
  const Bytes other = content_of("changed in " + version, 2000);
  std::ranges::copy(other, tree.begin() + 5000);
  return build_image_of(keys, {.version = version, .sequence = sequence},
                        Bytes(base.slot_bytes.begin() + kExecOffset, base.slot_bytes.begin() + kTreeOffset), tree);
}

BuiltDelta build_delta(const BuiltImage& base, const BuiltImage& image, bool is_short) {
  MemoryImage old_image(base.slot_bytes), new_image(image.slot_bytes);
  MemoryPayload payload;
  const auto summary = payload::make_delta_payload(old_image, new_image, payload, {.chunk_size = 4096, .page_entries = 4, .workers = 1, .delta_group = 4, .shorten = is_short});
  ASEPTIC_ASSERT(summary.has_value());
  return {summary->base_image_digest, summary->header_digest, std::move(payload.content)};
}

// ---- the publisher's side

Publisher::Publisher(const Keys& keys) : repository(rig_time()) {
  repository.meta_hashes = trust::test::HostileRepository::MetaHashes::kYes;
  repository.delegate({.delegator = "targets", .role = std::string(trust::kPayloadIndexRole),
                       .paths = {"payload-index/*", "payloads/*"}, .keys = {keys.payloads}});
}

core::Digest Publisher::release(const std::vector<const BuiltImage*>& images, const Terms& terms) {
  const BuiltImage& image = *images.front();
  trust::ReleaseManifest release;
  release.agent_version_min = {0, 1, 0};
  release.vendor = kVendor;
  release.product = kProduct;
  release.device_class = kClass;
  release.hardware = {{kHardware, 0, 9}};
  release.release_id = "pump-" + image.version;
  release.version = *core::Version::parse(image.version);
  release.sequence = image.sequence;
  release.sources = {terms.sources_min, 1000};
  for (const BuiltImage* each : images) release.components.push_back(component_of(*each));
  release.set_digest = image.set;
  release.safety.states = {"idle"};
  release.safety.downtime_s_max = 60;
  release.safety.essential_performance = "none while the pump is idle";
  release.safety.energy_mwh_min = terms.energy_mwh;
  release.safety.consent = {{"en", core::sha256("text")}};
  release.safety.jurisdictions = {{"EU", "CE 0000"}};
  release.udi_di = {"00000000000000"};
  release.sbom = {{"spdx-2.3", core::sha256("sbom")}};
  const std::string file = release.encode();
  const core::Digest digest = core::sha256(file);

  trust::Channel channel;
  channel.product = kProduct;
  channel.name = "stable";
  channel.revision = ++revision_;
  channel.release_id = release.release_id;
  channel.release = digest;
  channel.sequence = image.sequence;
  channel.attempt = terms.attempt;
  channel.withdrawn = terms.withdrawn;

  trust::PayloadIndex index;
  index.release = digest;
  std::vector<trust::PayloadEntry> entries;
  for (const BuiltImage* each : images) {
    trust::PayloadEntry& one = entries.emplace_back();
    one.encodings = {"raw", "zstd", "zero"};
    one.codecs = {1, 2, 3};
    one.image_size = each->slot_bytes.size();
    one.payload_size = each->payload.size();
    one.header_digest = each->payload_header;
    one.payload_digest = core::sha256(each->payload);
    index.images.push_back({each->image, {one}});
  }

  const std::string role(trust::kPayloadIndexRole);
  for (const BuiltDelta& delta : terms.deltas) {
    trust::PayloadEntry from_base = entries.front();
    from_base.base = delta.base;
    from_base.encodings = {"delta", "zstd"};
    from_base.codecs = {4, 2};
    from_base.payload_size = delta.payload.size();
    from_base.header_digest = delta.header;
    from_base.payload_digest = core::sha256(delta.payload);
    repository.add_target(role, from_base.target_path(), delta.payload);
    index.images.front().payloads.push_back(std::move(from_base));
  }

  repository.add_target("targets", release.target_path(), file);
  repository.add_target("targets", channel.target_path(), channel.encode());
  repository.add_target(role, index.target_path(), index.encode());
  for (std::size_t i = 0; i < images.size(); ++i) repository.add_target(role, entries[i].target_path(), images[i]->payload);
  repository.publish({"targets", role});
  return digest;
}

void Publisher::write_to(Site& site) const {
  Site::Files& files = *site.files;
  for (const auto& [version, root] : repository.roots) files["metadata/" + std::to_string(version) + ".root.json"] = root;
  files["metadata/timestamp.json"] = repository.timestamp_file();
  files["metadata/" + std::to_string(repository.snapshot.version) + ".snapshot.json"] = repository.snapshot_file();
  for (const auto& [role, targets] : repository.roles) {
    files["metadata/" + std::to_string(targets.version) + "." + role + ".json"] = repository.role_file(role);
  }
  for (const auto& [path, content] : repository.contents) {
    const auto slash = path.rfind('/') + 1;
    files["targets/" + path.substr(0, slash) + core::sha256(content).hex() + "." + path.substr(slash)] = content;
  }
}

// ---- the device

sim::World make_mcu(const Keys& keys, const BuiltImage& image, std::uint64_t seed) {
  sim::World world = make_device(keys, image, seed);
  Bytes slot = image.slot_bytes;
  slot.resize(kMcuSlotSize, 0xFF);
  for (const char* file : {"slots/a.img", "slots/b.img", "boot/recovery.img"}) world.place(file, slot);
  for (const char* file : {"requests/requests.bin", "permit/permit.bin"}) world.place(file, Bytes(4096, 0xFF));
  return world;
}

sim::World make_device(const Keys& keys, const BuiltImage& image, std::uint64_t seed) {
  boot::host::Sha256 hasher;
  sim::World world({}, seed, rig_time().time_since_epoch().count());
  boot::Provisioning provisioning;
  provisioning.device_id = kDeviceId;
  provisioning.product = kProduct.bytes;
  provisioning.hardware = kHardware.bytes;
  provisioning.hardware_revision = 1;
  provisioning.recovery_present = true;
  provisioning.port_capabilities = boot::kPortNvStore | boot::kPortDeviceSecret | boot::kPortKnowsResetCause |
                                   boot::kPortWriteProtects | boot::kPortRecoveryWritable | boot::kPortEmulated;
  boot::KeySlot& slot = provisioning.key_slots[0];
  slot.provisioned = true;
  std::ranges::copy(*keys.builder.public_key().p256_point(), slot.keys.p256.begin());
  slot.keys.post_quantum = ::aseptic::test::release_test_key();
  slot.hash = boot::key_slot_hash(hasher, slot.keys);

  Bytes record(boot::kProvisioningSize), secret(32, 0x42), journal(2 * boot::kJournalHalfMin, 0xFF),
      store(boot::kMonotonicAreaSize, 0);
  boot::encode_provisioning(provisioning, std::span<std::uint8_t, boot::kProvisioningSize>(record));
  boot::Digest device_secret{};
  std::ranges::copy(secret, device_secret.begin());
  const boot::RecordSealer sealer{&hasher, true, boot::derive_keys(hasher, device_secret).journal};
  const boot::FactoryImage factory{std::span<const std::uint8_t, boot::kManifestRegionSize>(
      image.slot_bytes.data(), boot::kManifestRegionSize)};
  ASEPTIC_ASSERT(boot::ok(boot::make_factory_journal(hasher, sealer, factory, journal)));
  ASEPTIC_ASSERT(boot::ok(boot::make_factory_store(hasher, provisioning, factory, store)));

  Bytes full = image.slot_bytes;
  full.resize(kSlotSize, 0);
  const Bytes cell(4096, 0);
  for (const char* directory : {"boot", "slots", "requests", "permit", "mailbox", "agent"}) world.place_directory(directory);
  world.place("boot/provisioning.bin", record);
  world.place("boot/secret.bin", secret);
  world.place("boot/journal.bin", journal);
  world.place("boot/monotonic.bin", store);
  world.place("boot/recovery.img", full);
  world.place("slots/a.img", full);
  world.place("slots/b.img", full);
  world.place("slots/mcu.img", Bytes(kMcuSlotSize, 0));
  world.place("requests/requests.bin", cell);
  world.place("permit/permit.bin", cell);
  world.place("mailbox/report.bin", Bytes(boot::kBootReportSize, 0));
  return world;
}

Config device_config() {
  Config config;
  config.device.id = "pump-0001";
  config.device.vendor = kVendor;
  config.device.product = kProduct;
  config.device.device_class = kClass;
  config.device.hardware = kHardware;
  config.device.hardware_revision = 1;
  config.device.jurisdiction = "EU";
  config.device.component = kComponent;
  config.repository.urls = {"https://repository"};
  config.repository.channel = "stable";
  config.server.report_url = "https://repository/report";
  config.policy.poll = std::chrono::seconds(5);
  config.policy.approval = Decision::kAutomatic;
  config.policy.return_to_service = Decision::kAutomatic;
  config.policy.disk_reserve_bytes = 0;
  return config;
}

namespace {

class SiteClient final : public platform::HttpClient {
 public:
  explicit SiteClient(Site& site) : site_(site) {}

  Result<platform::HttpReply> get(const platform::HttpGet& request, const platform::BodySink& sink) override {
    constexpr std::string_view kBase = "https://repository/";
    const auto file = site_.files->find(std::string_view(request.url).substr(kBase.size()));
    if (file == site_.files->end()) return platform::HttpReply{404, 0};
    ++(*site_.reads)[file->first];
    std::string_view body = file->second;
    if (request.range_first && !site_.has_ranges) {
      return core::Error(platform::PlatformCode::kNetStatus, "the server does not serve parts of files");
    }
    if (request.range_first) {
      if (*request.range_first > body.size()) return platform::HttpReply{416, 0};
      body = body.substr(*request.range_first);
      if (request.range_last) body = body.substr(0, *request.range_last - *request.range_first + 1);
    }
    if (body.size() > request.bytes_max) {
      return core::Error(platform::PlatformCode::kNetTooLarge, "more bytes than the cap");
    }
    for (std::size_t at = 0; at < body.size(); at += 3000) {
      ASEPTIC_TRY_VOID(sink(core::as_bytes(body.substr(at, 3000))));
    }
    return platform::HttpReply{request.range_first ? 206 : 200, body.size()};
  }

  Result<platform::HttpReply> post(const platform::HttpPost& request, const platform::BodySink&) override {
    ++site_.posts;
    site_.reports.emplace_back(core::as_text(request.body));
    return platform::HttpReply{200, 0};
  }

 private:
  Site& site_;
};

class KeySigner final : public platform::Signer {
 public:
  explicit KeySigner(const trust::test::TestKey& key) : key_(key) {}
  [[nodiscard]] const core::PublicKey& public_key() const override { return key_.public_key(); }
  [[nodiscard]] platform::KeyCustody custody() const override { return platform::KeyCustody::kDevelopmentFile; }
  Result<Bytes> sign(ByteView message) override { return key_.sign(message); }
  Result<Bytes> sign_raw(ByteView) override {
    return core::Error(platform::PlatformCode::kSignerUnavailable, "no raw signatures with this key");
  }

 private:
  const trust::test::TestKey& key_;
};

// Both directions of the socket between agent and pump.
struct Wire {
  std::deque<Bytes> to_pump, to_agent;
};

class WireLink final : public TherapyLink {
 public:
  explicit WireLink(Wire& wire) : wire_(wire) {}
  bool connect() override { return true; }
  [[nodiscard]] bool is_connected() const override { return true; }
  bool send(ByteView packet) override { return wire_.to_pump.emplace_back(packet.begin(), packet.end()), true; }
  std::optional<Bytes> receive() override {
    if (wire_.to_agent.empty()) return std::nullopt;
    Bytes packet = std::move(wire_.to_agent.front());
    wire_.to_agent.pop_front();
    return packet;
  }

 private:
  Wire& wire_;
};

// The therapy application: the real guard with ports onto the world.
class Pump {
 public:
  Pump(sim::World& world, const Keys& keys, Wire& wire, std::uint32_t conditions, interlock::SelfTestVerdict verdict)
      : clock_(world), link_(wire), signer_(keys), permit_(world, reset), probe_(conditions, verdict), wire_(wire) {}

  void start(const boot::BootReport& report, const interlock::BootId& boot_id) {
    interlock::BootFacts facts;
    facts.device_id.bytes = report.device_id;
    facts.boot_id = boot_id;
    facts.running.bytes = report.running_manifest;
    facts.boot_count = report.boot_count;
    facts.run_kind = report.run_kind == boot::RunKind::kConfirmed  ? interlock::RunKind::kConfirmed
                     : report.run_kind == boot::RunKind::kRecovery ? interlock::RunKind::kRecovery
                                                                   : interlock::RunKind::kTrial;
    static_cast<void>(guard.start(ports(), facts));
  }
  void round() {
    while (!wire_.to_pump.empty()) {
      const Bytes packet = std::move(wire_.to_pump.front());
      wire_.to_pump.pop_front();
      guard.receive(ports(), packet);
    }
    guard.poll(ports());
  }

  struct Probe final : interlock::TherapyProbe {
    Probe(std::uint32_t c, interlock::SelfTestVerdict v) : conditions(c), verdict(v) {}
    interlock::Status answer(std::uint32_t challenge, interlock::UseReport& out) override {
      out = {challenge, conditions, interlock::PatientSignal::kDisconnected, interlock::PatientSignal::kDisconnected};
      return interlock::Status::kSuccess;
    }
    interlock::SelfTestVerdict self_test() override { return verdict; }
    std::uint32_t conditions;
    interlock::SelfTestVerdict verdict;
  };
  RememberedReset reset;

 private:
  interlock::GuardPorts ports() { return {clock_, link_, signer_, permit_, probe_, reset}; }

  GuardClock clock_;
  struct GuardLink final : interlock::Link {
    explicit GuardLink(Wire& w) : wire(w) {}
    interlock::Status send(interlock::Bytes frame) override {
      wire.to_agent.emplace_back(frame.begin(), frame.end());
      return interlock::Status::kSuccess;
    }
    Wire& wire;
  } link_;
  TherapySigner signer_;
  struct GuardPermit final : interlock::PermitStore {
    GuardPermit(sim::World& world, const RememberedReset& reset_in)
        : device(world.block_device("permit/permit.bin")), reset_line(reset_in) {}
    interlock::Status store(const interlock::PermitCell& cell) override {
      if (reset_line.commanded) return interlock::Status::kStorage;  // a real reset does not return to the guard
      boot::PermitCell bytes = boot::cleared_permit();
      if (cell.state == interlock::PermitState::kGranted) {
        bytes = boot::encode_permit({.boot_count = cell.boot_count, .hold_nonce = cell.hold.bytes});
      }
      return device->write(0, bytes) ? interlock::Status::kSuccess : interlock::Status::kStorage;
    }
    interlock::Status sync() override {
      return device->flush() ? interlock::Status::kSuccess : interlock::Status::kStorage;
    }
    interlock::Status read(interlock::PermitCell& out) override {
      Bytes page(platform::BlockDevice::kAlignment);
      if (!device->read_back(0, page)) return interlock::Status::kStorage;
      boot::Permit permit;
      out = {};
      if (boot::ok(boot::decode_permit(ByteView(page).first<boot::kPermitCellSize>(), permit))) {
        out = {interlock::PermitState::kGranted, permit.boot_count, {permit.hold_nonce}};
      }
      return interlock::Status::kSuccess;
    }
    std::unique_ptr<platform::BlockDevice> device;
    const RememberedReset& reset_line;
  } permit_;
  Probe probe_;
  Wire& wire_;

 public:
  Probe& probe() { return probe_; }
  interlock::TherapyGuard guard{interlock::GuardConfig{}};
};

}  // namespace

namespace {

// A worn medium: one byte of the signature comes back different past the page cache.
class SignatureChangingSlot final : public platform::BlockDevice {
 public:
  explicit SignatureChangingSlot(std::unique_ptr<platform::BlockDevice> slot) : slot_(std::move(slot)) {}
  [[nodiscard]] std::uint64_t size() const override { return slot_->size(); }
  core::Result<void> read(std::uint64_t offset, core::ByteSpan out) override { return slot_->read(offset, out); }
  core::Result<void> read_back(std::uint64_t offset, core::ByteSpan out) override {
    ASEPTIC_TRY_VOID(slot_->read_back(offset, out));
    if (offset == 0) out[boot::kManifestRegionSize + 7] ^= 1;
    return {};
  }
  core::Result<void> write(std::uint64_t offset, core::ByteView bytes) override { return slot_->write(offset, bytes); }
  core::Result<void> discard(std::uint64_t offset, std::uint64_t bytes) override { return slot_->discard(offset, bytes); }
  core::Result<void> flush() override { return slot_->flush(); }

 private:
  std::unique_ptr<platform::BlockDevice> slot_;
};

}  // namespace

struct DeviceRun::State {
  State(sim::World& w, const Keys& k, Site& site_in) : world(w), keys(k), site(site_in), clock(w), entropy(w), http(site_in), link(wire), signer(k.device) {}
  sim::World& world;
  const Keys& keys;
  Site& site;
  sim::WorldClock clock;
  sim::WorldEntropy entropy;
  SiteClient http;
  Wire wire;
  WireLink link;
  KeySigner signer;
  boot::Decision decision;
  boot::Status status = boot::Status::kNothingBoots;
  std::string failure;
  std::unique_ptr<platform::Storage> storage;
  std::unique_ptr<platform::BlockDevice> slot_a, slot_b, requests, mcu_store;
  boot::BootReport report;
  std::function<void(std::chrono::milliseconds)> on_time;
  std::unique_ptr<ReleaseSource> source;
  std::optional<Pump> pump;
  std::unique_ptr<Engine> engine;
  std::uint32_t rounds = 0;
};

DeviceRun::DeviceRun(sim::World& world, const Keys& keys, Site& site, std::string factory_root, const Behaviour& behaviour,
         boot::ResetCause cause, const std::vector<const BuiltImage*>& images, Config config)
    : state_(std::make_unique<State>(world, keys, site)) {
  State& s = *state_;
  sim::BootStorage boot_storage(world);
  boot::CellStore store(boot_storage);
  boot::host::Sha256 hasher;
  RememberingVerifier verifier;
  BufferMemory memory;
  NoEntropy boot_entropy;
  NoEvents events;
  boot::Port port{boot_storage, store, hasher, verifier, memory, boot_entropy, events};
  port.cause = cause;
  s.status = boot::power_up(port, s.decision);
  if (!boot::ok(s.status)) {
    s.failure = boot::describe(s.status).sentence;
    return;
  }
  const core::Digest running{s.decision.image.manifest};
  const auto known = std::ranges::find_if(images, [&](const BuiltImage* image) { return image->manifest == running; });
  if (known == images.end()) {
    s.failure = "an unknown image runs";
    return;
  }
  const Bytes& bytes = (*known)->slot_bytes;
  if (!std::ranges::equal(memory.content, ByteView(bytes).subspan(kExecOffset, kExecSize))) {
    s.failure = "what runs is not the signed executable region";
    return;
  }
  const auto report = world.content("mailbox/report.bin");
  boot::BootReport decoded;
  if (!report || !boot::ok(boot::decode_boot_report(ByteView(*report).first<boot::kBootReportSize>(), decoded))) {
    s.failure = "no boot report";
    return;
  }
  s.report = decoded;
  s.on_time = behaviour.on_time;
  const auto verdict = behaviour.self_test.find((*known)->version);
  s.pump.emplace(world, keys, s.wire, behaviour.conditions,
                 verdict == behaviour.self_test.end() ? interlock::SelfTestVerdict::kPassed : verdict->second);
  s.pump->start(decoded, boot_id_of(*report));

  s.storage = world.storage("agent");
  s.slot_a = world.block_device("slots/a.img");
  s.slot_b = world.block_device("slots/b.img");
  if (behaviour.medium_changes_signature) s.slot_b = std::make_unique<SignatureChangingSlot>(std::move(s.slot_b));
  s.requests = world.block_device("requests/requests.bin");
  auto source = open_repository_source(*s.storage, s.http, s.clock,
                                       {.urls = {"https://repository"}, .report_url = "https://repository/report",
                                        .factory_root = Bytes(factory_root.begin(), factory_root.end())});
  if (!source) {
    s.failure = source.error().sentence();
    return;
  }
  s.source = *std::move(source);
  s.mcu_store = world.block_device("slots/mcu.img");
  std::vector<ComponentPart> components;
  if (behaviour.mcu != nullptr)
    components.push_back({kMcu, "mcu", *behaviour.mcu, *s.mcu_store, trust::BootKey::listed(*behaviour.mcu_boot_key), keys.therapy.public_key()});
  auto engine = Engine::start({.clock = s.clock, .entropy = s.entropy, .state = *s.storage, .slot_a = *s.slot_a,
                               .slot_b = *s.slot_b, .requests = *s.requests, .boot_report = *report,
                               .device_key = s.signer, .source = *s.source, .therapy = s.link,
                               .therapy_key = keys.therapy.public_key(), .config = std::move(config),
                               .components = std::move(components)});
  if (!engine) {
    s.failure = engine.error().sentence();
    return;
  }
  s.engine = *std::move(engine);
}

DeviceRun::~DeviceRun() = default;
bool DeviceRun::boots() const { return state_->failure.empty(); }
std::string DeviceRun::why_not() const { return state_->failure; }
const boot::Decision& DeviceRun::decision() const { return state_->decision; }
Engine& DeviceRun::engine() { return *state_->engine; }
const boot::BootReport& DeviceRun::report() const { return state_->report; }
interlock::TherapyGuard& DeviceRun::guard() { return state_->pump->guard; }
void DeviceRun::set_conditions(std::uint32_t conditions) { state_->pump->probe().conditions = conditions; }
bool DeviceRun::reset_commanded() const { return state_->pump && state_->pump->reset.commanded; }
std::uint32_t DeviceRun::rounds() const { return state_->rounds; }

void DeviceRun::round() {
  State& s = *state_;
  ++s.rounds;
  s.pump->round();
  if (s.pump->reset.commanded) return;
  const auto pause = s.engine->step();
  s.pump->round();
  if (s.pump->reset.commanded) return;
  // The pump's own loop runs every 100 ms, whatever the agent waits for.
  for (auto left = std::max(pause, std::chrono::milliseconds(1)); left.count() > 0 && !s.pump->reset.commanded;) {
    const auto slice = std::min(left, std::chrono::milliseconds(100));
    s.world.advance(slice);
    if (s.on_time) s.on_time(slice);
    left -= slice;
    s.pump->round();
  }
}

}  // namespace aseptic::agent::test
