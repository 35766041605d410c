// SPDX-License-Identifier: Apache-2.0
// Looks which release verified statements select for this device, and whether it may go onto it.
#pragma once

#include <optional>
#include <span>

#include "aseptic/agent/config.h"
#include "aseptic/agent/release_source.h"
#include "aseptic/trust/applicable.h"
#include "aseptic/trust/verified_statements.h"
#include "component/component_set.h"
#include "slots/boot_view.h"
#include "state/state_store.h"

namespace aseptic::agent {

// One payload of the offered image, as the signed index names it.
struct PayloadWay {
  std::optional<core::Digest> base;  // image digest that a delta starts from; nothing for a full payload
  core::AuthenticatedDigest header;
  std::uint64_t size = 0;
  core::Digest payload;  // of the file
  bool is_encrypted = false;
  core::Verified<trust::TargetInfo> target;
};

// A release that applies to this device, with everything that is needed to install it: one verified copy, used to the
// end (MF-09, T-30).
struct Offer {
  core::Verified<trust::ReleaseManifest> release;
  core::Digest release_digest;
  std::uint32_t attempt = 1;
  core::AuthenticatedDigest manifest;
  core::AuthenticatedDigest image;
  std::uint64_t image_size = 0;
  // In the order in which they are tried: deltas from the image that runs, then full payloads; each kind smallest first.
  std::vector<PayloadWay> ways;
  core::Uuid component;
  std::vector<Offer> others;  // of the same release, one for each further component of this device
};

// What verified statements say now. The channel's word about what is selected and withdrawn holds also when the selected
// release does not apply to this device.
struct Sighting {
  core::Digest selected;
  std::vector<trust::Withdrawal> withdrawn;
  std::optional<Offer> offer;          // nothing: the confirmed release is the selected one, or there is a refusal
  std::optional<core::Error> refusal;  // why the selected release does not go onto this device
};

struct LookoutFacts {
  const Config& config;
  const BootView& boot;
  const Memory& memory;
  std::span<const ComponentSet::Member> others{};
  bool can_decrypt = false;
};

// Refreshes metadata and evaluates. An error means that nothing new is known: no connection, or statements that do not
// verify.
core::Result<Sighting> look_for_release(ReleaseSource& source, const LookoutFacts& facts);

}  // namespace aseptic::agent
