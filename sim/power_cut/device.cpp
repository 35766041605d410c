// SPDX-License-Identifier: Apache-2.0
#define OPENSSL_SUPPRESS_DEPRECATED  // the low-level calls: an EVP context for each of many short messages
                                     // costs more
#include "device.h"

#include <openssl/sha.h>

#include <algorithm>

#include "aseptic/boot/core/boot.h"
#include "aseptic/boot/core/cell_store.h"
#include "aseptic/boot/journal/journal.h"

namespace aseptic::sim {

using boot::Area;
using boot::Status;
using boot::testing::Bytes;

struct FastSha256::State {
  SHA256_CTX context;
  SHA256_CTX marked;
};
FastSha256::FastSha256() : state_(std::make_unique<State>()) {
  reset();
}
FastSha256::~FastSha256() = default;
void FastSha256::reset() {
  SHA256_Init(&state_->context);
}
void FastSha256::update(boot::ByteView bytes) {
  SHA256_Update(&state_->context, bytes.data(), bytes.size());
}
void FastSha256::finish(boot::Digest& out) {
  SHA256_Final(out.data(), &state_->context);
}

void FastSha256::mark() {
  state_->marked = state_->context;
}
void FastSha256::rewind() {
  state_->context = state_->marked;
}

const char* name_of(StoreKind kind) {
  return kind == StoreKind::kNvCounter ? "NV counter"
         : kind == StoreKind::kFuses   ? "fuses"
                                       : "cells in flash";
}

namespace {

constexpr std::uint16_t kPolicyDelay = 1000;  // a device that never syncs is another test's matter
constexpr std::uint32_t kGenerationsLeft = 6;
constexpr std::uint64_t kSequencesLeft = 90;

boot::testing::WorldConfig world_config(const Scenario& scenario, StoreKind store, bool secret,
                                        boot::Hasher& hasher) {
  boot::testing::WorldConfig c;
  c.nv_port = store != StoreKind::kFuses;
  c.device_secret = secret;
  c.recovery = scenario.recovery;
  c.policy_delay = kPolicyDelay;
  c.interrupted_max = scenario.interrupted_max;
  c.hasher = &hasher;
  return c;
}

boot::RecordSealer sealer_of(const Product& product, FastSha256& hasher) {
  boot::RecordSealer sealer;
  sealer.hasher = &hasher;
  sealer.keyed = product.secret;
  boot::Digest secret{};
  secret.fill(0x77);
  if (sealer.keyed) sealer.key = boot::derive_keys(hasher, secret).journal;
  return sealer;
}

// A closed snapshot whose numbers end `kSequencesLeft` before the last one.
void write_late_journal(NorFlash& flash, const boot::RecordSealer& sealer, const boot::JournalState& state) {
  boot::SnapshotWriter group(state);
  boot::Record record;
  for (std::uint64_t position = 0; group.next(record); ++position) {
    record.sequence = boot::kSequenceMax - kSequencesLeft + position;
    boot::RecordBytes bytes{};
    boot::encode_record(sealer, record, bytes);
    static_cast<void>(flash.program(Area::kJournal, position * boot::kRecordSize, bytes));
  }
}

void write_factory_journal(Device& device, const boot::testing::ImageSpec& first, std::uint32_t generation) {
  FastSha256 hasher;
  const Product& product = *device.product;
  const boot::RecordSealer sealer = sealer_of(product, hasher);
  boot::JournalState state;
  state.confirmed.manifest = product.images[1].manifest;
  state.confirmed.set.fill(static_cast<std::uint8_t>(0x50 + first.sequence));
  state.confirmed.sequence = first.sequence;
  state.confirmed.epoch = first.epoch;
  state.previous = state.confirmed;
  state.synced = true;
  state.generation = generation;
  if (product.scenario.start == Start::kSequencesAlmostUsed)
    return write_late_journal(device.flash, sealer, state);
  boot::Journal journal(device.flash, sealer);
  static_cast<void>(journal.restart(state));
  if (product.scenario.start != Start::kJournalAlmostFull) return;
  boot::Record filler;  // BOOT records of a boot that was long ago
  filler.tag = boot::RecordTag::kBoot;
  const std::uint64_t positions = device.flash.size(Area::kJournal) / 2 / boot::kRecordSize;
  for (std::uint64_t used = 16; used < positions; ++used)
    static_cast<void>(journal.append(filler));
}

void write_store(Device& device, std::uint32_t floor, std::uint32_t generation) {
  boot::MonotonicState state;
  state.floor = floor;
  state.generation = generation;
  if (device.product->store != StoreKind::kFuses) {
    state.confirmed = device.product->images[1].manifest;
    state.confirmed_sequence = 1;
  }
  device.nv.state = state;
  for (std::uint32_t i = 0; i < generation && i < kGenerationFuses; ++i)
    device.fuses.generation[i] = Fuse::kBlown;
  for (std::uint32_t i = 0; i < floor; ++i)
    device.fuses.floor[i] = Fuse::kBlown;
  if (device.product->store != StoreKind::kCellsInFlash) return;
  for (std::size_t i = 0; i < boot::kMonotonicCellCount; ++i) {
    std::array<std::uint8_t, boot::kMonotonicCellSize> cell{};
    boot::encode_monotonic_cell({state, i + 1}, cell);
    static_cast<void>(device.flash.program(Area::kMonotonic, i * boot::kMonotonicCellStride, cell));
  }
}

// Another number at every call and every boot, the same in every run.
class OperationEntropy final : public boot::Entropy {
 public:
  explicit OperationEntropy(std::uint64_t seed) : random_(mix(seed, 0xE4)) {}
  Status fill(boot::Digest& out) override {
    random_.fill(out);
    return Status::kOk;
  }

 private:
  Random random_;
};

class EventText final : public boot::EventSink {
 public:
  explicit EventText(std::string* out) : out_(out) {}
  void event(const boot::Event& event) override {
    if (out_ == nullptr) return;
    *out_ += std::string(boot::event_name(event.code)) + "/" + boot::describe(event.status).name + "/" +
             std::to_string(event.value) + " ";
  }

 private:
  std::string* out_;
};

}  // namespace

Product::Product(const FlashGeometry& flash, const Scenario& life, StoreKind store_kind, bool device_secret)
    : geometry(flash), scenario(life), store(store_kind), secret(device_secret) {
  FastSha256 hasher;
  boot::testing::World world(world_config(life, store, secret, hasher));
  provisioning = world.provisioning;
  signer = world.signer;
  images.emplace_back();
  for (const OfferedRelease& release : life.releases) {
    SignedImage image;
    boot::testing::Bytes slot;
    const boot::Manifest manifest = world.manifest_for(release.image, &slot);
    image.bytes = world.sign(manifest, std::move(slot), release.image.key);
    image.bytes.resize(static_cast<std::size_t>(manifest.image_size));
    image.manifest = world.digest_of(image.bytes);
    const auto exec = image.bytes.begin() + static_cast<std::ptrdiff_t>(boot::kFirstRegionOffset);
    image.exec.assign(exec, exec + static_cast<std::ptrdiff_t>(release.image.exec_size));
    images.push_back(std::move(image));
  }
}

Device::Device(const Product& what) : product(&what), flash(what.geometry) {
  const SignedImage& factory = what.images[1];
  flash.burn_factory(Area::kSlotA, factory.bytes);
  flash.burn_factory(Area::kSlotB, factory.bytes);
  if (what.scenario.recovery) flash.burn_factory(Area::kRecovery, factory.bytes);
  std::array<std::uint8_t, boot::kProvisioningSize> provisioning{};
  boot::encode_provisioning(what.provisioning, provisioning);
  flash.burn_factory(Area::kProvisioning, provisioning);
  boot::Digest secret{};
  secret.fill(0x77);
  flash.burn_factory(Area::kSecret, secret);
  const boot::testing::ImageSpec& first = what.scenario.releases[0].image;
  const bool full = what.scenario.start == Start::kGenerationsAlmostUsed;
  const std::uint32_t generation = full ? kGenerationFuses - kGenerationsLeft : 0;
  if (full) nv.generation_max = kGenerationFuses;
  write_factory_journal(*this, first, generation);
  write_store(*this, first.epoch, generation);
  if (what.scenario.start == Start::kJournalWiped) flash.wipe(Area::kJournal);
  if (what.scenario.start == Start::kJournalGarbage) {
    flash.wipe(Area::kJournal);
    Random random(7);
    Bytes garbage(static_cast<std::size_t>(flash.size(Area::kJournal)));
    random.fill(garbage);
    flash.burn_factory(Area::kJournal, garbage);
  }
}

Status Device::boot(boot::ResetCause cause, boot::Decision& decision, Bytes& exec, std::string* events) {
  FastSha256 hasher;
  boot::CellStore cells(flash);
  NvCounterPort counter(flash, nv);
  FusePort fuse_port(flash, fuses);
  boot::MonotonicStore& store =
      product->store == StoreKind::kNvCounter ? static_cast<boot::MonotonicStore&>(counter)
      : product->store == StoreKind::kFuses   ? static_cast<boot::MonotonicStore&>(fuse_port)
                                              : cells;
  boot::testing::BufferExec memory;
  OperationEntropy entropy(flash.operations());
  EventText sink(events);
  boot::testing::IdealSigner verifier = product->signer;
  boot::Port port{flash, store, hasher, verifier, memory, entropy, sink};
  port.cause = cause;
  const Status status = boot::power_up(port, decision);
  exec = std::move(memory.content);
  return status;
}

}  // namespace aseptic::sim
