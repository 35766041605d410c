// SPDX-License-Identifier: Apache-2.0
// Complete examples of every statement, for tests of trust, fetch, agent and fleet.
#pragma once

#include "aseptic/trust/applicable.h"
#include "aseptic/trust/authority_policy.h"
#include "aseptic/trust/director.h"
#include "aseptic/trust/key_envelope.h"
#include "aseptic/trust/log_proof.h"
#include "aseptic/trust/offline_bundle.h"
#include "aseptic/trust/payload_index.h"
#include "aseptic/trust/provisioning_attributes.h"
#include "aseptic/trust/boot_key.h"
#include "aseptic/trust/report.h"
#include "aseptic/trust/time_floor.h"
#include "hostile_repository.h"

namespace aseptic::trust::test {

core::Uuid sample_uuid(std::uint8_t number);
core::Digest sample_digest(std::string_view name);

ReleaseManifest sample_release();   // sequence 5, over sequences 1 to 4, two components
Channel sample_channel(const ReleaseManifest& release);
PayloadIndex sample_index(const ReleaseManifest& release);
DeviceFacts sample_device();        // runs sequence 4; the sample release is applicable to it
AuthorityPolicy sample_policy();
ProvisioningAttributes sample_attributes();
BootKeyStatement sample_boot_key();
DirectorStatement sample_director();
DowngradeToken sample_token();
KeyEnvelope sample_envelope();
GroupMembership sample_membership();
OfflineBundle sample_bundle();
Report sample_report();
BootReport sample_boot_report();

}  // namespace aseptic::trust::test
