// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/boot_state.h"

#include "aseptic/boot/cortex_m/flash_map.h"
#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/format/provisioning.h"
#include "aseptic/core/uuid.h"
#include "aseptic/publish/codes.h"
#include "boot_hasher.h"
#include "journal_listing.h"

namespace aseptic::publish {
namespace {

using core::JsonObject;

constexpr std::uint64_t kJournalFileMax = 1u << 20;  // of a virtual device; 32 KiB as provisioned

core::Error input(std::string sentence) { return {PublishCode::kInput, std::move(sentence)}; }

core::Result<BootAreas> read_folder(const Path& device) {
  BootAreas out;
  ASEPTIC_TRY(out.provisioning, read_file(device / "boot/provisioning.bin", boot::kProvisioningSize));
  ASEPTIC_TRY(out.secret, read_file(device / "boot/secret.bin", boot::kDigestSize));
  ASEPTIC_TRY(out.journal, read_file(device / "boot/journal.bin", kJournalFileMax));
  ASEPTIC_TRY(out.store, read_file(device / "boot/monotonic.bin", boot::kMonotonicAreaSize));
  return out;
}

core::Result<core::Bytes> read_flash(const Path& device) {
  ASEPTIC_TRY(core::Bytes flash, read_head_of_file(device, boot::cortex_m::kFlashSize));
  if (flash.size() < boot::cortex_m::kFlashSize) return input(device.string() + " is shorter than a microcontroller's flash");
  return flash;
}

core::Bytes area_of(core::ByteView flash, boot::Area which, std::size_t size) {
  const auto& where = boot::cortex_m::flash_area(which);
  const core::ByteView bytes = flash.subspan(where.offset, std::min<std::size_t>(size, where.size));
  return {bytes.begin(), bytes.end()};
}

BootAreas areas_of(core::ByteView flash) {
  const auto area = [&](boot::Area which, std::size_t size) { return area_of(flash, which, size); };
  return BootAreas{.provisioning = area(boot::Area::kProvisioning, boot::kProvisioningSize),
                   .secret = area(boot::Area::kSecret, boot::kDigestSize),
                   .journal = area(boot::Area::kJournal, flash.size()),
                   .store = area(boot::Area::kMonotonic, flash.size())};
}

// What boot will make of it at its next start (docs/formats/boot_journal.md, "Generation").
std::string standing(const boot::JournalState& journal, const boot::MonotonicState& store) {
  if (journal.generation == store.generation) return "in force";
  if (store.generation != UINT32_MAX && journal.generation == store.generation + 1) return "in force once boot has completed the burn";
  return "DISCARDED at the next start: its generation is not the store's";
}

}  // namespace

bool holds_boot_areas(const Path& device) {
  std::error_code error;
  if (std::filesystem::is_directory(device, error)) return true;
  const auto head = read_head_of_file(device, boot::kProvisioningSize);
  const std::string_view magic = boot::kProvisioningMagic;
  return head && head->size() >= magic.size() && core::as_text(core::ByteView(*head).first(magic.size())) == magic &&
         std::filesystem::file_size(device, error) >= boot::cortex_m::kFlashSize;
}

core::Result<BootAreas> read_boot_areas(const Path& device) {
  std::error_code error;
  if (std::filesystem::is_directory(device, error)) return read_folder(device);
  if (!holds_boot_areas(device))
    return input(device.string() + " is neither a virtual device's folder nor a microcontroller's flash image; a single file: aseptic inspect");
  ASEPTIC_TRY(const core::Bytes flash, read_flash(device));
  return areas_of(flash);
}

core::Result<core::Bytes> read_boot_report(const Path& device) {
  std::error_code error;
  if (std::filesystem::is_directory(device, error)) return read_file(device / "mailbox/report.bin", boot::kBootReportSize);
  ASEPTIC_TRY(const core::Bytes flash, read_flash(device));
  return area_of(flash, boot::Area::kMailbox, boot::kBootReportSize);
}

core::Result<Inspection> inspect_boot_state(const BootAreas& areas) {
  BootHasher hasher;
  boot::Provisioning record;
  if (areas.provisioning.size() < boot::kProvisioningSize) return input("the provisioning record is too short");
  if (const auto status = boot::decode_provisioning(hasher, core::ByteView(areas.provisioning).first<boot::kProvisioningSize>(), record); !boot::ok(status))
    return input(std::string("the provisioning record: ") + boot::describe(status).sentence);
  boot::RecordSealer sealer{&hasher, false, {}};
  if ((record.port_capabilities & boot::kPortDeviceSecret) != 0) {
    ASEPTIC_TRY(sealer, keyed_sealer(hasher, areas.secret));
  }
  JournalListing journal = list_journal(areas.journal, sealer);
  const StoreReading store = read_store(areas.store);
  JsonObject fields = std::move(journal.fields);
  fields["device_id"] = core::Uuid{record.device_id}.text();
  fields["emulated"] = (record.port_capabilities & boot::kPortEmulated) != 0;
  fields["sealed_with"] = sealer.keyed ? "the device's secret" : "a checksum";
  if (store.newest)
    fields["store"] = store_fields(store);
  else
    fields["store"] = "no cell of it is whole: nothing boots";
  if (journal.state && store.newest)
    fields["journal"] = standing(*journal.state, store.newest->state);
  else
    fields["journal"] = "DISCARDED at the next start: default state";
  return Inspection{"boot journal", std::move(fields)};
}

}  // namespace aseptic::publish
