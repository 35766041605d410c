// SPDX-License-Identifier: Apache-2.0
// payload_apply_bench OLD SLOT PAYLOAD: installs a delta as the device's apply process does, from the OLD slot, then reads back.
// Called by bench/run_payload.sh. One static program, as the device's image is, so that what it holds in memory is what it costs.
// Prints, on standard error, the CPU seconds up to the last write and the memory then.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>

#include "aseptic/payload/apply/expander.h"
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
  std::uint64_t base_size = 0;
  if (!(reference >> header_hex >> payload_size >> manifest_hex >> image_hex >> image_size >> base_hex >> base_size)) fail("make first");
  const payload::ImageReference image{trust::DigestIssuer::issue(manifest_hex), trust::DigestIssuer::issue(image_hex), image_size};
  using Device = platform::PosixBlockDevice;
  const auto base = value_of(Device::open(base_path, Device::Mode::kReadWrite));
  const auto target = value_of(Device::open(slot_path, Device::Mode::kReadWrite));
  const payload::BaseSlot base_slot{base.get(), value_of(core::Digest::from_hex(base_hex)), base_size};
  const int input = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  core::Bytes buffer(64U * 1024U);
  std::optional<payload::PayloadInstaller> installer;
  const auto head = ::read(input, buffer.data(), payload::kHeaderSize);
  if (head < 0) fail("read");
  if (payload::PayloadExpander::is_short(core::ByteView(buffer).first(static_cast<std::size_t>(head)))) {
    const auto rest = ::read(input, buffer.data() + head, buffer.size() - static_cast<std::size_t>(head));
    const auto whole = core::ByteView(buffer).first(static_cast<std::size_t>(head + std::max<ssize_t>(rest, 0)));
    const auto expanded = value_of(payload::PayloadExpander::expand(
        core::Untrusted<core::ByteView>(whole),
        {trust::DigestIssuer::issue(core::sha256(whole).hex()), trust::DigestIssuer::issue(header_hex), payload_size}, image, base_slot));
    installer = value_of(payload::PayloadInstaller::begin(expanded.header, *target, {}, {}, base_slot));
    value_of(installer->feed(0, expanded.file));
  } else {
    const auto header = value_of(payload::HeaderVerifier::verify(
        core::Untrusted<core::ByteView>(core::ByteView(buffer).first(static_cast<std::size_t>(head))),
        {trust::DigestIssuer::issue(header_hex), payload_size}, image));
    installer = value_of(payload::PayloadInstaller::begin(header, *target, {}, {}, base_slot));
    std::uint64_t at = payload::kHeaderSize;
    for (ssize_t got = 0; (got = ::read(input, buffer.data(), buffer.size())) > 0; at += static_cast<std::uint64_t>(got))
      value_of(installer->feed(at, core::ByteView(buffer).first(static_cast<std::size_t>(got))));
  }
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
