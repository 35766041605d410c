// SPDX-License-Identifier: Apache-2.0
// A release goes onto a device only if everything fits; every misfit has its own reason.
#include "aseptic/trust/applicable.h"

#include "expect.h"
#include "samples.h"

namespace aseptic::trust::test {
namespace {

class Applicable : public testing::Test {
 protected:
  ReleaseManifest release = sample_release();
  DeviceFacts device = sample_device();
  Selection selection;

  core::Result<void> check() { return applicable(release, release.digest(), selection, device); }
};

TEST_F(Applicable, TheSampleReleaseFitsTheSampleDevice) { EXPECT_TRUE(accepted(check())); }

// Answers: MF-03, T-24
TEST_F(Applicable, RefusesAnotherVendor) {
  device.vendor = sample_uuid(90);
  EXPECT_TRUE(refused(check(), TrustCode::kWrongVendor));
}
// Answers: MF-03, T-24
TEST_F(Applicable, RefusesAnotherProduct) {
  device.product = sample_uuid(90);
  EXPECT_TRUE(refused(check(), TrustCode::kWrongProduct));
}
// Answers: MF-03
TEST_F(Applicable, RefusesAnotherClass) {
  device.device_class = sample_uuid(90);
  EXPECT_TRUE(refused(check(), TrustCode::kWrongClass));
}
// Answers: MF-03, T-24
TEST_F(Applicable, RefusesOtherHardware) {
  device.hardware = sample_uuid(90);
  EXPECT_TRUE(refused(check(), TrustCode::kWrongHardware));
}
// Answers: MF-03, T-24
TEST_F(Applicable, RefusesRevisionsOutsideTheRange) {
  for (const std::uint32_t revision : {2U, 4U}) {
    device.hardware_revision = revision;
    EXPECT_TRUE(accepted(check())) << revision;
  }
  for (const std::uint32_t revision : {1U, 5U}) {
    device.hardware_revision = revision;
    EXPECT_TRUE(refused(check(), TrustCode::kWrongRevision)) << revision;
  }
}
TEST_F(Applicable, TriesEveryRangeOfTheSameHardware) {
  release.hardware.push_back({.id = sample_uuid(4), .revision_min = 8, .revision_max = 8});
  device.hardware_revision = 8;
  EXPECT_TRUE(accepted(check()));
}

// Answers: MF-03
TEST_F(Applicable, RefusesAConfirmedSequenceOutsideTheSourceRange) {
  release.sources = {.sequence_min = 4, .sequence_max = 4};
  EXPECT_TRUE(accepted(check()));
  release.sources = {.sequence_min = 1, .sequence_max = 3};
  EXPECT_TRUE(refused(check(), TrustCode::kSourceRange));
  release.sources = {.sequence_min = 5, .sequence_max = 9};
  EXPECT_TRUE(refused(check(), TrustCode::kSourceRange));
}

// Answers: MF-01, RC-04, T-05
TEST_F(Applicable, RefusesALowerReleaseSequence) {
  device.confirmed_sequence = 6;
  EXPECT_TRUE(refused(check(), TrustCode::kSequence));
}
// Answers: MF-01
TEST_F(Applicable, AcceptsAnEqualSequenceOnlyWithTheSameImages) {
  device.confirmed_sequence = 5;
  device.components[0].confirmed_sequence = 5;
  EXPECT_TRUE(refused(check(), TrustCode::kSequence));
  device.components[0].confirmed_manifest = release.components[0].manifest_digest;
  EXPECT_TRUE(accepted(check()));
}
// Answers: MF-01, T-05
TEST_F(Applicable, RefusesAComponentThatGoesBack) {
  device.components[1].confirmed_sequence = 4;
  EXPECT_TRUE(refused(check(), TrustCode::kSequence));
}
TEST_F(Applicable, RefusesAnotherImageOfTheSameComponentSequence) {
  device.components[1].confirmed_manifest = sample_digest("other library");
  EXPECT_TRUE(refused(check(), TrustCode::kSequence));
}
TEST_F(Applicable, AcceptsADeviceWithoutAConfirmedReleaseWhenTheRangeStartsAtZero) {
  device.confirmed_sequence = 0;
  for (DeviceComponent& component : device.components) component.confirmed_sequence = 0;
  EXPECT_TRUE(refused(check(), TrustCode::kSourceRange));
  release.sources.sequence_min = 0;
  EXPECT_TRUE(accepted(check()));
}

// Answers: RC-03, RC-04, T-47
TEST_F(Applicable, RefusesAnEpochBelowTheFloor) {
  device.components[0].epoch_floor = 3;
  EXPECT_TRUE(refused(check(), TrustCode::kEpochFloor));
  device.components[0].epoch_floor = 2;
  EXPECT_TRUE(accepted(check()));
}

TEST_F(Applicable, RefusesAnOlderAgent) {
  release.agent_version_min = *core::Version::parse("0.1.1");
  EXPECT_TRUE(refused(check(), TrustCode::kAgentVersion));
}

TEST_F(Applicable, RefusesAJurisdictionWithoutApproval) {
  device.jurisdiction = "JP";
  EXPECT_TRUE(refused(check(), TrustCode::kJurisdiction));
  device.jurisdiction = "";
  EXPECT_TRUE(refused(check(), TrustCode::kJurisdiction));
}

// Answers: MF-02
TEST_F(Applicable, RefusesAfterItsLastDay) {
  device.now = *release.not_after;
  EXPECT_TRUE(accepted(check()));
  device.now += std::chrono::seconds(1);
  EXPECT_TRUE(refused(check(), TrustCode::kReleaseExpired));
  release.not_after.reset();
  EXPECT_TRUE(accepted(check()));
}

// Answers: MF-07, T-14
TEST_F(Applicable, RefusesAnUnmetDependency) {
  release.components[0].dependencies = {{.component = sample_uuid(11), .sequence_min = 4}};
  EXPECT_TRUE(refused(check(), TrustCode::kDependency));
  release.components[0].dependencies = {{.component = sample_uuid(50), .sequence_min = 0}};
  EXPECT_TRUE(refused(check(), TrustCode::kDependency));
}
// Answers: MF-07
TEST_F(Applicable, MeetsADependencyByWhatIsConfirmedOutsideTheSet) {
  release.components.pop_back();
  release.components[0].dependencies = {{.component = sample_uuid(11), .sequence_min = 3}};
  EXPECT_TRUE(accepted(check()));
  device.components[1].confirmed_sequence = 2;
  EXPECT_TRUE(refused(check(), TrustCode::kDependency));
}

// Answers: T-09
TEST_F(Applicable, RefusesAWithdrawnRelease) {
  selection.withdrawn = {{.release = sample_digest("another"), .sequence = 1, .reason = "x"}};
  EXPECT_TRUE(accepted(check()));
  selection.withdrawn.push_back({.release = release.digest(), .sequence = 5, .reason = "alarm may be delayed"});
  EXPECT_TRUE(refused(check(), TrustCode::kWithdrawn));
}

// Answers: MF-05
TEST_F(Applicable, RefusesAComponentThatTheDeviceDoesNotHave) {
  device.components.pop_back();
  EXPECT_TRUE(refused(check(), TrustCode::kComponentUnknown));
}
// Answers: MF-04, MF-05
TEST_F(Applicable, RefusesAComponentOfAnotherType) {
  release.components[1].type = ComponentType::kImage;
  EXPECT_TRUE(refused(check(), TrustCode::kComponentUnknown));
}
// Answers: MF-05, T-26
TEST_F(Applicable, RefusesAnotherLocation) {
  release.components[0].location = "recovery";
  EXPECT_TRUE(refused(check(), TrustCode::kLocation));
}

TEST_F(Applicable, TriesAQuarantinedImageOnlyWithAHigherAttempt) {
  device.quarantine = {{.manifest_digest = release.components[0].manifest_digest, .attempt = 1}};
  EXPECT_TRUE(refused(check(), TrustCode::kAttempt));
  selection.attempt = 2;
  EXPECT_TRUE(accepted(check()));
}

TEST_F(Applicable, RefusesWhatTheDeviceCannotDo) {
  release.attestation = Requirement::kRequired;
  EXPECT_TRUE(refused(check(), TrustCode::kAttestation));
  device.can_attest = true;
  EXPECT_TRUE(accepted(check()));
  release.encryption = Requirement::kRequired;
  EXPECT_TRUE(refused(check(), TrustCode::kAttestation));
  device.can_decrypt = true;
  EXPECT_TRUE(accepted(check()));
}

}  // namespace
}  // namespace aseptic::trust::test
