// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/codes.h"

#include <algorithm>
#include <array>

#include "aseptic/core/assert.h"

namespace aseptic::trust {
namespace {

using enum core::ActionClass;

constexpr auto kTable = std::to_array<core::ErrorInfo>({
    {201, "trust.format", kReject, "Signed metadata does not have the required shape."},
    {202, "trust.threshold", kReject, "Fewer distinct keys signed than the role requires."},
    {203, "trust.rollback", kReject, "Something older than what is already trusted was offered."},
    {204, "trust.freeze", kWait, "Metadata had expired when this update started."},
    {205, "trust.mix_and_match", kReject, "A file's version is not the one that its parent lists."},
    {206, "trust.root_chain", kReject, "The next root is not exactly one version newer."},
    {207, "trust.length", kReject, "A file does not have the listed length."},
    {208, "trust.hash", kReject, "A file does not have the listed hash."},
    {209, "trust.duplicate_signature", kReject, "One key id signs the same file twice."},
    {210, "trust.bad_threshold", kReject, "A threshold is below one or above the number of distinct keys."},
    {211, "trust.not_found", kReject, "No role that may speak for the target lists it."},
    {212, "trust.endless", kReject, "More bytes, roles or rotations than the limit were offered."},
    {213, "trust.wrong_type", kReject, "A file is of another role or kind."},
    {214, "trust.spec_version", kReject, "Metadata is not of TUF specification 1.x."},
    {215, "trust.order", kBug, "The update workflow was called out of order."},
    {216, "trust.not_listed", kReject, "The snapshot does not list a role that is needed."},
    {217, "trust.delegation", kReject, "A delegation is malformed or ambiguous."},
    {220, "trust.statement_format", kReject, "A signed statement does not have the required shape."},
    {221, "trust.critical_unknown", kReject, "A statement marks a field critical that this version does not know."},
    {222, "trust.statement_mismatch", kReject, "A statement is not the one that was signed for."},
    {223, "trust.statement_missing", kWait, "The authority policy requires a statement that is absent."},
    {224, "trust.statement_expired", kWait, "A statement is outside its validity."},
    {225, "trust.wrong_device", kReject, "A statement is bound to another device."},
    {226, "trust.nonce", kReject, "A statement answers another nonce."},
    {227, "trust.token_scope", kReject, "A downgrade token does not cover this change."},
    {228, "trust.log_proof", kReject, "A release is not proven to be in the release log."},
    {229, "trust.log_fork", kReject, "A log is shorter than, or forks from, what was acknowledged."},
    {230, "trust.replay", kReject, "A report's sequence was already used."},
    {231, "trust.clone", kReject, "Two different reports carry the same sequence: the identity is cloned."},
    {232, "trust.index_mismatch", kReject, "A payload index names an image that the release does not."},
    {233, "trust.boot_key", kReject, "A boot report is not by the key that was certified for its device, boot stage and life cycle."},
    {234, "trust.alias_key", kReject, "Who speaks does not hold the alias key of this start's boot report: the report is stale, copied, or has none."},
    {240, "trust.wrong_vendor", kReject, "The release is for another vendor's devices."},
    {241, "trust.wrong_product", kReject, "The release is for another product."},
    {242, "trust.wrong_class", kReject, "The release is for another device class."},
    {243, "trust.wrong_hardware", kReject, "The release is for other hardware."},
    {244, "trust.wrong_revision", kReject, "The release is for other revisions of this hardware."},
    {245, "trust.source_range", kReject, "The release may not be installed over the confirmed one."},
    {246, "trust.sequence", kReject, "The release is older than the confirmed one."},
    {247, "trust.epoch_floor", kReject, "The release is below the device's security floor."},
    {248, "trust.agent_version", kReject, "The release needs a newer agent."},
    {249, "trust.jurisdiction", kReject, "The release is not approved where the device is used."},
    {250, "trust.dependency", kReject, "A dependency of a component is not met."},
    {251, "trust.withdrawn", kReject, "The release was withdrawn."},
    {252, "trust.release_expired", kReject, "The release may no longer be installed."},
    {253, "trust.component_unknown", kReject, "The release has a component that this device does not."},
    {254, "trust.location", kReject, "A component would be written to another place than provisioned."},
    {255, "trust.attempt", kWait, "The image is quarantined; only a higher attempt number lets it be tried again."},
    {256, "trust.attestation", kReject, "The release demands an ability that this device does not have."},
});

}  // namespace

const core::ErrorInfo& describe(TrustCode code) {
  const auto* const at =
      std::ranges::find(kTable, static_cast<std::uint16_t>(code), [](const core::ErrorInfo& info) { return info.number; });
  ASEPTIC_ASSERT(at != kTable.end());
  return *at;
}

std::span<const core::ErrorInfo> trust_error_table() { return kTable; }

}  // namespace aseptic::trust
