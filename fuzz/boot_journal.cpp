// SPDX-License-Identifier: Apache-2.0
// The boot journal: any bytes as a journal area of two 2 KiB halves. The input is a list of edits on an
// erased area, so that the fuzzer need not find checksums: each edit is a record with chosen fields, sealed,
// or raw bytes. Property: the fold is total, equals the slow second reading, and preparing the journal
// changes no state.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../boot/journal/tests/slow_journal.h"
#include "aseptic/boot/journal/journal.h"

namespace {
using namespace aseptic::boot;

constexpr std::size_t kAreaSize = 2 * kJournalHalfMin;

class AreaStorage final : public Storage {
 public:
  AreaStorage() : bytes(kAreaSize, 0xFF) {}
  std::uint64_t size(Area) override { return bytes.size(); }
  Status read(Area, std::uint64_t offset, MutableBytes out) override {
    if (offset > bytes.size() || out.size() > bytes.size() - offset) return Status::kOutOfRange;
    std::memcpy(out.data(), bytes.data() + offset, out.size());
    return Status::kOk;
  }
  Status program(Area, std::uint64_t offset, ByteView content) override {
    if (offset > bytes.size() || content.size() > bytes.size() - offset) return Status::kOutOfRange;
    std::memcpy(bytes.data() + offset, content.data(), content.size());
    return Status::kOk;
  }
  Status erase(Area, std::uint64_t offset, std::uint64_t length) override {
    if (offset > bytes.size() || length > bytes.size() - offset) return Status::kOutOfRange;
    std::memset(bytes.data() + offset, 0xFF, static_cast<std::size_t>(length));
    return Status::kOk;
  }
  Status sync(Area) override { return Status::kOk; }
  std::uint8_t erased_value() const override { return 0xFF; }
  std::vector<std::uint8_t> bytes;
};

// Eleven input bytes make one record: position, tag, number step, digest, slot, detail, attempt, value.
constexpr std::size_t kEditSize = 11;

void apply_edits(AreaStorage& storage, const std::uint8_t* data, std::size_t size) {
  const RecordSealer sealer;
  std::uint64_t sequence = 0;
  for (; size >= kEditSize; data += kEditSize, size -= kEditSize) {
    const std::size_t at = (data[0] % (kAreaSize / kRecordSize)) * kRecordSize;
    if (data[1] == 0) {  // raw bytes over a record
      std::memset(storage.bytes.data() + at + data[2] % 32, data[3], 16);
      continue;
    }
    Record record;
    record.tag = static_cast<RecordTag>(data[1]);
    record.sequence = sequence + static_cast<std::uint64_t>(data[2] % 4);
    sequence = record.sequence;
    record.digest.fill(data[3]);
    record.slot = data[4];
    record.detail = data[5];
    record.attempt = data[6];
    record.value = static_cast<std::uint32_t>(data[7]) | static_cast<std::uint32_t>(data[8]) << 24;
    const RecordBytes bytes = encode_record(sealer, record);
    std::memcpy(storage.bytes.data() + at, bytes.data(),
                data[9] % 8 == 7 ? data[10] % kRecordSize : kRecordSize);
  }
  std::memcpy(storage.bytes.data() + 1024, data, size);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  AreaStorage storage;
  apply_edits(storage, data, size);
  const RecordSealer sealer;
  Journal journal(storage, sealer);
  const bool readable = ok(journal.load());
  const testing::SlowJournal slow(sealer, storage.bytes);
  if (readable != slow.readable()) std::abort();
  if (!readable) return 0;
  const JournalState state = journal.state();
  if (!testing::same_state(state, slow.state())) std::abort();
  if (!ok(journal.prepare())) return 0;
  Journal again(storage, sealer);
  if (!ok(again.load()) || !testing::same_state(again.state(), state)) std::abort();
  return 0;
}
