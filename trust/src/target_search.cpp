// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/target_search.h"

#include <set>

#include "aseptic/trust/limits.h"
#include "object_reader.h"
#include "role_file.h"
#include "streamed_file.h"
#include "targets_file.h"

namespace aseptic::trust {

struct TargetSearch::State {
  // One edge of the delegation graph: the role, and the delegator whose word counts on this path.
  struct Visit {
    std::string role;
    std::shared_ptr<const Delegations> delegator;
  };

  TrustedMetadata trusted;  // cheap: shares its files
  std::string path;
  std::vector<Visit> pending;  // last one next
  std::set<std::string> visited;
  std::optional<Visit> current;
  std::optional<FileRequest> request;
  std::optional<core::Error> failure;
  std::optional<TargetInfo> found;

  void take(std::string_view role, TargetsHead head);
  void delegate(const std::shared_ptr<const Delegations>& delegations);
  void advance();
};

// What a verified role file says: the target itself, or who else may speak for it.
void TargetSearch::State::take(std::string_view role, TargetsHead head) {
  if (head.wanted) {
    found = TargetInfo{.path = path,
                       .role = std::string(role),
                       .length = head.wanted->length,
                       .hashes = head.wanted->hashes,
                       .custom = std::move(head.wanted->custom)};
    return;
  }
  if (head.delegations) delegate(head.delegations);
  advance();
}

void TargetSearch::State::delegate(const std::shared_ptr<const Delegations>& delegations) {
  std::vector<Visit> children;
  if (delegations->succinct) {
    children.push_back({delegations->succinct->role_for(path), delegations});
  } else {
    for (const DelegatedRole& role : delegations->roles) {
      if (!role.rule.covers(path)) continue;
      children.push_back({role.name, delegations});
      if (!role.terminating) continue;
      pending.clear();  // nobody after a terminating delegation may speak for this path
      break;
    }
  }
  pending.insert(pending.end(), children.rbegin(), children.rend());
}

// Moves to the next role that was not visited.
void TargetSearch::State::advance() {
  current.reset();
  request.reset();
  while (!pending.empty() && visited.contains(pending.back().role)) pending.pop_back();
  if (pending.empty()) return;
  if (visited.size() == kDelegatedRolesVisitedMax) {
    failure = core::Error(TrustCode::kEndless, "target " + quoted(path) + ": more than " +
                                                   std::to_string(kDelegatedRolesVisitedMax) + " delegated roles to visit");
    return;
  }
  current = std::move(pending.back());
  pending.pop_back();
  visited.insert(current->role);
  auto needed = trusted.role_request(current->role);
  if (needed)
    request = std::move(*needed);
  else
    failure = std::move(needed).error();
}

core::Result<TargetSearch> TargetSearch::begin(const TrustedMetadata& trusted, std::string_view target_path) {
  if (!trusted.targets_) return core::Error(TrustCode::kOrder, "a target is asked for before the targets file");
  auto state = std::make_shared<State>(State{.trusted = trusted, .path = std::string(target_path)});
  ASEPTIC_TRY(TargetsHead head, stream_targets(trusted.targets_->bytes, target_path));
  state->take(kTargetsRole, std::move(head));
  return TargetSearch(std::move(state));
}

std::optional<FileRequest> TargetSearch::needed() const { return state_->failure ? std::nullopt : state_->request; }

core::Result<void> TargetSearch::supply(core::ByteView role_file) {
  if (!needed()) return core::Error(TrustCode::kOrder, "a role file came after the search had ended");
  const State::Visit& visit = *state_->current;
  const MetaFile& listed = state_->trusted.snapshot()->meta.find(visit.role)->second;
  // SECURITY(T-13): the delegator of this path decides; that another path's delegator trusts the file is no help.
  const auto authority = visit.delegator->authority(visit.role);
  if (!authority) return core::Error(TrustCode::kDelegation, "role " + quoted(visit.role) + " is not delegated to");
  ASEPTIC_TRY_VOID(
      verify_role_file(role_file, {.authority = *authority, .listed = &listed, .bytes_max = kTargetsBytesMax}));
  ASEPTIC_TRY(TargetsHead head, stream_targets(role_file, state_->path).within("role " + quoted(visit.role)));
  ASEPTIC_TRY_VOID(check_version(head, visit.role, listed.version));
  ASEPTIC_TRY_VOID(check_unexpired(head, visit.role, *state_->trusted.update_start()));
  const std::string role = visit.role;
  state_->request.reset();
  state_->take(role, std::move(head));
  return {};
}

core::Result<core::Verified<TargetInfo>> TargetSearch::result() const {
  if (state_->found) return verified(*state_->found);
  if (state_->failure) return *state_->failure;
  if (state_->request) return core::Error(TrustCode::kOrder, "the search has not ended");
  return core::Error(TrustCode::kNotFound, "target " + quoted(state_->path) +
                                               ": no role that may speak for it lists it (" +
                                               std::to_string(state_->visited.size()) + " delegated roles visited)");
}

core::Result<void> check_target_bytes(const core::Verified<TargetInfo>& target, core::ByteView bytes) {
  const std::string what = "target " + quoted(target->path);
  if (bytes.size() != target->length)
    return core::Error(TrustCode::kLength, what + ": has " + std::to_string(bytes.size()) + " bytes, listed are " +
                                               std::to_string(target->length));
  return check_hashes(target->hashes, bytes, what);
}

}  // namespace aseptic::trust
