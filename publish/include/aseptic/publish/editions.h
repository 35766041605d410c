// SPDX-License-Identifier: Apache-2.0
// Editions in preparation: the next version of a role's document, in a signing file, edited until the first signature.
//
// Called by `aseptic repo`, `aseptic release`, `aseptic channel`. Offline roles go through a signing file; online roles
// (payload index, bins) are edited, signed and published in one step.
// Thread contract: as Repository.
#pragma once

#include "aseptic/publish/repository.h"
#include "aseptic/publish/signing_file.h"

namespace aseptic::publish {

struct InitialRoles {
  RolePlan root, targets, snapshot, timestamp;
  core::UtcTime root_expires, targets_expires;
};
struct InitialEditions {
  SigningFile root, targets;
};
// The first root and the first, empty targets document, for their people to sign.
core::Result<InitialEditions> initial_editions(const InitialRoles& roles);

// The next version of a published role, without changes, attachments of the present version included.
core::Result<SigningFile> begin_edition(const Repository& repository, std::string_view role, core::UtcTime expires);

// Reads the edition at `path`, or begins one when there is no such file. Refuses a file of another role, one that does
// not follow what is published, and one that somebody has signed: signed bytes are not edited.
core::Result<SigningFile> open_edition(const Repository& repository, std::string_view role, const Path& path, core::UtcTime expires);
core::Result<void> save_edition(const SigningFile& file, const Path& path);

// Adds a target, its file to the repository, and its content to the signing file when it is a small one.
core::Result<TargetEntry> add_target_content(const Repository& repository, SigningFile& file, std::string_view path, core::ByteView content);
core::Result<TargetEntry> add_target_file(const Repository& repository, SigningFile& file, std::string_view path, const Path& source);

// First versions of roles that the editions delegate to and nobody has made yet, empty, signed by those of `signers`
// that have the role.
core::Result<std::vector<Edition>> missing_roles(const Path& folder, const std::vector<Edition>& editions,
                                                 std::vector<OnlineSigner>& signers, core::UtcTime expires);

struct NewTarget {
  std::string path;
  Path source;
};
// Adds targets to an online role, or to the hash bins below it, and publishes.
core::Result<Published> put_targets(const Path& folder, std::string_view role, const std::vector<NewTarget>& targets,
                                    std::vector<OnlineSigner>& role_signers, core::UtcTime expires, OnlineKeys keys,
                                    const PublicationTimes& times);
core::Result<Published> drop_targets(const Path& folder, std::string_view role, const std::vector<std::string>& paths,
                                     std::vector<OnlineSigner>& role_signers, core::UtcTime expires, OnlineKeys keys,
                                     const PublicationTimes& times);

}  // namespace aseptic::publish
