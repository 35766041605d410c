// SPDX-License-Identifier: Apache-2.0
// What every Storage must do, run against POSIX and the simulator alike: include this header, then
//   INSTANTIATE_TEST_SUITE_P(Posix, StorageContract, ::testing::Values(StorageMaker{...}));
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>

#include "aseptic/platform/codes.h"
#include "aseptic/platform/storage.h"

namespace aseptic::platform {

// Makes an empty storage; the object that owns whatever lies behind it travels along.
struct StorageMaker {
  std::string name;
  std::function<std::unique_ptr<Storage>()> make;
  friend std::ostream& operator<<(std::ostream& out, const StorageMaker& maker) { return out << maker.name; }
};

class StorageContract : public ::testing::TestWithParam<StorageMaker> {
 protected:
  void SetUp() override {
    storage_ = GetParam().make();
    ASSERT_NE(storage_, nullptr);
  }
  [[nodiscard]] std::string text_of(std::string_view name) {
    auto bytes = storage_->read(name, 1 << 20);
    return bytes ? std::string(core::as_text(*bytes)) : "error " + std::string(bytes.error().name());
  }
  std::unique_ptr<Storage> storage_;
};

TEST_P(StorageContract, ReturnsExactlyWhatReplaceStored) {
  const core::Bytes content{0, 1, 2, 255, 10, 0};
  ASSERT_TRUE(storage_->replace("state.bin", content));
  EXPECT_EQ(*storage_->read("state.bin", 6), content);
  ASSERT_TRUE(storage_->replace("state.bin", core::as_bytes("shorter")));
  EXPECT_EQ(text_of("state.bin"), "shorter");
  ASSERT_TRUE(storage_->replace("state.bin", {}));
  EXPECT_EQ(text_of("state.bin"), "");
}

TEST_P(StorageContract, ReportsAnAbsentFileAsNotFound) {
  const auto bytes = storage_->read("absent", 10);
  ASSERT_FALSE(bytes);
  EXPECT_TRUE(bytes.error().is(PlatformCode::kNotFound));
}

TEST_P(StorageContract, RefusesToReadMoreThanTheCap) {
  ASSERT_TRUE(storage_->replace("state", core::as_bytes("1234")));
  EXPECT_TRUE(storage_->read("state", 4));
  EXPECT_FALSE(storage_->read("state", 3));
}

TEST_P(StorageContract, AppendsAtTheEndAndCreates) {
  ASSERT_TRUE(storage_->append("log", core::as_bytes("one ")));
  ASSERT_TRUE(storage_->append("log", core::as_bytes("two")));
  EXPECT_EQ(text_of("log"), "one two");
}

TEST_P(StorageContract, RemovesAndCallsAnAbsentFileSuccess) {
  ASSERT_TRUE(storage_->replace("state", core::as_bytes("x")));
  EXPECT_TRUE(storage_->remove("state"));
  EXPECT_TRUE(storage_->remove("state"));
  EXPECT_TRUE(storage_->remove("absent_directory/state"));
  EXPECT_EQ(text_of("state"), "error platform.not_found");
}

TEST_P(StorageContract, ListsSortedNamesOfOneLevel) {
  ASSERT_TRUE(storage_->make_directory("log"));
  EXPECT_TRUE(storage_->make_directory("log")) << "an existing directory is success";
  ASSERT_TRUE(storage_->replace("log/b", core::as_bytes("b")));
  ASSERT_TRUE(storage_->replace("log/a", core::as_bytes("a")));
  ASSERT_TRUE(storage_->replace("z", core::as_bytes("z")));
  EXPECT_EQ(*storage_->list("log"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(*storage_->list(""), (std::vector<std::string>{"log", "z"}));
  EXPECT_EQ(text_of("log/a"), "a");
  EXPECT_FALSE(storage_->replace("absent/a", core::as_bytes("a")));
}

// SECURITY(T-41) is answered by each implementation.
TEST_P(StorageContract, RefusesEveryNameThatCouldLeaveItsDirectory) {
  const std::vector<std::string> names{"",      ".",       "..",          "../x",    "/etc/passwd", "a/b/c", "a/../b", "a/..",
                                       "a/",    "/a",      "a\\b",        "a b",     "a\nb",        "ä",     ".tmp~x", "a/.tmp~x",
                                       "a/./b", "a:b",     std::string("a\0b", 3), std::string(251, 'a')};
  for (const auto& name : names) {
    EXPECT_FALSE(storage_name_is_valid(name)) << name;
    const auto read = storage_->read(name, 10);
    ASSERT_FALSE(read) << name;
    EXPECT_TRUE(read.error().is(PlatformCode::kNameRefused)) << name;
    EXPECT_FALSE(storage_->replace(name, {})) << name;
    EXPECT_FALSE(storage_->append(name, {})) << name;
    EXPECT_FALSE(storage_->remove(name)) << name;
    EXPECT_FALSE(storage_->make_directory(name)) << name;
  }
  EXPECT_TRUE(storage_->list("")->empty());
}

TEST_P(StorageContract, AcceptsTheNamesThatPercentEncodingGives) {
  for (const std::string& name : {std::string("..%2Frole.json"), std::string("%3F.json"), std::string(".hidden"), std::string("a~b-c_d"),
                                  std::string(250, 'a')}) {
    ASSERT_TRUE(storage_->replace(name, core::as_bytes(name))) << name;
    EXPECT_EQ(text_of(name), name);
  }
}

TEST_P(StorageContract, TellsFreeSpace) { EXPECT_GT(*storage_->free_bytes(), 0U); }

}  // namespace aseptic::platform
