// SPDX-License-Identifier: Apache-2.0
// A microcontroller in memory: flash, a monotonic store of one of three kinds, the real boot core. Copyable:
// a copy is the same device at the same moment.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../../boot/core/tests/world.h"
#include "aseptic/sim/flash/counter_ports.h"
#include "aseptic/sim/flash/nor_flash.h"
#include "scenarios.h"

namespace aseptic::sim {

// SHA-256, real; the fast one, because it is what a campaign spends its time on.
class FastSha256 final : public boot::Hasher {
 public:
  FastSha256();
  ~FastSha256();
  FastSha256(const FastSha256&) = delete;
  FastSha256& operator=(const FastSha256&) = delete;
  void reset() override;
  void update(boot::ByteView bytes) override;
  void finish(boot::Digest& out) override;
  void mark() override;
  void rewind() override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

enum class StoreKind : std::uint8_t { kNvCounter, kFuses, kCellsInFlash };
const char* name_of(StoreKind kind);

// One signed release of a configuration, as bytes.
struct SignedImage {
  boot::testing::Bytes bytes;  // image_size
  boot::testing::Bytes exec;
  boot::Digest manifest{};
};

// What all devices of one configuration share; constant once made.
struct Product {
  Product(const FlashGeometry& flash, const Scenario& life, StoreKind store_kind, bool device_secret);

  const FlashGeometry& geometry;
  const Scenario& scenario;
  StoreKind store;
  bool secret;
  boot::Provisioning provisioning;
  boot::testing::IdealSigner signer;  // fake signatures; see docs/power_cut.md
  std::vector<SignedImage> images;    // [0] is empty, [k] release k
};

struct Device {
  explicit Device(const Product& what);
  Device(const Device&) = default;
  Device& operator=(const Device&) = default;

  // One power-up of the real boot.
  boot::Status boot(boot::ResetCause cause, boot::Decision& decision, boot::testing::Bytes& exec,
                    std::string* events);
  void power_returns() {
    flash.power_returns();
    fuses.power_returns();
  }

  const Product* product;
  NorFlash flash;
  NvContent nv;
  FuseContent fuses;
};

}  // namespace aseptic::sim
