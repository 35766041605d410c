// SPDX-License-Identifier: Apache-2.0
// The areas of a virtual device as files of its folder (docs/formats/boot_mailbox.md, "Virtual device
// folder"):
//   boot/journal.bin monotonic.bin provisioning.bin secret.bin recovery.img   boot only
//   slots/a.img b.img (files or block devices)   requests/requests.bin   permit/permit.bin mailbox/report.bin
// DURABILITY: program = pwrite, sync = fsync. Files are opened anew for each power-up.
// Security: what the application can write (requests, permit) is opened without following links, must be a
// regular file with one name, and only its fixed length is ever touched: a request area cannot become a way
// to the journal.
#pragma once
#include <array>
#include <string>

#include "aseptic/boot/journal/storage.h"

namespace aseptic::boot::host {

class DeviceStorage final : public Storage {
 public:
  explicit DeviceStorage(std::string device_folder);
  ~DeviceStorage();
  DeviceStorage(const DeviceStorage&) = delete;
  DeviceStorage& operator=(const DeviceStorage&) = delete;

  std::uint64_t size(Area area) override;
  Status read(Area area, std::uint64_t offset, MutableBytes out) override;
  Status program(Area area, std::uint64_t offset, ByteView bytes) override;
  Status erase(Area area, std::uint64_t offset, std::uint64_t length) override;
  Status sync(Area area) override;
  std::uint8_t erased_value() const override { return 0xFF; }
  std::uint64_t known_zero(Area area, std::uint64_t offset) override;

 private:
  struct File {
    int fd = -1;
    bool tried = false;
    bool regular = false;
    std::uint64_t size = 0;
  };
  File& open(Area area);

  std::string folder_;
  std::array<File, kAreaCount> files_{};
};

}  // namespace aseptic::boot::host
