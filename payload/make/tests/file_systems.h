// SPDX-License-Identifier: Apache-2.0
// Two versions of a small tree of files, and the images that Debian's mksquashfs and mkfs.erofs make of them.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "aseptic/payload/apply/zero_blocks.h"
#include "aseptic/payload/make/compressed_parts.h"
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

// What `command` makes of the files in folder "root" and writes into file "image". Empty when it cannot.
inline core::Bytes make_file_system(const FileTree& tree, const std::string& command) {
  namespace fs = std::filesystem;
  std::string folder = (fs::temp_directory_path() / "aseptic-tree-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return {};
  for (const auto& [name, content] : tree) {
    const fs::path path = fs::path(folder) / "root" / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  }
  core::Bytes image;
  if (std::system(("cd " + folder + " && " + command + " > log 2>&1").c_str()) == 0) image = read_bytes(fs::path(folder) / "image");
  fs::remove_all(folder);
  return image;
}

// `options`: the tools' own, for example "-comp xz -b 16384" and "-zlz4hc,12 -C65536". Deterministic.
inline core::Bytes make_squashfs(const FileTree& tree, const std::string& options) {
  return make_file_system(tree, "mksquashfs root image " + options +
                                    " -noappend -all-root -mkfs-time 1700000000 -all-time 1700000000 -quiet -no-progress -processors 1");
}
inline core::Bytes make_erofs(const FileTree& tree, const std::string& options) {
  return make_file_system(tree, "mkfs.erofs " + options + " -T 1700000000 -U 00000000-0000-0000-0000-000000000003 --all-root image root");
}

// That `parts` of `image` have every byte of every file of the tree; of one without any other than zeros they may have none.
inline void expect_every_file(const CompressedParts& parts, const core::Bytes& image, const FileTree& tree) {
  std::map<core::Bytes, int> expected;
  for (const auto& [name, content] : tree)
    if (!is_all_zero(content)) ++expected[content];
  Recoder recoder;
  for (const FilePieces& pieces : parts.files) {
    core::Bytes content;
    for (const FilePiece& piece : pieces) {
      ASSERT_EQ(piece.file_at, content.size());
      core::Bytes text(image.begin() + static_cast<std::ptrdiff_t>(piece.at), image.end());
      if (piece.kind != FilePiece::Kind::kPlain) {
        const auto block = std::find_if(parts.blocks.begin(), parts.blocks.end(), [&](const auto& b) { return b.at == piece.at; });
        ASSERT_NE(block, parts.blocks.end());
        text.assign(block->room, 0);
        const auto decoded = recoder.decode(block->likely.codec, core::ByteView(image).subspan(static_cast<std::size_t>(block->at), block->size), text);
        ASSERT_TRUE(decoded);
        ASSERT_LE(piece.skip + piece.size, decoded->produced);
      }
      ASSERT_LE(piece.skip + piece.size, text.size());
      content.insert(content.end(), text.begin() + static_cast<std::ptrdiff_t>(piece.skip),
                     text.begin() + static_cast<std::ptrdiff_t>(piece.skip + piece.size));
    }
    if (!is_all_zero(content)) --expected[content];
  }
  for (const auto& [content, count] : expected)
    EXPECT_EQ(count, 0) << content.size();
}

}  // namespace aseptic::payload::tests
