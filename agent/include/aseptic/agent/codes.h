// SPDX-License-Identifier: Apache-2.0
// Error codes of the agent (7xx; the device log's are 77x, see device_log/codes.h).
#pragma once

#include <span>

#include "aseptic/core/error.h"

namespace aseptic::agent {

enum class AgentCode : std::uint16_t {
  kConfig = 701,         // agent.toml cannot be used
  kSpace = 702,          // pre-check: no space for the update
  kEnergy = 703,         // pre-check: battery or mains not sufficient
  kSource = 704,         // pre-check: the running version is outside the release's source range
  kDependency = 705,     // pre-check: a dependency is not met
  kTherapy = 706,        // the therapy side does not allow it now
  kQuarantined = 707,    // this image failed its trial; a higher attempt number is needed
  kMeasured = 708,       // the slot does not hold what the release manifest says
  kLastImage = 709,      // another image of the device does not verify, so this slot must not be erased
  kMessage = 710,        // a message between the two processes is malformed
  kPeer = 711,           // the caller may not use this socket
  kBootReport = 712,     // boot's report is missing or damaged
  kRequest = 713,        // a request to boot did not read back as written
  kSelfTest = 714,       // the self-test failed or did not finish
  kState = 715,          // the agent's own state file is damaged
  kWindow = 716,         // outside the site's maintenance window
  kApproval = 717,       // the site has not approved this release
  kLocked = 718,         // another agent works on this device
  kDowngrade = 719,      // the release is older than the confirmed one
  kWithdrawn = 720,      // the release was withdrawn
  kTooManyTries = 721,   // the switch was interrupted too often
  kUnreachable = 722,    // the network process does not answer
  kReport = 723,         // the server did not take a report
  kSlot = 724,           // a slot cannot be used: size or role
  kUnsupported = 725,    // the release asks for something this agent does not know
  kReportRefused = 726,  // the server will never take these bytes
  kComponent = 727,      // a further component refuses, or its answer is malformed
  kOutOfContact = 728,   // no look at the repository has succeeded for too long
  kSetRevert = 729,      // a component failed for good after the commit point: the set goes back
  kNotInTrial = 730,     // REQ_CONFIRM or REQ_REVERT in a start that is no trial
};

const core::ErrorInfo& describe(AgentCode code);
std::span<const core::ErrorInfo> agent_error_table();

}  // namespace aseptic::agent
