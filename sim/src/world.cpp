// SPDX-License-Identifier: Apache-2.0
#include "aseptic/sim/world.h"

#include <algorithm>

#include "aseptic/core/assert.h"
#include "aseptic/platform/codes.h"

namespace aseptic::sim {
namespace {

using platform::PlatformCode;

constexpr std::int64_t kDefaultWall = 1'790'000'000;  // September 2026

}  // namespace

World::World(std::uint64_t seed) : World(DiskState{}, seed, kDefaultWall) {}
World::World(DiskState disk, std::uint64_t seed, std::int64_t wall_s)
    : disk_(std::move(disk)), seed_(seed), random_(seed), wall_s_(wall_s) {}

void World::place(const std::string& file, core::ByteView content) {
  disk_.place(file, PagedBytes(content));
}
void World::place(const std::string& file, PagedBytes content) {
  disk_.place(file, std::move(content));
}
void World::place_directory(const std::string& directory) {
  disk_.apply({.kind = OperationKind::kMakeDirectory, .file = directory});
}

std::optional<core::Bytes> World::content(std::string_view file) const {
  const auto found = disk_.live().find(file);
  if (found == disk_.live().end()) return std::nullopt;
  return found->second.bytes();
}

void World::mark(const std::string& name, std::string_view value) {
  if (off_) return;
  Operation operation{.kind = OperationKind::kMark, .file = name, .wall_s = wall_s()};
  operation.bytes = std::make_shared<core::Bytes>(value.begin(), value.end());
  disk_.apply(operation);
  if (recording_) log_.push_back(std::move(operation));
}

std::string World::mark_value(std::string_view name) const {
  const auto found = disk_.marks().find(name);
  return found == disk_.marks().end() ? std::string() : found->second;
}

void World::start_recording() {
  recording_ = true;
  log_.clear();
}

World::Verdict World::judge_io(std::string_view file) {
  ++io_count_;
  if (off_) return Verdict::kFail;
  if (!file.starts_with(fault_.file_prefix)) return Verdict::kGo;
  const std::uint64_t index = matched_io_++;
  const bool hit = fault_.kind == FaultKind::kFailForever ? index >= fault_.at_io : index == fault_.at_io;
  if (!hit) return Verdict::kGo;
  fault_happened_ = true;
  if (fault_.kind == FaultKind::kPowerOff) off_ = true;
  return fault_.kind == FaultKind::kLie ? Verdict::kLie : Verdict::kFail;
}

core::Result<void> World::read_allowed(std::string_view file) {
  if (judge_io(file) != Verdict::kFail) return {};
  return core::Error(PlatformCode::kStorageIo, "simulated fault: " + std::string(file) + " cannot be read");
}

core::Result<void> World::perform(Operation operation) {
  operation.wall_s = wall_s();
  const bool was_on = !off_;
  const Verdict verdict = judge_io(operation.file);
  if (verdict == Verdict::kFail) {
    if (was_on && off_) interrupted_ = operation;
    return core::Error(PlatformCode::kStorageIo, "simulated fault: " + operation.file + ": " +
                                                     std::string(to_string(operation.kind)) + " failed");
  }
  if (verdict == Verdict::kLie && operation.bytes && !operation.bytes->empty()) {
    auto other = std::make_shared<core::Bytes>(*operation.bytes);
    (*other)[static_cast<std::size_t>(random_.below(other->size()))] ^= 1;
    operation.bytes = std::move(other);
  }
  disk_.apply(operation);
  if (recording_) log_.push_back(std::move(operation));
  return {};
}

void World::advance(std::chrono::milliseconds time) {
  since_boot_ += time;
}

World World::reboot(std::uint64_t survivor_seed) const {
  Random random(mix(seed_, survivor_seed));
  std::vector<bool> survives(disk_.pending_count());
  for (std::size_t i = 0; i < survives.size(); ++i)
    survives[i] = random.coin();
  const auto tear = static_cast<Tear>(random.below(kTearCount));
  DiskState left =
      interrupted_ ? disk_.cut(*interrupted_, tear, survives, random.next()) : disk_.cut(survives);
  return World(std::move(left), random.next(), wall_s());
}

core::UtcTime WorldClock::wall() {
  return core::UtcTime(std::chrono::seconds(world_.wall_s()));
}

void WorldEntropy::fill(core::ByteSpan out) {
  for (auto& byte : out)
    byte = static_cast<std::uint8_t>(world_.random());
}

}  // namespace aseptic::sim
