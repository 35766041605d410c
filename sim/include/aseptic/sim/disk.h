// SPDX-License-Identifier: Apache-2.0
// The disk of a simulated device: files and block devices, what the running system sees of them (live), what
// a power cut leaves (durable), and what lies in between (pending writes).
//
// Fault model (docs/sim.md): a write or discard is pending until a flush of the same file returned; a power
// cut keeps any subset of the pending ones, in their order, and tears the operation in progress. A replace,
// append, remove or make-directory is durable when it returned; in progress, a replace or remove leaves old
// or new, an append any torn tail. DiskState is a plain value (copy-on-write): the crash explorer makes
// thousands of them. Thread contract: value type; copies may go to other threads.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "aseptic/sim/paged_bytes.h"

namespace aseptic::sim {

enum class OperationKind : std::uint8_t {
  kWrite,
  kDiscard,
  kFlush,
  kReplace,
  kAppend,
  kRemove,
  kMakeDirectory,
  kMark,  // no I/O: something that a checker wants to know (therapy runs, image started)
};
std::string_view to_string(OperationKind kind);

// One entry of the log that the whole world shares.
struct Operation {
  OperationKind kind = OperationKind::kMark;
  std::string file;                          // or the mark's name
  std::uint64_t offset = 0;                  // write, discard
  std::uint64_t size = 0;                    // discard
  std::shared_ptr<const core::Bytes> bytes;  // write, replace, append; the mark's value
  std::int64_t wall_s = 0;                   // the device's clock
};

using Files = std::map<std::string, PagedBytes, std::less<>>;

// How the operation in progress is left by the power cut.
enum class Tear : std::uint8_t { kNotBegun, kHalf, kRandomBytes, kDoneUnacknowledged };
inline constexpr std::size_t kTearCount = 4;
std::string_view to_string(Tear tear);

class DiskState {
 public:
  // Applies a completed operation.
  void apply(const Operation& operation);

  // The disk after a power cut during `operation` (not yet applied). `survives` has one entry per pending
  // write.
  [[nodiscard]] DiskState cut(const Operation& operation, Tear tear, const std::vector<bool>& survives,
                              std::uint64_t seed) const;
  // The disk after a power cut between two operations.
  [[nodiscard]] DiskState cut(const std::vector<bool>& survives) const;

  [[nodiscard]] std::size_t pending_count() const { return pending_.size(); }
  [[nodiscard]] const Files& live() const { return live_; }
  [[nodiscard]] const Files& durable() const { return durable_; }
  [[nodiscard]] const std::set<std::string, std::less<>>& directories() const { return directories_; }
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& marks() const { return marks_; }

  // Puts a file there without an operation: provisioning of a test.
  void place(const std::string& file, PagedBytes content);
  void forget_pending_of(std::string_view file);

 private:
  static void apply_write(Files& files, const Operation& operation);
  void tear_flush(DiskState& left, const Operation& operation, Tear tear, const std::vector<bool>& survives,
                  std::uint64_t seed) const;
  [[nodiscard]] DiskState durable_only() const;

  Files live_;
  Files durable_;
  std::vector<Operation> pending_;  // writes and discards, oldest first
  std::set<std::string, std::less<>> directories_;
  std::map<std::string, std::string, std::less<>> marks_;
};

}  // namespace aseptic::sim
