// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/mcu_flash.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "aseptic/boot/cortex_m/flash_map.h"
#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/format/monotonic.h"
#include "aseptic/boot/journal/factory.h"
#include "aseptic/boot/journal/record.h"
#include "aseptic/core/json.h"
#include "aseptic/publish/codes.h"
#include "aseptic/trust/boot_key.h"
#include "boot_hasher.h"
#include "provisioning_record.h"

namespace aseptic::publish {
namespace {

using boot::Area;
using boot::cortex_m::flash_area;

constexpr std::uint64_t kFlashFileSize = 16u << 20;  // the emulator's memory that stands for flash
constexpr std::uint32_t kCapabilities = boot::kPortNvStore | boot::kPortDeviceSecret | boot::kPortKnowsResetCause |
                                        boot::kPortWriteProtects | boot::kPortRecoveryWritable | boot::kPortEmulated;

core::Error input(std::string sentence) { return {PublishCode::kInput, std::move(sentence)}; }

core::Result<core::PublicKey> public_key_of(const boot::Digest& scalar) {
  const std::unique_ptr<EC_GROUP, decltype(&EC_GROUP_free)> group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1), &EC_GROUP_free);
  const std::unique_ptr<BIGNUM, decltype(&BN_clear_free)> number(BN_bin2bn(scalar.data(), static_cast<int>(scalar.size()), nullptr), &BN_clear_free);
  const std::unique_ptr<EC_POINT, decltype(&EC_POINT_free)> point(EC_POINT_new(group.get()), &EC_POINT_free);
  std::array<std::uint8_t, 65> encoded{};
  const bool made = EC_POINT_mul(group.get(), point.get(), number.get(), nullptr, nullptr, nullptr) == 1 &&
                    EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, encoded.data(), encoded.size(), nullptr) == encoded.size();
  if (!made) return input("a key of the microcontroller could not be made");
  return core::PublicKey::from_p256_point(core::ByteView(encoded).subspan(1));
}

// What boot measures of itself: the one loadable segment of its ELF file.
core::Result<core::Digest> measure_boot(const Path& elf) {
  ASEPTIC_TRY(const core::Bytes bytes, read_file(elf, 16u << 20));
  const auto word = [&](std::size_t at) -> std::uint64_t {
    std::uint64_t value = 0;
    for (std::size_t i = 4; at + 4 <= bytes.size() && i-- > 0;) value = value << 8 | bytes[at + i];
    return value;
  };
  const std::uint64_t header = word(28), offset = word(static_cast<std::size_t>(header) + 4), size = word(static_cast<std::size_t>(header) + 16);
  const bool is_elf32 = bytes.size() > 52 && bytes[0] == 0x7f && bytes[1] == 'E' && bytes[4] == 1 && header != 0;
  if (!is_elf32 || size == 0 || offset > bytes.size() || size > bytes.size() - offset) return input(elf.string() + " is not a linked boot stage");
  return core::sha256(core::ByteView(bytes).subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size)));
}

void put_words(core::Bytes& flash, std::uint32_t at, std::initializer_list<std::uint32_t> words) {
  for (const std::uint32_t word : words)
    for (int shift = 0; shift < 32; shift += 8) flash[at++] = static_cast<std::uint8_t>(word >> shift);
}

core::Result<void> put(core::Bytes& flash, Area area, core::ByteView bytes) {
  if (bytes.size() > flash_area(area).size) return input("the factory image is larger than a slot of the microcontroller");
  std::ranges::copy(bytes, flash.begin() + flash_area(area).offset);
  return {};
}

core::Result<std::uint32_t> revoked_mask(const McuPlan& plan) {
  std::uint32_t mask = 0;
  for (const std::size_t slot : plan.revoked) {
    if (slot >= plan.keys.size()) return input("there is no pair of keys in slot " + std::to_string(slot) + " to revoke");
    mask |= 1U << slot;
  }
  // SECURITY(T-21): never the last key; boot would start nothing.
  if (!plan.revoked.empty() && mask == (1U << plan.keys.size()) - 1) return input("every pair of keys would be revoked");
  return mask;
}

// The pairs that boot will accept at its first start.
std::vector<ImageKeys> keys_in_force(const McuPlan& plan, std::uint32_t revoked) {
  std::vector<ImageKeys> keys;
  for (std::size_t i = 0; i < plan.keys.size(); ++i)
    if ((revoked >> i & 1U) == 0) keys.push_back(plan.keys[i]);
  return keys;
}

core::Result<void> check_production(const McuPlan& plan) {
  if (plan.profile != Profile::kProduction) return {};
  // SECURITY(T-49): what was read or written through an open port before is nobody's knowledge.
  if (plan.debug != DebugAtFactory::kClosed) return input("the debug port of a production part is closed before it is provisioned");
  for (std::size_t i = 0; i < plan.keys.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (plan.keys[i].builder.spki() == plan.keys[j].builder.spki() || plan.keys[i].release.key_id() == plan.keys[j].release.key_id())
        return input("key slots " + std::to_string(j) + " and " + std::to_string(i) + " share a key: revoking one would leave it in force");
  return {};
}

// The store as the factory makes it, with what is revoked already.
core::Result<void> put_revoked(core::Bytes& store, std::uint32_t revoked) {
  for (std::size_t i = 0; i < boot::kMonotonicCellCount; ++i) {
    const auto bytes = core::ByteSpan(store).subspan(i * boot::kMonotonicCellStride).first<boot::kMonotonicCellSize>();
    boot::MonotonicCell cell;
    if (!boot::ok(boot::decode_monotonic_cell(bytes, cell))) return input("the factory store cannot be made");
    cell.state.revoked = revoked;
    boot::encode_monotonic_cell(cell, bytes);
  }
  return {};
}

core::Result<void> put_factory_state(core::Bytes& flash, const boot::Provisioning& record, const boot::Digest& secret, std::uint32_t revoked,
                                     core::ByteView image) {
  BootHasher hasher;
  const boot::FactoryImage factory{image.first<boot::kManifestRegionSize>()};
  const boot::RecordSealer sealer{&hasher, true, boot::derive_keys(hasher, secret).journal};
  core::Bytes journal(flash_area(Area::kJournal).size), store(flash_area(Area::kMonotonic).size), encoded(boot::kProvisioningSize);
  if (!boot::ok(boot::make_factory_journal(hasher, sealer, factory, journal)) || !boot::ok(boot::make_factory_store(hasher, record, factory, store)))
    return input("the factory image cannot be recorded as confirmed");
  ASEPTIC_TRY_VOID(put_revoked(store, revoked));
  boot::encode_provisioning(record, core::ByteSpan(encoded).first<boot::kProvisioningSize>());
  ASEPTIC_TRY_VOID(put(flash, Area::kProvisioning, encoded));
  ASEPTIC_TRY_VOID(put(flash, Area::kSecret, secret));
  ASEPTIC_TRY_VOID(put(flash, Area::kJournal, journal));
  ASEPTIC_TRY_VOID(put(flash, Area::kMonotonic, store));
  for (const Area area : {Area::kSlotA, Area::kSlotB, Area::kRecovery}) ASEPTIC_TRY_VOID(put(flash, area, image));
  return {};
}

}  // namespace

core::Result<McuKeys> make_mcu_flash(const Path& file, const McuPlan& plan, platform::Entropy& entropy) {
  ProvisionPlan checked{.device_id = plan.device_id, .hardware_revision = plan.hardware_revision, .description = plan.description,
                        .component = plan.component, .image = plan.image, .keys = plan.keys, .profile = plan.profile};
  ASEPTIC_TRY_VOID(check_provision_plan(checked));
  ASEPTIC_TRY_VOID(check_production(plan));
  ASEPTIC_TRY(const std::uint32_t revoked, revoked_mask(plan));
  ASEPTIC_TRY(const ImageInfo info, verify_image(plan.image, keys_in_force(plan, revoked)));
  ASEPTIC_TRY_VOID(check_factory_image(checked, info));
  ASEPTIC_TRY(boot::Provisioning record, provisioning_record(checked, info));
  record.port_capabilities = kCapabilities;
  ASEPTIC_TRY(const core::Digest boot_digest, measure_boot(plan.boot_elf));
  ASEPTIC_TRY(const core::Bytes image, read_file(plan.image, flash_area(Area::kSlotA).size));

  boot::Digest secret{}, lease{};
  entropy.fill(secret);
  entropy.fill(std::span(lease).subspan<1>());  // below the group's order
  const bool is_production = plan.profile == Profile::kProduction;
  core::Bytes flash(boot::cortex_m::kFlashSize, 0xFF);
  ASEPTIC_TRY_VOID(put_factory_state(flash, record, secret, revoked, image));
  const bool is_open = plan.debug == DebugAtFactory::kOpen;
  put_words(flash, boot::cortex_m::kHardwareState.offset,
            {is_production ? boot::cortex_m::kFusedProduction : 0, plan.open_debug == OpenDebugLater::kDegrades ? boot::cortex_m::kFusedDegraded : 0,
             is_open ? 0 : boot::cortex_m::kDebugClosed, is_open ? 0 : ~boot::cortex_m::kDebugClosed});
  std::ranges::copy(lease, flash.begin() + boot::cortex_m::kApplicationData.offset);
  ASEPTIC_TRY_VOID(write_secret_file(file, flash));
  std::error_code error;
  std::filesystem::resize_file(file, kFlashFileSize, error);
  if (error) return core::Error(PublishCode::kFileIo, "cannot write " + file.string() + ": " + error.message());

  BootHasher hasher;
  const std::uint8_t state[] = {static_cast<std::uint8_t>(is_open ? boot::DebugPort::kOpen : boot::DebugPort::kClosed), static_cast<std::uint8_t>(record.life_cycle)};
  ASEPTIC_TRY(core::PublicKey boot_key, public_key_of(boot::derive_report_key(hasher, secret, boot_digest.bytes, state)));
  ASEPTIC_TRY(core::PublicKey lease_key, public_key_of(lease));
  return McuKeys{std::move(boot_key), std::move(lease_key), boot_digest};
}

core::Result<std::string> boot_key_request(const McuPlan& plan, const McuKeys& keys, std::string_view host) {
  const trust::Component* component = plan.description.find(plan.component);
  if (!component) return input("name one of the description's components with --component");
  // SECURITY(T-49, T-56): a key of an open debug port is certified for nobody.
  if (plan.debug != DebugAtFactory::kClosed) return input("the key of a boot with an open debug port is not certified");
  trust::BootKeyStatement statement;
  statement.device = host;
  statement.product = plan.description.draft.product;
  statement.component = component->id;
  statement.boot_id = boot_device_id(plan.device_id);
  statement.boot_digest = keys.boot_digest;
  statement.life_cycle = plan.profile == Profile::kProduction ? "prod" : "dev";
  statement.key = keys.boot.spki();
  trust::Envelope envelope;
  envelope.signed_part = statement.encode();
  return envelope.signed_bytes();
}

core::Result<std::string> attach_factory_signature(core::ByteView request, const FactorySignature& factory, std::string_view host,
                                                   const trust::AuthorityPolicy& policy) {
  ASEPTIC_TRY_VOID(check_admissible(factory.key, platform::KeyCustody::kToken, Profile::kProduction).within("the factory's key"));
  trust::Envelope envelope;
  ASEPTIC_TRY(envelope.signed_part, core::parse_json_value(request));
  if (core::as_text(request) != envelope.signed_bytes()) return input("the request was changed: it is not what a factory signs");
  envelope.set_signature({trust::TufKey::from_public_key(factory.key).default_id(), factory.signature});
  std::string file = envelope.encode();
  // What the device would refuse is not handed out.
  ASEPTIC_TRY(const trust::BootKey checked, trust::verify_boot_key(core::as_bytes(file), policy, host));
  static_cast<void>(checked);
  return file;
}

core::Result<std::string> certify_boot_key(const McuPlan& plan, const McuKeys& keys, std::string_view host,
                                           const trust::AuthorityPolicy& policy, ProvisioningSigner& factory) {
  ASEPTIC_TRY(const std::string request, boot_key_request(plan, keys, host));
  ASEPTIC_TRY(core::Bytes signature, factory.sign(core::as_bytes(request)));
  return attach_factory_signature(core::as_bytes(request), {factory.public_key(), std::move(signature)}, host, policy);
}

}  // namespace aseptic::publish
