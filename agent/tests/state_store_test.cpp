// SPDX-License-Identifier: Apache-2.0
#include "state/state_store.h"

#include <gtest/gtest.h>

#include "memory_storage.h"

namespace aseptic::agent::test {
namespace {

TransactionRecord some_record() {
  TransactionRecord r;
  r.state = State::kHeld;
  r.id = "00112233445566778899aabbccddeeff";
  r.boot_count = 4;
  r.release_id = "pump-2";
  r.release = core::sha256("release");
  r.version = "2.0.0";
  r.sequence = 2;
  r.attempt = 3;
  r.manifest = core::sha256("manifest");
  r.slot = "b";
  r.chunks_durable = 11;
  r.approved_by = "local:0";
  r.from_area = core::sha256("from");
  return r;
}

TEST(StateStore, KeepsATransactionAndTheMemory) {
  MemoryStorage storage;
  StateStore store(storage);
  Memory memory;
  memory.report_sequence = 9;
  memory.acknowledged = device_log::LogHead{5, core::sha256("head")};
  memory.failed = {{core::sha256("bad"), 2, "trial_failed", {}}, {core::sha256("back"), 1, "set_reverted", core::sha256("set")}};
  ASSERT_TRUE(store.save(some_record()).has_value());
  ASSERT_TRUE(store.save(memory).has_value());
  EXPECT_EQ(*store.load_transaction(), some_record());
  EXPECT_EQ(*store.load_memory(), memory);
}

TEST(StateStore, AnAbsentFileIsAnEmptyState) {
  MemoryStorage storage;
  StateStore store(storage);
  EXPECT_EQ(*store.load_transaction(), TransactionRecord{});
  EXPECT_EQ(*store.load_memory(), Memory{});
}

TEST(StateStore, RefusesEveryTruncationAndUnknownWords) {
  const std::string text = encode_transaction(some_record());
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto parsed = parse_transaction(core::as_bytes(std::string_view(text).substr(0, size)));
    ASSERT_FALSE(parsed.has_value());
    EXPECT_EQ(parsed.error().name(), "agent.state");
  }
  std::string other = text;
  other.replace(other.find("\"HELD\""), 6, "\"OPEN\"");
  EXPECT_FALSE(parse_transaction(core::as_bytes(other)).has_value());
  other = text;
  other.replace(other.find("\"slot\":\"b\""), 10, "\"slot\":\"c\"");
  EXPECT_FALSE(parse_transaction(core::as_bytes(other)).has_value());
}

}  // namespace
}  // namespace aseptic::agent::test
