// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/applicable.h"

#include <algorithm>

#include "object_reader.h"

namespace aseptic::trust {
namespace {

core::Error refusal(TrustCode code, std::string sentence) { return core::Error(code, "release: " + std::move(sentence)); }

// SECURITY(T-24): matched by identity, each mismatch with its own reason.
core::Result<void> check_identity(const ReleaseManifest& release, const DeviceFacts& device) {
  if (release.vendor != device.vendor) return refusal(TrustCode::kWrongVendor, "is for vendor " + release.vendor.text());
  if (release.product != device.product) return refusal(TrustCode::kWrongProduct, "is for product " + release.product.text());
  if (release.device_class != device.device_class)
    return refusal(TrustCode::kWrongClass, "is for device class " + release.device_class.text());
  bool hardware_known = false;
  for (const HardwareRange& range : release.hardware) {
    if (range.id != device.hardware) continue;
    hardware_known = true;
    if (device.hardware_revision >= range.revision_min && device.hardware_revision <= range.revision_max) return {};
  }
  if (!hardware_known) return refusal(TrustCode::kWrongHardware, "does not name hardware " + device.hardware.text());
  return refusal(TrustCode::kWrongRevision, "does not cover hardware revision " + std::to_string(device.hardware_revision));
}

core::Result<void> check_abilities(const ReleaseManifest& release, const DeviceFacts& device) {
  if (device.agent_version < release.agent_version_min)
    return refusal(TrustCode::kAgentVersion, "needs agent " + release.agent_version_min.text() + ", this is " +
                                                 device.agent_version.text());
  const auto is_here = [&device](const Jurisdiction& jurisdiction) { return jurisdiction.code == device.jurisdiction; };
  if (std::ranges::none_of(release.safety.jurisdictions, is_here))
    return refusal(TrustCode::kJurisdiction, "is not approved in jurisdiction " + quoted(device.jurisdiction));
  if (release.not_after && device.now > *release.not_after)
    return refusal(TrustCode::kReleaseExpired, "may not be installed after " + core::format_utc(*release.not_after));
  if (release.attestation == Requirement::kRequired && !device.can_attest)
    return refusal(TrustCode::kAttestation, "requires attestation, which this device cannot give");
  if (release.encryption == Requirement::kRequired && !device.can_decrypt)
    return refusal(TrustCode::kAttestation, "requires encryption, for which this device has no key");
  return {};
}

const DeviceComponent* find(const DeviceFacts& device, const core::Uuid& id) {
  const auto at = std::ranges::find(device.components, id, &DeviceComponent::id);
  return at == device.components.end() ? nullptr : &*at;
}

core::Result<void> check_component(const Component& component, const DeviceFacts& device) {
  const DeviceComponent* const own = find(device, component.id);
  const std::string name = "component " + quoted(component.name);
  if (!own || own->type != component.type)
    return refusal(TrustCode::kComponentUnknown, name + " is not a component of this device, or of another type");
  // SECURITY(T-26): a release cannot choose where it is written.
  if (own->location != component.location)
    return refusal(TrustCode::kLocation, name + " would go to " + quoted(component.location) + ", provisioned is " +
                                             quoted(own->location));
  const bool same_image = own->confirmed_manifest == component.manifest_digest;
  // SECURITY(T-05): never back, and one sequence is one image.
  if (component.sequence < own->confirmed_sequence || (component.sequence == own->confirmed_sequence && !same_image))
    return refusal(TrustCode::kSequence, name + " has sequence " + std::to_string(component.sequence) +
                                             ", confirmed is " + std::to_string(own->confirmed_sequence));
  if (component.epoch < own->epoch_floor)
    return refusal(TrustCode::kEpochFloor, name + " has epoch " + std::to_string(component.epoch) + ", the floor is " +
                                               std::to_string(own->epoch_floor));
  return {};
}

// SECURITY(T-14): a dependency is met by the set itself or by what is confirmed, by nothing else.
core::Result<void> check_dependencies(const ReleaseManifest& release, const Component& component, const DeviceFacts& device) {
  for (const ComponentDependency& dependency : component.dependencies) {
    const Component* const in_set = release.find(dependency.component);
    const DeviceComponent* const own = find(device, dependency.component);
    const std::uint64_t sequence = in_set ? in_set->sequence : own ? own->confirmed_sequence : 0;
    if ((!in_set && !own) || sequence < dependency.sequence_min)
      return refusal(TrustCode::kDependency, "component " + quoted(component.name) + " needs component " +
                                                 dependency.component.text() + " at sequence " +
                                                 std::to_string(dependency.sequence_min) + " or later");
  }
  return {};
}

core::Result<void> check_quarantine(const Component& component, const Selection& selection, const DeviceFacts& device) {
  for (const QuarantinedImage& image : device.quarantine)
    if (image.manifest_digest == component.manifest_digest && selection.attempt <= image.attempt)
      return refusal(TrustCode::kAttempt, "component " + quoted(component.name) + " failed attempt " +
                                              std::to_string(image.attempt) + " on this device");
  return {};
}

bool is_confirmed_already(const ReleaseManifest& release, const DeviceFacts& device) {
  return release.sequence == device.confirmed_sequence && std::ranges::all_of(release.components, [&](const Component& c) {
           const DeviceComponent* const own = find(device, c.id);
           return own && own->confirmed_manifest == c.manifest_digest;
         });
}

core::Result<void> check_sequence(const ReleaseManifest& release, const DeviceFacts& device) {
  if (is_confirmed_already(release, device)) return {};
  if (release.sequence <= device.confirmed_sequence)
    return refusal(TrustCode::kSequence, "has sequence " + std::to_string(release.sequence) + ", confirmed is " +
                                             std::to_string(device.confirmed_sequence));
  if (device.confirmed_sequence < release.sources.sequence_min || device.confirmed_sequence > release.sources.sequence_max)
    return refusal(TrustCode::kSourceRange,
                   "may replace sequences " + std::to_string(release.sources.sequence_min) + " to " +
                       std::to_string(release.sources.sequence_max) + ", confirmed is " +
                       std::to_string(device.confirmed_sequence));
  return {};
}

}  // namespace

core::Result<void> check_not_withdrawn(const core::Digest& release_digest, const std::vector<Withdrawal>& withdrawn) {
  const auto at = std::ranges::find(withdrawn, release_digest, &Withdrawal::release);
  if (at == withdrawn.end()) return {};
  return refusal(TrustCode::kWithdrawn, "was withdrawn: " + quoted(at->reason));
}

core::Result<void> applicable(const ReleaseManifest& release, const core::Digest& release_digest,
                              const Selection& selection, const DeviceFacts& device) {
  ASEPTIC_TRY_VOID(check_not_withdrawn(release_digest, selection.withdrawn));
  ASEPTIC_TRY_VOID(check_identity(release, device));
  ASEPTIC_TRY_VOID(check_abilities(release, device));
  ASEPTIC_TRY_VOID(check_sequence(release, device));
  for (const Component& component : release.components) {
    ASEPTIC_TRY_VOID(check_component(component, device));
    ASEPTIC_TRY_VOID(check_dependencies(release, component, device));
    ASEPTIC_TRY_VOID(check_quarantine(component, selection, device));
  }
  return {};
}

}  // namespace aseptic::trust
