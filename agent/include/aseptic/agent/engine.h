// SPDX-License-Identifier: Apache-2.0
// The apply side of the agent: gathers facts, asks the state machine, does the one action, stores the new state.
//
// Who: run_apply() drives it in its loop; the simulator drives the same object under power cuts. Everything outside
// comes in through EngineParts, so nothing here opens a file, a socket or a clock.
// DURABILITY: an action is repeatable; the state is stored after the action succeeded. A cut between the two repeats
// the action at the next start, or boot's report shows that it is not needed any more.
// Thread contract: one thread. `breathe` is called inside long actions (staging, copying) and must not call back.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "aseptic/agent/component_line.h"
#include "aseptic/agent/config.h"
#include "aseptic/agent/log_book.h"
#include "aseptic/agent/release_source.h"
#include "aseptic/agent/therapy_link.h"
#include "aseptic/agent/transaction.h"
#include "aseptic/core/public_key.h"
#include "aseptic/core/sealing.h"
#include "aseptic/platform/block_device.h"
#include "aseptic/platform/clock.h"
#include "aseptic/platform/entropy.h"
#include "aseptic/platform/signer.h"
#include "aseptic/platform/storage.h"

namespace aseptic::agent {

struct EngineParts {
  platform::Clock& clock;
  platform::Entropy& entropy;
  platform::Storage& state;             // DEVICE/agent, locked by this process (AP-10)
  platform::BlockDevice& slot_a;
  platform::BlockDevice& slot_b;
  platform::BlockDevice& requests;      // 4096 bytes
  core::Bytes boot_report;              // DEVICE/mailbox/report.bin as read at this start
  platform::Signer& device_key;
  ReleaseSource& source;
  TherapyLink& therapy;
  core::PublicKey therapy_key;
  Config config;
  std::vector<ComponentPart> components;  // beside the main one
  std::function<void()> breathe;
  std::function<std::uint64_t()> energy_mwh;  // empty: policy.energy_mwh
  // Whether this device is what its configuration says; asked at each look and before the first write. Empty: nobody knows.
  std::function<core::Result<void>()> check_device;
  // The content key of a release's encrypted payload, by both digests. Empty: this device can decrypt nothing.
  std::function<core::Result<core::SecretKey>(const core::Digest& release, const core::Digest& payload)> content_key;
};

struct DownloadProgress {
  std::uint64_t at = 0, size = 0;         // bytes of the payload's file
  std::uint64_t bytes_per_s = 0;          // since this download began, what was found on the device included
  std::chrono::seconds left{0};
};

struct EngineStatus {
  State state = State::kIdle;
  std::string why;                 // of the last step
  std::string last_error;          // reason code, empty when none
  std::string last_sentence;
  std::string running_version;
  core::Digest running;
  core::Digest confirmed;
  std::uint64_t confirmed_sequence = 0;
  bool in_trial = false;
  std::uint32_t boot_count = 0;
  std::uint32_t floor = 0;
  std::string target_version;      // of the open transaction
  std::uint64_t chunks_durable = 0;
  std::optional<DownloadProgress> download;  // while a payload is fetched
  core::UtcTime last_contact{};    // of the last look at the repository that succeeded, within a day or so
  bool out_of_contact = false;     // for longer than policy.contact_max_s (DL-07)
  std::uint64_t reports_waiting = 0;
  device_log::LogHead log;
  std::uint64_t log_lost = 0;
};

class Engine {
 public:
  // Fails only when boot's report is unusable or the state directory cannot be written: then there is nothing to do.
  static core::Result<std::unique_ptr<Engine>> start(EngineParts parts);
  virtual ~Engine() = default;

  // One pass. Returns how long the caller may wait before the next one.
  virtual std::chrono::milliseconds step() = 0;

  // Local commands; `who` is "local:<uid>" and goes into the log.
  virtual void look_now(std::string_view who) = 0;
  virtual void approve(std::string_view who) = 0;
  // A source of updates failed or served what was refused; another one was asked (DL-06).
  virtual void note_mirror(const core::Error& error) = 0;
  virtual void decide_return_to_service(Verdict verdict, std::string_view who) = 0;

  [[nodiscard]] virtual EngineStatus status() const = 0;
  [[nodiscard]] virtual LogBook& log() = 0;
};

}  // namespace aseptic::agent
