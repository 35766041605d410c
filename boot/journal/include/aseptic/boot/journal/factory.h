// SPDX-License-Identifier: Apache-2.0
// What the factory writes: the first journal, monotonic store and provisioning record of a device.
// Called by `aseptic device provision` (publish). Pure functions over bytes; the caller makes them durable.
// The factory image is confirmed by the factory's own test, so the first journal names it as CONFIRMED, and
// the store (NV ports) holds its digest; the factory writes it to slot A, slot B and, where there is one,
// recovery.
#pragma once
#include "aseptic/boot/format/hash.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/monotonic.h"
#include "aseptic/boot/format/provisioning.h"
#include "aseptic/boot/format/status.h"
#include "aseptic/boot/journal/record.h"

namespace aseptic::boot {

// `manifest_region`: the signed region of the factory image, which must decode. The floor starts at its
// epoch.
struct FactoryImage {
  std::span<const std::uint8_t, kManifestRegionSize> manifest_region;
};

// Fills a whole journal area (two halves, erased bytes 0xFF). `area.size()` / 2 is the half: a multiple of
// kRecordSize, at least kJournalHalfMin. `sealer`: how the device seals records (journal key where the port
// has a device secret: `derive_keys`).
Status make_factory_journal(Hasher& hasher, const RecordSealer& sealer, const FactoryImage& image,
                            MutableBytes area);

// Fills a monotonic store area (kMonotonicAreaSize).
Status make_factory_store(Hasher& hasher, const Provisioning& provisioning, const FactoryImage& image,
                          MutableBytes area);

}  // namespace aseptic::boot
