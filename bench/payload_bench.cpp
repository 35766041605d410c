// SPDX-License-Identifier: Apache-2.0
// Making deltas next to other people's tools, on the same pairs of files. Called by bench/run_payload.sh; commands:
//
//   slot FILE SLOT              wraps FILE into a slot image with a tree-verified region
//   make OLD NEW PAYLOAD [WAY]  delta between two slot images, checked; prints what it consists of; WAY: smaller (the default),
//                               recoded, plain: whether it looks into compressed parts
//   mcu OLD NEW PATCH           microcontroller's delta between two files, checked
//   limit OLD NEW OUT           what no apply can avoid: OLD and NEW once through SHA-256, NEW written
//   run COMMAND...              CPU s and peak RSS (KiB) of a command, on standard error
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "aseptic/payload/make/maker.h"
#include "aseptic/payload/make/mcu_delta.h"
#include "bench_slot.h"

namespace {

using namespace aseptic;
using bench::fail;
using bench::value_of;

core::Bytes read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) fail("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

int slot(const std::string& source, const std::string& target) {
  bench::write_slot_image(source, target);
  return 0;
}

int make(const std::string& base, const std::string& image, const std::string& out, const std::string& way) {
  using enum payload::Recompression;
  const auto recompression = way == "plain" ? kNever : way == "recoded" ? kAlways : kSmaller;
  const auto files = way == "light" ? payload::RecodedFiles::kChangedBlocks : payload::RecodedFiles::kWhole;
  const auto made = value_of(payload::make_delta_payload_file(
      base, image, out, {.workers = 1, .recompression = recompression, .recoded_files = files}));
  std::ofstream(out + ".reference") << made.header_digest.hex() << ' ' << made.payload_size << ' ' << made.manifest_digest.hex()
                                    << ' ' << made.image_digest.hex() << ' ' << made.image_size << ' '
                                    << made.base_image_digest.hex() << ' ' << made.base_image_size << '\n';
  std::printf("  shares: copy map %llu, table %llu, chunks %llu bytes; chunks: delta %llu copied %llu zstd %llu zero %llu raw %llu\n",
              static_cast<unsigned long long>(made.auxiliary_size), static_cast<unsigned long long>(made.table_size),
              static_cast<unsigned long long>(made.payload_size - made.auxiliary_size - made.table_size),
              static_cast<unsigned long long>(made.chunks_delta), static_cast<unsigned long long>(made.chunks_copied),
              static_cast<unsigned long long>(made.chunks_zstd), static_cast<unsigned long long>(made.chunks_zero),
              static_cast<unsigned long long>(made.chunks_raw));
  if (made.is_short) std::printf("  short form\n");
  std::printf("  recoded: %llu blocks, %llu bytes\n", static_cast<unsigned long long>(made.recoded_blocks),
              static_cast<unsigned long long>(made.recoded_bytes));
  return 0;
}

int mcu(const std::string& base, const std::string& image, const std::string& out) {
  const core::Bytes patch = value_of(payload::make_mcu_delta(read_file(base), read_file(image)));
  std::ofstream(out, std::ios::binary).write(reinterpret_cast<const char*>(patch.data()), static_cast<std::streamsize>(patch.size()));
  return 0;
}

int limit(const std::string& base, const std::string& image, const std::string& out) {
  core::Bytes buffer(256U * 1024U);
  for (const std::string& path : {base, image}) {
    std::ifstream in(path, std::ios::binary);
    std::ofstream copy(path == image ? out : "/dev/null", std::ios::binary);
    core::Sha256 hash;
    while (in.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0) {
      const auto got = static_cast<std::size_t>(in.gcount());
      hash.update(core::ByteView(buffer).first(got));
      if (path == image) copy.write(reinterpret_cast<const char*>(buffer.data()), static_cast<std::streamsize>(got));
    }
    static_cast<void>(hash.finish());
  }
  const int descriptor = ::open(out.c_str(), O_RDONLY | O_CLOEXEC);
  ::fsync(descriptor);
  return 0;
}

int run(char** command) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execvp(command[0], command);
    std::_Exit(127);
  }
  int status = 0;
  struct rusage used {};
  if (::wait4(child, &status, 0, &used) != child) fail("wait");
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  std::fprintf(stderr, "used %.3f %ld\n", seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace

int main(int count, char** words) {
  const std::string command = count > 1 ? words[1] : "";
  if (command == "slot" && count == 4) return slot(words[2], words[3]);
  if (command == "make" && (count == 5 || count == 6)) return make(words[2], words[3], words[4], count == 6 ? words[5] : "smaller");
  if (command == "mcu" && count == 5) return mcu(words[2], words[3], words[4]);
  if (command == "limit" && count == 5) return limit(words[2], words[3], words[4]);
  if (command == "run" && count > 2) return run(words + 2);
  fail("commands: slot, make, mcu, limit, run");
}
