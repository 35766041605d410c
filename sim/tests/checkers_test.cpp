// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "aseptic/core/bytes.h"
#include "aseptic/sim/checkers/sha256.h"

namespace aseptic::sim {
namespace {

TEST(SimCheckers, Sha256GivesThePublishedVectors) {
  EXPECT_EQ(core::to_hex(checker_sha256(core::as_bytes(""))),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(core::to_hex(checker_sha256(core::as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(core::to_hex(
                checker_sha256(core::as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

}  // namespace
}  // namespace aseptic::sim
