// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/format/provisioning.h"

#include "aseptic/boot/format/checksum.h"

namespace aseptic::boot {
namespace {

Status check_wire(const ProvisioningWire& w) {
  if (!equal(w.magic, domain(kProvisioningMagic).first(8))) return Status::kBadMagic;
  if (w.format.get() != kProvisioningFormat) return Status::kBadFormat;
  if (w.length.get() != kProvisioningSize) return Status::kBadLength;
  if (!checksum_matches(bytes_of(w))) return Status::kBadChecksum;
  if (w.reserved0 != 0 || !all_bytes_are(w.reserved1, 0) || !all_bytes_are(w.reserved2, 0))
    return Status::kReservedNotZero;
  const auto life_cycle = static_cast<LifeCycle>(w.life_cycle.get());
  if (life_cycle != LifeCycle::kDevelopment && life_cycle != LifeCycle::kProduction)
    return Status::kBadEnumerator;
  if (w.recovery_present.get() > 1 || w.interrupted_trials_max.get() == 0) return Status::kBadEnumerator;
  if ((w.port_capabilities.get() & ~kPortFlagsKnown) != 0) return Status::kPolicyFlagUnknown;
  return Status::kOk;
}

// Hash and both keys lie in KeySlot as they lie on the medium.
constexpr std::size_t kKeySlotContentSize = kDigestSize + kP256PublicKeySize + kPostQuantumPublicKeySizeMax;
static_assert(sizeof(KeySlotWire) - offsetof(KeySlotWire, hash) == kKeySlotContentSize);
static_assert(offsetof(KeySlot, keys) - offsetof(KeySlot, hash) == kDigestSize);
static_assert(offsetof(KeySlotWire, p256) - offsetof(KeySlotWire, hash) == kDigestSize);
static_assert(offsetof(KeySlotWire, post_quantum) - offsetof(KeySlotWire, p256) ==
              offsetof(KeyPairPublic, post_quantum) + offsetof(PostQuantumKey, bytes));

Status decode_key_slot(Hasher& hasher, const KeySlotWire& w, KeySlot& out) {
  if (!all_bytes_are(w.reserved, 0)) return Status::kReservedNotZero;
  if (w.provisioned.get() == 0) return all_bytes_are(bytes_of(w), 0) ? Status::kOk : Status::kReservedNotZero;
  if (w.provisioned.get() != 1) return Status::kBadEnumerator;
  PostQuantumKey& second = out.keys.post_quantum;
  second.algorithm = static_cast<PostQuantumAlgorithm>(w.post_quantum_algorithm.get());
  if (second.algorithm != PostQuantumAlgorithm::kSlhDsaSha2_128s && second.algorithm != PostQuantumAlgorithm::kLmsSha256)
    return Status::kBadAlgorithm;
  out.provisioned = true;
  copy_bytes({out.hash.data(), kKeySlotContentSize}, {w.hash.data(), kKeySlotContentSize});
  if (!all_bytes_are(ByteView(second.bytes).subspan(second.view().size()), 0)) return Status::kReservedNotZero;
  // There is no "none", not even by leaving the key out.
  if (all_bytes_are(second.view(), 0)) return Status::kBadAlgorithm;
  // SECURITY(T-44): the slot fixes both keys at once; no image can choose to need one of them only.
  return equal(key_slot_hash(hasher, out.keys), out.hash) ? Status::kOk : Status::kBadChecksum;
}

}  // namespace

Digest key_slot_hash(Hasher& hasher, const KeyPairPublic& keys) {
  return hash_of(hasher, domain(kKeySlotDomain), keys.p256, keys.post_quantum.view());
}

void encode_provisioning(const Provisioning& record, std::span<std::uint8_t, kProvisioningSize> out) {
  ProvisioningWire w{};
  copy_bytes(w.magic, domain(kProvisioningMagic).first(8));
  w.format.set(kProvisioningFormat);
  w.length.set(kProvisioningSize);
  w.life_cycle.set(static_cast<std::uint8_t>(record.life_cycle));
  w.recovery_present.set(record.recovery_present ? 1 : 0);
  w.interrupted_trials_max.set(record.interrupted_trials_max);
  w.device_id = record.device_id;
  w.product = record.product;
  w.hardware = record.hardware;
  w.hardware_revision.set(record.hardware_revision);
  w.port_capabilities.set(record.port_capabilities);
  w.policy_delay_boots.set(record.policy_delay_boots);
  for (std::size_t i = 0; i < kKeySlotCount; ++i) {
    if (!record.key_slots[i].provisioned) continue;
    w.key_slots[i].provisioned.set(1);
    w.key_slots[i].hash = record.key_slots[i].hash;
    copy_bytes(w.key_slots[i].p256, record.key_slots[i].keys.p256);
    w.key_slots[i].post_quantum_algorithm.set(
        static_cast<std::uint8_t>(record.key_slots[i].keys.post_quantum.algorithm));
    copy_bytes(w.key_slots[i].post_quantum, record.key_slots[i].keys.post_quantum.bytes);
  }
  seal_checksum(mutable_bytes_of(w));
  copy_bytes(out, bytes_of(w));
}

Status decode_provisioning(Hasher& hasher, std::span<const std::uint8_t, kProvisioningSize> bytes,
                           Provisioning& record) {
  const auto& w = *reinterpret_cast<const ProvisioningWire*>(bytes.data());
  ASEPTIC_BOOT_TRY(check_wire(w));
  record.device_id = w.device_id;
  record.product = w.product;
  record.hardware = w.hardware;
  record.hardware_revision = w.hardware_revision.get();
  record.life_cycle = static_cast<LifeCycle>(w.life_cycle.get());
  record.recovery_present = w.recovery_present.get() == 1;
  record.interrupted_trials_max = w.interrupted_trials_max.get();
  record.policy_delay_boots = w.policy_delay_boots.get();
  record.port_capabilities = w.port_capabilities.get();
  for (std::size_t i = 0; i < kKeySlotCount; ++i)
    ASEPTIC_BOOT_TRY(decode_key_slot(hasher, w.key_slots[i], record.key_slots[i]));
  return Status::kOk;
}

}  // namespace aseptic::boot
