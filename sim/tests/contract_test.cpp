// SPDX-License-Identifier: Apache-2.0
// The simulator keeps the same contracts as POSIX does.
#include "../../platform/tests/block_device_contract.h"
#include "../../platform/tests/storage_contract.h"
#include "aseptic/sim/world.h"

namespace aseptic::platform {
namespace {

// Handles refer to their world; here the world travels along.
class OwnedStorage final : public Storage {
 public:
  core::Result<core::Bytes> read(std::string_view n, std::uint64_t max) override {
    return inner_->read(n, max);
  }
  core::Result<void> replace(std::string_view n, core::ByteView c) override { return inner_->replace(n, c); }
  core::Result<void> append(std::string_view n, core::ByteView c) override { return inner_->append(n, c); }
  core::Result<void> remove(std::string_view n) override { return inner_->remove(n); }
  core::Result<void> make_directory(std::string_view n) override { return inner_->make_directory(n); }
  core::Result<std::vector<std::string>> list(std::string_view d) override { return inner_->list(d); }
  core::Result<std::uint64_t> free_bytes() override { return inner_->free_bytes(); }

 private:
  sim::World world_{1};
  std::unique_ptr<Storage> inner_ = world_.storage("agent");
};

class OwnedDevice final : public BlockDevice {
 public:
  OwnedDevice() {
    world_.place("slots/a.img", sim::PagedBytes(BlockDeviceMaker::kSize));
    inner_ = world_.block_device("slots/a.img");
  }
  [[nodiscard]] std::uint64_t size() const override { return inner_->size(); }
  core::Result<void> read(std::uint64_t o, core::ByteSpan out) override { return inner_->read(o, out); }
  core::Result<void> read_back(std::uint64_t o, core::ByteSpan out) override {
    return inner_->read_back(o, out);
  }
  core::Result<void> write(std::uint64_t o, core::ByteView b) override { return inner_->write(o, b); }
  core::Result<void> discard(std::uint64_t o, std::uint64_t s) override { return inner_->discard(o, s); }
  core::Result<void> flush() override { return inner_->flush(); }

 private:
  sim::World world_{1};
  std::unique_ptr<BlockDevice> inner_;
};

INSTANTIATE_TEST_SUITE_P(Sim, StorageContract,
                         ::testing::Values(StorageMaker{"sim",
                                                        [] { return std::make_unique<OwnedStorage>(); }}));
INSTANTIATE_TEST_SUITE_P(Sim, BlockDeviceContract,
                         ::testing::Values(BlockDeviceMaker{"sim",
                                                            [] { return std::make_unique<OwnedDevice>(); }}));

}  // namespace
}  // namespace aseptic::platform
