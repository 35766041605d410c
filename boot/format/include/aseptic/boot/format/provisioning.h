// SPDX-License-Identifier: Apache-2.0
// The provisioning record: what the factory fixes about one device. Written once, outside the application's
// reach (flash option area, or DEVICE/boot/provisioning.bin of the virtual device). Security: the authority
// is the key slot, a hash over *both* public keys of a pair; the keys themselves stand beside it and are used
// only after they hash to it (KM: there is no way to require one algorithm less). Format:
// docs/formats/boot_manifest.md §Provisioning.
#pragma once
#include "aseptic/boot/format/bytes.h"
#include "aseptic/boot/format/hash.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/status.h"

namespace aseptic::boot {

inline constexpr std::size_t kProvisioningSize = 1024;
inline constexpr std::uint16_t kProvisioningFormat = 2;  // 1 had no algorithm in a key slot
inline constexpr char kProvisioningMagic[] = "ASPTPROV";
inline constexpr char kKeySlotDomain[] = "aseptic-key-slot-v1";
inline constexpr std::uint16_t kPolicyDelayDefault = 16;      // boots, protocol rule 6
inline constexpr std::uint8_t kInterruptedTrialsDefault = 8;  // protocol rule 2

// Port capabilities, stated so that reports can show them.
inline constexpr std::uint32_t kPortNvStore = 1U
                                              << 0U;  // confirmed and quarantined digests live in the store
inline constexpr std::uint32_t kPortDeviceSecret = 1U << 1U;  // journal HMAC and derived tokens
inline constexpr std::uint32_t kPortKnowsResetCause = 1U << 2U;
inline constexpr std::uint32_t kPortWriteProtects =
    1U << 3U;  // journal and store are out of the application's reach
inline constexpr std::uint32_t kPortRecoveryWritable = 1U
                                                       << 4U;  // boot may bring the recovery image up to date
inline constexpr std::uint32_t kPortEmulated = 1U << 5U;       // EMULATED in every report
inline constexpr std::uint32_t kPortFlagsKnown = (1U << 6U) - 1U;

struct KeyPairPublic {
  std::array<std::uint8_t, kP256PublicKeySize> p256{};
  PostQuantumKey post_quantum;
};
struct KeySlot {
  bool provisioned = false;
  Digest hash{};  // key_slot_hash of the pair
  KeyPairPublic keys;
};

struct Provisioning {
  Provisioning() {
    clear_object(*this);
    life_cycle = LifeCycle::kDevelopment;
    interrupted_trials_max = kInterruptedTrialsDefault;
    policy_delay_boots = kPolicyDelayDefault;
  }

  Uuid device_id{};
  Uuid product{};
  Uuid hardware{};
  std::uint32_t hardware_revision = 0;
  LifeCycle life_cycle;
  bool recovery_present;
  std::uint8_t interrupted_trials_max;  // 1..255
  std::uint16_t policy_delay_boots;
  std::uint32_t port_capabilities = 0;
  std::array<KeySlot, kKeySlotCount> key_slots{};
};

struct KeySlotWire {
  Le8 provisioned;
  Le8 post_quantum_algorithm;  // the device's choice, never the image's
  std::uint8_t reserved[6];
  Digest hash;
  std::uint8_t p256[kP256PublicKeySize];
  std::uint8_t post_quantum[kPostQuantumPublicKeySizeMax];  // 32 bytes SLH-DSA or 60 bytes LMS, then zero
};
static_assert(sizeof(KeySlotWire) == 168);

struct ProvisioningWire {
  std::uint8_t magic[8];
  Le16 format;
  Le16 length;
  Le8 life_cycle;
  Le8 recovery_present;
  Le8 interrupted_trials_max;
  std::uint8_t reserved0;
  Uuid device_id;
  Uuid product;
  Uuid hardware;
  Le32 hardware_revision;
  Le32 port_capabilities;
  Le16 policy_delay_boots;
  std::uint8_t reserved1[6];
  KeySlotWire key_slots[kKeySlotCount];
  std::uint8_t reserved2[264];
  Le64 checksum;
};
static_assert(sizeof(ProvisioningWire) == kProvisioningSize && alignof(ProvisioningWire) == 1);
static_assert(offsetof(ProvisioningWire, device_id) == 16 &&
              offsetof(ProvisioningWire, hardware_revision) == 64);
static_assert(offsetof(ProvisioningWire, key_slots) == 80 && offsetof(ProvisioningWire, checksum) == 1016);

Digest key_slot_hash(Hasher& hasher, const KeyPairPublic& keys);

void encode_provisioning(const Provisioning& record, std::span<std::uint8_t, kProvisioningSize> out);
// Also checks every provisioned key pair against its key slot. `out` is fresh, and meaningless after an error.
Status decode_provisioning(Hasher& hasher, std::span<const std::uint8_t, kProvisioningSize> bytes,
                           Provisioning& out);

}  // namespace aseptic::boot
