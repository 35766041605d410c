// SPDX-License-Identifier: Apache-2.0
#include "aseptic/sim/disk.h"

#include <algorithm>

#include "aseptic/core/assert.h"
#include "aseptic/sim/random.h"

namespace aseptic::sim {
namespace {

void append_to(Files& files, const std::string& file, core::ByteView bytes) {
  PagedBytes& content = files[file];
  const std::uint64_t end = content.size();
  content.resize(end + bytes.size());
  content.write(end, bytes);
}

core::ByteView payload_of(const Operation& operation) {
  return operation.bytes ? core::ByteView(*operation.bytes) : core::ByteView();
}

// What is left of a write that was in progress.
Operation torn_write(const Operation& operation, Tear tear, std::uint64_t seed) {
  Operation torn = operation;
  if (operation.kind == OperationKind::kDiscard) {
    if (tear == Tear::kHalf) torn.size = operation.size / 2;
    return torn;
  }
  auto bytes = std::make_shared<core::Bytes>(*operation.bytes);
  if (tear == Tear::kHalf) bytes->resize(bytes->size() / 2);
  if (tear == Tear::kRandomBytes) Random(seed).fill(*bytes);
  torn.bytes = std::move(bytes);
  return torn;
}

core::Bytes torn_append(core::ByteView bytes, Tear tear, std::uint64_t seed) {
  core::Bytes left(bytes.begin(), bytes.end());
  if (tear == Tear::kHalf) left.resize(left.size() / 2);
  if (tear == Tear::kRandomBytes) {
    Random random(seed);
    left.resize(static_cast<std::size_t>(random.below(left.size() + 1)));
    const auto keep = static_cast<std::ptrdiff_t>(left.size() / 2);
    random.fill(core::ByteSpan(left).subspan(static_cast<std::size_t>(keep)));
  }
  return left;
}

}  // namespace

std::string_view to_string(OperationKind kind) {
  switch (kind) {
    case OperationKind::kWrite:
      return "write";
    case OperationKind::kDiscard:
      return "discard";
    case OperationKind::kFlush:
      return "flush";
    case OperationKind::kReplace:
      return "replace";
    case OperationKind::kAppend:
      return "append";
    case OperationKind::kRemove:
      return "remove";
    case OperationKind::kMakeDirectory:
      return "mkdir";
    case OperationKind::kMark:
      return "mark";
  }
  return "?";
}

std::string_view to_string(Tear tear) {
  switch (tear) {
    case Tear::kNotBegun:
      return "not-begun";
    case Tear::kHalf:
      return "half";
    case Tear::kRandomBytes:
      return "random-bytes";
    case Tear::kDoneUnacknowledged:
      return "done-unacknowledged";
  }
  return "?";
}

void DiskState::apply_write(Files& files, const Operation& operation) {
  const auto found = files.find(operation.file);
  ASEPTIC_ASSERT(found != files.end());
  if (operation.kind == OperationKind::kWrite) found->second.write(operation.offset, *operation.bytes);
  if (operation.kind == OperationKind::kDiscard) found->second.clear(operation.offset, operation.size);
}

void DiskState::forget_pending_of(std::string_view file) {
  std::erase_if(pending_, [&](const Operation& pending) { return pending.file == file; });
}

void DiskState::apply(const Operation& operation) {
  switch (operation.kind) {
    case OperationKind::kWrite:
    case OperationKind::kDiscard:
      apply_write(live_, operation);
      pending_.push_back(operation);
      break;
    case OperationKind::kFlush:
      for (const Operation& pending : pending_)
        if (pending.file == operation.file) apply_write(durable_, pending);
      forget_pending_of(operation.file);
      break;
    case OperationKind::kReplace:
      place(operation.file, PagedBytes(payload_of(operation)));
      break;
    case OperationKind::kAppend:
      append_to(live_, operation.file, payload_of(operation));
      append_to(durable_, operation.file, payload_of(operation));
      break;
    case OperationKind::kRemove:
      forget_pending_of(operation.file);
      live_.erase(operation.file);
      durable_.erase(operation.file);
      break;
    case OperationKind::kMakeDirectory:
      directories_.insert(operation.file);
      break;
    case OperationKind::kMark:
      marks_[operation.file] = core::as_text(payload_of(operation));
      break;
  }
}

void DiskState::place(const std::string& file, PagedBytes content) {
  forget_pending_of(file);
  live_[file] = content;
  durable_[file] = std::move(content);
}

DiskState DiskState::durable_only() const {
  DiskState left;
  left.durable_ = durable_;
  left.directories_ = directories_;
  left.marks_ = marks_;
  return left;
}

DiskState DiskState::cut(const std::vector<bool>& survives) const {
  ASEPTIC_ASSERT(survives.size() == pending_.size());
  DiskState left = durable_only();
  for (std::size_t i = 0; i < pending_.size(); ++i)
    if (survives[i]) apply_write(left.durable_, pending_[i]);
  left.live_ = left.durable_;
  return left;
}

// A flush in progress: whatever survives of the other files' writes, and of this file's writes one may be
// torn.
void DiskState::tear_flush(DiskState& left, const Operation& operation, Tear tear,
                           const std::vector<bool>& survives, std::uint64_t seed) const {
  std::vector<std::size_t> mine;
  for (std::size_t i = 0; i < pending_.size(); ++i)
    if (pending_[i].file == operation.file) mine.push_back(i);
  const bool tears = (tear == Tear::kHalf || tear == Tear::kRandomBytes) && !mine.empty();
  const std::size_t torn = tears ? mine[Random(seed).below(mine.size())] : pending_.size();
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    const bool done = tear == Tear::kDoneUnacknowledged && pending_[i].file == operation.file;
    if (i == torn) {
      apply_write(left.durable_, torn_write(pending_[i], tear, seed));
    } else if (survives[i] || done) {
      apply_write(left.durable_, pending_[i]);
    }
  }
}

DiskState DiskState::cut(const Operation& operation, Tear tear, const std::vector<bool>& survives,
                         std::uint64_t seed) const {
  ASEPTIC_ASSERT(survives.size() == pending_.size());
  if (operation.kind == OperationKind::kFlush) {
    DiskState left = durable_only();
    tear_flush(left, operation, tear, survives, seed);
    left.live_ = left.durable_;
    return left;
  }
  DiskState left = cut(survives);
  if (tear == Tear::kNotBegun) return left;
  if (operation.kind == OperationKind::kWrite || operation.kind == OperationKind::kDiscard) {
    apply_write(left.durable_, torn_write(operation, tear, seed));
  } else if (operation.kind == OperationKind::kAppend) {
    append_to(left.durable_, operation.file, torn_append(payload_of(operation), tear, seed));
  } else if (tear == Tear::kDoneUnacknowledged) {
    left.apply(operation);  // atomic: old or new
  }
  left.live_ = left.durable_;
  return left;
}

}  // namespace aseptic::sim
