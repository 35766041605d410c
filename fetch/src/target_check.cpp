// SPDX-License-Identifier: Apache-2.0
#include "target_check.h"

#include "aseptic/fetch/percent_encode.h"
#include "aseptic/trust/codes.h"

namespace aseptic::fetch {

using core::Error;
using core::Result;
using trust::TrustCode;

TargetCheck::TargetCheck(const trust::TargetInfo& target) : target_(target) {
  if (target.hashes.sha256) sha256_.emplace();
  if (target.hashes.sha512) sha512_.emplace();
}

Result<void> TargetCheck::update(core::ByteView bytes) {
  if (bytes.size() > target_.length - length_)
    return Error(TrustCode::kLength, "target " + percent_encode_path(target_.path) + " is longer than the " +
                                         std::to_string(target_.length) + " bytes that its metadata lists");
  length_ += bytes.size();
  if (sha256_) sha256_->update(bytes);
  if (sha512_) sha512_->update(bytes);
  return {};
}

Result<void> TargetCheck::finish() {
  if (length_ != target_.length)
    return Error(TrustCode::kLength, "target " + percent_encode_path(target_.path) + " has " + std::to_string(length_) +
                                         " bytes, its metadata lists " + std::to_string(target_.length));
  // SECURITY(T-13): every listed hash must match; a target without a hash that we know is refused.
  const bool known = sha256_ || sha512_;
  const bool matches = known && (!sha256_ || sha256_->finish() == *target_.hashes.sha256) &&
                       (!sha512_ || sha512_->finish() == *target_.hashes.sha512);
  if (!matches)
    return Error(TrustCode::kHash, "target " + percent_encode_path(target_.path) + " has another content than its metadata lists");
  return {};
}

}  // namespace aseptic::fetch
