// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/monotonic.h"
#include "aseptic/boot/format/provisioning.h"
#include "aseptic/boot/journal/record.h"
#include "aseptic/boot/journal/requests.h"
#include "aseptic/payload/decode/short_form.h"
#include "aseptic/payload/format/header.h"
#include "aseptic/publish/codes.h"
#include "aseptic/core/uuid.h"
#include "boot_hasher.h"
#include "inspect_formats.h"
#include "journal_listing.h"

namespace aseptic::publish {
namespace {

using core::JsonArray;
using core::JsonObject;
using core::JsonValue;

std::string hex(std::span<const std::uint8_t> bytes) { return core::to_hex(bytes); }
std::string uuid_text(const boot::Uuid& id) { return core::Uuid{id}.text(); }

core::Error damaged(std::string_view what, const char* why) {
  return {PublishCode::kFormatUnknown, std::string(what) + ": " + why};
}

bool starts_with(core::ByteView bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && core::as_text(bytes.first(magic.size())) == magic;
}

template <std::size_t N>
std::string_view word(const std::array<std::string_view, N>& words, std::size_t index) {
  return index < N ? words[index] : "unknown";
}

std::string_view algorithm_text(boot::PostQuantumAlgorithm algorithm) {
  return algorithm == boot::PostQuantumAlgorithm::kLmsSha256 ? "lms-sha256" : "slh-dsa-sha2-128s";
}

JsonValue region_fields(const boot::Region& region) {
  static constexpr std::array<std::string_view, 4> kKinds = {"unused", "exec-copied", "tree-verified", "verity"};
  return JsonObject{{"kind", word(kKinds, static_cast<std::size_t>(region.kind))},
                    {"offset", number(region.offset)},
                    {"size", number(region.size)},
                    {"digest", hex(region.digest)}};
}

JsonObject identity_fields(const boot::Manifest& m) {
  return {{"image_type", m.image_type == boot::ImageType::kApplication ? "application" : "data"},
          {"life_cycle", m.life_cycle == boot::LifeCycle::kDevelopment ? "development" : "production"},
          {"product", uuid_text(m.product)},
          {"hardware", uuid_text(m.hardware)},
          {"hardware_revision_min", number(m.hardware_revision_min)},
          {"hardware_revision_max", number(m.hardware_revision_max)},
          {"version", std::string(m.version.data(), strnlen(m.version.data(), m.version.size()))},
          {"sequence", number(m.sequence)},
          {"epoch", number(m.epoch)}};
}

Recognised inspect_image(core::ByteView bytes) {
  if (!starts_with(bytes, boot::kManifestMagic)) return std::optional<Inspection>();
  if (bytes.size() < boot::kManifestRegionSize) return damaged("boot manifest", "the file is shorter than a boot manifest");
  const auto region = bytes.first<boot::kManifestRegionSize>();
  boot::Manifest m;
  if (const auto status = boot::decode_manifest(region, m); !boot::ok(status)) return damaged("boot manifest", boot::describe(status).sentence);
  BootHasher hasher;
  JsonObject fields = identity_fields(m);
  fields["image_size"] = number(m.image_size);
  fields["load_address"] = number(m.load_address);
  fields["entry"] = number(m.entry);
  fields["revoke_now"] = (m.policy_flags & boot::kPolicyRevokeNow) != 0;
  fields["key_revoke_mask"] = number(m.key_revoke_mask);
  fields["min_boot_version"] = number(m.min_boot_version);
  fields["min_root_version"] = number(m.min_root_version);
  fields["set_digest"] = hex(m.set_digest);
  fields["build_id"] = hex(m.build_id);
  fields["sbom_digest"] = hex(m.sbom_digest);
  fields["tree_salt"] = hex(m.tree_salt);
  fields["classic_key_id"] = hex(m.classic_key_id);
  fields["post_quantum_algorithm"] = algorithm_text(m.post_quantum_algorithm);
  fields["post_quantum_key_id"] = hex(m.post_quantum_key_id);
  fields["manifest_digest"] = hex(boot::manifest_digest(hasher, region));
  fields["image_digest"] = hex(boot::image_digest(hasher, m));
  JsonArray regions, dependencies;
  for (std::size_t i = 0; i < m.region_count; ++i) regions.push_back(region_fields(m.regions[i]));
  for (std::size_t i = 0; i < m.dependency_count; ++i)
    dependencies.push_back(JsonObject{{"component", uuid_text(m.dependencies[i].component)}, {"sequence_min", number(m.dependencies[i].sequence_min)}});
  fields["regions"] = std::move(regions);
  fields["dependencies"] = std::move(dependencies);
  if (bytes.size() >= boot::kManifestSize)
    fields["signature_p256"] = hex(bytes.subspan(boot::kManifestRegionSize, boot::kP256SignatureSize));
  return Inspection{"boot manifest", std::move(fields)};
}

Recognised inspect_payload(core::ByteView bytes) {
  if (!starts_with(bytes, payload::kPayloadMagic)) return std::optional<Inspection>();
  if (bytes.size() < payload::kHeaderSize) return damaged("payload header", "the file is shorter than a payload header");
  payload::PayloadHeader header;
  const auto view = bytes.first<payload::kHeaderSize>();
  if (const auto status = payload::decode_header(view, header); !payload::ok(status))
    return damaged("payload header", payload::describe_status(status).sentence);
  BootHasher hasher;
  JsonArray encodings;
  for (const auto& [bit, name] : {std::pair{payload::Encoding::kRaw, "raw"}, {payload::Encoding::kZstd, "zstd"}, {payload::Encoding::kZero, "zero"},
                                  {payload::Encoding::kDelta, "delta"}, {payload::Encoding::kCopyFromSlot, "copy-from-slot"}})
    if (header.has(bit)) encodings.emplace_back(name);
  return Inspection{"payload", JsonObject{{"payload_size", number(header.payload_size)},
                                          {"image_size", number(header.image_size)},
                                          {"chunk_count", number(header.chunk_count)},
                                          {"chunk_size", number(header.chunk_size)},
                                          {"page_count", number(header.page_count)},
                                          {"page_entries", number(header.page_entries)},
                                          {"table", header.has_packed_table() ? "packed" : "plain"},
                                          {"encrypted", header.is_encrypted()},
                                          {"encodings", std::move(encodings)},
                                          {"base_image_digest", header.needs_base() ? hex(header.base_image_digest) : ""},
                                          {"copy_map_size", number(header.auxiliary_size)},
                                          {"image_digest", hex(header.image_digest)},
                                          {"manifest_digest", hex(header.manifest_digest)},
                                          {"header_digest", hex(payload::header_digest(hasher, view))}}};
}

Recognised inspect_short_payload(core::ByteView bytes) {
  if (!payload::has_short_form(bytes)) return std::optional<Inspection>();
  payload::ShortHead head;
  if (const auto status = payload::decode_short_head(bytes, head); !payload::ok(status))
    return damaged("short payload", payload::describe_status(status).sentence);
  return Inspection{"short payload", JsonObject{{"payload_size", number(bytes.size())},
                                                {"chunk_size", number(head.chunk_size)},
                                                {"page_entries", number(head.page_entries)},
                                                {"copy_map_size", number(head.section.size())},
                                                {"old_digest", hex(head.old_digest)},
                                                {"payload_digest", hex(core::sha256(bytes).bytes)}}};
}

Recognised inspect_boot_report(core::ByteView bytes) {
  if (!starts_with(bytes, boot::kBootReportMagic)) return std::optional<Inspection>();
  boot::BootReport r;
  if (bytes.size() < boot::kBootReportSize) return damaged("boot report", "the file is too short");
  if (const auto status = boot::decode_boot_report(bytes.first<boot::kBootReportSize>(), r); !boot::ok(status))
    return damaged("boot report", boot::describe(status).sentence);
  static constexpr std::array<std::string_view, 7> kCauses = {"unknown", "power-on", "brown-out", "commanded", "watchdog", "lock-up", "software"};
  static constexpr std::array<std::string_view, 5> kRuns = {"none", "confirmed", "trial", "forced-trial", "recovery"};
  static constexpr std::array<std::string_view, 3> kVerdicts = {"not-recorded", "matches", "differs"};
  static constexpr std::array<std::string_view, 3> kPlaces = {"slot-a", "slot-b", "recovery"};
  return Inspection{"boot report", JsonObject{{"emulated", r.emulated},
                                              {"boot_count", number(r.boot_count)},
                                              {"boot_version", number(r.boot_version)},
                                              {"reset_cause", word(kCauses, static_cast<std::size_t>(r.reset_cause))},
                                              {"run_kind", word(kRuns, static_cast<std::size_t>(r.run_kind))},
                                              {"place", r.place == boot::ImagePlace::kNone ? "none" : word(kPlaces, static_cast<std::size_t>(r.place))},
                                              {"boothash", word(kVerdicts, static_cast<std::size_t>(r.boothash_verdict))},
                                              {"synced", r.synced},
                                              {"floor", number(r.floor)},
                                              {"revoked", number(r.revoked)},
                                              {"generation", number(r.generation)},
                                              {"running_sequence", number(r.running_sequence)},
                                              {"confirmed_sequence", number(r.confirmed_sequence)},
                                              {"device_id", uuid_text(r.device_id)},
                                              {"running_manifest", hex(r.running_manifest)},
                                              {"running_image", hex(r.running_image)},
                                              {"confirmed_manifest", hex(r.confirmed_manifest)},
                                              {"previous_manifest", hex(r.previous_manifest)},
                                              {"staged_manifest", hex(r.staged_manifest)},
                                              {"staged_attempt", number(r.staged_attempt)},
                                              {"quarantine", quarantine_fields(std::span(r.quarantine).first(r.quarantine_count))}}};
}

Recognised inspect_provisioning(core::ByteView bytes) {
  if (!starts_with(bytes, boot::kProvisioningMagic)) return std::optional<Inspection>();
  if (bytes.size() < boot::kProvisioningSize) return damaged("provisioning record", "the file is too short");
  BootHasher hasher;
  boot::Provisioning p;
  if (const auto status = boot::decode_provisioning(hasher, bytes.first<boot::kProvisioningSize>(), p); !boot::ok(status))
    return damaged("provisioning record", boot::describe(status).sentence);
  JsonArray slots;
  for (const boot::KeySlot& slot : p.key_slots)
    if (slot.provisioned) slots.push_back(JsonObject{{"hash", hex(slot.hash)}, {"p256", hex(slot.keys.p256)},
                                                      {"post_quantum_algorithm", algorithm_text(slot.keys.post_quantum.algorithm)},
                                                      {"post_quantum", hex(slot.keys.post_quantum.view())}});
  return Inspection{"provisioning record", JsonObject{{"device_id", uuid_text(p.device_id)},
                                                      {"product", uuid_text(p.product)},
                                                      {"hardware", uuid_text(p.hardware)},
                                                      {"hardware_revision", number(p.hardware_revision)},
                                                      {"life_cycle", p.life_cycle == boot::LifeCycle::kDevelopment ? "development" : "production"},
                                                      {"recovery", p.recovery_present},
                                                      {"emulated", (p.port_capabilities & boot::kPortEmulated) != 0},
                                                      {"interrupted_trials_max", number(p.interrupted_trials_max)},
                                                      {"policy_delay_boots", number(p.policy_delay_boots)},
                                                      {"key_slots", std::move(slots)}}};
}

Recognised inspect_monotonic(core::ByteView bytes) {
  bool is_store = false;
  for (std::size_t i = 0; i < boot::kMonotonicCellCount; ++i)
    is_store = is_store || (bytes.size() > i * boot::kMonotonicCellStride && starts_with(bytes.subspan(i * boot::kMonotonicCellStride), boot::kMonotonicMagic));
  if (!is_store) return std::optional<Inspection>();
  const StoreReading store = read_store(bytes);
  if (!store.newest) return damaged("monotonic store", "no cell of it is whole");
  return Inspection{"monotonic store", store_fields(store)};
}

JsonObject request_fields(const boot::Request& r) {
  static constexpr std::array<std::string_view, 6> kKinds = {"stage", "arm", "confirm", "synced", "revert", "challenge"};
  JsonObject fields{{"kind", word(kKinds, static_cast<std::size_t>(r.kind))}, {"boot_count", number(r.boot_count)}};
  if (r.kind == boot::RequestKind::kStage) {
    fields["slot"] = r.slot == boot::SlotId::kA ? "a" : "b";
    fields["attempt"] = number(r.attempt);
    fields["manifest"] = hex(r.manifest);
    fields["set"] = hex(r.set);
  }
  if (r.kind == boot::RequestKind::kConfirm) fields["token"] = "present";
  return fields;
}

// As the factory, the therapy side or boot clears a cell.
bool is_blank(core::ByteView bytes) { return boot::all_bytes_are(bytes, 0) || boot::all_bytes_are(bytes, 0xFF); }

// Request areas and PERMIT cells have no magic at their start when empty, so their sizes speak too.
Recognised inspect_requests(core::ByteView bytes) {
  if (bytes.size() == boot::kPermitCellSize) {
    boot::Permit permit;
    const bool granted = boot::ok(boot::decode_permit(bytes.first<boot::kPermitCellSize>(), permit));
    if (!granted && !is_blank(bytes)) return std::optional<Inspection>();
    JsonObject fields{{"state", granted ? "granted" : "cleared"}};
    if (granted) fields["boot_count"] = number(permit.boot_count);
    if (granted) fields["hold"] = hex(permit.hold_nonce);
    return Inspection{"PERMIT cell", std::move(fields)};
  }
  if (bytes.size() != boot::kRequestAreaSize && bytes.size() != 4096) return std::optional<Inspection>();
  const boot::Requests area = boot::parse_request_area(bytes.first(boot::kRequestAreaSize));
  const bool any = std::ranges::find(area.present, true) != area.present.end();
  if (!any && !is_blank(bytes)) return std::optional<Inspection>();
  JsonArray list;
  for (std::size_t i = 0; i < boot::kRequestKindCount; ++i)
    if (area.present[i]) list.push_back(request_fields(area.requests[i]));
  return Inspection{"request area", JsonObject{{"requests", std::move(list)}}};
}

bool looks_like_journal(core::ByteView bytes) {
  if (bytes.size() < 2 * boot::kJournalHalfMin || bytes.size() % (2 * boot::kRecordSize) != 0) return false;
  for (std::size_t at = 0; at + boot::kRecordSize <= bytes.size(); at += boot::kRecordSize)
    if (record_tag_name(bytes[at]) && (bytes[at + 1] == 1 || bytes[at + 1] == 2)) return true;
  return false;
}

Recognised inspect_journal(core::ByteView bytes, const InspectOptions& options) {
  if (!looks_like_journal(bytes)) return std::optional<Inspection>();
  BootHasher hasher;
  boot::RecordSealer sealer{&hasher, false, {}};
  if (options.device_secret) {
    ASEPTIC_TRY(sealer, keyed_sealer(hasher, *options.device_secret));
  }
  JournalListing listing = list_journal(bytes, sealer);
  if (listing.whole_records == 0)
    return damaged("boot journal", options.device_secret ? "no record is sealed with this device secret"
                                                         : "its records are sealed with the device's secret; give it with --secret");
  return Inspection{"boot journal", std::move(listing.fields)};
}

}  // namespace

Recognised inspect_boot_format(core::ByteView bytes, const InspectOptions& options) {
  for (const auto recognise : {inspect_image, inspect_payload, inspect_short_payload, inspect_boot_report, inspect_provisioning, inspect_monotonic, inspect_requests}) {
    ASEPTIC_TRY(std::optional<Inspection> found, recognise(bytes));
    if (found) return found;
  }
  return inspect_journal(bytes, options);
}

}  // namespace aseptic::publish
