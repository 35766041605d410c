// SPDX-License-Identifier: Apache-2.0
#include "aseptic/agent/codes.h"

#include <array>

#include "aseptic/core/assert.h"

namespace aseptic::agent {
namespace {

using enum core::ActionClass;

constexpr std::array<core::ErrorInfo, 30> kTable{{
    {701, "agent.config", kHalt, "The agent's configuration cannot be used."},
    {702, "agent.space", kWait, "There is no space for the update."},
    {703, "agent.energy", kWait, "Battery or mains are not sufficient for an update."},
    {704, "agent.source", kReject, "The running version is outside the release's source range."},
    {705, "agent.dependency", kReject, "A dependency of the release is not met."},
    {706, "agent.therapy", kWait, "The therapy side does not allow the step now."},
    {707, "agent.quarantined", kReject, "This image failed its trial; a higher attempt number is needed."},
    {708, "agent.measured", kReject, "The slot does not hold what the release manifest says."},
    {709, "agent.last_image", kHalt, "Another image of the device does not verify; this slot is not erased."},
    {710, "agent.message", kReject, "A message between the agent's processes is malformed."},
    {711, "agent.peer", kReject, "The caller may not use this socket."},
    {712, "agent.boot_report", kHalt, "Boot's report is missing or damaged."},
    {713, "agent.request", kHalt, "A request to boot did not read back as written."},
    {714, "agent.self_test", kReject, "The self-test failed or did not finish in time."},
    {715, "agent.state", kReject, "The agent's state file is damaged; boot's report is used instead."},
    {716, "agent.window", kWait, "It is outside the site's maintenance window."},
    {717, "agent.approval", kWait, "The site has not approved this release."},
    {718, "agent.locked", kHalt, "Another agent works on this device."},
    {719, "agent.downgrade", kReject, "The release is older than the confirmed one."},
    {720, "agent.withdrawn", kReject, "The release was withdrawn."},
    {721, "agent.too_many_tries", kReject, "The switch was interrupted too often."},
    {722, "agent.unreachable", kRetry, "The agent's network process does not answer."},
    {723, "agent.report", kRetry, "The server did not take a report."},
    {724, "agent.slot", kHalt, "A slot cannot be used."},
    {725, "agent.unsupported", kReject, "The release asks for something this agent does not know."},
    {726, "agent.report_refused", kReject, "The server refused a report for good; it is kept in the log only."},
    {727, "agent.component", kWait, "A further component of the device does not do what it was asked."},
    {728, "agent.out_of_contact", kRetry, "No look at the repository has succeeded for too long; updates may be kept from this device."},
    {729, "agent.set_revert", kReject, "A component failed for good after the main component was confirmed; the whole set goes back."},
    {730, "agent.not_in_trial", kReject, "Boot was asked to confirm or revert although no trial runs; the request was refused."},
}};

}  // namespace

const core::ErrorInfo& describe(AgentCode code) {
  const auto index = static_cast<std::size_t>(code) - kTable.front().number;
  ASEPTIC_ASSERT(index < kTable.size());
  return kTable[index];
}

std::span<const core::ErrorInfo> agent_error_table() { return kTable; }

}  // namespace aseptic::agent
