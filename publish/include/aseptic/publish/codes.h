// SPDX-License-Identifier: Apache-2.0
// Error codes of publish (6xx).
#pragma once

#include <span>

#include "aseptic/core/error.h"

namespace aseptic::publish {

enum class PublishCode : std::uint16_t {
  kFileIo = 601,             // a file of the operator cannot be read or written
  kInput = 602,              // an argument or description file is not acceptable
  kRepositoryState = 603,    // the repository on disk is not what the operation needs
  kBusy = 604,               // another process changes the repository
  kThreshold = 605,          // not enough signatures of distinct keys
  kKeyNotInRole = 606,       // the key may not sign for this role
  kAlreadySigned = 607,      // this key has signed already
  kDevelopmentKey = 608,     // a development or publicly known key in the production profile
  kSigningFile = 609,        // the signing file is damaged or contradicts itself
  kUnverifiable = 610,       // what is to be signed or published does not follow from what is trusted
  kImage = 611,              // an image cannot be built or does not verify
  kCertificate = 612,        // an X.509 certificate cannot be made or read
  kTargetPath = 613,         // a target or role name that is not allowed
  kFormatUnknown = 614,      // inspect does not recognise the file
  kNotConfirmed = 615,       // the person did not confirm what was shown
  kOneTimeState = 616,       // the one-time state of an LMS key does not allow a signature
};

const core::ErrorInfo& describe(PublishCode code);
std::span<const core::ErrorInfo> publish_error_table();

}  // namespace aseptic::publish
