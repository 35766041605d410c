// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/journal/factory.h"

#include "aseptic/boot/journal/journal.h"

namespace aseptic::boot {
namespace {

constexpr std::uint8_t kErased = 0xFF;

// A journal area in memory, so that the factory uses the same code as the device.
class AreaInMemory final : public Storage {
 public:
  explicit AreaInMemory(MutableBytes area) : area_(area) {}
  AreaOffset size(Area) override { return area_.size(); }
  Status read(Area, AreaOffset offset, MutableBytes out) override {
    copy_bytes(out, area_.subspan(offset, out.size()));
    return Status::kOk;
  }
  Status program(Area, AreaOffset offset, ByteView bytes) override {
    copy_bytes(area_.subspan(offset, bytes.size()), bytes);
    return Status::kOk;
  }
  Status erase(Area, AreaOffset offset, AreaOffset length) override {
    fill_bytes(area_.subspan(offset, length), kErased);
    return Status::kOk;
  }
  Status sync(Area) override { return Status::kOk; }
  std::uint8_t erased_value() const override { return kErased; }

 private:
  MutableBytes area_;
};

}  // namespace

Status make_factory_journal(Hasher& hasher, const RecordSealer& sealer, const FactoryImage& image,
                            MutableBytes area) {
  Manifest manifest;
  ASEPTIC_BOOT_TRY(decode_manifest(image.manifest_region, manifest));
  JournalState state;
  state.confirmed = {manifest_digest(hasher, image.manifest_region), manifest.set_digest, manifest.sequence,
                     manifest.epoch, manifest.min_root_version};
  state.previous = state.confirmed;
  state.synced = true;
  AreaInMemory storage(area);
  return Journal(storage, sealer).restart(state);
}

Status make_factory_store(Hasher& hasher, const Provisioning& provisioning, const FactoryImage& image,
                          MutableBytes area) {
  if (area.size() < kMonotonicAreaSize) return Status::kBufferSize;
  Manifest manifest;
  ASEPTIC_BOOT_TRY(decode_manifest(image.manifest_region, manifest));
  MonotonicCell cell;
  cell.state.floor = manifest.epoch;
  if ((provisioning.port_capabilities & kPortNvStore) != 0) {
    cell.state.confirmed = manifest_digest(hasher, image.manifest_region);
    cell.state.confirmed_sequence = manifest.sequence;
    cell.state.confirmed_min_root_version = manifest.min_root_version;
  }
  fill_bytes(area, kErased);
  for (std::size_t i = 0; i < kMonotonicCellCount; ++i) {
    cell.write_count = i + 1;
    encode_monotonic_cell(cell, area.subspan(i * kMonotonicCellStride).first<kMonotonicCellSize>());
  }
  return Status::kOk;
}

}  // namespace aseptic::boot
