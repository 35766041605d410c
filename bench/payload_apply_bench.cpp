// SPDX-License-Identifier: Apache-2.0
// payload_apply_bench OLD SLOT PAYLOAD: installs a delta as the device's apply process does, from the OLD slot, then reads back.
// Called by bench/run_payload.sh. One static program, as the device's image is, so that what it holds in memory is what it costs.
// Prints, on standard error, the CPU seconds up to the last write and the memory then.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <optional>
#include <string>

#include "aseptic/payload/apply/installer.h"
#include "aseptic/payload/apply/read_back.h"
#include "aseptic/platform/posix/posix_block_device.h"
#include "bench_slot.h"

namespace {

using namespace aseptic;
using bench::fail;
using bench::value_of;

// What is this process's own, and what is pages of shared libraries.
void print_memory(const char* when) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssAnon") || line.starts_with("RssFile") || line.starts_with("VmHWM"))
      std::fprintf(stderr, "%s: %s\n", when, line.c_str());
}

void apply(const std::string& base_path, const std::string& slot_path, const std::string& file) {
  std::ifstream reference(file + ".reference");
  std::string header_hex, manifest_hex, image_hex, base_hex;
  std::uint64_t payload_size = 0;
  std::uint64_t image_size = 0;
  if (!(reference >> header_hex >> payload_size >> manifest_hex >> image_hex >> image_size >> base_hex)) fail("make first");
  const payload::ImageReference image{trust::DigestIssuer::issue(manifest_hex), trust::DigestIssuer::issue(image_hex), image_size};
  using Device = platform::PosixBlockDevice;
  const auto base = value_of(Device::open(base_path, Device::Mode::kReadWrite));
  const auto target = value_of(Device::open(slot_path, Device::Mode::kReadWrite));
  const int input = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  core::Bytes buffer(64U * 1024U);
  if (::read(input, buffer.data(), payload::kHeaderSize) != static_cast<ssize_t>(payload::kHeaderSize)) fail("read");
  const auto header = value_of(payload::HeaderVerifier::verify(
      core::Untrusted<core::ByteView>(core::ByteView(buffer).first(payload::kHeaderSize)),
      {trust::DigestIssuer::issue(header_hex), payload_size}, image));
  std::optional<payload::PayloadInstaller> installer =
      value_of(payload::PayloadInstaller::begin(header, *target, {}, {}, {base.get(), value_of(core::Digest::from_hex(base_hex)), header->base_image_size}));
  std::uint64_t at = payload::kHeaderSize;
  for (ssize_t got = 0; (got = ::read(input, buffer.data(), buffer.size())) > 0; at += static_cast<std::uint64_t>(got))
    value_of(installer->feed(at, core::ByteView(buffer).first(static_cast<std::size_t>(got))));
  value_of(installer->finish());
  installer.reset();
  print_memory("with the installer");
  struct rusage used {};
  ::getrusage(RUSAGE_SELF, &used);
  std::fprintf(stderr, "write-phase %.3f\n",
               static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                   static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
  value_of(payload::measure_slot(*target, image));
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) fail("usage: payload_apply_bench OLD SLOT PAYLOAD");
  apply(words[1], words[2], words[3]);
  return 0;
}
