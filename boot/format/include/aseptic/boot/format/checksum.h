// SPDX-License-Identifier: Apache-2.0
// CRC-64/XZ: the 8-byte checksum of records and cells. It finds torn and worn bytes; it is no protection
// against an attacker (docs/formats/boot_journal.md says where a MAC stands instead). Check value of
// "123456789": 0x995dc9bbdf1939fa.
#pragma once
#include "aseptic/boot/format/bytes.h"

namespace aseptic::boot {

std::uint64_t checksum(ByteView bytes);

// Sets or checks the checksum that fills the last eight bytes of a cell.
void seal_checksum(MutableBytes cell);
bool checksum_matches(ByteView cell);

}  // namespace aseptic::boot
