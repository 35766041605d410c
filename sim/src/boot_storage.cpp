// SPDX-License-Identifier: Apache-2.0
#include "aseptic/sim/boot_storage.h"

#include <array>

namespace aseptic::sim {
namespace {

boot::Status status_of(const core::Result<void>& result) {
  return result ? boot::Status::kOk : boot::Status::kIoError;
}

}  // namespace

std::string area_file(boot::Area area) {
  static constexpr std::array<const char*, boot::kAreaCount> kFiles{
      "boot/journal.bin",  "boot/monotonic.bin", "boot/provisioning.bin", "boot/secret.bin",
      "boot/recovery.img", "slots/a.img",        "slots/b.img",           "requests/requests.bin",
      "permit/permit.bin", "mailbox/report.bin"};
  return kFiles[static_cast<std::size_t>(area)];
}

std::uint64_t BootStorage::size(boot::Area area) {
  const auto found = world_.disk().live().find(area_file(area));
  return found == world_.disk().live().end() ? 0 : found->second.size();
}

bool BootStorage::is_inside(boot::Area area, std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t size = this->size(area);
  return offset <= size && length <= size - offset;
}

boot::Status BootStorage::read(boot::Area area, std::uint64_t offset, boot::MutableBytes out) {
  if (!is_inside(area, offset, out.size())) return boot::Status::kOutOfRange;
  const std::string file = area_file(area);
  if (!world_.read_allowed(file)) return boot::Status::kIoError;
  world_.disk().live().find(file)->second.read(offset, out);
  return boot::Status::kOk;
}

boot::Status BootStorage::program(boot::Area area, std::uint64_t offset, boot::ByteView bytes) {
  if (!is_inside(area, offset, bytes.size())) return boot::Status::kOutOfRange;
  return status_of(world_.perform({.kind = OperationKind::kWrite,
                                   .file = area_file(area),
                                   .offset = offset,
                                   .bytes = std::make_shared<core::Bytes>(bytes.begin(), bytes.end())}));
}

boot::Status BootStorage::erase(boot::Area area, std::uint64_t offset, std::uint64_t length) {
  if (!is_inside(area, offset, length)) return boot::Status::kOutOfRange;
  return status_of(world_.perform(
      {.kind = OperationKind::kWrite,
       .file = area_file(area),
       .offset = offset,
       .bytes = std::make_shared<core::Bytes>(static_cast<std::size_t>(length), erased_value_)}));
}

boot::Status BootStorage::sync(boot::Area area) {
  return status_of(world_.perform({.kind = OperationKind::kFlush, .file = area_file(area)}));
}

}  // namespace aseptic::sim
