// SPDX-License-Identifier: Apache-2.0
// One power-up as an object: the steps in the order in which they happen. Each step is re-evaluated from
// durable state after a cut, so that a cut can only repeat a step. Private to boot/core.
#pragma once
#include "aseptic/boot/core/boot.h"
#include "aseptic/boot/core/image.h"
#include "aseptic/boot/format/provisioning.h"
#include "aseptic/boot/journal/journal.h"
#include "aseptic/boot/journal/requests.h"

namespace aseptic::boot {

inline constexpr std::size_t kPlaceCount = 3;  // slot A, slot B, recovery
static_assert(static_cast<int>(ImagePlace::kSlotA) == static_cast<int>(SlotId::kA) &&
              static_cast<int>(ImagePlace::kSlotB) == static_cast<int>(SlotId::kB));
inline constexpr Digest kNoDigest{};
inline constexpr std::uint32_t kBootCountGap = 4096;  // more boots than lie between two burns
inline constexpr std::uint32_t kGenerationReserve =
    4;  // confirm, floor, revert, auto-revert of one more update

constexpr Area area_of(ImagePlace place) {
  return place == ImagePlace::kSlotA   ? Area::kSlotA
         : place == ImagePlace::kSlotB ? Area::kSlotB
                                       : Area::kRecovery;
}

class PowerUp {
 public:
  explicit PowerUp(Port& port);
  Status run(Decision& out);

 private:
  struct Measured {
    bool done = false;
    Status status = Status::kNotFound;
    ImageFacts facts;
  };

  // power_up.cpp
  Status load_facts();
  Status load_device();
  void open_journal();
  std::uint32_t next_unused_boot_count() const;
  void discard_journal(std::uint32_t reason);
  // True when there is a valid one, which is then request(). Each kind is read once in a power-up, where it is used.
  bool read_request(RequestKind kind);
  const RequestCellWire& request() const { return *reinterpret_cast<const RequestCellWire*>(request_.data()); }
  bool arm_holds(const RequestCellWire& arm, std::uint32_t ended, ArmVoid& reason);
  bool cause_allows_arm() const;
  void begin_boot();
  bool debug_port_matters(const HardwareReading& hardware) const;
  void sign_report(Digest& alias);
  void append(const Record& record);
  void tell(EventCode code, std::uint32_t value = 0);
  void tell_of(EventCode code, ImagePlace place, const Digest& digest, std::uint32_t value = 0, Status status = Status::kOk);
  void degrade(Status status);
  bool has_capability(std::uint32_t flag) const { return (provisioning_.port_capabilities & flag) != 0; }
  const JournalState& state() const { return journal_.state(); }
  std::uint32_t next_generation() const { return store_.generation + 1; }

  // trial.cpp
  Digest expected_token() const;
  bool confirm_is_valid();
  void close_trial();
  void confirm_trial();
  void fail_trial(TrialFailure reason);
  void stage_request();
  Status check_stage(ImagePlace place);
  Status append_staged(const ImageInfo& image, ImagePlace place, std::uint16_t attempt);
  Status open_attempt(ImagePlace place, RunKind kind);

  // gate.cpp
  Measured& measured(ImagePlace place) { return measured_[static_cast<std::size_t>(place)]; }
  const Measured& measure(ImagePlace place);
  bool verifies(ImagePlace place, const Digest& manifest);  // ... and is acceptable now
  bool acceptable(ImagePlace place);
  bool both_slots_hold(const Digest& manifest);
  ImagePlace find(const Digest& manifest);  // a slot that holds it and verifies
  std::uint32_t revocations_of(const ImageFacts& confirmed) const;
  bool recovery_lives_with(std::uint32_t floor, std::uint32_t revoked);
  bool gate_is_due(const ImageFacts& confirmed);
  bool recovery_writable() const {
    return provisioning_.recovery_present && has_capability(kPortRecoveryWritable);
  }
  Status write_recovery(ImagePlace from);
  void maintain_recovery();
  void raise(std::uint32_t floor, std::uint32_t revoked, bool at_once);
  void maintain_floor();
  void complete_generation();
  bool burn(MonotonicState& next);

  // choose.cpp
  Status choose(Decision& out);
  Status approve(ImagePlace place, RunKind kind, const Digest& copied, std::uint32_t& seal);
  Status start(ImagePlace place, RunKind kind, Decision& out);
  bool auto_revert();
  ImagePlace lowest_untried();
  void record_boot_hash(ImagePlace place, const ImageFacts& facts);
  void write_mailbox(Decision& decision);
  void clear_requests();

  Port& port_;
  // Arm and permit, judged once more. SECURITY(T-55): far from armed_, so that no read into a wrong place writes both.
  bool armed_again_ = false;
  Provisioning provisioning_;
  ImageVerifier images_;
  MonotonicState store_;
  RecordSealer sealer_;
  Journal journal_;
  Digest confirm_key_;  // both only where the port has a device secret
  Digest report_key_;
  RequestCell request_;
  bool armed_ = false;
  bool synced_hint_ = false;
  // The journal cannot be written: nothing that needs a record happens; a confirmed image or recovery may
  // still run.
  bool degraded_ = false;
  // A burn failed: nothing runs, because what should be in force is not.
  Status store_status_ = Status::kOk;
  std::array<Measured, kPlaceCount> measured_{};
  // For the boot report.
  BootHashVerdict boothash_verdict_ = BootHashVerdict::kNotRecorded;
  std::uint8_t event_count_ = 0;
  ReportEventWire events_[kReportEventsMax];
};

}  // namespace aseptic::boot
