// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/provision.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/provisioning.h"
#include "aseptic/boot/format/request_area.h"
#include "aseptic/boot/journal/factory.h"
#include "aseptic/publish/codes.h"
#include "aseptic/publish/pki.h"
#include "aseptic/publish/tuf_document.h"
#include "aseptic/trust/provisioning_attributes.h"
#include "aseptic/trust/trusted_metadata.h"
#include "boot_hasher.h"
#include "provisioning_record.h"

namespace aseptic::publish {
namespace {

constexpr std::size_t kJournalSize = 32768;        // two halves of 256 records
constexpr std::size_t kRequestFileSize = 4096;     // the area and the rest of its block
constexpr std::uint64_t kSlotSizeMin = 16u << 20;
constexpr std::uint32_t kPortCapabilities = boot::kPortNvStore | boot::kPortDeviceSecret | boot::kPortKnowsResetCause |
                                            boot::kPortWriteProtects | boot::kPortRecoveryWritable | boot::kPortEmulated;

core::Error input(std::string sentence) { return {PublishCode::kInput, std::move(sentence)}; }

core::Result<void> boot_done(boot::Status status, std::string_view what) {
  if (boot::ok(status)) return {};
  return input(std::string(what) + ": " + boot::describe(status).sentence);
}

const trust::Component* component_of(const ProvisionPlan& plan) {
  if (plan.component.empty() && plan.description.draft.components.size() == 1) return &plan.description.draft.components.front();
  return plan.description.find(plan.component);
}

}  // namespace

core::Result<void> check_provision_plan(const ProvisionPlan& plan) {
  ASEPTIC_TRY_VOID(check_device_id(plan.device_id));
  if (!component_of(plan)) return input("name one of the description's components with --component");
  if (plan.keys.empty() || plan.keys.size() > boot::kKeySlotCount) return input("a device has 1 to 4 pairs of image keys");
  for (const ImageKeys& pair : plan.keys) {
    // SECURITY(T-48): a device never gets a key that anybody can sign with.
    ASEPTIC_TRY_VOID(check_admissible(pair.builder, platform::KeyCustody::kToken, plan.profile).within("builder key"));
    ASEPTIC_TRY_VOID(check_admissible(pair.release, platform::KeyCustody::kToken, plan.profile).within("release key"));
  }
  return {};
}

core::Result<void> check_factory_image(const ProvisionPlan& plan, const ImageInfo& info) {
  const trust::ReleaseManifest& draft = plan.description.draft;
  if (info.product != draft.product) return input("the factory image is for the product " + info.product.text());
  const bool fits = std::ranges::any_of(draft.hardware, [&](const trust::HardwareRange& range) { return range.id == info.hardware; }) &&
                    plan.hardware_revision >= info.hardware_revision_min && plan.hardware_revision <= info.hardware_revision_max;
  if (info.is_development != (plan.profile == Profile::kDevelopment))
    return input("the factory image is of another life cycle than the device");
  if (!fits) return input("the factory image is not for this hardware and revision " + std::to_string(plan.hardware_revision));
  return {};
}

core::Result<boot::Provisioning> provisioning_record(const ProvisionPlan& plan, const ImageInfo& info) {
  boot::Provisioning record;
  record.device_id = boot_device_id(plan.device_id).bytes;
  record.product = info.product.bytes;
  record.hardware = info.hardware.bytes;
  record.hardware_revision = plan.hardware_revision;
  record.life_cycle = plan.profile == Profile::kProduction ? boot::LifeCycle::kProduction : boot::LifeCycle::kDevelopment;
  record.recovery_present = true;
  record.port_capabilities = kPortCapabilities;
  BootHasher hasher;
  for (std::size_t i = 0; i < plan.keys.size(); ++i) {
    ASEPTIC_TRY(const core::Bytes point, plan.keys[i].builder.p256_point());
    boot::KeySlot& slot = record.key_slots[i];
    slot.provisioned = true;
    std::ranges::copy(point, slot.keys.p256.begin());
    slot.keys.post_quantum.algorithm = static_cast<boot::PostQuantumAlgorithm>(plan.keys[i].release.algorithm());
    std::ranges::copy(plan.keys[i].release.raw(), slot.keys.post_quantum.bytes.begin());
    slot.hash = boot::key_slot_hash(hasher, slot.keys);
  }
  return record;
}

namespace {

// The root carries its own threshold; the policy, where there is one, is signed by it.
core::Result<void> check_statements(const ProvisionPlan& plan) {
  ASEPTIC_TRY(const core::Bytes root, read_file(plan.root, 1u << 20));
  ASEPTIC_TRY(const trust::TrustedMetadata trusted, trust::TrustedMetadata::from_root(root).within(plan.root.string()));
  if (!plan.policy) return {};
  ASEPTIC_TRY(const core::Bytes bytes, read_file(*plan.policy, 1u << 20));
  ASEPTIC_TRY(const trust::AuthorityPolicy policy, trust::verify_authority_policy(bytes, trusted.root()).within(plan.policy->string()));
  if (policy.product != plan.description.draft.product) return input("the authority policy is for the product " + policy.product.text());
  return {};
}

core::Result<trust::AuthorityPolicy> read_policy(const ProvisionPlan& plan) {
  ASEPTIC_TRY(const core::Bytes root, read_file(plan.root, 1u << 20));
  ASEPTIC_TRY(const core::Bytes bytes, read_file(*plan.policy, 1u << 20));
  return trust::verify_provisioned_policy(bytes, root);
}

core::Result<void> copy_to_slot(const Path& image, const Path& slot, std::uint64_t size) {
  std::error_code error;
  std::filesystem::copy_file(image, slot, error);
  if (!error && size > 0) std::filesystem::resize_file(slot, size, error);  // the rest reads as zero and costs nothing
  if (!error) std::filesystem::permissions(slot, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, error);
  if (error) return core::Error(PublishCode::kFileIo, "cannot write " + slot.string() + ": " + error.message());
  return {};
}

core::Result<void> write_boot_files(const Path& folder, const ProvisionPlan& plan, const ImageInfo& info, platform::Entropy& entropy) {
  ASEPTIC_TRY(const boot::Provisioning record, provisioning_record(plan, info));
  ASEPTIC_TRY(const core::Bytes head, [&]() -> core::Result<core::Bytes> {
    core::Bytes bytes(boot::kManifestRegionSize);
    std::ifstream file(plan.image, std::ios::binary);
    if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())))
      return core::Error(PublishCode::kFileIo, "cannot read " + plan.image.string());
    return bytes;
  }());
  const boot::FactoryImage factory{core::ByteView(head).first<boot::kManifestRegionSize>()};
  boot::Digest secret{};
  entropy.fill(secret);
  BootHasher hasher;
  const boot::RecordSealer sealer{&hasher, true, boot::derive_keys(hasher, secret).journal};
  core::Bytes journal(kJournalSize);
  ASEPTIC_TRY_VOID(boot_done(boot::make_factory_journal(hasher, sealer, factory, journal), "factory journal"));
  core::Bytes store(boot::kMonotonicAreaSize);
  ASEPTIC_TRY_VOID(boot_done(boot::make_factory_store(hasher, record, factory, store), "factory store"));
  core::Bytes encoded(boot::kProvisioningSize);
  boot::encode_provisioning(record, core::ByteSpan(encoded).first<boot::kProvisioningSize>());
  ASEPTIC_TRY_VOID(write_secret_file(folder / "boot/secret.bin", secret));
  ASEPTIC_TRY_VOID(write_secret_file(folder / "boot/journal.bin", journal));
  ASEPTIC_TRY_VOID(write_secret_file(folder / "boot/monotonic.bin", store));
  ASEPTIC_TRY_VOID(write_secret_file(folder / "boot/provisioning.bin", encoded));
  return copy_to_slot(plan.image, folder / "boot/recovery.img", 0);
}

core::Result<void> copy_small(const Path& from, const Path& to) {
  ASEPTIC_TRY(const core::Bytes bytes, read_file(from, 1u << 20));
  return write_file_atomic(to, bytes);
}

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string agent_toml(const ProvisionPlan& plan, const ImageInfo& info) {
  const trust::ReleaseManifest& draft = plan.description.draft;
  const trust::Component& component = *component_of(plan);
  const DeviceSite& site = plan.site;
  const auto list = [](const std::vector<std::string>& texts) {
    std::string out;
    for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + toml_text(text);
    return "[" + out + "]";
  };
  std::string text = "# Written by `aseptic device provision`. Keys and defaults: agent/README.md.\n[device]\n";
  text += "id = " + toml_text(plan.device_id) + "\nvendor = " + toml_text(draft.vendor.text()) + "\nproduct = " + toml_text(draft.product.text()) +
          "\nclass = " + toml_text(draft.device_class.text()) + "\nhardware = " + toml_text(info.hardware.text()) +
          "\nhardware_revision = " + std::to_string(plan.hardware_revision) + "\njurisdiction = " + toml_text(plan.jurisdiction) +
          "\ncomponent = " + toml_text(component.id.text()) + "\nlocation = " + toml_text(component.location) + "\n";
  text += "\n[repository]\nurl = " + toml_text(site.repository_url) + "\nchannel = " + toml_text(site.channel) + "\nroot = \"agent/root.json\"\n";
  if (!site.mirrors.empty()) text += "mirrors = " + list(site.mirrors) + "\n";
  if (!site.media.empty()) text += "media = " + list(site.media) + "\n";
  if (plan.policy) text += "authority_policy = \"agent/authority_policy.json\"\n";
  text += "\n[server]\nreport_url = " + toml_text(site.report_url) +
          "\nanchors = \"agent/tls/anchors.pem\"\ncertificate = \"agent/tls/device.pem\"\nkey = \"agent/tls/device.key\"\n";
  text += "\n[identity]\nkey = \"agent/keys/device.pem\"\n";
  text += "\n[therapy]\nsocket = \"run/therapy.sock\"\nuid = " + std::to_string(site.therapy_uid) + "\nkey = \"agent/therapy.pub.pem\"\n";
  text += "\n[policy]\npoll_s = " + std::to_string(site.poll_s) + "\napproval = " + toml_text(site.approval) +
          "\nreturn_to_service = " + toml_text(site.return_to_service) + "\nwindow = " + list(site.windows) + "\n";
  if (site.rate_max_bytes_per_s != 0) text += "rate_max_bytes_per_s = " + std::to_string(site.rate_max_bytes_per_s) + "\n";
  return text;
}

core::Result<void> make_subfolders(const Path& folder) {
  std::error_code error;
  for (const char* name : {"boot", "mailbox", "slots", "requests", "permit", "agent", "agent/tls", "agent/keys", "therapy", "run", "media"}) {
    ASEPTIC_TRY_VOID(make_folders(folder / name));
    std::filesystem::permissions(folder / name, std::filesystem::perms::owner_all, error);
    if (error) return core::Error(PublishCode::kFileIo, "cannot set permissions of " + (folder / name).string() + ": " + error.message());
  }
  return {};
}

std::uint64_t slot_size_of(const ProvisionPlan& plan, const ImageInfo& info) {
  if (plan.slot_size != 0) return plan.slot_size;
  return std::max(kSlotSizeMin, 2 * info.image_size);
}

}  // namespace

core::Uuid boot_device_id(std::string_view device_id) {
  std::string message("aseptic-device-id-v1");
  message.push_back('\0');
  message += device_id;
  const core::Digest digest = core::sha256(message);
  core::Uuid id;
  std::copy_n(digest.bytes.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}

core::Result<DeviceFolder> DeviceFolder::prepare(const Path& folder, ProvisionPlan plan, platform::Entropy& entropy) {
  std::error_code error;
  if (std::filesystem::exists(folder, error)) return input(folder.string() + " exists already; a device is provisioned once");
  ASEPTIC_TRY_VOID(check_provision_plan(plan));
  ASEPTIC_TRY(const ImageInfo info, verify_image(plan.image, plan.keys));
  ASEPTIC_TRY_VOID(check_factory_image(plan, info));
  ASEPTIC_TRY_VOID(check_statements(plan));
  const std::uint64_t slot_size = slot_size_of(plan, info);
  if (slot_size % boot::kImageBlockSize != 0 || slot_size < info.image_size)
    return input("the slot size must be a multiple of 4096 and hold the image of " + std::to_string(info.image_size) + " bytes");
  const Path work = folder.string() + ".new";
  std::filesystem::remove_all(work, error);
  ASEPTIC_TRY_VOID(make_subfolders(work));
  ASEPTIC_TRY_VOID(write_boot_files(work, plan, info, entropy));
  for (const char* slot : {"slots/a.img", "slots/b.img"}) ASEPTIC_TRY_VOID(copy_to_slot(plan.image, work / slot, slot_size));
  ASEPTIC_TRY_VOID(write_secret_file(work / "requests/requests.bin", core::Bytes(kRequestFileSize, 0)));
  ASEPTIC_TRY_VOID(write_secret_file(work / "permit/permit.bin", core::Bytes(boot::kPermitCellSize, 0)));
  ASEPTIC_TRY_VOID(copy_small(plan.root, work / "agent/root.json"));
  if (plan.policy) ASEPTIC_TRY_VOID(copy_small(*plan.policy, work / "agent/authority_policy.json"));
  ASEPTIC_TRY_VOID(write_file_atomic(work / "agent/tls/anchors.pem", core::as_bytes(plan.anchors_pem)));
  ASEPTIC_TRY_VOID(write_file_atomic(work / "agent/agent.toml", core::as_bytes(agent_toml(plan, info))));
  return DeviceFolder(folder, work, std::move(plan));
}

core::Result<void> DeviceFolder::attest(ProvisioningSigner& factory) {
  if (!plan_.policy) return input("provisioning attributes need an authority policy that names the factory's key: give --policy");
  ASEPTIC_TRY(const trust::AuthorityPolicy policy, read_policy(plan_));
  const trust::ReleaseManifest& draft = plan_.description.draft;
  ASEPTIC_TRY(const ImageInfo info, verify_image(plan_.image, plan_.keys));
  trust::ProvisioningAttributes attributes;
  attributes.device = plan_.device_id;
  attributes.vendor = draft.vendor;
  attributes.product = draft.product;
  attributes.device_class = draft.device_class;
  attributes.hardware = info.hardware;
  attributes.hardware_revision = plan_.hardware_revision;
  attributes.jurisdiction = plan_.jurisdiction;
  attributes.groups = plan_.groups;
  attributes.site = plan_.location_site;
  trust::Envelope envelope;
  envelope.signed_part = attributes.encode();
  ASEPTIC_TRY(core::Bytes signature, factory.sign(core::as_bytes(envelope.signed_bytes())));
  envelope.set_signature({trust::TufKey::from_public_key(factory.public_key()).default_id(), std::move(signature)});
  const std::string file = envelope.encode();
  // What the device would refuse is not handed out.
  ASEPTIC_TRY_VOID(trust::verify_provisioning_attributes(core::as_bytes(file), policy, plan_.device_id));
  return write_file_atomic(work_ / "agent/provisioning_attributes.json", core::as_bytes(file));
}

core::Result<void> DeviceFolder::finish(const DeviceIdentity& identity) {
  if (plan_.policy) {
    ASEPTIC_TRY(const trust::AuthorityPolicy policy, read_policy(plan_));
    if (!policy.provisioning_keys.empty() && !std::filesystem::exists(work_ / "agent/provisioning_attributes.json"))
      return input("the authority policy demands signed provisioning attributes: give the factory's key with --provisioning-key");
  }
  ASEPTIC_TRY_VOID(write_file_atomic(work_ / "agent/tls/device.pem", core::as_bytes(identity.certificate_pem)));
  ASEPTIC_TRY_VOID(write_file_atomic(work_ / "agent/therapy.pub.pem", core::as_bytes(identity.therapy.pem())));
  std::error_code error;
  std::filesystem::rename(work_, folder_, error);
  if (error) return core::Error(PublishCode::kFileIo, "cannot make " + folder_.string() + ": " + error.message());
  return {};
}

}  // namespace aseptic::publish
