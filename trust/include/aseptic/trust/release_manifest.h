// SPDX-License-Identifier: Apache-2.0
// The release manifest: meaning and identities of one release, signed by the release role, never touched again.
// Format: docs/formats/release_manifest.md. Target path: releases/<release-id>/release.json.
//
// publish builds and encodes it; agent and fleet read it through StatementVerifier (verified_statements.h).
// parse() proves shape and internal consistency only, not origin.
// Thread contract: value type.
#pragma once

#include "aseptic/core/utc_time.h"
#include "aseptic/core/version.h"
#include "aseptic/trust/statement.h"

namespace aseptic::trust {

enum class ComponentType : std::uint8_t { kImage, kData, kApp, kForeign };
enum class UpdateClass : std::uint8_t { kSecurity, kFunction, kRecall };
enum class Restart : std::uint8_t { kNone, kComponent, kDevice };
enum class Requirement : std::uint8_t { kNone, kRequired };
enum class SetPolicy : std::uint8_t { kAllOrNothing };
enum class AdvisoryKind : std::uint8_t { kVex, kCsaf };

struct HardwareRange {
  core::Uuid id;
  std::uint32_t revision_min = 0;
  std::uint32_t revision_max = 0;
};

// Which confirmed release sequences may update to this one. sequence_min 0 admits a device without a confirmed release.
struct SourceRange {
  std::uint64_t sequence_min = 0;
  std::uint64_t sequence_max = 0;
};

struct TreeParameters {
  core::Digest root;
  std::uint32_t block_log2 = 12;
  core::Digest salt;
};

struct ComponentDependency {
  core::Uuid component;
  std::uint64_t sequence_min = 0;  // the component of the set, or the one confirmed on the device, is at least this
};

struct Component {
  core::Uuid id;
  std::string name;       // for people
  ComponentType type = ComponentType::kImage;
  std::string location;   // as provisioned, for example "slot"; never a path
  core::Digest manifest_digest;  // SHA-256 of the 1024-byte signed region of the boot manifest
  std::uint64_t size = 0;        // image_size of the boot manifest
  core::Digest image_digest;
  std::optional<TreeParameters> tree;
  std::optional<core::Digest> verity_root;
  std::uint64_t sequence = 0;
  std::uint32_t epoch = 0;
  std::uint32_t order = 0;  // 0 is the main component, whose CONFIRMED commits the set
  std::vector<ComponentDependency> dependencies;
  Unrecognized unrecognized;
};

// One further combination of images that may run together (the set itself always may).
struct CompatiblePair {
  core::Uuid component;
  core::Digest manifest_digest;
};
using CompatibleRow = std::vector<CompatiblePair>;

struct Jurisdiction {
  std::string code;      // "EU", "US", ...
  std::string approval;  // reference of the approval there
};

struct Safety {
  UpdateClass update_class = UpdateClass::kFunction;
  std::vector<std::string> states;  // device states in which the update may be applied
  std::uint64_t downtime_s_max = 0;
  Restart restart = Restart::kDevice;
  std::string essential_performance;  // effect, in words
  std::uint64_t energy_mwh_min = 0;   // energy the device must hold before it starts
  std::map<std::string, core::Digest> consent;  // language -> digest of the text that people are shown
  std::vector<Jurisdiction> jurisdictions;
  std::string recall_class;  // empty unless the update class is recall
};

struct SbomReference {
  std::string format;  // "spdx-2.3", "cyclonedx-1.5"
  core::Digest digest;
};

struct AdvisoryReference {
  AdvisoryKind kind = AdvisoryKind::kVex;
  core::Digest digest;
};

struct ReleaseManifest {
  std::vector<std::string> critical;
  core::Version agent_version_min;
  core::Uuid vendor;
  core::Uuid product;
  core::Uuid device_class;
  std::vector<HardwareRange> hardware;
  std::string release_id;
  core::Version version;
  std::uint64_t sequence = 0;  // at least 1
  SourceRange sources;
  std::vector<Component> components;
  SetPolicy set_policy = SetPolicy::kAllOrNothing;
  core::Digest set_digest;     // release_set_digest() of the components; also inside each boot manifest
  std::vector<CompatibleRow> matrix;
  Safety safety;
  std::vector<std::string> udi_di;
  std::vector<SbomReference> sbom;
  std::vector<AdvisoryReference> advisories;
  std::optional<core::Digest> provenance;
  Requirement attestation = Requirement::kNone;
  Requirement encryption = Requirement::kNone;
  Requirement log = Requirement::kNone;
  std::optional<core::UtcTime> not_after;
  std::optional<core::UtcTime> end_of_support;
  Unrecognized unrecognized;

  static core::Result<ReleaseManifest> parse(core::ByteView bytes);
  [[nodiscard]] std::string encode() const;  // canonical JSON, the file's bytes
  [[nodiscard]] core::Digest digest() const { return core::sha256(encode()); }
  [[nodiscard]] const Component* find(const core::Uuid& component) const;
  [[nodiscard]] const Component& main_component() const;  // order 0
  [[nodiscard]] std::string target_path() const;          // releases/<release-id>/release.json
};

// SHA-256("aseptic-set-v1\0" || count u32 || for each component by id: id 16 bytes, sequence u64, epoch u32,
// image digest 32 bytes), little-endian. It names what runs together; boot manifests carry it, so it covers image
// digests and not manifest digests.
core::Digest release_set_digest(const std::vector<Component>& components);

std::string_view to_string(ComponentType type);
std::string_view to_string(UpdateClass update_class);

}  // namespace aseptic::trust
