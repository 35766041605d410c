// SPDX-License-Identifier: Apache-2.0
// Two versions of a small tree of files, and the squashfs images that Debian's mksquashfs makes of them.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "delta_support.h"

namespace aseptic::payload::tests {

using FileTree = std::map<std::string, core::Bytes>;

// Words: compresses as text does, and no two stretches are alike.
inline core::Bytes make_text_file(std::size_t size, std::mt19937_64& random) {
  static constexpr const char* kWords[] = {"pump", "dose", "limit", "alarm", "valve", "rate", "of", "the", "is", "not", "closed", "open", "again"};
  core::Bytes bytes;
  while (bytes.size() < size) {
    const std::string word = kWords[random() % std::size(kWords)] + std::string(random() % 5 == 0 ? std::to_string(random() % 1000) : "") + ' ';
    bytes.insert(bytes.end(), word.begin(), word.end());
  }
  return bytes;
}

// Files of all sizes around `block`, a program among them.
inline FileTree make_tree(std::uint64_t seed, std::size_t block) {
  std::mt19937_64 random(seed);
  FileTree tree;
  for (int i = 0; i < 12; ++i)
    tree["dir" + std::to_string(i % 3) + "/file" + std::to_string(i)] = make_text_file(200 + random() % (block * 3), random);
  tree["dir0/noise"] = core::Bytes(block + 700);
  for (auto& byte : tree["dir0/noise"])
    byte = static_cast<std::uint8_t>(random());
  tree["bin/program"] = make_program({.functions = 300, .seed = seed});
  tree["bin/sparse"] = core::Bytes(block * 2 + 10);
  tree["empty"] = {};
  return tree;
}

// What an update does: a program with an inserted function, some lines, one file more.
inline FileTree changed_tree(FileTree tree, std::uint64_t seed) {
  std::mt19937_64 random(seed + 99);
  tree["bin/program"] = make_program({.functions = 300, .seed = seed, .insert_at = 120, .change = 200});
  for (const char* name : {"dir0/file3", "dir1/file4", "dir2/file8"}) {
    core::Bytes& file = tree[name];
    const core::Bytes line = make_text_file(30, random);
    file.insert(file.begin() + static_cast<std::ptrdiff_t>(file.size() / 3), line.begin(), line.end());
  }
  tree["dir1/added"] = make_text_file(5000, random);
  return tree;
}

inline core::Bytes read_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// `options`: mksquashfs's, for example "-comp xz -b 16384". Deterministic. Empty when there is no mksquashfs.
inline core::Bytes make_squashfs(const FileTree& tree, const std::string& options) {
  namespace fs = std::filesystem;
  std::string folder = (fs::temp_directory_path() / "aseptic-squashfs-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return {};
  for (const auto& [name, content] : tree) {
    const fs::path path = fs::path(folder) / "root" / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  }
  const std::string command = "cd " + folder + " && mksquashfs root image " + options +
                              " -noappend -all-root -mkfs-time 1700000000 -all-time 1700000000 -quiet -no-progress -processors 1 > log 2>&1";
  core::Bytes image;
  if (std::system(command.c_str()) == 0) image = read_bytes(fs::path(folder) / "image");
  fs::remove_all(folder);
  return image;
}

}  // namespace aseptic::payload::tests
