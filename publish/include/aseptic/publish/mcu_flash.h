// SPDX-License-Identifier: Apache-2.0
// The factory step of an emulated microcontroller (EMULATED): its whole flash, provisioned as a factory would.
//
// Called by `aseptic boot provision`. The map is that of the emulated boards (boot/ports/cortex_m/flash_map.h).
// Security: refuses what `aseptic device provision` refuses; a production part only with its debug port closed, from a production
// image, under keys that are not publicly known, and with a boot key that a factory of its policy certifies. The device secret and the key of the component's leases are made
// here and lie in the flash file only (0600); on hardware they are made on the device. The boot key that is returned belongs to
// this secret, this boot stage, a closed debug port and the profile's life cycle: any other state signs with another key.
#pragma once

#include "aseptic/publish/provision.h"
#include "aseptic/trust/authority_policy.h"

namespace aseptic::publish {

enum class DebugAtFactory : std::uint8_t { kClosed, kOpen };             // as both registers say
enum class OpenDebugLater : std::uint8_t { kRefuses, kDegrades };         // fuse: what a production part does when it is opened

struct McuPlan {
  std::string device_id;
  std::uint32_t hardware_revision = 1;
  ReleaseDescription description;
  std::string component;
  Path image;                     // signed factory image: both slots and recovery
  std::vector<ImageKeys> keys;
  Path boot_elf;                  // the linked boot stage that will run
  Profile profile = Profile::kDevelopment;  // becomes life-cycle fuse and record, for ever
  DebugAtFactory debug = DebugAtFactory::kClosed;
  OpenDebugLater open_debug = OpenDebugLater::kRefuses;
  std::vector<std::size_t> revoked;         // key slots, from 0, that are revoked from the first start on
};

struct McuKeys {
  core::PublicKey boot;      // verifies its boot reports
  core::PublicKey lease;     // verifies its leases
  core::Digest boot_digest;  // of the boot stage that the first was derived with
};

core::Result<McuKeys> make_mcu_flash(const Path& flash, const McuPlan& plan, platform::Entropy& entropy);

// The factory's statement about the boot key (docs/formats/boot_key.md), for the device `host` whose component this is. Refused
// unless the policy names the factory's key.
core::Result<std::string> certify_boot_key(const McuPlan& plan, const McuKeys& keys, std::string_view host,
                                           const trust::AuthorityPolicy& policy, ProvisioningSigner& factory);

// The same in two steps, for a key in a token that this program cannot reach: the exact bytes that the factory's key signs, and the
// statement once it has. Refused: a request that is not of that form, a signature or a key that the policy does not take.
core::Result<std::string> boot_key_request(const McuPlan& plan, const McuKeys& keys, std::string_view host);
struct FactorySignature {
  core::PublicKey key;
  core::Bytes signature;  // as TUF has it: ECDSA in DER, Ed25519 raw
};
core::Result<std::string> attach_factory_signature(core::ByteView request, const FactorySignature& factory, std::string_view host,
                                                   const trust::AuthorityPolicy& policy);

}  // namespace aseptic::publish
