// SPDX-License-Identifier: Apache-2.0
// The interlock's ports on the virtual device: boot time clock, therapy key file, PERMIT file, marker file,
// reset by exit status. Called by: therapy_process.cpp and tests. EMULATED hardware.
#pragma once

#include <memory>
#include <string>

#include "aseptic/core/result.h"
#include "aseptic/interlock/ports.h"
#include "aseptic/platform/signer.h"
#include "pump/therapy/therapy.h"

namespace aseptic::pump {

/// Exit statuses that boot's host port and init understand.
inline constexpr int kExitCommandedReset = 82;
inline constexpr int kExitPowerOff = 83;

class BoottimeClock final : public interlock::Clock {
 public:
  std::uint64_t boottime_ms() override;
};

class KeySigner final : public interlock::LeaseSigner {
 public:
  explicit KeySigner(std::unique_ptr<platform::Signer> key) : key_(std::move(key)) {}
  interlock::Status sign(interlock::Bytes region, interlock::Signature& out) override;

 private:
  std::unique_ptr<platform::Signer> key_;
};

/// permit/permit.bin in boot/format's layout. DURABILITY: sync() is fdatasync; read() drops the page cache
/// first.
class FilePermitStore final : public interlock::PermitStore {
 public:
  static core::Result<std::unique_ptr<FilePermitStore>> open(const std::string& path);
  ~FilePermitStore();
  FilePermitStore(const FilePermitStore&) = delete;
  FilePermitStore& operator=(const FilePermitStore&) = delete;

  interlock::Status store(const interlock::PermitCell& cell) override;
  interlock::Status sync() override;
  interlock::Status read(interlock::PermitCell& out) override;

 private:
  explicit FilePermitStore(int fd) : fd_(fd) {}
  int fd_;
};

/// A file that exists while an infusion runs.
class FileMarker final : public InfusionMarker {
 public:
  explicit FileMarker(std::string path) : path_(std::move(path)) {}
  bool is_set() override;
  bool set() override;
  void clear() override;

 private:
  std::string path_;
};

/// The commanded reset of the virtual device: this process ends with status 82, init ends the rest.
class ExitReset final : public interlock::ResetLine {
 public:
  void command_reset(interlock::ResetPurpose purpose) override;
};

/// What boot says about this start: mailbox/report.bin, and the boot id derived from it
/// (docs/formats/interlock.md).
core::Result<interlock::BootFacts> read_boot_facts(const std::string& report_path);

}  // namespace aseptic::pump
