// SPDX-License-Identifier: Apache-2.0
#include "samples.h"

namespace aseptic::trust::test {

core::Uuid sample_uuid(std::uint8_t number) {
  core::Uuid uuid;
  uuid.bytes = {0xa5, 0xe9, 0x71, 0xc0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, number};
  return uuid;
}

core::Digest sample_digest(std::string_view name) { return core::sha256(name); }

ReleaseManifest sample_release() {
  ReleaseManifest release;
  release.agent_version_min = *core::Version::parse("0.1.0");
  release.vendor = sample_uuid(1);
  release.product = sample_uuid(2);
  release.device_class = sample_uuid(3);
  release.hardware = {{.id = sample_uuid(4), .revision_min = 2, .revision_max = 4}};
  release.release_id = "pump-2.0.0";
  release.version = *core::Version::parse("2.0.0");
  release.sequence = 5;
  release.sources = {.sequence_min = 1, .sequence_max = 4};
  Component main;
  main.id = sample_uuid(10);
  main.name = "pump application";
  main.location = "slot";
  main.manifest_digest = sample_digest("main manifest 5");
  main.size = 8192 * 4;
  main.image_digest = sample_digest("main image 5");
  main.tree = TreeParameters{.root = sample_digest("tree"), .block_log2 = 12, .salt = sample_digest("salt")};
  main.sequence = 5;
  main.epoch = 2;
  main.dependencies = {{.component = sample_uuid(11), .sequence_min = 3}};
  Component library = main;
  library.id = sample_uuid(11);
  library.name = "drug library";
  library.type = ComponentType::kData;
  library.location = "library";
  library.manifest_digest = sample_digest("library manifest 3");
  library.image_digest = sample_digest("library image 3");
  library.tree.reset();
  library.verity_root = sample_digest("verity");
  library.sequence = 3;
  library.order = 1;
  library.dependencies = {};
  release.components = {main, library};
  release.set_digest = release_set_digest(release.components);
  release.matrix = {{{.component = sample_uuid(10), .manifest_digest = sample_digest("main manifest 5")},
                     {.component = sample_uuid(11), .manifest_digest = sample_digest("library manifest 2")}}};
  release.safety.update_class = UpdateClass::kSecurity;
  release.safety.states = {"standby", "maintenance"};
  release.safety.downtime_s_max = 120;
  release.safety.essential_performance = "none; infusion is not possible during the restart";
  release.safety.energy_mwh_min = 5000;
  release.safety.consent = {{"de", sample_digest("Zustimmung")}, {"en", sample_digest("consent")}};
  release.safety.jurisdictions = {{.code = "EU", .approval = "MDR 2026/117"}, {.code = "US", .approval = "K260001"}};
  release.udi_di = {"04012345678901"};
  release.sbom = {{.format = "spdx-2.3", .digest = sample_digest("sbom")}};
  release.advisories = {{.kind = AdvisoryKind::kVex, .digest = sample_digest("vex")}};
  release.provenance = sample_digest("provenance");
  release.not_after = test_time("2031-01-01T00:00:00Z");
  release.end_of_support = test_time("2036-01-01T00:00:00Z");
  return release;
}

Channel sample_channel(const ReleaseManifest& release) {
  Channel channel;
  channel.product = release.product;
  channel.name = "stable";
  channel.revision = 7;
  channel.release_id = release.release_id;
  channel.release = release.digest();
  channel.sequence = release.sequence;
  channel.withdrawn = {{.release = sample_digest("bad release"), .sequence = 3, .reason = "alarm may be delayed"}};
  return channel;
}

PayloadIndex sample_index(const ReleaseManifest& release) {
  PayloadIndex index;
  index.release = release.digest();
  for (const Component& component : release.components) {
    PayloadEntry full;
    full.encodings = {"zstd"};
    full.codecs = {1};
    full.image_size = component.size;
    full.payload_size = 1000;
    full.header_digest = sample_digest(component.name + " header");
    full.payload_digest = sample_digest(component.name + " payload");
    PayloadEntry delta = full;
    delta.base = sample_digest(component.name + " base");
    delta.encodings = {"delta", "zstd"};
    delta.codecs = {3, 1};
    index.images.push_back({.image_digest = component.image_digest, .payloads = {full, delta}});
  }
  return index;
}

DeviceFacts sample_device() {
  DeviceFacts device;
  device.vendor = sample_uuid(1);
  device.product = sample_uuid(2);
  device.device_class = sample_uuid(3);
  device.hardware = sample_uuid(4);
  device.hardware_revision = 3;
  device.jurisdiction = "EU";
  device.agent_version = *core::Version::parse("0.1.0");
  device.confirmed_sequence = 4;
  device.components = {{.id = sample_uuid(10),
                        .type = ComponentType::kImage,
                        .location = "slot",
                        .confirmed_sequence = 4,
                        .confirmed_manifest = sample_digest("main manifest 4"),
                        .epoch_floor = 2},
                       {.id = sample_uuid(11),
                        .type = ComponentType::kData,
                        .location = "library",
                        .confirmed_sequence = 3,
                        .confirmed_manifest = sample_digest("library manifest 3")}};
  device.now = test_time();
  return device;
}

AuthorityPolicy sample_policy() {
  AuthorityPolicy policy;
  policy.product = sample_uuid(2);
  policy.director = Need::kRequired;
  policy.log = Need::kRequired;
  return policy;
}

ProvisioningAttributes sample_attributes() {
  ProvisioningAttributes attributes;
  attributes.device = "pump-0001";
  attributes.vendor = sample_uuid(1);
  attributes.product = sample_uuid(2);
  attributes.device_class = sample_uuid(3);
  attributes.hardware = sample_uuid(4);
  attributes.hardware_revision = 3;
  attributes.jurisdiction = "EU";
  attributes.groups = {"icu", "ring-1"};
  attributes.site = "north-clinic";
  return attributes;
}

BootKeyStatement sample_boot_key() {
  BootKeyStatement statement;
  statement.device = "pump-0001";
  statement.product = sample_uuid(2);
  statement.component = sample_uuid(11);
  statement.boot_id = sample_uuid(12);
  statement.boot_digest = sample_digest("boot stage");
  statement.life_cycle = "dev";
  // The public key of RFC 6979 appendix A.2.5: one that everybody can check.
  statement.key = core::PublicKey::from_p256_point(*core::from_hex("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
                                                                   "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"))->spki();
  return statement;
}

DirectorStatement sample_director() {
  DirectorStatement statement;
  statement.device = "pump-0001";
  statement.components = {sample_uuid(10), sample_uuid(11)};
  statement.version = 12;
  statement.issued = test_time();
  statement.expires = test_time() + std::chrono::hours(24);
  statement.release_id = "pump-2.0.0";
  statement.release = sample_digest("release");
  statement.sequence = 5;
  return statement;
}

DowngradeToken sample_token() {
  DowngradeToken token;
  token.device = "pump-0001";
  token.from = sample_digest("main manifest 5");
  token.to = sample_digest("main manifest 4");
  token.nonce = core::Bytes(32, 0x5a);
  token.issued = test_time();
  token.not_after = test_time() + std::chrono::hours(48);
  token.reason = "interaction with ward network";
  token.hazard = "RISK-17";
  return token;
}

KeyEnvelope sample_envelope() {
  KeyEnvelope envelope;
  envelope.release = sample_digest("release");
  envelope.group = "ward-7";
  envelope.algorithm = kEnvelopeAlgorithm;
  envelope.keys = {{sample_digest("payload"), core::Bytes(64, 1), core::Bytes(40, 2)}};
  return envelope;
}

GroupMembership sample_membership() {
  GroupMembership membership;
  membership.device = "pump-0001";
  membership.group = "ward-7";
  membership.algorithm = kEnvelopeAlgorithm;
  membership.ephemeral = core::Bytes(64, 1);
  membership.wrapped = core::Bytes(40, 2);
  return membership;
}

OfflineBundle sample_bundle() {
  OfflineBundle bundle;
  bundle.product = sample_uuid(2);
  bundle.bundle_id = "stick-1";
  bundle.not_before = test_time();
  bundle.not_after = test_time() + std::chrono::hours(24 * 60);
  bundle.devices = {"pump-0001"};
  bundle.groups = {"ward-7"};
  bundle.root_version = 2;
  bundle.targets_version = 9;
  bundle.release = sample_digest("release");
  bundle.channel_revision = 7;
  bundle.files = {{.path = "metadata/2.root.json", .length = 10, .digest = sample_digest("root")},
                  {.path = "targets/releases/r/release.json", .length = 20, .digest = sample_digest("release")}};
  return bundle;
}

Report sample_report() {
  Report report;
  report.device = "pump-0001";
  report.product = sample_uuid(2);
  report.boot_count = 41;
  report.sequence = 9;
  report.nonce = core::Bytes(32, 7);
  report.time = test_time();
  report.agent_version = *core::Version::parse("0.1.0");
  report.confirmed = {{.id = sample_uuid(10),
                       .confirmed_manifest = sample_digest("main manifest 4"),
                       .sequence = 4,
                       .version = "1.9.0",
                       .epoch = 2}};
  report.state = "IN_SERVICE";
  report.log_count = 120;
  report.log_head = sample_digest("log head");
  report.attacks = {{.code = "trust.rollback", .count = 2, .log_index = 118}};
  return report;
}

BootReport sample_boot_report() {
  BootReport report;
  report.boot_count = 41;
  report.challenge = core::Bytes(32, 9);
  report.manifest_digest = sample_digest("main manifest 4");
  report.boothash = BootVerdict::kMatches;
  report.floor = 2;
  report.revocations = 1;
  report.life_cycle = "dev";
  report.log_count = 119;
  report.log_head = sample_digest("log head");
  return report;
}

}  // namespace aseptic::trust::test
