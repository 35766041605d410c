// SPDX-License-Identifier: Apache-2.0
// Reads tests/vectors/*.txt: signatures made by other implementations, "name hexadecimal" lines, a blank line between two.
#pragma once
#include <fstream>
#include <string>
#include <vector>

#include "aseptic/core/bytes.h"

namespace aseptic::boot::testing {

struct Vector {
  std::string source;
  core::Bytes key, message, signature;
};

inline std::vector<Vector> read_vectors(const std::string& file) {
  std::ifstream in(file);
  std::vector<Vector> vectors;
  for (std::string line; std::getline(in, line);) {
    const std::size_t space = line.find(' ');
    const std::string name = line.substr(0, space), value = space == line.npos ? "" : line.substr(space + 1);
    if (name == "source") vectors.push_back({value, {}, {}, {}});
    if (name == "public") vectors.back().key = core::from_hex(value).value();
    if (name == "message") vectors.back().message = core::from_hex(value).value();
    if (name == "signature") vectors.back().signature = core::from_hex(value).value();
  }
  return vectors;
}

}  // namespace aseptic::boot::testing
