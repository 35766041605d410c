// SPDX-License-Identifier: Apache-2.0
// A simulated device's surroundings: one disk of files and block devices with one operation log, a clock,
// randomness and faults. Product code gets them through the same interfaces as in reality (platform::*,
// boot::Storage).
//
// A World is a value: a copy is a snapshot, cheap (copy-on-write), and lives its own life. The handles that
// it gives out refer to it and must not outlive it; after a power cut the test makes new product objects over
// a new World, as a reboot does. Everything is a function of the seed. Names: files are paths below the
// device's directory, "slots/a.img"; see docs/sim.md. Thread contract: one thread per World; different Worlds
// in different threads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aseptic/platform/block_device.h"
#include "aseptic/platform/clock.h"
#include "aseptic/platform/entropy.h"
#include "aseptic/platform/storage.h"
#include "aseptic/sim/disk.h"
#include "aseptic/sim/fault_plan.h"
#include "aseptic/sim/random.h"

namespace aseptic::sim {

class World {
 public:
  explicit World(std::uint64_t seed = 1);
  World(DiskState disk, std::uint64_t seed, std::int64_t wall_s);

  [[nodiscard]] World snapshot() const { return *this; }
  [[nodiscard]] std::uint64_t seed() const { return seed_; }

  // --- set-up, without operations
  void place(const std::string& file, core::ByteView content);
  void place(const std::string& file, PagedBytes content);  // sparse: any size
  void place_directory(const std::string& directory);

  // --- handles for product code (see also boot_storage.h, WorldClock, WorldEntropy)
  std::unique_ptr<platform::Storage> storage(const std::string& directory);  // of small files; made if absent
  std::unique_ptr<platform::BlockDevice> block_device(const std::string& file);  // the file must exist

  // --- observation
  [[nodiscard]] const DiskState& disk() const { return disk_; }
  [[nodiscard]] std::optional<core::Bytes> content(std::string_view file) const;  // live
  [[nodiscard]] bool exists(std::string_view file) const { return disk_.live().contains(file); }
  // Leaves a note in the log that survives the cut as it was at that moment: mark("therapy", "active").
  void mark(const std::string& name, std::string_view value);
  [[nodiscard]] std::string mark_value(std::string_view name) const;

  // --- the log
  void start_recording();
  [[nodiscard]] bool is_recording() const { return recording_; }
  [[nodiscard]] const std::vector<Operation>& log() const { return log_; }
  [[nodiscard]] std::uint64_t io_count() const { return io_count_; }

  // --- faults
  void plan(FaultPlan fault) {
    fault_ = std::move(fault);
    matched_io_ = 0;
  }
  [[nodiscard]] bool fault_happened() const { return fault_happened_; }
  [[nodiscard]] bool is_off() const { return off_; }
  // After kPowerOff (or at any moment): the world that the next power-up finds. `seed` chooses what survives.
  [[nodiscard]] World reboot(std::uint64_t survivor_seed) const;

  // --- used by the handles: one I/O each, counted, and hit by the fault plan
  core::Result<void> read_allowed(std::string_view file);
  core::Result<void> perform(Operation operation);
  void advance(std::chrono::milliseconds time);
  [[nodiscard]] std::chrono::milliseconds since_boot() const { return since_boot_; }
  [[nodiscard]] std::int64_t wall_s() const { return wall_s_ + since_boot_.count() / 1000; }
  void set_wall(std::int64_t wall_s) { wall_s_ = wall_s - since_boot_.count() / 1000; }
  std::uint64_t random() { return random_.next(); }

 private:
  DiskState disk_;
  std::uint64_t seed_;
  Random random_;
  std::int64_t wall_s_;
  std::chrono::milliseconds since_boot_{0};
  bool recording_ = false;
  std::vector<Operation> log_;
  std::uint64_t io_count_ = 0;
  FaultPlan fault_;
  std::uint64_t matched_io_ = 0;
  bool fault_happened_ = false;
  bool off_ = false;
  std::optional<Operation> interrupted_;  // what was in progress when the power went
  enum class Verdict : std::uint8_t { kGo, kFail, kLie };
  Verdict judge_io(std::string_view file);
};

// Clock and Entropy as separate objects over a World, for code that keeps references.
class WorldClock final : public platform::Clock {
 public:
  explicit WorldClock(World& world) : world_(world) {}
  core::UtcTime wall() override;
  std::chrono::milliseconds since_boot() override { return world_.since_boot(); }
  void sleep_for(std::chrono::milliseconds time) override { world_.advance(time); }

 private:
  World& world_;
};

class WorldEntropy final : public platform::Entropy {
 public:
  explicit WorldEntropy(World& world) : world_(world) {}
  void fill(core::ByteSpan out) override;

 private:
  World& world_;
};

}  // namespace aseptic::sim
